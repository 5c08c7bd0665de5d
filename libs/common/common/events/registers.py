"""What registers says: the ledger of each school, on topic `registers`, keyed by URN.

Entries of one school are numbered 1, 2, 3, … without a gap (`sequence` of the envelope; `schoolurn` is the school,
`subject` its URN as text). Each carries the id of the entry before it (`previous`) and the last number of its write
(`write_last`): readers evaluate children only when a write is complete. Facts are full states, so that reading one
twice changes nothing. Pupils are named by `pupil_id` alone.
"""

from typing import ClassVar, Literal

import msgspec

from common.events import Data, register

TOPIC = "registers"


class Entry(Data, frozen=True, kw_only=True):
    """What every ledger entry carries."""

    topic: ClassVar[str] = TOPIC
    previous: str | None
    write_last: int


class SchoolLa(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """The authority to which a school belongs from a day on; `from` is null for its first."""

    la_code: str
    from_: str | None


@register
class SchoolChanged(Entry, frozen=True, kw_only=True):
    """A school. `opened_on`, `closed_on`: its first and last day, where they are known; `la_history`: the authorities
    that it has had, in order, empty for one that never moved. `trust`, `locality`: who runs it and in which part of the
    authority it lies, as its authority calls them.
    """

    type: ClassVar[str] = "uk.rollcall.registers.school-changed.v1"
    urn: int
    name: str
    la_code: str
    laestab: str
    phase: Literal["primary", "secondary", "special", "ap"]
    opened_on: str | None = None
    closed_on: str | None = None
    predecessor_urn: int | None = None
    successor_urn: int | None = None
    la_history: list[SchoolLa] = msgspec.field(default_factory=list[SchoolLa])
    trust: str | None = None
    locality: str | None = None


class OpenDay(msgspec.Struct, frozen=True, omit_defaults=True):
    """A day on which the school is open, and for which sessions. `year_groups`: for these alone; a staggered day may be
    listed more than once, with different ones.
    """

    date: str
    sessions: list[Literal["AM", "PM"]]
    year_groups: list[int] | None = None


@register
class CalendarChanged(Entry, frozen=True, kw_only=True):
    """The whole calendar of one academic year (`2025-26`); a day that is not listed is closed."""

    type: ClassVar[str] = "uk.rollcall.registers.calendar-changed.v1"
    academic_year: str
    days: list[OpenDay]


class Enrolment(msgspec.Struct, frozen=True, omit_defaults=True, rename={"from_": "from"}):
    """A stay on the roll, both dates inclusive; `to` is null while it lasts. `home_la`: the authority where the child
    lives, where the school says so; `leaving_reason`: a code, once it is known why the stay ends. `registration_group`:
    the class, by an id of the school's own.
    """

    from_: str
    to: str | None
    kind: Literal["single", "main", "subsidiary", "guest"]
    home_la: str | None = None
    leaving_reason: str | None = None
    registration_group: str | None = None


class PupilEnrolments(msgspec.Struct, frozen=True, gc=False):
    """All the enrolments of one pupil at this school, in order; empty when there are none any more."""

    pupil_id: str
    enrolments: list[Enrolment]


@register
class EnrolmentChanged(Entry, frozen=True, kw_only=True):
    """All stays of some pupils on the roll of the school."""

    type: ClassVar[str] = "uk.rollcall.registers.enrolment-changed.v1"
    pupils: list[PupilEnrolments]


class FlagSpan(msgspec.Struct, frozen=True, gc=False, rename={"from_": "from"}):
    """That a flag holds of a child from one day to another, both inclusive; `to` is null while nobody knows."""

    flag: str
    from_: str
    to: str | None
    source: str


class Household(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, rename={"from_": "from"}):
    """That a child belongs to a household from one day to another, both inclusive; null: open. `code` is a keyed hash
    (32 hexadecimal digits) that means nothing outside Rollcall, and another one once the key is another.
    """

    code: str
    from_: str | None = None
    to: str | None = None


class PupilFacts(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What is known of a child beside the enrolments. The highest `pupil_version` wins, whichever school told it.

    `flags`: what the last roll said. `flag_spans`: what anybody says, dated; for the group that a child is in on a day.
    `year_group_in`: the academic year (`2025-26`) in which `year_group` was said; in others it follows from that.
    `households`: two children with one code are siblings, unless `not_siblings` of both have one code, too.
    """

    pupil_id: str
    pupil_version: int
    date_of_birth: str | None
    year_group: int | None
    flags: list[str]
    flag_spans: list[FlagSpan] = []
    year_group_in: str | None = None
    households: list[Household] = []
    not_siblings: list[str] = []


@register
class PupilChanged(Entry, frozen=True, kw_only=True):
    """What is known of some pupils beside their enrolments."""

    type: ClassVar[str] = "uk.rollcall.registers.pupil-changed.v1"
    pupils: list[PupilFacts]


@register
class PupilMerged(Entry, frozen=True, kw_only=True):
    """`pupil_id` was found to be the same child as `survivor`, and is dead from now on.

    `identity_version` is that of `pupil_id`, and rises with each merge and split of it: of two entries, whichever
    schools' ledgers they stand in, the one with the higher version holds.
    """

    type: ClassVar[str] = "uk.rollcall.registers.pupil-merged.v1"
    pupil_id: str
    survivor: str
    identity_version: int = 0


@register
class PupilSplit(Entry, frozen=True, kw_only=True):
    """`other` is another child than `pupil_id` from now on. `restored`: it was merged before, and lives again with the
    ids that had died into it; else it is new. `identity_version` as in `PupilMerged`, of `other`.
    """

    type: ClassVar[str] = "uk.rollcall.registers.pupil-split.v1"
    pupil_id: str
    other: str
    restored: bool
    identity_version: int


class Mark(msgspec.Struct, frozen=True, gc=False):
    """The code that now stands for a pupil in the entry's session; null says that none does."""

    pupil_id: str
    code: str | None


@register
class SessionMarked(Entry, frozen=True, kw_only=True):
    """The marks of one date and session that changed. Only these entries make standing marks."""

    type: ClassVar[str] = "uk.rollcall.registers.session-marked.v1"
    date: str
    session: Literal["AM", "PM"]
    marks: list[Mark]


class WaitingMark(msgspec.Struct, frozen=True, kw_only=True):
    """A mark in quarantine; `pupil_id` is null while nobody knows whose it is. `problem` is the reason's code."""

    date: str
    session: Literal["AM", "PM"]
    pupil_id: str | None
    code: str | None
    problem: str


@register
class MarkQuarantined(Entry, frozen=True, kw_only=True):
    """Marks that began to wait in quarantine."""

    type: ClassVar[str] = "uk.rollcall.registers.mark-quarantined.v1"
    marks: list[WaitingMark]


@register
class MarkReleased(Entry, frozen=True, kw_only=True):
    """Marks that left quarantine: they stand now, or something of higher rank made them idle."""

    type: ClassVar[str] = "uk.rollcall.registers.mark-released.v1"
    marks: list[WaitingMark]


@register
class RecalculationStarted(Entry, frozen=True, kw_only=True):
    """A change concerns so many marks that they are judged anew in writes of their own: from now on until
    `recalculation-ended`, what the school's marks come to is on its way. Said once more when another such change comes
    meanwhile. `sessions`: of how many sessions marks are judged; `children`: of how many, null for everybody.
    """

    type: ClassVar[str] = "uk.rollcall.registers.recalculation-started.v1"
    sessions: int
    children: int | None


@register
class RecalculationEnded(Entry, frozen=True, kw_only=True):
    """All is judged that any change so far concerns. `sessions`: how many were looked at since it started; `marks`: how
    many marks stand, or wait, otherwise than before.
    """

    type: ClassVar[str] = "uk.rollcall.registers.recalculation-ended.v1"
    sessions: int
    marks: int


class OpenReason(msgspec.Struct, frozen=True, kw_only=True):
    """A mark N that stands. `due_on`: the school day on which its reason is overdue; null beyond the calendar."""

    pupil_id: str
    date: str
    session: Literal["AM", "PM"]
    due_on: str | None


@register
class ReasonDue(Entry, frozen=True, kw_only=True):
    """For some school days nobody has said why these pupils were absent."""

    type: ClassVar[str] = "uk.rollcall.registers.reason-due.v1"
    reasons: list[OpenReason]


@register
class ReasonOverdue(Entry, frozen=True, kw_only=True):
    """The last of the school days in which to say why has come."""

    type: ClassVar[str] = "uk.rollcall.registers.reason-overdue.v1"
    reasons: list[OpenReason]


class SettledReason(msgspec.Struct, frozen=True, kw_only=True):
    """`code`: what stands now; null when nothing does; N when a changed calendar moved the day on which it is due."""

    pupil_id: str
    date: str
    session: Literal["AM", "PM"]
    code: str | None


@register
class ReasonSettled(Entry, frozen=True, kw_only=True):
    """What was said to be due, or overdue, is so no longer."""

    type: ClassVar[str] = "uk.rollcall.registers.reason-settled.v1"
    reasons: list[SettledReason]


@register
class RegisterMissing(Entry, frozen=True, kw_only=True):
    """A register should have been there by now: of the pupils who are expected only so many have a mark that stands.
    `closes_at`: when it closed, with its offset.
    """

    type: ClassVar[str] = "uk.rollcall.registers.register-missing.v1"
    date: str
    session: Literal["AM", "PM"]
    closes_at: str
    marked: int
    expected: int


@register
class RegisterReceived(Entry, frozen=True, kw_only=True):
    """A register that was missing is so no longer: it came, or, `not-expected`, it turned out that there is none."""

    type: ClassVar[str] = "uk.rollcall.registers.register-received.v1"
    date: str
    session: Literal["AM", "PM"]
    ended: Literal["received", "not-expected"]
    marked: int
    expected: int

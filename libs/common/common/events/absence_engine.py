"""What the absence engine says, on topic `absence-engine`, keyed by `pupil_id`.

Every threshold event carries the full state of its episode and a `revision`: a reader that keeps the highest revision
per episode needs neither order nor history. The event's type says what happened last.
"""

from typing import ClassVar, Literal

import msgspec

from common.events import Data, Revision, SessionRef, register

TOPIC = "absence-engine"


class CountedSession(msgspec.Struct, frozen=True, order=True):
    """A session that counted, with the code that stood and the school that gave it."""

    date: str
    session: str
    code: str
    school_urn: int


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why: what a person can check by hand, as at the session that made the episode firm, or else crossed.

    Rates (PA, SA, AT_RISK, BELOW_95, CIN_CP_95, SCHOOL_TARGET): `sessions` are the year's absences up to that session,
    `school_weeks` is empty. Windows (PN_10_IN_10, PUNCTUALITY): the sessions in the window that ends with that
    session's week, and the Mondays of the window's weeks. Runs (CONTINUOUS_10, CONTINUOUS_20, UNEXPLAINED) and tallies
    (SICKNESS_15): the sessions in a row, or of the year, up to that session. `formula` holds integers and the
    comparison as text. `hash` is the SHA-256 (hex) of the RFC 8785 JSON of {pupil_id, kind, sessions,
    school_weeks, formula, policy_version}.
    """

    sentence: str
    sessions: list[CountedSession]
    school_weeks: list[str]
    formula: dict[str, int | str]
    policy_version: str
    hash: str


class SchoolSequence(msgspec.Struct, frozen=True, order=True):
    """How far a school's ledger had been counted."""

    school_urn: int
    sequence: int


class Stage(msgspec.Struct, frozen=True):
    """The task that a crossing needs, due on the n-th open day after the day it opens; `while_provisional`: from the
    first, else once the episode is firm.
    """

    task: str
    due_open_days: int
    while_provisional: bool


class Threshold(Data, frozen=True, kw_only=True):
    """The full state of an episode.

    `school_urn` is the school of the mark at `crossed_on`. `open_days` are that school's next 20 open days after the
    day of the event (past the end of its calendars Monday to Friday), so that a due date needs no calendar. `stage` is
    what the policy wants done about it; null: nothing, or by the reader's own table.
    """

    topic: ClassVar[str] = TOPIC
    episode_id: str
    pupil_id: str
    kind: str
    academic_year: str | None
    state: Literal["open", "ended", "reversed"]
    provisional: bool
    crossed_on: SessionRef
    firm_on: SessionRef | None
    ended_on: SessionRef | None
    ended_reason: Literal["recovered", "year_end"] | None
    reversed_at: str | None
    school_urn: int
    revision: Revision
    explanation: Explanation
    sequence: list[SchoolSequence]
    open_days: list[str]
    stage: Stage | None = None


@register
class ThresholdApproaching(Threshold, frozen=True, kw_only=True):
    """A child is at risk of persistent absence: what `ThresholdCrossed` is for other kinds, for AT_RISK."""

    type: ClassVar[str] = "uk.rollcall.absence-engine.threshold-approaching.v1"


@register
class ThresholdCrossed(Threshold, frozen=True, kw_only=True):
    """The episode stands: for the first time, or again after it was reversed."""

    type: ClassVar[str] = "uk.rollcall.absence-engine.threshold-crossed.v1"


@register
class ThresholdChanged(Threshold, frozen=True, kw_only=True):
    """It still stands, and moved, became firm or provisional, opened again, or rests on other sessions."""

    type: ClassVar[str] = "uk.rollcall.absence-engine.threshold-changed.v1"


@register
class ThresholdEnded(Threshold, frozen=True, kw_only=True):
    """The child recovered, or the year was over."""

    type: ClassVar[str] = "uk.rollcall.absence-engine.threshold-ended.v1"


@register
class ThresholdReversed(Threshold, frozen=True, kw_only=True):
    """The marks as now known never crossed."""

    type: ClassVar[str] = "uk.rollcall.absence-engine.threshold-reversed.v1"


@register
class PatternDetected(Data, frozen=True, kw_only=True):
    """The full state of a pattern of absence in a child's year: it shows (`standing`), or, as marks are known now, no
    longer does (`gone`).

    `kind`: weekday, holiday_edge, medical, half_day, streak, short_streaks, late_streak, sudden_change. `what` tells
    apart several of one kind (`Monday`, `PM`, `Tuesday AM`), and is empty otherwise. `sessions` are those behind it,
    and `numbers` the integers of its sentence, as when it was told; `school_urn` is the school of the last session.
    """

    type: ClassVar[str] = "uk.rollcall.absence-engine.pattern-detected.v1"
    topic: ClassVar[str] = TOPIC
    pattern_id: str
    pupil_id: str
    kind: str
    what: str
    academic_year: str
    state: Literal["standing", "gone"]
    school_urn: int
    sentence: str
    sessions: list[CountedSession]
    numbers: dict[str, int]
    policy_version: str
    detected_at: str
    gone_at: str | None
    revision: Revision


class Reason(Data, frozen=True, kw_only=True):
    """A mark N at a school, as entry `sequence` of its ledger tells of it: of one session the highest counts.
    `pupil_id` is the ledger's; `due_on` the school day on which the reason is overdue, null beyond the calendar.

    Said again here for those who do not read the ledgers.
    """

    topic: ClassVar[str] = TOPIC
    pupil_id: str
    school_urn: int
    date: str
    session: Literal["AM", "PM"]
    due_on: str | None
    sequence: int


@register
class ReasonDue(Reason, frozen=True, kw_only=True):
    """For some school days nobody has said why the pupil was absent."""

    type: ClassVar[str] = "uk.rollcall.absence-engine.reason-due.v1"


@register
class ReasonOverdue(Reason, frozen=True, kw_only=True):
    """The last of the school days in which to say why has come."""

    type: ClassVar[str] = "uk.rollcall.absence-engine.reason-overdue.v1"


@register
class ReasonSettled(Reason, frozen=True, kw_only=True):
    """It is due no longer: the N is gone, or a changed calendar moved the day."""

    type: ClassVar[str] = "uk.rollcall.absence-engine.reason-settled.v1"


@register
class ChildMerged(Data, frozen=True, kw_only=True):
    """`pupil_id` is `survivor` from now on: said again here for those who do not read the ledgers.

    Of all that is told of an id, here and by `ChildSplit`, the highest `identity_version` holds; it is the engine's own
    count.
    """

    type: ClassVar[str] = "uk.rollcall.absence-engine.child-merged.v1"
    topic: ClassVar[str] = TOPIC
    pupil_id: str
    survivor: str
    identity_version: int = 0


@register
class ChildSplit(Data, frozen=True, kw_only=True):
    """`other` is another child than `pupil_id` from now on. `restored`: the id lives again, with those that had died
    into it; else it is new. `identity_version` as in `ChildMerged`, of `other`.
    """

    type: ClassVar[str] = "uk.rollcall.absence-engine.child-split.v1"
    topic: ClassVar[str] = TOPIC
    pupil_id: str
    other: str
    restored: bool
    identity_version: int

"""What a roll changes: each row against what is known of its child and of the child's stays and contacts at the school.

`identity` has said who the rows are, and merges are done; here a row updates the child, replaces the enrolment that it
overlaps and the contacts that it lists. A key that a row leaves out keeps what is known.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Literal, NamedTuple

import msgspec
from common.academic import year_name, year_of
from common.events import registers as events
from msgspec import UNSET, Meta, UnsetType

from registers.domain import contacts, enrolments, flags, households
from registers.domain.contacts import FIRST_YEAR, LAST_YEAR, Contact, ContactAnswer, SentContact
from registers.domain.enrolments import Stay
from registers.domain.flags import Kind as FlagKind
from registers.domain.flags import Moved, Span
from registers.domain.households import Made, homes_of
from registers.domain.identity import Identities, Identity
from registers.domain.leaving import leaving_reasons
from registers.domain.problems import Problem
from registers.domain.schools import Closure

LONGEST_LIFE = 120
"""Years; nobody whom a roll lists was born earlier than that ago."""

STATUSES: tuple[str, ...] = ("created", "updated", "unchanged", "rejected")

Sex = Literal["female", "male"]
Kind = Literal["single", "main", "subsidiary", "guest"]
_Key = Annotated[str, Meta(min_length=1, max_length=64)]
_Name = Annotated[str, Meta(min_length=1, max_length=200)]


class SentEnrolment(msgspec.Struct, frozen=True, gc=False, rename={"from_": "from"}):
    """A stay on the roll, both dates inclusive; `to` is null while it lasts. `leaving_reason`: why it ends, of
    `/v1/reference/leaving-reasons`; `destination`: where the pupil goes, in the school's words. `registration_group`:
    the class, an id and no person's name; one that is left out stays as it is.
    """

    from_: date
    to: date | None = None
    kind: Kind = "single"
    leaving_reason: Annotated[str, Meta(max_length=40)] | None = None
    destination: Annotated[str, Meta(max_length=200)] | None = None
    registration_group: Annotated[str, Meta(min_length=1, max_length=20)] | None = None


class SentKeys(msgspec.Struct, frozen=True, gc=False):
    """What names the pupil of a row: all that is read of one that can't be read as a whole."""

    local_id: _Key
    upn: str | None = None


class SentPupil(msgspec.Struct, frozen=True, gc=False):
    """One row of a roll. A key that is left out keeps what is known; so does null, except for the year group. `sex` as
    the admission register has it; `unknown` takes back what was said.
    """

    local_id: _Key
    given_name: _Name
    family_name: _Name
    enrolment: SentEnrolment
    upn: str | None = None
    date_of_birth: date | None = None
    year_group: Annotated[int, Meta(ge=-5, le=20)] | UnsetType | None = UNSET
    flags: list[FlagKind] | None = None
    contacts: Annotated[list[SentContact], Meta(max_length=50)] | None = None
    home_la: Annotated[str, Meta(pattern="^[0-9]{3}$", description="Where the pupil lives.")] | None = None
    sex: Sex | Literal["unknown"] | None = None


class Person(NamedTuple):
    """What is known of a child, whichever school told it; `version` rises with what is announced. `year_group_in`: the
    academic year in which `year_group` was said (its first calendar year); None before anybody did. Names and sex are
    told to nobody who follows the ledger; `households` and `not_siblings` are codes (`registers.domain.households`).
    """

    pupil_id: str
    upn: str | None
    given_name: str
    family_name: str
    date_of_birth: date | None
    year_group: int | None
    flags: tuple[str, ...]
    version: int
    year_group_in: int | None = None
    sex: Sex | None = None
    households: tuple[str, ...] = ()
    not_siblings: tuple[str, ...] = ()


@dataclass
class KnownRoll:
    """What is known of the children of a roll, and of their stays, contacts and local ids at its school; the school
    itself, None while it takes pupils for good. `keeps_contacts`: it has closed, and others say now whom to write to.
    `made`: of what their households are made beside the school's own contacts.
    """

    people: dict[str, Person] = field(default_factory=dict[str, Person])
    stays: dict[str, list[Stay]] = field(default_factory=dict[str, list[Stay]])
    contacts: dict[str, dict[str, Contact]] = field(default_factory=dict[str, dict[str, Contact]])
    local_ids: dict[str, str] = field(default_factory=dict[str, str])
    spans: dict[str, list[Span]] = field(default_factory=dict[str, list[Span]])
    closure: Closure | None = None
    keeps_contacts: bool = False
    household_key: bytes | None = None
    made: dict[str, Made] = field(default_factory=dict[str, Made])


class RowAnswer(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What became of one row; `pupil_id` is null where it was rejected."""

    pointer: str
    local_id: str | None
    pupil_id: str | None
    status: str
    contacts: list[ContactAnswer] = msgspec.field(default_factory=list[ContactAnswer])
    problem: Problem | None = None


@dataclass
class RollChanges:
    """What a roll changes, and the answers to its rows in order. `stays` are all the stays of those whose stays
    changed.
    """

    answers: list[RowAnswer] = field(default_factory=list[RowAnswer])
    created: list[Person] = field(default_factory=list[Person])
    updated: list[Person] = field(default_factory=list[Person])
    announced: list[Person] = field(default_factory=list[Person])
    local_ids: dict[str, str] = field(default_factory=dict[str, str])
    stays: dict[str, list[Stay]] = field(default_factory=dict[str, list[Stay]])
    flags: dict[str, Moved] = field(default_factory=dict[str, Moved])
    spans: dict[str, list[Span]] = field(default_factory=dict[str, list[Span]])
    contacts: list[Contact] = field(default_factory=list[Contact])
    gone_contacts: list[str] = field(default_factory=list[str])
    year_groups: dict[str, int | None] = field(default_factory=dict[str, int | None])
    warnings: list[Problem] = field(default_factory=list[Problem])


def problem_of(row: SentPupil, place: int) -> Problem | None:
    """What is wrong with a row by itself."""
    pointer = f"/pupils/{place}"
    stay = row.enrolment
    if stay.to is not None and stay.to < stay.from_:
        return Problem("ends-before-it-starts", "`to` lies before `from`.", f"{pointer}/enrolment/to")
    for name, day in (("enrolment/from", stay.from_), ("enrolment/to", stay.to), ("date_of_birth", row.date_of_birth)):
        if day is not None and not FIRST_YEAR <= day.year <= LAST_YEAR:
            return Problem("bad-date", f"Not between {FIRST_YEAR} and {LAST_YEAR}.", f"{pointer}/{name}")
    if stay.leaving_reason is not None and (problem := _problem_of_leaving(stay)):
        return msgspec.structs.replace(problem, pointer=f"{pointer}/enrolment/leaving_reason")
    return contacts.problem_of(row.contacts, pointer) if row.contacts else None


def _problem_of_leaving(stay: SentEnrolment) -> Problem | None:
    if stay.to is None:
        return Problem("leaving-without-end", "A stay that lasts has no reason to end.")
    reason = leaving_reasons().get(stay.leaving_reason or "")
    if reason is None or not reason.in_force(stay.to):
        return Problem("unknown-leaving-reason", "Not a reason of /v1/reference/leaving-reasons on that day.")
    return None


def problem_of_birth(row: SentPupil, place: int, today: date) -> Problem | None:
    """What is wrong with a row of a child who can't be alive; who is too young or too old for a school is taken, and
    listed as doubtful.
    """
    born, pointer = row.date_of_birth, f"/pupils/{place}/date_of_birth"
    if born is None:
        return None
    if born > today:
        return Problem("born-in-the-future", "Nobody is born yet on that day.", pointer)
    if (born.year + LONGEST_LIFE, born.month, born.day) < (today.year, today.month, today.day):
        return Problem("born-too-long-ago", f"More than {LONGEST_LIFE} years ago.", pointer)
    return None


def problem_of_closure(row: SentPupil, place: int, closure: Closure) -> Problem | None:
    """What is wrong with a row of a school that closes: a stay that would begin later."""
    if row.enrolment.from_ <= closure.on:
        return None
    return Problem("school-closed", closure.sentence(), f"/pupils/{place}/enrolment/from")


def decide(
    rows: Sequence[tuple[SentPupil | None, str | None, Identity]],
    known: KnownRoll,
    upns: Mapping[str, str],
    contact_id: Callable[[str, str], str],
    urn: int,
    today: date,
) -> RollChanges:
    """Decides the rows of a roll of a school: (the row, None where it could not be read; its local id; who it is).

    `upns` has the new UPN of those whose UPN changes; `contact_id(pupil_id, local_id)` names a contact that is new.
    """
    changes = RollChanges()
    for place, (row, local_id, who) in enumerate(rows):
        pointer = f"/pupils/{place}"
        if row is None or who.pupil_id is None:
            changes.answers.append(RowAnswer(pointer, local_id, None, "rejected", problem=who.problem))
            continue
        child, is_new = who.pupil_id, who.is_new
        stay = _stay(row, known.closure)
        person = known.people.get(child)
        if row.flags or (row.flags is not None and person is not None):
            news = set(row.flags).difference(person.flags) if person is not None else ()
            spans = known.spans.get(child, ())
            moved = flags.follow_roll(child, spans, row.flags, news, row.enrolment.from_, today, urn)
            if moved != flags.NOTHING:
                changes.flags[child] = moved
        sent_contacts = None if known.keeps_contacts else row.contacts
        told = _codes(child, sent_contacts, known)
        touched = _person(row, child, person, upns.get(child), changes, year_of(today), told) or who.is_merged
        if known.local_ids.get(row.local_id) != child:
            changes.local_ids[row.local_id] = child
            touched = True
        before = known.stays.get(child, [])
        after = enrolments.replace(before, stay)
        if after != before:
            changes.stays[child] = after
            touched = True
        if row.year_group is not UNSET:
            changes.year_groups[child] = row.year_group
        answer, people = contacts.decide(sent_contacts, child, known.contacts.get(child, {}), contact_id)
        changes.contacts.extend(people.kept)
        changes.gone_contacts.extend(people.gone)
        status = "created" if is_new else "updated" if touched or people.kept or people.gone else "unchanged"
        changes.answers.append(RowAnswer(pointer, row.local_id, child, status, answer))
    return changes


def _stay(row: SentPupil, closure: Closure | None) -> Stay:
    """The stay that a row tells of: at a school that has closed it ends by then (`problem_of_closure`: and begins)."""
    sent = row.enrolment
    stay = Stay(sent.from_, sent.to, sent.kind, row.home_la, sent.leaving_reason, sent.destination)
    stay = stay._replace(registration_group=sent.registration_group)
    return stay if closure is None else enrolments.end_by(stay, closure.on, closure.reason)


def depart(known: Mapping[str, Sequence[Stay]], found: Identities, before: date, changes: RollChanges) -> None:
    """A complete roll: every pupil at the school who is not listed has left before a day. Nobody has while some row may
    mean any of them.
    """
    if found.of_anybody:
        detail = (
            "This row's local id or UPN can't be read, so that it may mean any pupil of the school:"
            " nobody was taken to have left. Send the complete roll again without such rows."
        )
        changes.warnings.extend(Problem("nobody-has-left", detail, f"/pupils/{place}") for place in found.of_anybody)
        return
    for child in known.keys() - found.listed:
        stays = list(known[child])
        after = enrolments.leave(stays, before)
        if after != stays:
            changes.stays[child] = after


def facts_of(person: Person, spans: Iterable[Span] = ()) -> events.PupilFacts:
    """What is announced of a child, with all that is said of it for a time: never the name."""
    born = person.date_of_birth.isoformat() if person.date_of_birth else None
    return events.PupilFacts(
        pupil_id=person.pupil_id,
        pupil_version=person.version,
        date_of_birth=born,
        year_group=person.year_group,
        flags=list(person.flags),
        flag_spans=flags.as_events(spans) if spans else [],
        year_group_in=None if person.year_group_in is None else year_name(person.year_group_in),
        households=households.as_events(person.households),
        not_siblings=list(person.not_siblings),
    )


def _codes(child: str, sent: Sequence[SentContact] | None, known: KnownRoll) -> households.Codes:
    """What is to be told of a child's households once the contacts of its row are kept."""
    if known.household_key is None:
        return households.NOBODY
    contacts = [one.sent for one in known.contacts.get(child, {}).values()] if sent is None else sent
    elsewhere, pairs = known.made.get(child, Made([], []))
    homes = [*elsewhere, *(home for contact in contacts for home in homes_of(contact))]
    return households.codes(known.household_key, homes, pairs)


def _person(
    row: SentPupil,
    child: str,
    before: Person | None,
    new_upn: str | None,
    changes: RollChanges,
    year: int,
    told: households.Codes,
) -> bool:
    """Notes what the row says of the child in an academic year; whether that is new, apart from what is `told` of its
    households.
    """
    base = before or Person(child, None, "", "", None, None, (), 0)
    facts = (
        row.date_of_birth or base.date_of_birth,
        base.year_group if row.year_group is UNSET else row.year_group,
        base.flags if row.flags is None else tuple(sorted(set(row.flags))),
    )
    said_in = base.year_group_in if row.year_group is UNSET else year
    known = before is not None and (*facts, said_in, *told) == (
        before.date_of_birth,
        before.year_group,
        before.flags,
        before.year_group_in,
        before.households,
        before.not_siblings,
    )
    announced = not known or child in changes.flags
    version = base.version + announced
    sex = base.sex if row.sex is None else None if row.sex == "unknown" else row.sex
    after = Person(child, new_upn or base.upn, row.given_name, row.family_name, *facts, version, said_in, sex, *told)
    if announced:
        changes.announced.append(after)
    if after == before:
        return False
    (changes.created if before is None else changes.updated).append(after)
    if before is None or child in changes.flags:
        return True
    return after != before._replace(version=version, households=told.households, not_siblings=told.not_siblings)

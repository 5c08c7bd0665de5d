"""A school's roll: who its pupils are, from when to when, and whom to write to about them (rule book 9).

Order within the transaction: schools are locked in URN order, then children in id order; then the rows are identified,
which may merge children or change UPNs and so concern further schools (`writing` begins again with those locked too).
"""

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from common.academic import year_of

from registers.actions.merging import EVER, merge
from registers.actions.settling import settle_children
from registers.actions.writing import BeginAgainError, Write, Writer, new_id
from registers.domain import enrolments, identity, roll
from registers.domain.enrolments import Stay
from registers.domain.flags import NOTHING
from registers.domain.flags import after as after_flags
from registers.domain.identity import Identities, RowKeys
from registers.domain.problems import Problem
from registers.domain.roll import KnownRoll, RollChanges, RowAnswer, SentPupil
from registers.domain.schools import Closure
from registers.store import contacts, flags, households, pupils, schools, upns, year_groups

CONTACTS = uuid.UUID("8d0f8d5e-0d9c-5a43-9c8b-2f5a3d3f5c11")
"""The namespace of contact ids: a contact keeps its id when it leaves a roll and comes back (`_contact_ids`)."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a roll as read: `pupil` is None where it could not be, and `keys` then says why."""

    pupil: SentPupil | None
    keys: RowKeys


@dataclass(frozen=True, slots=True)
class Roll:
    """A school's roll as sent. `complete`: whoever is not listed has left before `as_at` (today when None)."""

    urn: int
    rows: Sequence[Row]
    complete: bool = False
    as_at: date | None = None


class Taken(NamedTuple):
    """What became of a roll: the answers to its rows, in order, what was not done, and the school's last number."""

    answers: list[RowAnswer]
    warnings: list[Problem]
    sequence: int


async def put_roll(writer: Writer, sent: Roll) -> Taken:
    """Takes a roll. NotFoundError: unknown school."""

    async def work(write: Write) -> RollChanges:
        closure = await schools.closure(write.tx, sent.urn)
        found = await _identify(write, sent, closure)
        touched = await merge(write, sent.urn, found.merges)
        if renamed := found.upns.keys() - {row.pupil_id for row in found.rows if row.is_new}:
            for urn, children in (await pupils.schools_knowing(write.tx, renamed)).items():
                write.needs([urn])
                touched.setdefault(urn, set()).update(children)
        before, changes = await _decide(write, sent, found, closure)
        assert found.upns.keys() <= {person.pupil_id for person in (*changes.created, *changes.updated)}
        await _save(write, sent.urn, changes, renamed)
        await upns.keep(write.tx, found.upns, found.given_up, write.now)
        _announce(write, sent.urn, changes)
        if regrouped := await _regroup(write, sent.urn, changes):
            touched.setdefault(sent.urn, set()).update(regrouped)
        await _settle(write, sent.urn, touched, before, changes)
        return changes

    changes, sequences = await writer.run([sent.urn], work)
    return Taken(changes.answers, changes.warnings, sequences[sent.urn])


async def _identify(write: Write, sent: Roll, closure: Closure | None) -> Identities:
    """Who the rows are; the children that they name are locked when this returns. What can't be today, or at a closed
    school, is rejected here: later, the row would have told already who is who.
    """
    keys = [_judged(row, place, closure, write.today) for place, row in enumerate(sent.rows)]
    local_ids = {key.local_id for key in keys if key.local_id is not None}
    sent_upns = {key.upn for key in keys if key.upn is not None}
    named = await pupils.children(write.tx, sent.urn, local_ids, sent_upns)
    await pupils.lock(write.tx, named.upn_of)
    children = await pupils.children(write.tx, sent.urn, local_ids, sent_upns)
    if children.upn_of.keys() - named.upn_of.keys():
        raise BeginAgainError  # a UPN got another holder while we waited for the lock
    return identity.identify(keys, children, new_id)


def _judged(row: Row, place: int, closure: Closure | None, today: date) -> RowKeys:
    if row.pupil is None or row.keys.problem is not None:
        return row.keys
    problem = roll.problem_of_birth(row.pupil, place, today)
    if problem is None and closure is not None:
        problem = roll.problem_of_closure(row.pupil, place, closure)
    return row.keys if problem is None else row.keys._replace(problem=problem)


async def _decide(
    write: Write, sent: Roll, found: Identities, closure: Closure | None
) -> tuple[dict[str, list[Stay]], RollChanges]:
    """What the rows change, merges being done; and the stays before, of all who had some."""
    ids = {who.pupil_id for who in found.rows if who.pupil_id is not None and not who.is_new}
    local_ids = {row.keys.local_id for row in sent.rows if row.keys.local_id is not None}
    known = await pupils.known_roll(write.tx, sent.urn, ids, local_ids)
    known.closure = closure
    known.keeps_contacts = closure is not None and closure.on < write.today
    rows = [(row.pupil, row.keys.local_id, who) for row, who in zip(sent.rows, found.rows, strict=True)]
    known.spans = await flags.of_children(write.tx, ids)
    known.household_key = write.household_key
    if known.household_key is not None:
        known.made = await households.of_children(write.tx, ids, but=sent.urn)
    contact_id = await _contact_ids(write, sent, found, known)
    changes = roll.decide(rows, known, found.upns, contact_id, sent.urn, write.today)
    changes.spans = {
        child: after_flags(known.spans.get(child, ()), changes.flags.get(child, NOTHING))
        for child in known.spans.keys() | changes.flags.keys()
    }
    before = known.stays
    if sent.complete:
        before = await pupils.stays(write.tx, sent.urn)
        roll.depart(before, found, sent.as_at or write.today, changes)
    return before, changes


async def _save(write: Write, urn: int, changes: RollChanges, renamed: Collection[str]) -> None:
    await pupils.change(write.tx, changes.updated, renamed)
    await pupils.add(write.tx, changes.created)
    await pupils.name(write.tx, urn, changes.local_ids)
    await pupils.replace_stays(write.tx, urn, changes.stays)
    await flags.save(write.tx, list(changes.flags.values()))
    new = {person.pupil_id for person in changes.created}
    await contacts.replace(write.tx, urn, changes.contacts, changes.gone_contacts, new)


async def _regroup(write: Write, urn: int, changes: RollChanges) -> set[str]:
    """Notes the year groups that the rows gave; the children whose marks these may concern: on staggered days."""
    news = await year_groups.say(write.tx, urn, year_of(write.today), changes.year_groups)
    news -= {person.pupil_id for person in changes.created}
    return news if news and await year_groups.has_staggered_days(write.tx, urn) else set()


def _announce(write: Write, urn: int, changes: RollChanges) -> None:
    facts = write.facts(urn)
    facts.pupils.extend(roll.facts_of(person, changes.spans.get(person.pupil_id, ())) for person in changes.announced)
    for child, stays in changes.stays.items():
        facts.enrolled(enrolments.as_event(child, stays))


async def _settle(
    write: Write, urn: int, touched: Mapping[int, set[str]], before: Mapping[str, list[Stay]], changes: RollChanges
) -> None:
    """Judges anew slots of those whose stays changed here, and at all their schools of those merged or renamed."""
    for school in sorted({urn, *touched}):
        spans = dict.fromkeys(touched.get(school, ()), EVER)
        if school == urn:
            new = {person.pupil_id for person in changes.created}
            for child in changes.stays.keys() - new:  # who has no stay may have had one, and marks that wait since
                if span := enrolments.span_of_change(before.get(child, ()), changes.stays[child]):
                    spans.setdefault(child, span)
        await settle_children(write, school, spans)


async def _contact_ids(write: Write, sent: Roll, found: Identities, known: KnownRoll) -> Callable[[str, str], str]:
    """What names a new contact by child and local id. The id that it had before is another child's, or school's, where
    a contact went there: then it gets one of its own.
    """

    def before(child: str, local_id: str) -> str:
        return str(uuid.uuid5(CONTACTS, f"{sent.urn}/{child}/{local_id}"))

    unknown = [
        before(who.pupil_id, contact.local_id)
        for row, who in zip(sent.rows, found.rows, strict=True)
        if who.pupil_id is not None and not who.is_new and row.pupil is not None and row.pupil.contacts
        for contact in row.pupil.contacts
        if contact.local_id not in known.contacts.get(who.pupil_id, ())
    ]
    taken = await contacts.existing(write.tx, unknown) if unknown else set[str]()

    def contact_id(child: str, local_id: str) -> str:
        named = before(child, local_id)
        return new_id() if named in taken else named

    return contact_id

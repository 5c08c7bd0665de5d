"""Two ids that turned out to be one child: one survives, and all that was the other's becomes its own.

A roll says so by a UPN, a person by `merge_pupils`. Marks stay under the id that they were sent for. A merge touches
every school that knows either of the two: stays, contacts and local ids move there, and slots in which both had marks
are judged as one. What went with the dead id is kept on record: `splitting` undoes a merge by it.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from common.errors import Fault, InvalidError, MovedError, NotFoundError
from common.security import Caller

from registers.actions import flags, households
from registers.actions.settling import settle_children
from registers.actions.writing import Write, Writer, new_id
from registers.domain import enrolments
from registers.domain.enrolments import Stay
from registers.domain.identity_changes import NOTHING, IdentityChange, Went, better_upn
from registers.store import absence_notices, identities, pupils, upns

EVER = (date(2000, 1, 1), date(2999, 12, 31))


class Said(NamedTuple):
    """Why a person changes who is who, and who the person is."""

    reason: str | None = None
    by: str | None = None


class Changed(NamedTuple):
    """A merge or split on record, and the last number of each school that it concerned."""

    change: IdentityChange
    sequences: Mapping[int, int]


async def merge_pupils(writer: Writer, caller: Caller, dead: str, survivor: str, said: Said) -> Changed:
    """A person says that two ids are one child: the first dies. Said again, it answers what is on record.

    NotFoundError when one is not known, or a school that knows one of them is not open to the caller; InvalidError when
    they are one id; MovedError when the first is dead, and not because of this.
    """

    async def work(write: Write) -> IdentityChange:
        one, living = await living_id(write, dead), await living_id(write, survivor)
        schools = await see(write, caller, [one, living])
        if one != dead:
            record = await identities.last(write.tx, dead)
            if one != living or record is None:
                raise MovedError(f"/v1/pupils/{one}/merge")
            return record[0]
        if dead == living:
            raise InvalidError(faults=[Fault("/into", "same-pupil", "The two ids are one child already.")])
        await pupils.lock(write.tx, [dead, living])
        (record,), touched = await _merge(write, min(schools), [(dead, living)], said)
        for urn, children in touched.items():
            await settle_children(write, urn, dict.fromkeys(children, EVER))
        return record

    return Changed(*await writer.run([], work))


async def merge(write: Write, urn: int, merges: Sequence[tuple[str, str]]) -> dict[int, set[str]]:
    """Merges (dead, survivor) pairs, as a roll of `urn` says; by school that knows one of them, the survivors whose
    slots are to be judged anew: where only the survivor is known, marks of the dead id may be left of a merge that was
    undone.

    BeginAgainError when a school that knows one of them is not locked.
    """
    if not merges:
        return {}
    _, touched = await _merge(write, urn, merges, Said())
    return touched


async def _merge(
    write: Write, urn: int, merges: Sequence[tuple[str, str]], said: Said
) -> tuple[list[IdentityChange], dict[int, set[str]]]:
    """The merges on record, and what `merge` answers."""
    both = [child for pair in merges for child in pair]
    knowing = await pupils.schools_knowing(write.tx, both)
    write.needs(knowing)
    stays = await pupils.all_stays(write.tx, both)
    contacts = await identities.moving_contacts(write.tx, merges)
    went = {dead: await _went(write, dead, survivor, stays, contacts.get(dead, [])) for dead, survivor in merges}
    moving = [contact for some in contacts.values() for contact in some]
    flagged = await flags.brought(write, merges)
    versions = await identities.merge(write.tx, merges, moving)
    records: list[IdentityChange] = []
    told = set(flagged)
    for dead, survivor in merges:
        await _unite_upns(write, dead, survivor, went[dead])
        if went[dead].facts != NOTHING:
            await identities.give_facts(write.tx, survivor, went[dead].facts)
            told.add(survivor)
        write.facts(urn).merged.append((dead, survivor, versions[dead]))
        change = IdentityChange(
            0, new_id(), "merge", survivor, dead, False, versions[dead], urn, *said, write.now
        )  # fmt: skip
        records.append(await identities.record(write.tx, change, went[dead]))
    told |= await households.moved(write, {survivor for _, survivor in merges})
    await flags.follow(write, urn, told)
    return records, await _unite_stays(write, dict(merges), knowing, stays)


async def _went(
    write: Write, dead: str, survivor: str, stays: Mapping[tuple[int, str], list[Stay]], contacts: Sequence[str]
) -> Went:
    """What goes with a dead id, as it was before."""
    rows = [await identities.row(write.tx, child) for child in (dead, survivor)]
    own, survivors = (None if row is None else row.upn for row in rows)
    local_ids = await identities.local_ids(write.tx, [dead, survivor])
    named, survivors_named = local_ids.get(dead, {}), local_ids.get(survivor, {})
    theirs, beside = ({urn: of for (urn, child), of in stays.items() if child == id} for id in (dead, survivor))
    received, notices = await identities.last_received(write.tx), await absence_notices.last_number(write.tx)
    facts = await identities.lacked(write.tx, dead, survivor)
    return Went(own, survivors, named, theirs, beside, contacts, received, notices, survivors_named, facts)


async def _unite_upns(write: Write, dead: str, survivor: str, went: Went) -> None:
    """The dead id's UPN goes on meaning the child, and is the survivor's where that has none as good."""
    better = better_upn(went.survivors_upn, went.upn)
    if went.upn is not None and better != went.upn:
        await upns.keep(write.tx, {}, {(dead, went.upn): False}, write.now)
    elif went.upn is not None:
        given_up = {(dead, went.upn): True}
        if went.survivors_upn is not None:
            given_up[survivor, went.survivors_upn] = False
        await identities.set_upns(write.tx, {survivor: went.upn})
        await upns.keep(write.tx, {survivor: went.upn}, given_up, write.now)


async def _unite_stays(
    write: Write,
    survivor_of: Mapping[str, str],
    knowing: Mapping[int, set[str]],
    stays: Mapping[tuple[int, str], list[Stay]],
) -> dict[int, set[str]]:
    touched: dict[int, set[str]] = {}
    for school, known in sorted(knowing.items()):
        dead = sorted(known & survivor_of.keys())
        touched[school] = {survivor_of.get(child, child) for child in known}
        moved: dict[str, list[Stay]] = {}
        for child in dead:
            survivor = survivor_of[child]
            theirs = stays.get((school, child), [])
            if theirs:
                moved[survivor] = enrolments.unite(moved.get(survivor, stays.get((school, survivor), [])), theirs)
                write.facts(school).enrolled(enrolments.as_event(child, []))
        await pupils.replace_stays(write.tx, school, moved)
        for child, of in moved.items():
            write.facts(school).enrolled(enrolments.as_event(child, of))
    return touched


async def living_id(write: Write, pupil_id: str) -> str:
    """The child that an id means; NotFoundError when nobody knows it."""
    row = await identities.row(write.tx, pupil_id)
    if row is None:
        raise NotFoundError("No such pupil.")
    return row.survivor or pupil_id


async def see(write: Write, caller: Caller, children: Sequence[str]) -> set[int]:
    """The schools that know these children (living ids), all of them locked; NotFoundError unless the caller may see
    them all. Asked before anything is told of the children: that an id is dead, or who lives in its place.
    """
    schools = set(await pupils.schools_knowing(write.tx, children))
    if not schools or not caller.reach.covers(schools):
        raise NotFoundError("No such pupil.")
    write.needs(schools)
    return schools

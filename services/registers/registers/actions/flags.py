"""Flags of a child: said by whoever is their source, told in the ledger, followed through merges and splits."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from common.db import Database
from common.errors import MovedError, NotFoundError
from common.security import Caller

from registers.actions.access import check_known_school, living_pupil
from registers.actions.writing import Write, Writer
from registers.domain import flags as rules
from registers.domain import roll
from registers.domain.flags import Span
from registers.domain.households import NOBODY, Codes, codes
from registers.store import flags, households, identities, pupils


class Written(NamedTuple):
    """All that is said of a child now, and the ledger's number that it stands behind at a school that knows it."""

    spans: list[Span]
    school_urn: int
    sequence: int


async def put_flags(
    writer: Writer, caller: Caller, pupil_id: str, said: Sequence[Span], sources: Collection[str]
) -> Written:
    """Makes `said` all that these sources say of a child.

    NotFoundError when no school that the caller may see knows the child; MovedError for an id that died.
    """

    async def work(write: Write) -> Written:
        urn = await school_of(write, caller, pupil_id, "flags")
        before = (await flags.of_children(write.tx, [pupil_id])).get(pupil_id, [])
        moved = rules.replace(before, said, sources)
        await flags.save(write.tx, [moved])
        spans = rules.after(before, moved)
        if rules.as_events(spans) != rules.as_events(before):
            await tell(write, urn, pupil_id, spans)
        return Written(spans, urn, 0)

    written, sequences = await writer.run([], work)
    return written._replace(sequence=sequences[written.school_urn])


async def school_of(write: Write, caller: Caller, pupil_id: str, page: str) -> int:
    """The school in whose ledger a fact about a child is told; it and the child are locked when this returns.

    NotFoundError when no school that the caller may see knows the child; MovedError, to `page`, for an id that died.
    """
    row = await identities.row(write.tx, pupil_id)
    living = pupil_id if row is None else row.survivor or pupil_id
    known = await pupils.schools_knowing(write.tx, [living])
    schools = [urn for urn in known if caller.reach.may_see_school(urn)]
    if not schools:
        raise NotFoundError("No such pupil.")
    if living != pupil_id:
        raise MovedError(f"/v1/pupils/{living}/{page}")
    write.needs([min(schools)])
    await pupils.lock(write.tx, [pupil_id])
    return min(schools)


async def tell(write: Write, urn: int, pupil_id: str, spans: Sequence[Span]) -> None:
    """Announces a (locked) child as known now, with all its spans."""
    await _tell_all(write, urn, {pupil_id: spans})


async def codes_of(write: Write, children: Collection[str]) -> dict[str, Codes]:
    """What is to be told of the households of these (living) children."""
    if write.household_key is None:
        return dict.fromkeys(children, NOBODY)
    made = await households.of_children(write.tx, children)
    return {child: codes(write.household_key, *its) for child, its in made.items()}


async def _tell_all(write: Write, urn: int, said: Mapping[str, Sequence[Span]]) -> None:
    told = await codes_of(write, said)
    raised = [
        person._replace(
            version=person.version + 1,
            households=told[person.pupil_id].households,
            not_siblings=told[person.pupil_id].not_siblings,
        )
        for person in await pupils.people(write.tx, said)
    ]
    await pupils.change(write.tx, raised, ())
    write.facts(urn).pupils.extend(roll.facts_of(person, said[person.pupil_id]) for person in raised)


async def brought(write: Write, merges: Sequence[tuple[str, str]]) -> set[str]:
    """Of (dead, survivor) pairs that are about to be merged, the survivors to whom the other brings flags: its own, and
    those of ids that died into it before.
    """
    said = await flags.of_children(write.tx, [dead for dead, _ in merges])
    return {survivor for dead, survivor in merges if said.get(dead)}


async def follow(write: Write, urn: int, children: Collection[str]) -> None:
    """After a merge or a split: announces these (locked) living children with the spans that are theirs now."""
    said = await flags.of_children(write.tx, children)
    if children:
        await _tell_all(write, urn, {child: said.get(child, []) for child in sorted(children)})


async def of_pupil(database: Database, caller: Caller, pupil_id: str, on: date | None) -> tuple[str, list[Span]]:
    """The living id, and the spans of a child: those that hold on a day, or all."""
    async with database.transaction() as tx:
        living = await living_pupil(tx, caller, pupil_id)
        spans = (await flags.of_children(tx, [living])).get(living, [])
    return living, [span for span in spans if on is None or span.holds(on)]


async def at_school(database: Database, caller: Caller, urn: int, on: date, after: str, limit: int) -> Sequence[Any]:
    """The pupils on a school's roll on a day of whom something holds then; NotFoundError for a hidden school."""
    async with database.transaction() as tx:
        await check_known_school(tx, caller, urn)
        return await flags.at_school(tx, urn, on, after, limit)

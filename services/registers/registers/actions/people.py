"""Plans, social workers, households and siblings of a child: said and looked at, as far as the caller may see."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from common.db import Database, Transaction
from common.errors import Fault, InvalidError, MovedError, NotFoundError
from common.security import Caller

from registers.actions import households
from registers.actions.access import check_known_school, check_school, living_pupil
from registers.actions.flags import follow, school_of, tell
from registers.actions.writing import Write, Writer
from registers.domain import flags as rules
from registers.domain import plans as plan_rules
from registers.domain.contacts import Address
from registers.domain.plans import Plan, SocialWorker
from registers.store import flags, identities, people, pupils


class Household(NamedTuple):
    """An address, and the children who live there (living ids)."""

    address: Address
    pupil_ids: list[str]


class Siblings(NamedTuple):
    """A child's households, and its siblings with how each is known."""

    living: str
    households: list[Household]
    siblings: dict[str, list[str]]


async def put_plans(writer: Writer, caller: Caller, urn: int, pupil_id: str, plans: Sequence[Plan]) -> int:
    """Makes these a pupil's part-time timetables at a school, and flags of the child; the school's last number.

    NotFoundError when the school does not know the child, or is hidden; MovedError for an id that died.
    """
    check_school(caller, urn)

    async def work(write: Write) -> None:
        row = await identities.row(write.tx, pupil_id)
        living = pupil_id if row is None else row.survivor or pupil_id
        if urn not in await pupils.schools_knowing(write.tx, [living]):
            raise NotFoundError("No such pupil.")
        if living != pupil_id:
            raise MovedError(f"/v1/schools/{urn}/part-time-timetables/{living}")
        await pupils.lock(write.tx, [pupil_id])
        ids = await identities.ids(write.tx, pupil_id)
        await people.put_plans(write.tx, urn, ids, pupil_id, plans)
        before = (await flags.of_children(write.tx, [pupil_id])).get(pupil_id, [])
        said = plan_rules.as_flags(pupil_id, urn, plans)
        moved = rules.replace(before, said, [plan_rules.source(urn)])
        await flags.save(write.tx, [moved])
        spans = rules.after(before, moved)
        if rules.as_events(spans) != rules.as_events(before):
            await tell(write, urn, pupil_id, spans)

    _, sequences = await writer.run([urn], work)
    return sequences[urn]


async def plans(
    database: Database,
    caller: Caller,
    which: tuple[date, int | None, bool],
    after: tuple[int, str, date],
    limit: int,
) -> Sequence[Any]:
    """The part-time timetables in force on a day, at one school or at all that the token opens, overdue ones or all."""
    on, urn, overdue = which
    async with database.transaction() as tx:
        if urn is not None:
            await check_known_school(tx, caller, urn)
        return await people.plans(tx, on, urn, caller.reach.schools, overdue, after, limit)


async def put_social_workers(
    database: Database, caller: Caller, pupil_id: str, workers: Sequence[SocialWorker]
) -> list[SocialWorker]:
    """Makes these the social workers of a child; MovedError for an id that died."""

    async def work(tx: Transaction) -> list[SocialWorker]:
        ids = await _own_ids(tx, caller, pupil_id, "social-workers")
        await people.put_social_workers(tx, ids, pupil_id, workers)
        return await people.social_workers(tx, ids)

    return await database.in_transaction(work)


async def social_workers(database: Database, caller: Caller, pupil_id: str) -> list[SocialWorker]:
    """The social workers of a child, by their first day; MovedError for an id that died."""
    async with database.transaction() as tx:
        living = await living_pupil(tx, caller, pupil_id)
        if living != pupil_id:
            raise MovedError(f"/v1/pupils/{living}/social-workers")
        return await people.social_workers(tx, await identities.ids(tx, living))


async def put_siblings(writer: Writer, caller: Caller, pupil_id: str, said: Mapping[str, bool]) -> Siblings:
    """Says who is a child's sibling, and who is none, in place of what was said of children whom the caller may see.
    Of each of them it is told in the ledger of a school that the caller may see.

    InvalidError for a sibling whom the caller may not see, or who is the child itself; MovedError for an id that died.
    """

    async def work(write: Write) -> Siblings:
        tx = write.tx
        await school_of(write, caller, pupil_id, "siblings")
        ids = await identities.ids(tx, pupil_id)
        others = {await _other(tx, caller, pupil_id, other): is_sibling for other, is_sibling in said.items()}
        forgotten = await people.visible(tx, await people.said_siblings(tx, ids), caller.reach.schools) | others.keys()
        homes = await _schools_of(write, caller, {pupil_id, *forgotten})
        seen = [id for other in sorted(forgotten) for id in await identities.ids(tx, other)]
        await people.say_siblings(tx, ids, pupil_id, seen, others)
        for child in sorted(await households.moved(write, homes)):
            await follow(write, homes[child], [child])
        return await _siblings(tx, caller, pupil_id, ids, write.today)

    found, _ = await writer.run([], work)
    return found


async def _schools_of(write: Write, caller: Caller, children: Collection[str]) -> dict[str, int]:
    """For each of these (visible) children the school in whose ledger it is told of; all locked when this returns."""
    knowing = await pupils.schools_knowing(write.tx, children)
    seen = [urn for urn in sorted(knowing, reverse=True) if caller.reach.may_see_school(urn)]
    homes = {child: urn for urn in seen for child in knowing[urn]}
    write.needs(homes.values())
    await pupils.lock(write.tx, children)
    return homes


async def siblings(database: Database, caller: Caller, pupil_id: str, today: date) -> Siblings:
    """A child's households and siblings, as far as the caller may see."""
    async with database.transaction() as tx:
        living = await living_pupil(tx, caller, pupil_id)
        return await _siblings(tx, caller, living, await identities.ids(tx, living), today)


async def _siblings(tx: Transaction, caller: Caller, living: str, ids: Collection[str], today: date) -> Siblings:
    rows = await people.households(tx, living, caller.reach.schools, today)
    said = await people.said_siblings(tx, ids)
    shown = await people.visible(tx, {row.pupil_id for row in rows} | said.keys(), caller.reach.schools)
    homes: dict[str, Household] = {}
    found: dict[str, list[str]] = {}
    for row in rows:
        other = row.pupil_id
        if other not in shown:
            continue
        homes.setdefault(row.household, Household(row.address, [])).pupil_ids.append(other)
        if other != living and said.get(other, True):
            found[other] = ["same-household"]
    for other, is_sibling in said.items():
        if is_sibling and other in shown:
            found.setdefault(other, []).append("said")
    return Siblings(living, list(homes.values()), found)


async def _own_ids(tx: Transaction, caller: Caller, pupil_id: str, page: str) -> list[str]:
    """All ids of a child, whose row is locked when this returns."""
    living = await living_pupil(tx, caller, pupil_id)
    if living != pupil_id:
        raise MovedError(f"/v1/pupils/{living}/{page}")
    await pupils.lock(tx, [pupil_id])
    return await identities.ids(tx, pupil_id)


async def _other(tx: Transaction, caller: Caller, pupil_id: str, other: str) -> str:
    try:
        living = await living_pupil(tx, caller, other)
    except NotFoundError:
        fault = Fault("/siblings", "unknown-pupil", f"No such pupil: {other}.")
        raise InvalidError(faults=[fault]) from None
    if living == pupil_id:
        raise InvalidError(faults=[Fault("/siblings", "same-pupil", "Nobody is a sibling of oneself.")])
    return living

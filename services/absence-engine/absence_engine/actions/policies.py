"""Policy sets: looking at them, drafting, publishing; and noticing that another version is in force.

Whatever may change which version holds for somebody raises the turn, and has the children of the authority looked at
once more, in the same transaction (`docs/decisions/policy-sets.md`).
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import structlog
from common import metrics
from common.clock import Clock
from common.db import Database, Transaction
from common.errors import ConflictError, Fault, ForbiddenError, InvalidError, NotFoundError
from common.listen import notify
from common.preconditions import Precondition
from common.security import Caller

from absence_engine.actions.holding import Policies
from absence_engine.domain.policy import Policy, PolicyError, policies, read
from absence_engine.store import policies as store
from absence_engine.store.policies import ENGLAND, PolicyRow

CHANNEL = "policies"
"""Told whenever another version may hold, or there is something to simulate."""

NO_SCHOOL = "No school that is known is of this authority."
NAMED = 5  # authorities that readiness names at most

log = structlog.get_logger()


class PublishedError(ConflictError):
    """What has been published never changes: publish a later version, under another name."""

    type = "published"
    title = "A published version never changes"


async def check(tx: Transaction, caller: Caller, la_code: str) -> None:
    """NotFoundError unless some school is of the authority, and the caller may see one of these; all see England."""
    if la_code == ENGLAND:
        return
    if not await store.is_authority(tx, la_code):
        raise NotFoundError(NO_SCHOOL)
    schools = caller.reach.schools
    if schools is not None and la_code not in (await store.las(tx, schools)).values():
        raise NotFoundError(NO_SCHOOL)


async def check_writer(tx: Transaction, caller: Caller, la_code: str) -> None:
    """Also ConflictError for what ships, ForbiddenError for a token that is limited to schools."""
    if la_code == ENGLAND:
        raise ConflictError("These versions come with Rollcall; an authority has its own.")
    await check(tx, caller, la_code)
    if not caller.reach.is_everywhere:
        raise ForbiddenError("A policy holds for all schools of an authority, and this token is for some.")


async def listed(database: Database, caller: Caller, la_code: str) -> list[PolicyRow]:
    """All versions of an authority, and England's, which hold where it has none."""
    async with database.transaction() as tx:
        await check(tx, caller, la_code)
        return await store.versions(tx, [la_code, ENGLAND])


async def one(database: Database, caller: Caller, la_code: str, version: str) -> PolicyRow:
    """One version; NotFoundError when there is none."""
    async with database.transaction() as tx:
        await check(tx, caller, la_code)
        return _found(await store.read(tx, la_code, version))


async def put(
    tx: Transaction,
    caller: Caller,
    la_code: str,
    version: str,
    document: Mapping[str, Any],
    clock: Clock,
    only: Precondition,
) -> PolicyRow:
    """Adds or rewrites a draft. InvalidError for a document that is no policy, PublishedError for a version that is
    out, StaleError unless `only` holds.
    """
    await check_writer(tx, caller, la_code)
    known = await store.read(tx, la_code, version, lock=True)
    if known is not None and known.state == "published":
        raise PublishedError
    only.check(None if known is None else known.tag)
    policy = _read(la_code, version, document, clock.today())
    await store.keep_draft(tx, la_code, policy, caller.subject, clock.now())
    return _found(await store.read(tx, la_code, version))


async def publish(
    tx: Transaction,
    caller: Caller,
    la_code: str,
    version: str,
    valid_from: date,
    by: str,
    reason: str | None,
    clock: Clock,
    only: Precondition,
) -> PolicyRow:
    """Publishes a draft. `reason`: why it is to hold from a day on that has passed; InvalidError without one."""
    _, _, day = await store.turn(tx, lock=True)
    await check_writer(tx, caller, la_code)
    known = _found(await store.read(tx, la_code, version, lock=True))
    if known.state == "published":
        raise PublishedError
    only.check(known.tag)
    today = clock.today()
    if valid_from < today and reason is None:
        words = "The day has passed; a version that is to hold from it says `retroactive` and a `reason`."
        raise InvalidError("The version can't hold so early.", faults=[Fault("/valid_from", "in-the-past", words)])
    document = known.content | {"valid_from": valid_from.isoformat()}
    policy = _read(la_code, version, document, today)
    await store.publish(tx, la_code, policy, by, clock.now(), reason if valid_from < today else None)
    await store.next_turn(tx)
    if valid_from <= max(today, day or today):  # midnight may have been noticed by a clock ahead of this one
        await store.look_again(tx, {la_code: version}, clock.now())
    await notify(tx, CHANNEL)
    log.info("policy published", la_code=la_code, version=version, valid_from=valid_from.isoformat())
    return _found(await store.read(tx, la_code, version))


async def delete(tx: Transaction, caller: Caller, la_code: str, version: str, only: Precondition) -> None:
    """Deletes a draft."""
    await check_writer(tx, caller, la_code)
    known = _found(await store.read(tx, la_code, version, lock=True))
    if known.state == "published":
        raise PublishedError
    only.check(known.tag)
    await store.delete(tx, la_code, version)


async def look_again(tx: Transaction, la_codes: Collection[str] | None, clock: Clock) -> dict[str, str]:
    """Has all children of some authorities, or of all, looked at once more by the versions that are in force: by
    authority the version. NotFoundError, and nothing is done, when one has no school.
    """
    _, _, day = await store.turn(tx, lock=True)
    known = await store.authorities(tx)
    wanted = known if la_codes is None else sorted(set(la_codes))
    if unknown := [la_code for la_code in wanted if la_code not in known]:
        raise NotFoundError(f"No school that is known is of authority {', '.join(unknown)}.")
    begun = await store.begun(tx, day or clock.today())
    england = [one.version for one in begun if one.la_code == ENGLAND]
    own = {one.la_code: one.version for one in begun}
    found = {la_code: own.get(la_code) or england[-1] for la_code in wanted} if england else {}
    await store.look_again(tx, found, clock.now())
    await notify(tx, CHANNEL)
    return found


async def keep_up(tx: Transaction, clock: Clock, shipped: Sequence[Policy] | None = None) -> bool:
    """Notices that the day is another one, or that other versions ship: whoever comes under another version is looked
    at once more. Whether anything was noticed.
    """
    ships = policies() if shipped is None else shipped
    _, _, day = await store.turn(tx)
    today = _day_of(day, clock)
    known = {one.version for one in await store.begun(tx, date.max) if one.la_code == ENGLAND}
    if day == today and known.issuperset(policy.version for policy in ships):
        return False
    _, _, day = await store.turn(tx, lock=True)
    today = _day_of(day, clock)
    before = [] if day is None else await store.begun(tx, day)
    await store.ship(tx, ships, clock.now())
    after = await store.begun(tx, today)
    again: dict[str, str] = {}
    for la_code in await store.authorities(tx):
        concerned = (la_code, ENGLAND)
        was, now = ([one for one in begun if one.la_code in concerned] for begun in (before, after))
        if was != now and now:
            own = [one for one in now if one.la_code == la_code]
            again[la_code] = (own or now)[-1].version
    await store.look_again(tx, again, clock.now())
    await store.next_turn(tx, today)
    await notify(tx, CHANNEL)
    log.info("policies in force", day=today.isoformat(), authorities=len(again))
    return True


def _day_of(noticed: date | None, clock: Clock) -> date:
    """The day by which policies are in force. A clock a little behind does not take midnight back when others have
    noticed it; a day that is further ahead was wrong.
    """
    today = clock.today()
    tomorrow = today + timedelta(1)
    return tomorrow if noticed == tomorrow else today


async def applying(database: Database) -> str:
    """Which authorities' children are still to be looked at once more; empty when none are."""
    async with database.transaction() as tx:
        jobs = await store.under_way(tx)
    metrics.REEVALUATING_AUTHORITIES.set(len(jobs))
    named = [f"{job.version} is being applied to {job.la_code}: {job.children} children so far" for job in jobs[:NAMED]]
    return "; ".join([*named, *([f"and {len(jobs) - NAMED} more"] if len(jobs) > NAMED else [])])


async def hold(tx: Transaction, moves: Collection[tuple[str, str]]) -> None:
    """Locks what `follow_schools` will write. Comes before children are locked: a part that is worked on locks its row
    before them.
    """
    if moves:
        await store.turn(tx, lock=True)
        await store.hold_parts(tx, {now for _, now in moves})


async def follow_schools(tx: Transaction, moves: Collection[tuple[str, str]], held: Policies, clock: Clock) -> None:
    """Has everybody looked at once more, of the authorities to which schools have moved from one with another policy.
    Comes last in a transaction that began with `hold`: what is held must not be read under a turn that may be undone.
    """
    if not moves:
        return
    holding = await held.at_present(tx)
    books = {now: holding.of_authority(now) for was, now in moves if holding.differ(was, now)}
    if books:
        await store.look_again(tx, {la_code: book(None).version for la_code, book in books.items()}, clock.now())
        await store.next_turn(tx)
        await notify(tx, CHANNEL)


def _found(row: PolicyRow | None) -> PolicyRow:
    if row is None:
        raise NotFoundError
    return row


def _read(la_code: str, version: str, document: Mapping[str, Any], today: date) -> Policy:
    """The policy that a document writes under a name; valid from today on until it is published, if it does not say."""
    faults: list[Fault] = []
    if document.get("version", version) != version:
        faults.append(Fault("/version", "other-version", "The path names another version."))
    if not version.startswith(f"{la_code}-"):
        words = f"A version's name begins with the authority's code: {la_code}-…"
        faults.append(Fault("version", "bad-version", words))
    try:
        policy = read({"valid_from": today.isoformat(), **document, "version": version})
    except PolicyError as error:
        faults += [Fault(fault.pointer, "bad-policy", fault.detail) for fault in error.faults]
        raise InvalidError("The document is no policy.", faults=faults) from error
    if faults:
        raise InvalidError("The version can't be called so.", faults=faults)
    return policy

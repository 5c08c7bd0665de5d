"""Two children under one id: a merge that was wrong is undone, or what some schools say is said of another, new child.

Stays, local ids and contacts go where they belong at each school; marks that were sent for the one and are the other's
move too (the history keeps whom they were sent for), as parents' notices do, and the slots of both are judged anew.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from common.errors import ConflictError, Fault, InvalidError, MovedError, NotFoundError
from common.security import Caller

from registers.actions import flags, households
from registers.actions.merging import EVER, Changed, Said, living_id, see
from registers.actions.settling import settle_children
from registers.actions.writing import Write, Writer, new_id
from registers.domain import enrolments, identity_changes, roll, upn
from registers.domain.enrolments import Stay
from registers.domain.identity_changes import IdentityChange, Part, Takeover, Went
from registers.domain.ledger import Facts
from registers.store import absence_notices, identities, pupils, schools, upns
from registers.store.identities import MovedMark


@dataclass(frozen=True)
class Split:
    """What is said of a child: that `restore`, which died into it, is another one; or that `parts` are of a new one,
    whose UPN is `upn`.
    """

    pupil_id: str
    restore: str | None = None
    parts: Sequence[Part] = field(default_factory=tuple[Part, ...])
    upn: str | None = None


async def split_pupil(writer: Writer, caller: Caller, sent: Split, said: Said) -> Changed:
    """Splits a child. A merge that is undone already answers what is on record.

    NotFoundError when the child is not known, or a school that knows it is not open to the caller; MovedError when it
    is dead itself; InvalidError when the split makes no sense; ConflictError when the UPN is another child's.
    """

    async def work(write: Write) -> IdentityChange:
        living = await living_id(write, sent.pupil_id)
        await see(write, caller, [living] if sent.restore is None else [living, await living_id(write, sent.restore)])
        if living != sent.pupil_id:
            raise MovedError(f"/v1/pupils/{living}/split")
        named = (await identities.local_ids(write.tx, [living])).get(living, {})
        if sent.restore is not None:
            return await _restore(write, living, sent.restore, named, said)
        return await _part(write, sent, named, said)

    return Changed(*await writer.run([], work))


# -- a merge undone ---------------------------------------------------------------------------------------------------


async def _restore(write: Write, living: str, dead: str, named: Mapping[int, list[str]], said: Said) -> IdentityChange:
    await pupils.lock(write.tx, [living, dead])
    row, record = await identities.row(write.tx, dead), await identities.last(write.tx, dead)
    if row is None:
        raise NotFoundError("No such pupil.")
    if row.survivor is None and record is not None and record[0].pupil_id == living and record[0].kind == "split":
        return record[0]
    if row.survivor != living:
        raise InvalidError(faults=[Fault("/restore", "not-merged", "This id did not die into the pupil.")])
    if record is None or record[0].kind != "merge":
        raise ConflictError("What went with this id was not kept: split the pupil by `schools` instead.")
    version = await identities.restore(write.tx, dead, living)
    await _restore_upns(write, living, dead, record)
    await _restore_facts(write, living, record)
    await _give_back(write, living, record, named)
    await _forget(write, dead, named)
    return await _tell(write, (living, dead, True, version), min(named), sorted(named), (), said)


async def _give_back(
    write: Write, living: str, merge: tuple[IdentityChange, Went], named: Mapping[int, list[str]]
) -> None:
    """At each school that knew the id, or has taken over from one that did: local ids, contacts, stays, and marks."""
    dead = merge[0].other
    takeovers = await _takeovers(write, named)
    went = identity_changes.followed(merge[1], takeovers)
    staying = await identities.ids(write.tx, living)
    records = [await identities.last(write.tx, other) for other in staying if other != living]
    since = [
        (record[0], identity_changes.followed(record[1], takeovers))
        for record in records
        if record is not None and record[0].number > merge[0].number
    ]
    kin = identity_changes.of_others(merge[0], since)
    stays = await pupils.all_stays(write.tx, [living])
    for urn in sorted(went.local_ids.keys() & named.keys()):
        others = [local_id for local_ids, _ in kin for local_id in local_ids.get(urn, [])]
        back, is_all = identity_changes.going_back(went, urn, named[urn], others)
        if not back:
            continue
        now = stays.get((urn, living), [])
        await identities.rename(write.tx, urn, back, living, dead)
        await identities.move_contacts(write.tx, living, dead, urn=urn, only=None if is_all else went.contacts)
        if is_all:
            mine, others_stays = list[Stay](), now
            await identities.copy_year_groups(write.tx, urn, staying, dead)
            await _move_marks(write, Part(urn), staying, dead, went.received)
            await absence_notices.move(write.tx, Part(urn), staying, dead, went.notices)
        else:
            beside = went.beside.get(urn, [])
            for _, its_stays in kin:
                beside = enrolments.unite(beside, its_stays.get(urn, []))
            mine, others_stays = identity_changes.divide(now, beside, went.stays.get(urn, []))
        await _put_stays(write, urn, {living: mine, dead: others_stays})


async def _forget(write: Write, dead: str, urns: Iterable[int]) -> None:
    """What schools that do not know the id have sent for it waits as it did before the merge: for a pupil whom nobody
    knows.
    """
    ids = await identities.ids(write.tx, dead)
    for urn in sorted(urns):
        facts = write.facts(urn)
        for mark in await identities.forget_marks(write.tx, urn, ids, dead):
            _unsay(facts, mark)
            facts.waits(mark.on, mark.session, None, mark.code, "unknown-pupil")


async def _takeovers(write: Write, urns: Iterable[int]) -> list[Takeover]:
    """Which of these schools go on as another."""
    found = [school for urn in sorted(urns) if (school := await schools.read(write.tx, urn)) is not None]
    return [
        Takeover(school.closed_on + timedelta(days=1), school.urn, school.successor_urn)
        for school in found
        if school.closed_on is not None and school.successor_urn is not None
    ]


async def _restore_upns(write: Write, living: str, dead: str, merge: tuple[IdentityChange, Went]) -> None:
    """The UPN that came with the dead id is its own again, unless another child has it by now; and the survivor has its
    own, where it had taken the other's: that of its survivor, where it has died itself since.
    """
    upn, holder = await _own_upn(write, living, dead, merge[1].upn)
    if upn is None:
        return
    given: dict[str, str] = {}
    given_up: dict[tuple[str, str], bool] = {}
    if holder in (None, living):
        given[dead] = upn
        if holder == living:
            given_up[living, upn] = True
            before = await _survivors_upn(write, living, merge)
            if before is not None and await identities.holder(write.tx, before) is None:
                given[living] = before
    await identities.set_upns(write.tx, dict[str, str | None]({id: None for id, _ in given_up}) | given)
    await upns.keep(write.tx, given, given_up, write.now)


async def _own_upn(write: Write, living: str, dead: str, upn: str | None) -> tuple[str | None, str | None]:
    """The UPN that went with a dead id, and who has it: where it had come from an id that has it again by now, the one
    that the dead id had before.
    """
    while upn is not None:
        holder = await identities.holder(write.tx, upn)
        brought = None if holder in (None, living) else await identities.brought(write.tx, holder, dead)
        if brought is None or brought.upn != upn:
            return upn, holder
        upn = brought.survivors_upn
    return None, None


async def _survivors_upn(write: Write, living: str, merge: tuple[IdentityChange, Went]) -> str | None:
    """The UPN that a child would have without the merge, by which an id died into it or into one that died since."""
    survivor, upn = merge[0].pupil_id, merge[1].survivors_upn
    while survivor != living and (later := await identities.last(write.tx, survivor)) is not None:
        survivor, upn = later[0].pupil_id, identity_changes.better_upn(later[1].survivors_upn, upn)
    return upn


async def _restore_facts(write: Write, living: str, merge: tuple[IdentityChange, Went]) -> None:
    """What the survivor had of the dead id, because nobody had said it of itself, is not said of it any more; nor of
    its own survivor, which may have it from there.
    """
    survivor, facts = merge[0].pupil_id, merge[1].facts
    await identities.take_facts(write.tx, survivor, facts)
    while survivor != living and (later := await identities.last(write.tx, survivor)) is not None:
        survivor, facts = later[0].pupil_id, facts.also_in(later[1].facts)
        await identities.take_facts(write.tx, survivor, facts)


# -- another child, new -----------------------------------------------------------------------------------------------


async def _part(write: Write, sent: Split, named: Mapping[int, list[str]], said: Said) -> IdentityChange:
    living, other = sent.pupil_id, new_id()
    _check_parts(sent.parts, named)
    await pupils.lock(write.tx, [living])
    await _new_child(write, sent, other)
    ids = await identities.ids(write.tx, living)
    stays = await pupils.all_stays(write.tx, [living])
    for part in sent.parts:
        urn = part.school_urn
        mine, others = identity_changes.cut(stays.get((urn, living), []), part.first, part.last)
        await _name_part(write, part, named[urn], living, other)
        await _put_stays(write, urn, {living: mine, other: others})
        await identities.copy_year_groups(write.tx, urn, ids, other)
        await _move_marks(write, part, ids, other)
        await absence_notices.move(write.tx, part, ids, other)
    return await _tell(write, (living, other, False, 0), min(named), sorted(named), sent.parts, said)


def _check_parts(parts: Sequence[Part], named: Mapping[int, list[str]]) -> None:
    faults: list[Fault] = []
    seen: set[int] = set()
    for place, part in enumerate(parts):
        pointer = f"/schools/{place}"
        if part.school_urn not in named:
            faults.append(Fault(f"{pointer}/school_urn", "not-at-school", "This school does not know the pupil."))
        if part.school_urn in seen:
            faults.append(Fault(f"{pointer}/school_urn", "duplicate-school", "Each school once."))
        if part.first is not None and part.last is not None and part.last < part.first:
            faults.append(Fault(f"{pointer}/to", "ends-before-it-starts", "`to` lies before `from`."))
        seen.add(part.school_urn)
    whole = {part.school_urn for part in parts if part.first is None and part.last is None}
    if whole >= named.keys():
        faults.append(Fault("/schools", "nothing-left", "No school would know the pupil any more."))
    if faults:
        raise InvalidError(faults=faults)


async def _new_child(write: Write, sent: Split, other: str) -> None:
    """The new child is called, and known, as the one that it was mixed with, until a roll says better."""
    if sent.upn is not None and not upn.is_upn(sent.upn):
        raise InvalidError(faults=[Fault("/upn", "bad-upn", "Not a UPN: the shape or the check letter is wrong.")])
    given_up: dict[tuple[str, str], bool] = {}
    if sent.upn is not None:
        given_up = {(id, sent.upn): True for _, id, _ in await upns.had(write.tx, [sent.upn])}
        if await identities.holder(write.tx, sent.upn) not in (None, sent.pupil_id):
            raise ConflictError("Another child has this UPN.")
    person = await pupils.person(write.tx, sent.pupil_id)
    if sent.upn is not None and sent.upn == person.upn:
        given_up[sent.pupil_id, sent.upn] = True
        await identities.set_upns(write.tx, {sent.pupil_id: None})
    new = person._replace(pupil_id=other, upn=sent.upn, version=1)
    await pupils.add(write.tx, [new])
    await upns.keep(write.tx, {other: sent.upn} if sent.upn else {}, given_up, write.now)
    write.facts(min(part.school_urn for part in sent.parts)).pupils.append(roll.facts_of(new))


async def _name_part(write: Write, part: Part, local_ids: Sequence[str], living: str, other: str) -> None:
    """The school's local ids and contacts are those of whom it has now; whose time there is over gets a made-up one."""
    urn = part.school_urn
    if part.last is None:
        await identities.rename(write.tx, urn, local_ids, living, other)
        await identities.move_contacts(write.tx, living, other, urn=urn)
    gone = other if part.last is not None else living if part.first is not None else None
    if gone is not None:
        await identities.name(write.tx, urn, identity_changes.made_up(local_ids[0], gone), gone)


# -- both -------------------------------------------------------------------------------------------------------------


async def _put_stays(write: Write, urn: int, stays: Mapping[str, Sequence[Stay]]) -> None:
    await pupils.replace_stays(write.tx, urn, stays)
    for child, of in stays.items():
        write.facts(urn).enrolled(enrolments.as_event(child, of))


async def _move_marks(write: Write, part: Part, before: Sequence[str], after: str, since: int = 0) -> None:
    """Readers hear that the marks are nobody's, and then, from their judging, whose they are."""
    facts = write.facts(part.school_urn)
    for mark in await identities.move_marks(write.tx, part, before, after, since):
        _unsay(facts, mark)


def _unsay(facts: Facts, mark: MovedMark) -> None:
    if mark.standing:
        facts.mark(mark.on, mark.session, [(mark.pupil_id, None)])
    if mark.problem is not None:
        facts.waits_no_more(mark.on, mark.session, mark.pupil_id, mark.code, mark.problem)


async def _tell_flags(write: Write, children: Sequence[str]) -> None:
    """Tells each child in the ledger of a school that knows it: others may not see it."""
    knowing = await pupils.schools_knowing(write.tx, children)
    home = {child: urn for urn in sorted(knowing, reverse=True) for child in knowing[urn]}
    for child, urn in home.items():
        await flags.follow(write, urn, [child])


async def _tell(
    write: Write,
    what: tuple[str, str, bool, int],
    urn: int,
    schools: Sequence[int],
    parts: Sequence[Part],
    said: Said,
) -> IdentityChange:
    """Announces and records a split (pupil, other, whether it is restored, version), and judges both anew."""
    pupil_id, other, restored, version = what
    write.facts(urn).split.append(what)
    # of a restored one, nothing was told while it was dead
    told = {pupil_id, other} if restored else await households.moved(write, [pupil_id, other])
    await _tell_flags(write, sorted(told))
    for school in schools:
        await settle_children(write, school, {pupil_id: EVER, other: EVER})
    change = IdentityChange(0, new_id(), "split", pupil_id, other, restored, version, urn, *said, write.now)
    return await identities.record(write.tx, change, parts)

"""One school: its ledger is whole, says what stands of all that was sent, and the engine has the same.

`compare_school` returns the school's standing marks, by living child, recomputed from everything that was sent.
"""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date

from audit.child import Enrolment, Mark, Session
from audit.compare.world import World
from audit.fold import Folded, Ledger, Waiting, grid, sheets
from audit.marks import Roll, Sent, slot
from audit.read import engine, registers, schools
from audit.read.registers import School, SentRow, UnresolvedRow
from audit.read.snapshot import Snapshots
from audit.report import Report

EMPTY = bytes(732)

Sheet = dict[Session, str]


@dataclass
class Standing:
    """What is recomputed of a school: marks by living child, and what waits in quarantine."""

    marks: dict[str, list[Mark]] = field(default_factory=dict)
    waiting: Counter[Waiting] = field(default_factory=Counter)


async def compare_school(at: Snapshots, world: World, school: School, report: Report) -> dict[str, list[Mark]]:
    """Compares all of one school; returns its standing marks by living child."""
    folded = await _ledger(at, world, school, report)
    _tell(world, school, folded, report)
    await _reasons(at, world, school, folded, report)
    if school.urn in world.outstanding.schools:
        world.behind |= {world.living(pupil_id) for pupil_id in folded.pupils()}
    else:
        await _engine(at, world, school, folded, report)
    _roll(world, school, folded, report)
    await _life(at, world, school, folded, report)
    underway = school.urn in world.outstanding.recalculating
    report.same(f"school {school.urn}: is being recalculated, by its ledger", folded.recalculating, underway)
    if underway:
        return {}  # what stands there is half old, half new
    standing = await _marks(at, world, school, folded, report)
    await _unresolved(at, world, school, standing, report)
    _quarantine(school, standing, folded, report)
    return standing.marks


# -- the ledger -------------------------------------------------------------------------------------------------------


async def _ledger(at: Snapshots, world: World, school: School, report: Report) -> Folded:
    """Reads the ledger; the engine's last applied entry must be the one that it has under that number."""
    ledger = Ledger(school.urn)
    position = world.positions.get(school.urn)
    async for row in registers.ledger(at.registers, school.urn):
        ledger.read(row)
        if position and row.number == position.number:
            report.same(f"school {school.urn}: the engine's entry {row.number}", position.entry_id, row.entry_id)
    ledger.end(school.last_number, school.last_entry)
    if position and position.number > ledger.number:
        report.difference(f"school {school.urn}: the engine has entry {position.number} of {ledger.number}")
    for problem in ledger.problems:
        report.difference(f"ledger of school {school.urn}: {problem}")
    report.count("schools")
    report.count("ledger entries", ledger.number)
    return ledger.folded


def _tell(world: World, school: School, folded: Folded, report: Report) -> None:
    """What this ledger says of children, beside what the other ledgers say: a fact is told once."""
    for pupil_id, facts in folded.facts.items():
        before = world.facts.get(pupil_id)
        if before is None or facts.version > before.version:
            world.facts[pupil_id] = facts
        elif facts.version == before.version and facts != before:
            report.difference(f"pupil {pupil_id}: version {facts.version} is told twice, as {before} and {facts}")
    for pupil_id, told in folded.identities.items():
        known = world.identities.get(pupil_id)
        if known is None or told[0] > known[0]:
            world.identities[pupil_id] = told
        elif told[0] == known[0] and told != known:
            report.difference(f"pupil {pupil_id} became {known[1]}, and {told[1]} in school {school.urn}")


async def _reasons(at: Snapshots, world: World, school: School, folded: Folded, report: Report) -> None:
    """What the service keeps of marks N is what the ledger says of them."""
    kept = await registers.reasons(at.registers, school.urn)
    told = {(school.urn, *key): what for key, what in folded.reasons.items()}
    for key in sorted({*kept, *told}):
        report.same(f"the reason of {key}", kept.get(key), told.get(key))
    world.reasons |= told
    report.count("reasons to establish", len(folded.reasons))


# -- the engine's copy ------------------------------------------------------------------------------------------------


async def _engine(at: Snapshots, world: World, school: School, folded: Folded, report: Report) -> None:
    """Sheets, calendars and enrolments of the engine are what the ledger says."""
    urn = school.urn
    numbers = {code.code: code.number for code in world.codes.values()}
    wanted = {
        (pupil_id, year): sheet
        for pupil_id, marks in folded.marks.items()
        for year, sheet in sheets(marks, numbers).items()
    }
    report.count("sheets", len(wanted))
    async for pupil_id, year, codes in engine.sheets(at.engine, urn):
        if codes != wanted.pop((pupil_id, year), EMPTY):
            report.difference(f"sheet of pupil {pupil_id} at school {urn} in {year}: not what the ledger says")
    for (pupil_id, year), sheet in wanted.items():
        if sheet != EMPTY:
            report.difference(f"sheet of pupil {pupil_id} at school {urn} in {year}: the engine has none")
    kept = await engine.calendars(at.engine, urn)
    for year in sorted({*kept, *folded.calendars}):
        if kept.get(year, EMPTY) != grid(folded.calendars.get(year, set())):
            report.difference(f"calendar of school {urn} in {year}: the engine's is not what the ledger says")
    told = {**folded.school, "recalculating": folded.recalculating}
    report.same(f"school {urn}, in the engine", await engine.school(at.engine, urn), told)
    _same_enrolments(f"school {urn}, in the engine", await engine.enrolments(at.engine, urn), folded, report)


def _same_enrolments(where: str, kept: dict[str, list[Enrolment]], folded: Folded, report: Report) -> None:
    for pupil_id in sorted({*kept, *folded.enrolments}):
        wanted = sorted(folded.enrolments.get(pupil_id, []), key=lambda stay: stay.start)
        report.same(f"{where}: enrolments of pupil {pupil_id}", kept.get(pupil_id, []), wanted)


# -- the roll and the calendars ---------------------------------------------------------------------------------------


def _roll(world: World, school: School, folded: Folded, report: Report) -> None:
    """The ledger says what the roll and the calendars are."""
    urn = school.urn
    facts = {"name": school.name, "la_code": school.la_code, "phase": school.phase}
    report.same(f"school {urn}, in its ledger", folded.school, facts)
    report.same(f"school {urn}: years with a calendar", world.calendar_years.get(urn, set()), set(folded.calendars))
    said = {session for sessions in folded.calendars.values() for session in sessions}
    kept = world.calendars.get(urn, set())
    if said != kept:
        report.difference(f"school {urn}: the ledger's calendar is another for {sorted(said ^ kept)}")
    at_school = {
        child: sorted((stay for stay in stays if stay.urn == urn), key=lambda stay: (stay.start, stay.kind))
        for child, stays in world.enrolments.items()
    }
    told: dict[str, list[Enrolment]] = {}
    for pupil_id, stays in folded.enrolments.items():
        told.setdefault(world.living(pupil_id), []).extend(stays)
    for child in sorted({*told, *(child for child, stays in at_school.items() if stays)}):
        wanted = sorted(told.get(child, []), key=lambda stay: (stay.start, stay.kind))
        report.same(f"school {urn}, on the roll: enrolments of pupil {child}", at_school.get(child, []), wanted)


async def _life(at: Snapshots, world: World, school: School, folded: Folded, report: Report) -> None:
    """The ledger says when the school is, whose it was when, and for whom it is open; the engine knows whose it was."""
    urn = school.urn
    report.same(f"school {urn}, in its ledger: its life", folded.life, await schools.life(at.registers, urn))
    authorities = await schools.authorities(at.registers, urn)
    report.same(f"school {urn}, in its ledger: authorities", folded.authorities, authorities)
    said = {session: groups for year in folded.staggered.values() for session, groups in year.items()}
    kept = await schools.staggered(at.registers, urn)
    if said != kept:
        report.difference(f"school {urn}: the ledger's staggered days are others")
    if urn not in world.outstanding.schools:
        report.same(f"school {urn}, in the engine: authorities", await schools.authorities(at.engine, urn), authorities)


# -- the marks --------------------------------------------------------------------------------------------------------


async def _by_child(rows: AsyncIterator[SentRow]) -> AsyncIterator[list[SentRow]]:
    """The entries, child by child."""
    group: list[SentRow] = []
    async for row in rows:
        if group and row.child != group[0].child:
            yield group
            group = []
        group.append(row)
    if group:
        yield group


async def _marks(at: Snapshots, world: World, school: School, folded: Folded, report: Report) -> Standing:
    """Recomputes, slot by slot, which mark stands: the service says the same, and so does the ledger."""
    standing = Standing()
    roll = Roll(
        calendar=world.calendars.get(school.urn, set()),
        enrolments={},
        codes=world.codes,
        today=world.today,
        first=folded.life.get("opened_on") or date.min,
        last=folded.life.get("closed_on") or date.max,
        groups=await schools.staggered(at.registers, school.urn),
        year_groups=await schools.year_groups(at.registers, school.urn, world.survivors),
    )
    async for rows in _by_child(registers.sent(at.registers, school.urn, world.survivors)):
        child = rows[0].child
        roll.enrolments[child] = [stay for stay in world.enrolments.get(child, []) if stay.urn == school.urn]
        said = _child_marks(school, child, rows, roll, standing, report)
        for pupil_id in sorted({*said, *(row.pupil_id for row in rows)}):
            _same_marks(school, pupil_id, said.get(pupil_id, {}), folded.marks.pop(pupil_id, {}), report)
        del roll.enrolments[child]
    for pupil_id, marks in folded.marks.items():
        _same_marks(school, pupil_id, {}, marks, report)
    return standing


def _child_marks(
    school: School, child: str, rows: list[SentRow], roll: Roll, standing: Standing, report: Report
) -> dict[str, Sheet]:
    """All slots of one child at a school; returns what the ledger should say, under the ids it was sent for."""
    said: dict[str, Sheet] = {}
    slots: dict[Session, list[SentRow]] = {}
    for row in rows:
        slots.setdefault(row.session, []).append(row)
    for session, entries in slots.items():
        result = slot([Sent(row.order, row.pupil_id, row.version, row.code) for row in entries], child, session, roll)
        for row in entries:
            stands = result.standing is not None and row.order == result.standing.order
            problem = result.waiting.get(row.order)
            if (row.rank, row.standing, row.problem) != (result.ranks[row.order], stands, problem):
                report.difference(
                    f"mark of pupil {row.pupil_id} at school {school.urn} on {session[0]} {session[1]}, received"
                    f" {row.order}: rank, standing, problem are {(row.rank, row.standing, row.problem)},"
                    f" not {(result.ranks[row.order], stands, problem)}"
                )
            if problem is not None:
                standing.waiting[session[0].isoformat(), session[1], row.pupil_id, row.code] += 1
        if result.standing is not None and result.standing.code is not None:
            pupil_id, code = result.standing.pupil_id, result.standing.code
            said.setdefault(pupil_id, {})[session] = code
            standing.marks.setdefault(child, []).append(Mark(*session, code, school.urn, pupil_id))
            report.count("standing marks")
    report.count("entries sent", len(rows))
    return said


def _same_marks(school: School, pupil_id: str, wanted: Sheet, told: Sheet, report: Report) -> None:
    """The ledger tells of one pupil what stands of all that was sent."""
    if wanted == told:
        return
    for session in sorted({*wanted, *told}):
        if wanted.get(session) != told.get(session):
            report.difference(
                f"ledger of school {school.urn}: pupil {pupil_id} on {session[0]} {session[1]} is"
                f" {told.get(session)}, not {wanted.get(session)}"
            )


# -- quarantine -------------------------------------------------------------------------------------------------------


async def _unresolved(at: Snapshots, world: World, school: School, standing: Standing, report: Report) -> None:
    """Nobody whom the school knows today is still waited for."""
    rows = await registers.unresolved(at.registers, school.urn)
    if not rows:
        return
    known = await registers.local_ids(at.registers, school.urn)
    at_school = {world.living(pupil_id) for pupil_id in known.values()}
    upns = {upn: child for upn, child in world.former_upns.items() if child in at_school}
    upns |= {pupil.upn: child for child in at_school if (pupil := world.pupils.get(child)) and pupil.upn is not None}
    for row in rows:
        report.count("entries sent for unknown pupils")
        report.same(f"unknown pupil's mark {row.received}.{row.place}: problem", row.problem, "unknown-pupil")
        if _is_known(row, known, upns, {world.living(row.key.lower())} & at_school):
            report.difference(
                f"school {school.urn}: the mark {row.received}.{row.place} on {row.session[0]} {row.session[1]} waits"
                f" for a pupil whom the school knows by this {row.key_kind}"
            )
        standing.waiting[row.session[0].isoformat(), row.session[1], None, row.code] += 1


def _is_known(row: UnresolvedRow, local_ids: dict[str, str], upns: dict[str, str], by_id: set[str]) -> bool:
    return {"local_id": row.key in local_ids, "upn": row.key in upns, "pupil_id": bool(by_id)}[row.key_kind]


def _quarantine(school: School, standing: Standing, folded: Folded, report: Report) -> None:
    """What the ledger says began to wait, without what it says ceased to, is what waits."""
    report.count("entries in quarantine", standing.waiting.total())
    for key in {*standing.waiting, *folded.waiting}:
        found, wanted = folded.waiting[key], standing.waiting[key]
        if found != wanted:
            day, half, pupil_id, code = key
            report.difference(
                f"ledger of school {school.urn}: {found} marks {code!r} of pupil {pupil_id} on {day} {half} wait,"
                f" not {wanted}"
            )

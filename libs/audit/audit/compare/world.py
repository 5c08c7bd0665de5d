"""What every comparison needs to know: the roll, the calendars, who is who, and what has not been delivered yet."""

from dataclasses import dataclass, field
from datetime import date

from audit.barrier import Outstanding
from audit.child import Child, Enrolment, FlagSpan, Mark, Session
from audit.codes import Code, code_table
from audit.fold import Facts
from audit.policies import Policies
from audit.policy import shipped
from audit.read import engine, registers
from audit.read.engine import ChildRow, Position
from audit.read.registers import Pupil, School
from audit.read.snapshot import Snapshots


@dataclass
class World:
    """Everything known beside what was sent. `survivors`: whom each dead id means today. `former_upns`: whom each UPN
    means that nobody has now. `enrolments`: by living child.

    Filled while schools are compared: `facts`, `identities` (see `fold.Folded`) and `reasons`, as the ledgers tell
    them; `behind`, children of whom the engine has not been told everything yet.
    """

    today: date
    codes: dict[str, Code]
    policies: Policies
    schools: list[School]
    pupils: dict[str, Pupil]
    survivors: dict[str, str]
    former_upns: dict[str, str]
    enrolments: dict[str, list[Enrolment]]
    calendar_years: dict[int, set[int]]
    calendars: dict[int, set[Session]]
    positions: dict[int, Position]
    children: dict[str, ChildRow]
    outstanding: Outstanding
    facts: dict[str, Facts] = field(default_factory=dict)
    identities: dict[str, tuple[int, str | None]] = field(default_factory=dict)
    behind: set[str] = field(default_factory=set)
    reasons: dict[tuple[int, str, date, str], tuple[str, date | None]] = field(default_factory=dict)

    @property
    def merges(self) -> dict[str, str]:
        """The dead ids and their survivors, as far as the ledgers were read."""
        return {pupil_id: survivor for pupil_id, (_, survivor) in self.identities.items() if survivor is not None}

    def living(self, pupil_id: str) -> str:
        """The child that an id means today."""
        return self.survivors.get(pupil_id, pupil_id)

    def child(self, pupil_id: str, marks: list[Mark]) -> Child:
        """A living child with these marks, and all that is known of it beside them."""
        pupil = self.pupils.get(pupil_id)
        stays = self.enrolments.get(pupil_id, [])
        calendars = {stay.urn: self.calendars.get(stay.urn, set()) for stay in stays}
        if pupil is None:
            return Child(pupil_id, marks, stays, calendars)
        facts = pupil.facts
        spans = tuple(FlagSpan(*_span(*said)) for said in sorted(facts.flag_spans, key=str))
        flags = frozenset(facts.flags)
        return Child(pupil_id, marks, stays, calendars, facts.date_of_birth, flags=flags, flag_spans=spans)


def _span(flag: str, start: str, to: str | None, _: str) -> tuple[str, date, date | None]:
    return flag, date.fromisoformat(start), date.fromisoformat(to) if to else None


def followed(survivor_of: dict[str, str]) -> dict[str, str]:
    """For each dead id the living one at the end of its chain of survivors."""
    found: dict[str, str] = {}
    for dead in survivor_of:
        seen = {dead}
        living = survivor_of[dead]
        while living in survivor_of and living not in seen:
            seen.add(living)
            living = survivor_of[living]
        found[dead] = living
    return found


async def load(at: Snapshots, outstanding: Outstanding, today: date) -> World:
    """Reads all of it."""
    pupils = await registers.pupils(at.registers)
    survivors = followed({pupil.pupil_id: pupil.survivor for pupil in pupils.values() if pupil.survivor})
    enrolments: dict[str, list[Enrolment]] = {}
    for pupil_id, stays in (await registers.enrolments(at.registers)).items():
        enrolments.setdefault(survivors.get(pupil_id, pupil_id), []).extend(stays)
    calendar_years, calendars = await registers.calendars(at.registers)
    schools = await registers.schools(at.registers)
    late = {school.urn for school in schools if school.la_code in outstanding.authorities}
    return World(
        today=today,
        codes=code_table(),
        policies=Policies(
            await engine.policy_day(at.engine) or today,
            shipped(),
            await engine.policies(at.engine),
            {school.urn: school.la_code for school in schools},
        ),
        schools=schools,
        pupils=pupils,
        survivors=survivors,
        former_upns=await registers.former_upns(at.registers),
        enrolments=enrolments,
        calendar_years=calendar_years,
        calendars=calendars,
        positions=await engine.positions(at.engine),
        children=await engine.children(at.engine),
        outstanding=outstanding,
        behind={child for child, stays in enrolments.items() if late & {stay.urn for stay in stays}},
    )

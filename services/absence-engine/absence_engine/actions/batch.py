"""What a run of ledger entries changes, put together so that it can be applied in few statements.

Entries of several schools may stand between one another; those of one school are in order. Facts are full states: the
last one told wins, of a child's own facts the one with the highest version.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from common.academic import GRID, Session, parse_year, place_of, year_of
from common.codes import code_table
from common.events import Event
from common.events.registers import (
    CalendarChanged,
    EnrolmentChanged,
    Entry,
    PupilChanged,
    PupilFacts,
    PupilMerged,
    PupilSplit,
    RecalculationEnded,
    RecalculationStarted,
    RegisterMissing,
    RegisterReceived,
    SchoolChanged,
    SessionMarked,
)
from common.lineage import Link

from absence_engine.domain.records import Enrolment

NUMBERS: dict[str | None, int] = {None: 0} | {code.code: code.number for code in code_table().values()}

SheetKey = tuple[str, int, int]
"""(id of the ledger, URN, academic year)"""
Marks = dict[SheetKey, list[tuple[int, int]]]
"""Per sheet (place on the grid, code number), in order, 0 for none."""


@dataclass(slots=True)
class Heard:
    """What a batch says of a session's register: that there are marks, and whether it was missed (None: nothing)."""

    marked: bool = False
    missing: bool | None = None


@dataclass(slots=True)
class SchoolRun:
    """What a batch says of one school's ledger: the last complete write in it, who was touched up to there, and
    after; what it says of `registers`, by academic year and place on the grid.

    While the school is `recalculating`, whoever is touched stays among the unfinished: what the marks come to is told
    in many writes, and no episode may come of what is half-way.
    """

    recalculating: bool = False
    complete_to: int | None = None
    touched: set[str] = field(default_factory=set[str])
    unfinished: set[str] = field(default_factory=set[str])
    last_register: tuple[date, int] | None = None
    registers: dict[tuple[int, int], Heard] = field(default_factory=dict[tuple[int, int], Heard])

    def everybody(self) -> set[str]:
        """All who were touched."""
        return self.touched | self.unfinished

    def end_of(self, entry: Event) -> None:
        """Called after each entry: the last one of a write completes it."""
        assert isinstance(entry.data, Entry)
        assert entry.sequence is not None
        if entry.sequence >= entry.data.write_last:
            self.complete_to = entry.sequence
            if not self.recalculating:
                self.touched |= self.unfinished
                self.unfinished.clear()


@dataclass(slots=True)
class Batch:
    """All changes of a batch. `recalculations`: of schools where one began or ended, whether it is under way."""

    runs: dict[int, SchoolRun] = field(default_factory=lambda: defaultdict[int, SchoolRun](SchoolRun))
    schools: dict[int, SchoolChanged] = field(default_factory=dict[int, SchoolChanged])
    calendars: dict[tuple[int, int], bytes] = field(default_factory=dict[tuple[int, int], bytes])
    enrolments: dict[tuple[int, str], list[Enrolment]] = field(default_factory=dict[tuple[int, str], list[Enrolment]])
    facts: dict[str, PupilFacts] = field(default_factory=dict[str, PupilFacts])
    links: list[tuple[str, Link]] = field(default_factory=list[tuple[str, Link]])
    splits: list[PupilSplit] = field(default_factory=list[PupilSplit])
    recalculations: dict[int, bool] = field(default_factory=dict[int, bool])
    marks: Marks = field(default_factory=dict[SheetKey, list[tuple[int, int]]])

    def ids(self) -> set[str]:
        """Every id that the batch names."""
        named = {pupil_id for run in self.runs.values() for pupil_id in run.everybody()}
        return named | {pupil_id for told, link in self.links for pupil_id in (told, link.parent)}


def recalendared(entries: Sequence[Event]) -> set[int]:
    """The schools whose calendars these entries change: all children on their rolls are touched."""
    return {entry.schoolurn for entry in entries if isinstance(entry.data, CalendarChanged) and entry.schoolurn}


def read(
    entries: Sequence[Event], on_roll: Mapping[int, Collection[str]], recalculating: Collection[int] = ()
) -> Batch:
    """The batch that these entries make; `on_roll` are the ids on the rolls of the schools that `recalendared`
    names, `recalculating` the schools whose recalculation was under way before.
    """
    batch = Batch()
    for urn in recalculating:
        batch.runs[urn].recalculating = True
    for entry in entries:
        assert entry.schoolurn is not None
        run = batch.runs[entry.schoolurn]
        match entry.data:
            case SessionMarked():
                _marks(batch, run, entry.schoolurn, entry.data)
            case EnrolmentChanged():
                _enrolments(batch, run, entry.schoolurn, entry.data)
            case PupilChanged():
                _facts(batch, run, entry.data)
            case PupilMerged():
                link = Link(entry.data.survivor, entry.data.identity_version)
                batch.links.append((entry.data.pupil_id, link))
                run.unfinished.update((entry.data.pupil_id, entry.data.survivor))
            case PupilSplit():
                batch.splits.append(entry.data)
                if entry.data.restored:
                    link = Link(entry.data.pupil_id, entry.data.identity_version, apart=True)
                    batch.links.append((entry.data.other, link))
                run.unfinished.update((entry.data.pupil_id, entry.data.other))
            case SchoolChanged():
                batch.schools[entry.schoolurn] = entry.data
            case CalendarChanged():
                batch.calendars[entry.schoolurn, parse_year(entry.data.academic_year)] = _grid(entry.data)
                run.unfinished.update(on_roll[entry.schoolurn])
            case RecalculationStarted() | RecalculationEnded():
                run.recalculating = isinstance(entry.data, RecalculationStarted)
                batch.recalculations[entry.schoolurn] = run.recalculating
            case RegisterMissing() | RegisterReceived():
                _heard(run, entry.data).missing = isinstance(entry.data, RegisterMissing)
            case _:
                pass  # quarantine, reasons: no mark stands or falls by these
        run.end_of(entry)
    return batch


def _marks(batch: Batch, run: SchoolRun, urn: int, data: SessionMarked) -> None:
    day, session = date.fromisoformat(data.date), Session[data.session]
    year, place, marks = year_of(day), place_of(day, session), batch.marks
    for mark in data.marks:
        key = (mark.pupil_id, urn, year)
        change = (place, NUMBERS[mark.code])
        if (changes := marks.get(key)) is None:
            marks[key] = [change]
        else:
            changes.append(change)
    run.unfinished.update([mark.pupil_id for mark in data.marks])
    run.last_register = max(run.last_register or (day, 0), (day, int(session)))
    if any(mark.code is not None for mark in data.marks):
        _heard(run, data).marked = True


def _heard(run: SchoolRun, data: SessionMarked | RegisterMissing | RegisterReceived) -> Heard:
    """Where it is noted what is said of a session's register."""
    day = date.fromisoformat(data.date)
    return run.registers.setdefault((year_of(day), place_of(day, Session[data.session])), Heard())


def _enrolments(batch: Batch, run: SchoolRun, urn: int, data: EnrolmentChanged) -> None:
    for pupil in data.pupils:
        stays = [
            Enrolment(
                urn,
                date.fromisoformat(e.from_),
                None if e.to is None else date.fromisoformat(e.to),
                e.kind,
                e.registration_group,
            )
            for e in pupil.enrolments
        ]
        batch.enrolments[urn, pupil.pupil_id] = stays
        run.unfinished.add(pupil.pupil_id)


def _facts(batch: Batch, run: SchoolRun, data: PupilChanged) -> None:
    for facts in data.pupils:
        known = batch.facts.get(facts.pupil_id)
        if known is None or known.pupil_version < facts.pupil_version:
            batch.facts[facts.pupil_id] = facts
        run.unfinished.add(facts.pupil_id)


def _grid(data: CalendarChanged) -> bytes:
    grid = bytearray(GRID)
    for day in data.days:
        for session in day.sessions:
            grid[place_of(date.fromisoformat(day.date), Session[session])] = 1
    return bytes(grid)

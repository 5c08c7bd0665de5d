"""What a run of ledger entries changes, put together so that it can be applied in few statements.

Entries of several schools may stand between one another; those of one school are in order. Facts are full states: the
last one told wins, of a child's own facts the one with the highest version. Marks are columns (`columns`): a batch may
hold millions of them.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from common.academic import GRID, Session, parse_year, place_of
from common.events import Event
from common.events.registers import (
    CalendarChanged,
    EnrolmentChanged,
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

from absence_engine.actions.columns import MarkColumns, spot
from absence_engine.domain.events import REASONS
from absence_engine.domain.records import Enrolment
from absence_engine.store.progress import State

_REASONS = tuple(REASONS)

SOME_MARKS, MOST_MARKS, MOST_FACTS = 2_000_000, 72_000_000, 50_000
MARKS_A_SHEET = 400
"""A batch is large enough at two million marks, or later: once there are so many for each sheet that has to be
written, a year. At the most its marks take some 540 MB.
"""


@dataclass(slots=True)
class Heard:
    """What a batch says of a session's register: that there are marks, and whether it was missed (None: nothing)."""

    marked: bool = False
    missing: bool | None = None


@dataclass(slots=True)
class SchoolRun:
    """What a batch says of one school's ledger: the last complete write in it, who was touched up to there, and
    after; what it says of `registers`, by academic year and place on the grid. `touched_to`: the entry up to which all
    were touched; `replanned`: the last one that changed a calendar.

    While the school is `recalculating`, whoever is touched stays among the unfinished: what the marks come to is told
    in many writes, and no episode may come of what is half-way.
    """

    recalculating: bool = False
    complete_to: int | None = None
    touched_to: int = 0
    replanned: int | None = None
    touched: set[str] = field(default_factory=set[str])
    unfinished: set[str] = field(default_factory=set[str])
    last_register: tuple[date, int] | None = None
    registers: dict[tuple[int, int], Heard] = field(default_factory=dict[tuple[int, int], Heard])

    def everybody(self) -> set[str]:
        """All who were touched."""
        return self.touched | self.unfinished

    def end_of(self, number: int, write_last: int) -> None:
        """Called after each entry: the last one of a write completes it."""
        if number >= write_last:
            self.complete_to = number
            if not self.recalculating:
                self.touched_to = number
                if self.unfinished:
                    self.touched |= self.unfinished
                    self.unfinished.clear()


@dataclass(slots=True)
class Batch:
    """All changes of a batch. `states`: of the schools that were being rebuilt or recalculated before it.
    `recalculations`: of schools where one began or ended, whether it is under way. `reasons`: entries about marks N.
    """

    states: dict[int, State] = field(default_factory=dict[int, State])
    runs: dict[int, SchoolRun] = field(default_factory=dict[int, SchoolRun])
    schools: dict[int, SchoolChanged] = field(default_factory=dict[int, SchoolChanged])
    calendars: dict[tuple[int, int], bytes] = field(default_factory=dict[tuple[int, int], bytes])
    enrolments: dict[tuple[int, str], list[Enrolment]] = field(default_factory=dict[tuple[int, str], list[Enrolment]])
    facts: dict[str, PupilFacts] = field(default_factory=dict[str, PupilFacts])
    links: list[tuple[str, Link]] = field(default_factory=list[tuple[str, Link]])
    splits: list[PupilSplit] = field(default_factory=list[PupilSplit])
    recalculations: dict[int, bool] = field(default_factory=dict[int, bool])
    reasons: list[Event] = field(default_factory=list[Event])
    marks: MarkColumns = field(default_factory=MarkColumns)

    def know(self, urns: Iterable[int], states: Mapping[int, State]) -> None:
        """Schools that the batch is going to hear of, with the states of those that have one: before their entries."""
        self.states.update(states)
        for urn in urns:
            self.runs[urn] = SchoolRun(recalculating=urn in states and states[urn].recalculating)

    def add(self, entries: Iterable[Event]) -> None:
        """Takes entries of schools that it knows."""
        for entry in entries:
            assert entry.schoolurn is not None
            assert entry.sequence is not None
            run = self.runs[entry.schoolurn]
            if isinstance(entry.data, SessionMarked):
                _marks(self, run, entry, entry.data)
            else:
                _other(self, run, entry)
            run.end_of(entry.sequence, entry.data.write_last)

    def close(self, on_roll: Mapping[int, Collection[str]]) -> None:
        """Says who was touched by marks and calendars, once all is there (and again after a deadlock). `on_roll`: the
        ids on the rolls of the schools that are `replanned`.
        """
        for urn, ids in on_roll.items():
            run = self.runs[urn]
            (run.touched if (run.replanned or 0) <= run.touched_to else run.unfinished).update(ids)
        for urn, (done, not_done) in self.marks.touched(
            {urn: run.touched_to for urn, run in self.runs.items()}
        ).items():
            self.runs[urn].touched |= done
            self.runs[urn].unfinished |= not_done

    @property
    def is_full(self) -> bool:
        """Whether it is time to apply it, where there is more to come."""
        marks, facts = len(self.marks), len(self.facts) + len(self.enrolments)
        return marks >= min(max(SOME_MARKS, MARKS_A_SHEET * len(self.marks.keys)), MOST_MARKS) or facts > MOST_FACTS

    def replanned(self) -> set[int]:
        """The schools whose calendars it changes: all children on their rolls are touched."""
        return {urn for urn, _ in self.calendars}

    def ids(self) -> set[str]:
        """Every id that the batch names."""
        named = {pupil_id for run in self.runs.values() for pupil_id in run.everybody()}
        return named | {pupil_id for told, link in self.links for pupil_id in (told, link.parent)}


def _other(batch: Batch, run: SchoolRun, entry: Event) -> None:
    """Takes an entry that brings no marks."""
    assert entry.schoolurn is not None
    match entry.data:
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
            run.replanned = entry.sequence
        case RecalculationStarted() | RecalculationEnded():
            run.recalculating = isinstance(entry.data, RecalculationStarted)
            batch.recalculations[entry.schoolurn] = run.recalculating
        case RegisterMissing() | RegisterReceived():
            _heard(run, entry.data).missing = isinstance(entry.data, RegisterMissing)
        case _:
            if isinstance(entry.data, _REASONS):
                batch.reasons.append(entry)
            # quarantine: no mark stands or falls by it


def _marks(batch: Batch, run: SchoolRun, entry: Event, data: SessionMarked) -> None:
    day, year, place = spot(data.date, data.session)
    session = (day, place % 2)
    if run.last_register is None or run.last_register < session:
        run.last_register = session
    if batch.marks.add(entry, data, year, place):
        if (heard := run.registers.get((year, place))) is None:
            heard = run.registers[year, place] = Heard()
        heard.marked = True


def _heard(run: SchoolRun, data: RegisterMissing | RegisterReceived) -> Heard:
    """Where it is noted what is said of a session's register."""
    _, year, place = spot(data.date, data.session)
    return run.registers.setdefault((year, place), Heard())


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

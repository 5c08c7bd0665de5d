"""A small authority whose schools do anything at any time, and the ledgers and databases that come of it.

`steps` are what schools do, drawn at random; `Authority.take` has the registers service do one of them.
`Authority.deliver` hands a delivery's chunks to two engines; `Authority.audit` lets the second implementation judge it.
"""

import asyncio
import contextlib
import dataclasses
import io
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from absence_engine.actions.figures import PupilFigures
from absence_engine.actions.figures import pupil as pupil_figures
from absence_engine.actions.holding import Policies
from absence_engine.actions.rebuild import rebuild
from absence_engine.consumer import handler
from absence_engine.domain.policy import Policy
from audit.barrier import Outstanding
from audit.child import Child, Mark
from audit.compare import world as worlds
from audit.compare.everything import compare_ledgers
from audit.policies import only
from audit.policy import Policy as PlainPolicy
from audit.read import engine as read_engine
from audit.read.snapshot import Snapshots
from audit.report import Report
from common.academic import Session, year_of
from common.broker import Partition, Record
from common.clock import Clock
from common.db import Database
from common.errors import InvalidError, NotFoundError
from common.events.registers import TOPIC
from common.security import Caller
from hypothesis import strategies as st
from registers.actions.deletion import Deletion, delete_mark
from registers.actions.merging import Said, merge_pupils
from registers.actions.recording import Recorder
from registers.actions.release import judge_by
from registers.actions.roll import Roll, Row, put_roll
from registers.actions.schools import SentCalendar, put_calendar, put_school
from registers.actions.splitting import Split, split_pupil
from registers.actions.writing import Writer
from registers.domain.identity import RowKeys
from registers.domain.identity_changes import Part
from registers.domain.register import Register, SentMark
from registers.domain.roll import Kind, SentEnrolment, SentPupil
from registers.store.schools import School

from tests.any_order import Chunk

ANYBODY = Caller("test", frozenset())
FIRST, SECOND = 100001, 100002
SCHOOLS: tuple[int, int] = (FIRST, SECOND)
TODAY = date(2026, 9, 21)
DAYS = [date(2026, 7, day) for day in (6, 7, 13, 14, 16)] + [
    date(2026, 9, day) for day in (2, 3, 7, 8, 10, 14, 15, 21, 22)
]
"""Days of seven weeks, on both sides of a year's edge; the last one is after today."""
UNMARKED = [date(2026, 7, 20), date(2026, 8, 24), date(2026, 9, 28)]
"""Days of further weeks, for which nobody ever sends a mark: school weeks they are when a calendar opens them."""
UPNS = ["B801200005001", "F330123425001", "R33012342500A"]
"""Two children's, and a temporary one."""
PUPILS = ["1", "2", "3"]

TABLES = {
    "registers": "school, school_la, calendar, calendar_day, named_day, register_times, year_group, pupil,"
    " school_pupil, enrolment, contact, submission, mark, unresolved, ledger, outbox, evaluated, upn, identity_change",
    "engine": "child, household, school, school_la, calendar, enrolment, sheet, episode, pending, ledger_position,"
    " position, dead_letter, outbox",
}

STANDING = """
select mark.urn, mark.date, mark.session, mark.pupil_id::text, mark.code, (
    select local_id from school_pupil as s where s.urn = mark.urn and s.pupil_id = mark.pupil_id limit 1
) as local_id
from mark where mark.standing and mark.code is not null
"""


@dataclass(frozen=True)
class PutCalendar:
    """A school says when it is open: the sessions of DAYS, as a pattern that repeats, and which UNMARKED days."""

    urn: int
    pattern: tuple[bool, ...]
    unmarked: tuple[bool, ...] = (False, False, False)


@dataclass(frozen=True)
class PutRow:
    """A school says that a pupil is, or was, on its roll, from one of DAYS to another."""

    urn: int
    local_id: str
    upn: str | None
    first: int
    length: int | None
    kind: Kind
    born: date | None


@dataclass(frozen=True)
class PutMarks:
    """A school sends registers of some sessions in a row, the codes as a pattern that repeats; a key may be unknown."""

    urn: int
    first: int
    sessions: int
    version: int | None
    codes: tuple[str | None, ...]
    by_upn: bool = False


@dataclass(frozen=True)
class Delete:
    """A school takes a mark back."""

    urn: int
    session: int
    local_id: str
    version: int | None


@dataclass(frozen=True)
class NextDay:
    """Midnight: the day after TODAY has come, or it is TODAY again."""

    tomorrow: bool


@dataclass(frozen=True)
class Merge:
    """A person says that one school's pupil is another one's, by local ids."""

    dead: tuple[int, str]
    survivor: tuple[int, str]


@dataclass(frozen=True)
class Restore:
    """A person says that the last id that died is another child after all."""


@dataclass(frozen=True)
class PartOff:
    """A person says that what a school says of a pupil, from one of DAYS to another, is said of another child."""

    urn: int
    local_id: str
    first: int | None
    last: int | None


Step = PutCalendar | PutRow | PutMarks | Delete | NextDay | Merge | Restore | PartOff

urns = st.sampled_from(SCHOOLS)
versions = st.none() | st.integers(1, 4)
places = st.integers(0, 2 * len(DAYS) - 1)
kinds: st.SearchStrategy[Kind] = st.sampled_from(["single", "main", "subsidiary", "guest"])
births = st.sampled_from([None, date(2014, 3, 9), date(2021, 9, 1), date(2010, 8, 31)])
marks = st.builds(
    PutMarks,
    urns,
    places,
    st.integers(1, 8),
    versions,
    st.lists(st.sampled_from(["/", "O", "O", "N", "G", "I", "D", "/", "", "H", None]), min_size=1, max_size=5).map(
        tuple
    ),
    st.booleans(),
)
one_mark = st.builds(
    PutMarks, urns, places, st.just(1), st.none(), st.sampled_from([("O",), ("G",), ("N",), ("/",), (None, "I")])
)
attended = st.builds(
    PutMarks, urns, st.integers(len(DAYS), 2 * len(DAYS) - 1), st.integers(1, 3), st.none(), st.just(("/",))
)
"""Marks that count to nothing, but make a school week complete, or a year over."""
rows = st.builds(
    PutRow,
    urns,
    st.sampled_from(PUPILS),
    st.none() | st.sampled_from(UPNS),
    st.sampled_from([-1, -1, *range(len(DAYS))]),
    st.none() | st.integers(0, 80),
    kinds,
    births,
)
new_upns = st.builds(
    lambda named, kind: PutRow(*named, first=-1, length=None, kind=kind, born=None),
    st.sampled_from([(FIRST, "2", UPNS[0]), (SECOND, "1", UPNS[0]), (FIRST, "3", UPNS[1]), (SECOND, "3", UPNS[1])]),
    kinds,
)
"""A UPN arrives: that of another child, so that two become one, or a child's first permanent one."""
merges = st.builds(Merge, st.tuples(urns, st.sampled_from(PUPILS)), st.tuples(urns, st.sampled_from(PUPILS)))
open_halves = st.lists(st.booleans(), min_size=1, max_size=4).map(tuple)
steps: st.SearchStrategy[Step] = st.one_of(
    marks,
    one_mark,
    one_mark,
    attended,
    rows,
    new_upns,
    st.builds(PutCalendar, urns, open_halves, st.tuples(st.booleans(), st.booleans(), st.booleans())),
    st.builds(PutCalendar, urns, st.just((True,)), st.tuples(st.booleans(), st.booleans(), st.booleans())),
    st.builds(Delete, urns, places, st.sampled_from(PUPILS), versions),
    st.builds(NextDay, st.booleans()),
    merges,
    st.builds(Restore),
    st.builds(
        PartOff,
        urns,
        st.sampled_from(PUPILS),
        st.none() | st.integers(0, len(DAYS) - 1),
        st.none() | st.integers(0, len(DAYS) - 1),
    ),
)
Term = tuple[int, tuple[str | None, ...], int]
terms: st.SearchStrategy[Term] = st.tuples(
    st.integers(len(DAYS), 2 * len(DAYS)),
    st.lists(st.sampled_from(["/", "/", "/", "O", "N", "G", "I", None]), min_size=2, max_size=9).map(tuple),
    st.sampled_from([0, 0, 4, 8]),
)
"""How many sessions, their codes as a pattern that repeats, and how many sessions of holiday it began with."""


def beginning(first: Term, second: Term) -> list[Step]:
    """What every example begins with: two schools that are open, a few children, and a term of marks.

    Pupil 3 is one child at both schools, with a temporary UPN; pupil 1 of the second school may turn out to be pupil 1
    of the first, and so may pupil 2.
    """
    upns = {(FIRST, "1"): UPNS[0], (FIRST, "3"): UPNS[2], (SECOND, "3"): UPNS[2]}
    terms_of = [(FIRST, first), (SECOND, second)]
    pupils = [(FIRST, "1"), (FIRST, "2"), (FIRST, "3"), (SECOND, "1"), (SECOND, "3")]
    return [
        *(PutCalendar(urn, (True,)) for urn in SCHOOLS),
        *(PutRow(*who, upns.get(who), 0, None, "single", None) for who in pupils),
        *(PutMarks(urn, 0, length, None, codes) for urn, (length, codes, _) in terms_of),
        *(PutMarks(urn, 0, holiday, None, ("G",)) for urn, (_, _, holiday) in terms_of),
    ]


def session_at(place: int) -> tuple[date, Session]:
    return DAYS[place // 2], Session(place % 2)


class Authority:
    """The databases of registers and the engine, emptied for each example; two engines share the latter."""

    def __init__(self, registers: Database, engines: tuple[Database, Database], policy: Policy) -> None:
        self.registers, self.engines = registers, engines
        self.policy = policy
        self.clock = Clock(TODAY)
        self._offsets = [0, 0]

    async def empty(self) -> None:
        for database, names in ((self.registers, TABLES["registers"]), (self.engines[0], TABLES["engine"])):
            async with database.connection() as connection:
                await connection.execute("; ".join(f"delete from {name}" for name in names.split(", ")))
                await connection.execute(
                    "select setval(format('%I.%I', schemaname, sequencename), 1, false) from pg_sequences"
                )
        self.clock, self._offsets = Clock(TODAY), [0, 0]
        for urn in SCHOOLS:
            await put_school(self._writer(), self.registers, School(urn, f"School {urn}", "330", str(urn), "primary"))
        await judge_by(self.registers, self._writer(), TODAY)

    def _policies(self) -> Policies:
        return Policies(self.clock, [self.policy])

    def _writer(self) -> Writer:
        return Writer(self.registers, self.clock, lambda: None)

    async def take(self, step: Step) -> None:
        """Has the registers service do a step; what it refuses changes nothing."""
        match step:
            case PutCalendar():
                await self._put_calendar(step)
            case PutRow():
                await self._put_row(step)
            case PutMarks():
                for place in range(step.first, min(step.first + step.sessions, 2 * len(DAYS))):
                    await self._put_register(step, place)
            case Delete():
                await self._delete(step)
            case NextDay():
                self.clock = Clock(TODAY + timedelta(int(step.tomorrow)))
                await judge_by(self.registers, self._writer(), self.clock.today())
            case Merge():
                await self._merge(step)
            case Restore():
                await self._restore()
            case PartOff():
                await self._part_off(step)

    async def pupil(self, urn: int, local_id: str) -> str | None:
        """The child whom a school calls by a local id."""
        async with self.registers.connection() as connection:
            return await connection.fetchval(
                "select pupil_id::text from school_pupil where urn = $1 and local_id = $2", urn, local_id
            )

    async def _merge(self, step: Merge) -> None:
        dead, survivor = await self.pupil(*step.dead), await self.pupil(*step.survivor)
        if dead is not None and survivor is not None:
            with contextlib.suppress(InvalidError):  # one child already
                await merge_pupils(self._writer(), ANYBODY, dead, survivor, Said("test", "test"))

    async def _restore(self) -> None:
        async with self.registers.connection() as connection:
            last = await connection.fetchrow(
                "select p.survivor::text, p.pupil_id::text from identity_change as c"
                " join pupil as p on p.pupil_id = c.other where p.survivor is not null order by c.number desc limit 1"
            )
        if last is not None:
            await split_pupil(self._writer(), ANYBODY, Split(last[0], restore=last[1]), Said("test", "test"))

    async def _part_off(self, step: PartOff) -> None:
        pupil_id = await self.pupil(step.urn, step.local_id)
        first, last = (None if place is None else DAYS[place] for place in (step.first, step.last))
        if pupil_id is not None:
            with contextlib.suppress(InvalidError):  # nothing would be left, or it ends before it begins
                part = Part(step.urn, first, last)
                await split_pupil(self._writer(), ANYBODY, Split(pupil_id, parts=[part]), Said("test", "test"))

    async def _put_calendar(self, step: PutCalendar) -> None:
        opened: dict[int, dict[date, dict[Session, None]]] = {2025: {}, 2026: {}}
        for place in range(2 * len(DAYS)):
            day, session = session_at(place)
            if step.pattern[place % len(step.pattern)]:
                opened[year_of(day)].setdefault(day, {})[session] = None
        for day, is_open in zip(UNMARKED, step.unmarked, strict=True):
            if is_open:
                opened[year_of(day)][day] = dict.fromkeys(Session)
        for year, days in opened.items():
            await put_calendar(self._writer(), step.urn, year, SentCalendar(days))

    async def _put_row(self, step: PutRow) -> None:
        first = DAYS[step.first] if step.first >= 0 else date(2025, 9, 1)
        to = None if step.length is None else first + timedelta(step.length)
        stay = SentEnrolment(first, to, step.kind)
        pupil = SentPupil(step.local_id, "A", "B", stay, upn=step.upn, date_of_birth=step.born)
        await put_roll(self._writer(), Roll(step.urn, [Row(pupil, RowKeys(step.local_id, step.upn))]))

    async def _put_register(self, step: PutMarks, place: int) -> None:
        day, session = session_at(place)
        keys = [(None, upn) for upn in UPNS] if step.by_upn else [(local_id, None) for local_id in PUPILS]
        marks = [
            SentMark(code, local_id=local_id, upn=upn)
            for number, (local_id, upn) in enumerate(keys)
            if (code := step.codes[(place + number) % len(step.codes)]) is not None
        ]
        recorder = Recorder(self.registers, self.clock, lambda: None)
        now = datetime.now(UTC)
        with contextlib.suppress(InvalidError):  # two keys of one child, by now: the register is refused whole
            await recorder.record(Register(step.urn, day, session, step.version, None, None, now, "test", marks))

    async def _delete(self, step: Delete) -> None:
        day, session = session_at(step.session)
        async with self.registers.connection() as connection:
            pupil_id = await connection.fetchval(
                "select pupil_id::text from school_pupil where urn = $1 and local_id = $2", step.urn, step.local_id
            )
        if pupil_id is not None:
            deletion = Deletion(step.urn, day, session, pupil_id, step.version, datetime.now(UTC), "test")
            with contextlib.suppress(NotFoundError):  # nothing to take back
                await delete_mark(self._writer(), deletion)

    async def standing_marks(self) -> dict[int, set[tuple[date, int, str, str]]]:
        """By school: day, session, local id and code of every mark that stands."""
        async with self.registers.connection() as connection:
            rows = await connection.fetch(STANDING)
        return {
            urn: {(row["date"], row["session"], row["local_id"], row["code"]) for row in rows if row["urn"] == urn}
            for urn in SCHOOLS
        }

    async def ledgers(self) -> dict[int, list[bytes]]:
        """Every school's entries, in order."""
        async with self.registers.connection() as connection:
            rows = await connection.fetch("select urn, body from ledger order by urn, number")
        found: dict[int, list[bytes]] = {urn: [] for urn in SCHOOLS}
        for row in rows:
            found[row["urn"]].append(row["body"])
        return found

    async def deliver(self, partition: int, chunks: Sequence[Chunk], owners: Sequence[int]) -> None:
        """One partition's records, chunk by chunk, each to one of the two engines."""
        handle = handler(self.clock, self._policies())
        for number, chunk in enumerate(chunks):
            records: list[Record] = []
            for urn, body in chunk:
                offset = self._offsets[partition]
                self._offsets[partition] += 1
                records.append(Record(Partition(TOPIC, partition), offset, str(urn).encode(), body, str(offset)))
            owner = self.engines[owners[number % len(owners)]]
            await owner.in_transaction(lambda tx, records=records: handle(tx, records))

    async def deliver_all(self, partitions: Sequence[Sequence[Chunk]], owners: Sequence[int]) -> None:
        """Several partitions at the same time."""
        await asyncio.gather(*(self.deliver(number, chunks, owners) for number, chunks in enumerate(partitions)))

    async def rebuild(self) -> None:
        """Has the engine start again from the first entries."""
        await rebuild(self.engines[0])

    async def episodes(self) -> dict[str, str]:
        """The state of every episode that was ever announced."""
        async with self.engines[0].connection() as connection:
            rows = await connection.fetch("select episode_id::text, state from episode")
        return {row["episode_id"]: row["state"] for row in rows}

    async def audit(self, policy: PlainPolicy) -> str:
        """What the second implementation finds wrong, in words; empty when nothing is."""
        out = io.StringIO()
        report = Report(out)
        async with self._snapshots() as at:
            world = await worlds.load(at, Outstanding(), self.clock.today())
            world = dataclasses.replace(world, policies=only(policy))
            await compare_ledgers(at, world, await read_engine.episodes(at.engine), report)
        return out.getvalue()

    @contextlib.asynccontextmanager
    async def _snapshots(self) -> AsyncIterator[Snapshots]:
        """Snapshots without casework and notifications, which ledgers do not concern."""
        async with (
            self.registers.connection() as registers,
            self.engines[0].connection() as engine,
            registers.transaction(isolation="repeatable_read", readonly=True),
            engine.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield Snapshots(registers=registers, engine=engine, casework=engine, notifications=engine)  # type: ignore[arg-type]

    async def children(self) -> list[Child]:
        """Every living child as the registers know it, for the second implementation to count."""
        async with self._snapshots() as at:
            world = await worlds.load(at, Outstanding(), self.clock.today())
            rows = await at.registers.fetch(STANDING)
        marks: dict[str, list[Mark]] = {}
        for row in rows:
            mark = Mark(row["date"], Session(row["session"]).name, row["code"], row["urn"], row["pupil_id"])
            marks.setdefault(world.living(mark.ledger_id), []).append(mark)
        return [
            Child(
                pupil_id,
                marks.get(pupil_id, []),
                world.enrolments.get(pupil_id, []),
                world.calendars,
                pupil.facts.date_of_birth,
            )
            for pupil_id, pupil in world.pupils.items()
            if pupil.survivor is None
        ]

    async def figures(self, pupil_id: str, year: int) -> PupilFigures:
        """The engine's answer."""
        anybody = Caller("test", frozenset())
        async with self.engines[0].transaction() as tx:
            return await pupil_figures(tx, pupil_id, year, None, anybody, self._policies(), self.clock.today())

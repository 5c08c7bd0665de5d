"""Everybody recomputed after a change of a rule: `python -m tests.bench reevaluate`, or this module with `--pupils N`.

A year of an authority's marks is put into sheets. Its children are looked at once, so that all have the episodes that
they would have; then a version is published in which PA is at a twelfth, and the engine's own background work follows
it: children locked, evaluated whole by every rule, episodes with evidence and events written, chunk by chunk, by two
processes. Beside it
a nightly job recounts the same marks in SQL, as its author would write it: possible and absent sessions, the best ten
school weeks, three flags; no spans, no evidence, nobody told.
"""

import argparse
import asyncio
import gc
import resource
import subprocess
import sys
from collections.abc import Awaitable, Iterator, Sequence
from datetime import date
from uuid import NAMESPACE_OID, uuid5

import numpy as np
import numpy.typing as npt
from absence_engine.actions import policies as editing
from absence_engine.actions.holding import Policies
from absence_engine.actions.reevaluate import CHUNKS_AT_ONCE, Beginnings, evaluate_next
from absence_engine.domain.policy import policies, written
from absence_engine.store import sheets
from absence_engine.store.packing import pack
from absence_engine.store.policies import under_way
from common.academic import GRID, Session, place_of
from common.clock import Clock
from common.codes import code_table
from common.db import Database, Transaction
from common.migrate import migrate
from common.preconditions import NOTHING_ASKED
from common.security import Caller

from tests import servers
from tests.bench.engine_bench import Meter, school_days
from tests.bench.report import Figure

PUPILS = 170_000
AT_A_SCHOOL = 420
AT_ONCE = 5000
LA_CODE, YEAR = "330", 2025
PROMISED = 60.0
PROCESSES = 2
ABSENT = {"I": 50, "M": 5, "C": 8, "G": 6, "O": 24, "U": 4, "N": 3}
CLOCK = Clock(fixed_today=date(2026, 7, 20))
CALLER = Caller("bench", frozenset())

CODE = "create table code (number int primary key, possible bool, absent bool, unauthorised bool)"
MARK = "create unlogged table mark (pupil_id uuid, place smallint, week smallint, code smallint, sequence int)"
MARKS = """
insert into mark select pupil_id, place, week, get_byte(codes, place), 0
from unnest($3::uuid[], $4::bytea[]) as sheet (pupil_id, codes)
cross join unnest($1::smallint[], $2::smallint[]) as open (place, week)
"""
CORRECTIONS = """
insert into mark select pupil_id, place, week, code, 1 from mark tablesample bernoulli (1) repeatable (7)
"""
RECOUNT = """
create table recounted as
with last as (
    select distinct on (pupil_id, place) pupil_id, place, week, code
    from mark order by pupil_id, place, sequence desc
), weekly as (
    select pupil_id, week, count(*) filter (where possible) as possible, count(*) filter (where absent) as absent,
        count(*) filter (where unauthorised) as unauthorised
    from last join code on code.number = last.code group by pupil_id, week
), rolling as (
    select *, sum(unauthorised) over (
        partition by pupil_id order by week range between 9 preceding and current row) as in_ten
    from weekly
)
select pupil_id, sum(possible) as possible, sum(absent) as absent,
    sum(possible) >= 40 and sum(absent) * 12 >= sum(possible) as persistent,
    sum(possible) >= 40 and sum(absent) * 2 >= sum(possible) as severe, max(in_ten) >= 10 as ten_in_ten
from rolling group by pupil_id
"""
AGREE = """
select count(*) from recounted full join (
    select distinct pupil_id from episode where kind = 'PN_10_IN_10' and state <> 'reversed'
) as said using (pupil_id) where (ten_in_ten is true) <> (said.pupil_id is not null)
"""

Matrix = npt.NDArray[np.uint8]


def run(pupils: int = PUPILS) -> list[Figure]:
    """The seconds that a change of a rule takes, and those of the recount."""
    with servers.postgres() as server:
        assert server._process is not None
        return asyncio.run(_run(server.url, Meter(server._process.pid), pupils))


async def _run(url: str, meter: Meter, pupils: int) -> list[Figure]:
    async with servers.fresh_database(url) as there:
        await migrate(there, "absence_engine")
        database = await Database.open(there)
        await fill(database, pupils)
        marks = pupils * 2 * len(school_days())
        await database.in_transaction(lambda tx: editing.keep_up(tx, CLOCK))
        first = await _measured(meter, "everybody for the first time", marks, _follow(there))
        await database.in_transaction(_publish)
        again = await _measured(meter, "everybody after a change of a rule", marks, _follow(there))
        await _write_marks(database, pupils)
        nightly = await _measured(meter, "nightly SQL over the same marks", marks, _recount(database))
        async with database.connection() as connection:
            wrong = await connection.fetchval(AGREE)
            episodes = await connection.fetchval("select count(*) from episode where state <> 'reversed'")
        await database.close()
    print(f"  {episodes} episodes; children of whom the two say different things about ten in ten: {wrong}", flush=True)
    assert wrong == 0
    return [
        Figure(f"{pupils} children after a change of a rule", "s", again[0], PROMISED * pupils / PUPILS, at_most=True),
        Figure("  CPU, the engine and PostgreSQL", "s", again[1] + again[2], None),
        Figure(f"{pupils} children for the first time", "s", first[0], None),
        Figure("nightly SQL on the same marks", "s", nightly[0], None),
        Figure("  CPU", "s", nightly[1] + nightly[2], None),
        Figure("how much longer the nightly SQL takes", "x", nightly[0] / again[0], 1),
        Figure("its CPU beside ours, who tell all that has changed", "x", sum(nightly[1:]) / sum(again[1:]), None),
    ]


async def _measured(meter: Meter, what: str, marks: int, work: Awaitable[None]) -> tuple[float, ...]:
    before, ended = meter.read(), _of_ended_processes()
    await work
    wall, here, there = (after - b for after, b in zip(meter.read(), before, strict=True))
    here += _of_ended_processes() - ended
    said = f"{wall:.1f} s, CPU {here:.1f} s Python, {there:.1f} s PostgreSQL, {marks / wall:,.0f} marks/s"
    print(f"  {what}: {said}", flush=True)
    return wall, here, there


def _of_ended_processes() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def _follow(url: str) -> None:
    """The background work of two processes, to its end."""
    command = [sys.executable, "-m", __spec__.name, "--follow", url]
    works = [await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL) for _ in range(PROCESSES)]
    assert [await work.wait() for work in works] == [0] * PROCESSES


async def follow(url: str) -> None:
    """What one process does, without its rests."""
    database, held, beginnings = await Database.open(url), Policies(CLOCK), Beginnings()

    async def chunks() -> None:
        while await database.in_transaction(under_way):
            ready = await database.in_transaction(beginnings.ready)
            async with database.transaction() as tx:
                done = await evaluate_next(tx, CLOCK, held, ready)
            if done is None:
                await asyncio.sleep(0.05)  # the rest is others', or waits for them

    await asyncio.gather(*(chunks() for _ in range(CHUNKS_AT_ONCE)))
    await database.close()


async def _publish(tx: Transaction) -> None:
    document = written(policies()[-1])
    document["thresholds"]["PA"]["of"] = 12
    del document["version"], document["valid_from"]
    version = "330-2026.1"
    await editing.put(tx, CALLER, LA_CODE, version, document, CLOCK, NOTHING_ASKED)
    day = date(2025, 9, 1)
    await editing.publish(tx, CALLER, LA_CODE, version, day, "The bench", "It is measured.", CLOCK, NOTHING_ASKED)


def _places(days: Sequence[date]) -> tuple[list[int], list[int]]:
    """The open places of a year's days, and the number of the school week of each."""
    weeks = sorted({day.isocalendar()[:2] for day in days})
    places = [place_of(day, session) for day in days for session in Session]
    return places, [weeks.index(day.isocalendar()[:2]) for day in days for _ in Session]


def _sheets(pupils: int, days: Sequence[date]) -> Iterator[Matrix]:
    """The years of all pupils, some thousand at a time: how often each is absent as in the rule book's bands (10d)."""
    chance = np.random.default_rng(7)
    places, _ = _places(days)
    table = code_table()
    codes = [table[code].number for code in ABSENT]
    weights = np.array(list(ABSENT.values())) / sum(ABSENT.values())
    for first in range(0, pupils, AT_ONCE):
        n = min(AT_ONCE, pupils - first)
        rates = np.minimum(0.9, chance.beta(0.9, 12, n) + 0.005)
        sheets = np.zeros((n, GRID), np.uint8)
        absent = chance.random((n, len(places))) < rates[:, None]
        reasons = chance.choice(codes, (n, len(places)), p=weights)
        here = np.where(np.array(places) % 2, table["\\"].number, table["/"].number)
        sheets[:, places] = np.where(absent, reasons, here)
        yield sheets


def id_of(n: int) -> str:
    """A pupil's id, spread as random ones are."""
    return str(uuid5(NAMESPACE_OID, str(n)))


async def fill(database: Database, pupils: int, without: int = 0) -> None:
    """Schools, children, and sheets with a year's marks, but for those of its last days."""
    days = school_days()
    grid = bytearray(GRID)
    for place in _places(days)[0]:
        grid[place] = 1
    schools = [100001 + n for n in range((pupils + AT_A_SCHOOL - 1) // AT_A_SCHOOL)]
    async with database.transaction() as tx:
        rows = [(urn, f"School {urn}", LA_CODE, "primary") for urn in schools]
        await tx.copy_records_to_table("school", records=rows, columns=["urn", "name", "la_code", "phase"])
        years = [(urn, YEAR, bytes(grid)) for urn in schools]
        await tx.copy_records_to_table("calendar", records=years, columns=["urn", "year", "sessions"])
    first = 0
    for matrix in _sheets(pupils, days[: len(days) - without]):
        ids = [(id_of(n), 100001 + n // AT_A_SCHOOL) for n in range(first, first + len(matrix))]
        first += len(matrix)
        async with database.transaction() as tx:
            born = [(one, 1, date(2014, 1, 1)) for one, _ in ids]
            await tx.copy_records_to_table("child", records=born, columns=["pupil_id", "version", "date_of_birth"])
            stays = [(one, urn, date(2025, 9, 1), "single", f"Class {n % 14}") for n, (one, urn) in enumerate(ids)]
            columns = ["pupil_id", "urn", "from_date", "kind", "registration_group"]
            await tx.copy_records_to_table("enrolment", records=stays, columns=columns)
            packed = pack([codes.tobytes() for codes in matrix])
            rows = [(one, urn, YEAR, marks) for (one, urn), marks in zip(ids, packed, strict=True)]
            await tx.copy_records_to_table("sheet", records=rows, columns=["pupil_id", "urn", "year", "marks"])
    async with database.connection() as connection:
        await connection.execute("vacuum analyze")


async def _write_marks(database: Database, pupils: int) -> None:
    """The same marks as rows."""
    places, weeks = _places(school_days())
    async with database.connection() as connection:
        await connection.execute(f"{CODE}; {MARK}")
        table = [(c.number, c.possible, bool(c.absence), c.absence == "unauthorised") for c in code_table().values()]
        await connection.copy_records_to_table("code", records=table)
        for first in range(0, pupils, AT_ONCE):
            ids = [id_of(n) for n in range(first, min(first + AT_ONCE, pupils))]
            its = await sheets.load(connection, ids)
            codes = [sheet.codes for sheet in its]
            await connection.execute(MARKS, places, weeks, [sheet.pupil_id for sheet in its], codes)
        await connection.execute(CORRECTIONS)
        await connection.execute("analyze mark")
        await connection.execute("analyze code")


async def _recount(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute("set work_mem = '256MB'")
        await connection.execute(RECOUNT, timeout=3600)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--pupils", type=int, default=PUPILS)
    arguments.add_argument("--follow", metavar="URL", help="be one of the processes that do the work")
    options = arguments.parse_args()
    if options.follow is not None:
        gc.set_threshold(50_000, 20, 100)  # as `common.run` has it
        asyncio.run(follow(options.follow))
        return
    for figure in run(options.pupils):
        print(figure)


if __name__ == "__main__":
    main()

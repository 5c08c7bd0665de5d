"""Long lists of marks cost what a page of them shows, however many marks a school has."""

from collections.abc import AsyncIterator
from datetime import date, time
from uuid import UUID

import pytest
from common.codes import code_table
from common.db import Database, Transaction
from registers.domain.absence_notices import unsettled
from registers.store import quality, reading

from tests.integration.registers.conftest import OTHER, URN, Authority, pupil

YEAR = [date(2024, 9, 2), date(2025, 7, 22)]
PUPILS = """
insert into pupil (pupil_id, names, flags, version)
select md5('pupil' || n)::uuid, '', '{}', 1 from generate_series(1, 60) as n
"""
ENROLMENTS = """
insert into enrolment (urn, pupil_id, from_date, kind)
select urn, pupil_id, '2024-09-01', 'single' from pupil cross join unnest($1::int[]) as urn
"""
SUBMISSIONS = """
insert into submission (received_at, urn, date, session, kind, correlation_id)
select now(), urn, day, session, 'register', ''
from unnest($1::int[]) as urn cross join generate_series($2::date, $3::date, '1 day') as day
    cross join generate_series(0, 1) as session
where extract(isodow from day) < 6
"""
MARKS = """
insert into mark (urn, date, session, pupil_id, received, place, rank, code, standing, unexplained, problem)
select s.urn, s.date, s.session, p.pupil_id, s.received, row_number() over (partition by s.received), 0, '/',
    $1::text is null, false, $1
from submission as s cross join pupil as p
"""
READ = "select sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)) from pg_stat_xact_user_tables"
CLOSES, AGES = (time(9, 30), time(13, 45)), (2, 25)
FIRST: quality.Place = date.min, 0, 0, 0, ""


@pytest.fixture
async def tx(database: Database) -> AsyncIterator[Transaction]:
    """A transaction that counts from nothing, with 60 children on the roll of two schools."""
    async with database.transaction() as tx:
        await tx.execute(PUPILS)
        await tx.execute(ENROLMENTS, [URN, OTHER])
        await tx.execute(SUBMISSIONS, [URN, OTHER], *YEAR)
        await tx.execute("analyze pupil, enrolment")  # else the plan is that of the rolls which a test before left
    async with database.transaction() as tx:
        yield tx


async def _rows_read(tx: Transaction) -> int:
    return await tx.fetchval(READ)


async def _doubts(tx: Transaction, after: quality.Place, limit: int, kind: str | None = None) -> list[quality.Place]:
    span = date.min, date.max
    found = await quality.items(
        tx, URN, CLOSES, ["/"], [], after, kind, limit, date(2025, 9, 15), unsettled(code_table()), AGES, span
    )
    return [(row["date"], row["session"], row["received"], row["place"], row["kind"]) for row in found]


@pytest.mark.parametrize(("counted", "most"), [("since", 5000), ("before", 5000), ("never", 100_000)])
async def test_a_page_of_quarantine_reads_what_it_shows(tx: Transaction, counted: str, most: int) -> None:
    """Also where PostgreSQL believes that nobody waits; before it has counted for the first time, each page reads what
    waits at the school once.
    """
    await tx.execute("delete from pg_statistic where starelid = 'mark'::regclass")
    if counted == "before":
        await tx.execute(MARKS, None)
        await tx.execute("analyze mark")
        await tx.execute("update mark set standing = false, problem = 'future-date'")
    else:
        await tx.execute(MARKS, "future-date")
    if counted == "since":
        await tx.execute("analyze mark")
    before = await _rows_read(tx)
    after, seen = (date.min, 0, 0, 0), 0
    for _ in range(3):
        page = await reading.quarantine(tx, URN, after, 100)
        last = page[-1]
        after = last["date"], last["session"], last["received"], last["place"]
        seen += len({(row["date"], row["session"], row["pupil_id"]) for row in page})
    assert seen == 300
    assert await _rows_read(tx) - before < most, "for three pages of 27,840 that wait"


@pytest.mark.parametrize("kind", [None, "two-schools-marked"])
async def test_a_page_of_doubtful_data_looks_at_as_many_days_as_it_shows(tx: Transaction, kind: str | None) -> None:
    await tx.execute(MARKS, None)
    before = await _rows_read(tx)
    page = await _doubts(tx, FIRST, 100, kind)
    assert (len(page), page[0][0]) == (100, YEAR[0])
    assert await _rows_read(tx) - before < 20_000, "of 55,680 marks"


async def test_children_who_changed_schools_are_not_looked_for_at_both(tx: Transaction) -> None:
    await tx.execute("update enrolment set to_date = '2025-01-05' where urn = $1", OTHER)
    await tx.execute("update enrolment set from_date = '2025-01-06' where urn = $1", URN)
    await tx.execute(MARKS, None)
    before = await _rows_read(tx)
    assert await _doubts(tx, FIRST, 100, "two-schools-marked") == []
    assert await _rows_read(tx) - before < 3000


async def test_pages_together_are_the_whole_list(tx: Transaction) -> None:
    await tx.execute(MARKS, None)
    whole = await _doubts(tx, FIRST, 100_000)
    assert len(whole) == 27_840
    assert whole == sorted(whole)
    paged: list[quality.Place] = []
    while page := await _doubts(tx, paged[-1] if paged else FIRST, 10_000):
        paged += page
    assert paged == whole


@pytest.mark.parametrize("on", ["infinity", "-infinity", "2100-12-31"])
async def test_days_that_are_slips_of_the_pen_cost_nothing(tx: Transaction, on: str) -> None:
    """Older versions took marks of the years 1 and 9999, which PostgreSQL has as infinite days."""
    await tx.execute(MARKS, None)
    await tx.execute(
        "insert into enrolment (urn, pupil_id, from_date, kind) values ($1, gen_random_uuid(), '2100-12-31', 'single')",
        URN,
    )
    await tx.execute(
        "insert into mark (urn, date, session, pupil_id, received, place, rank, code, standing, unexplained, problem)"
        f" select {URN}, '{on}', 0, pupil_id, 1, 0, 0, '/', false, false, 'closed-session' from pupil limit 1"
    )
    before = await _rows_read(tx)
    assert len(await _doubts(tx, FIRST, 100)) == 100
    assert await _doubts(tx, FIRST, 100, "arrival-disagrees") == []
    assert await _rows_read(tx) - before < 200_000


async def test_doubtful_data_of_a_time_are_asked_for(authority: Authority) -> None:
    await authority.school()
    rows = await authority.roll(pupil("1"), pupil("2", date_of_birth="1990-01-01", year_group=None))
    for day in ("2025-09-08", "2025-09-12"):
        for code in ("N", "I"):
            await authority.mark("1", code, f"{day}/PM")
    path = f"/v1/schools/{URN}/data-quality"

    async def days(**query: str) -> list[str]:
        return [item["date"] for item in (await authority.ask("GET", path, params=query))["items"]]

    assert await days() == ["2025-09-01", "2025-09-08", "2025-09-12"]
    assert await days(**{"from": "2025-09-08"}) == ["2025-09-08", "2025-09-12"]
    assert await days(to="2025-09-08") == ["2025-09-01", "2025-09-08"]
    assert await days(**{"from": "2025-09-09", "to": "2025-09-11"}) == []
    await authority.ask("GET", path, 422, params={"from": "2025-09-09", "to": "2025-09-08"})
    first = await authority.ask("GET", path, params={"to": "2025-09-08", "page_size": 1})
    (second,) = (await authority.ask("GET", first["next"]))["items"]
    assert second["date"] == "2025-09-08"
    assert UUID(rows["results"][1]["pupil_id"]) == UUID(first["items"][0]["pupil_id"])

"""Every figure says how complete its schools' registers are."""

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from absence_engine.store.packing import unpack
from common.events.registers import RegisterMissing, RegisterReceived
from common.migrate import migrate, versions_folder

from tests.integration.absence_engine.ledgers import Engine, Ledger, enrolled, pupil
from tests.integration.absence_engine.test_answers import Asker, asker

__all__ = ["asker"]

URN, OTHER = 100001, 100002
ANN, BEN = pupil(1), pupil(2)
KNOWN = "select urn, year, marked::text, missing::text from coverage order by 1, 2"
DAYS = [date(2025, 9, day) for day in (25, 26, 29, 30)]  # today is 1 October


def ledger(urn: int = URN) -> Ledger:
    """A school that has taken its registers on the first two of four days."""
    made = Ledger(urn)
    made.school()
    made.calendar([*DAYS, date(2025, 10, 1), date(2025, 10, 2)])
    made.write(enrolled(ANN, BEN))
    for day in DAYS[:2]:
        for session in ("AM", "PM"):
            made.marks(day, session, {ANN: "/", BEN: "I"})
    return made


async def covered(asker: Asker, **query: Any) -> list[tuple[int, int]]:
    schools = (await asker.absence(ANN, **query))["freshness"]["schools"]
    return [(one["coverage"]["expected_sessions"], one["coverage"]["registers"]) for one in schools]


async def test_figures_say_how_many_of_the_expected_registers_they_rest_on(engine: Engine, asker: Asker) -> None:
    made = ledger()
    await engine.take(made.entries)
    assert await covered(asker) == [(8, 4)]
    assert await covered(asker, as_of="2025-09-25") == [(2, 2)]
    assert await covered(asker, academic_year="2024-25") == [(0, 0)]
    answer = await asker.get(f"/v1/schools/{URN}/absence")
    assert answer["freshness"]["schools"][0]["coverage"] == {"expected_sessions": 8, "registers": 4}


async def test_every_school_of_a_child_has_a_coverage_of_its_own(engine: Engine, asker: Asker) -> None:
    await engine.take(ledger().entries)
    other = ledger(OTHER)
    other.marks(DAYS[2], "AM", {ANN: "D"})
    await engine.take(other.entries)
    assert await covered(asker) == [(8, 4), (8, 5)]


async def test_a_register_that_is_missing_for_all_its_few_marks_is_none_until_it_comes(
    engine: Engine, asker: Asker
) -> None:
    made = ledger()
    said = {"date": "2025-09-29", "session": "AM", "marked": 1, "expected": 2}
    made.marks(DAYS[2], "AM", {ANN: "M"})
    made.write((RegisterMissing, {**said, "closes_at": "2025-09-29T09:30:00+01:00"}))
    await engine.take(made.entries)
    assert await covered(asker) == [(8, 4)]
    taken = len(made.entries)
    made.marks(DAYS[2], "AM", {BEN: "/"})
    made.write((RegisterReceived, {**said, "marked": 2, "ended": "received"}))
    await engine.take(made.entries[taken:])
    assert await covered(asker) == [(8, 5)]


async def test_a_deletion_alone_is_no_register(engine: Engine, asker: Asker) -> None:
    made = ledger()
    made.marks(DAYS[2], "AM", {ANN: None})
    await engine.take(made.entries)
    assert await covered(asker) == [(8, 4)]


async def test_coverage_does_not_depend_on_how_entries_are_batched(engine: Engine, asker: Asker) -> None:
    made = ledger()
    said = {"date": "2025-09-29", "session": "AM", "marked": 0, "expected": 2}
    made.write((RegisterMissing, {**said, "closes_at": "2025-09-29T09:30:00+01:00"}))
    made.marks(DAYS[2], "AM", {ANN: "M"})
    for entry in made.entries:
        await engine.take([entry])
    one_by_one = await engine.fetch(KNOWN)
    await engine.fetch("truncate coverage, ledger_position")
    await engine.take(made.entries)
    assert await engine.fetch(KNOWN) == one_by_one
    (_, _, marked, missing) = one_by_one[0]
    assert (marked[118], missing[118]) == ("1", "1")


async def test_the_registers_of_the_past_are_found_in_the_sheets(
    engine: Engine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await engine.take(ledger().entries)
    known = await engine.fetch(KNOWN)
    sheets = await engine.fetch("select pupil_id, urn, year, marks from sheet")
    monkeypatch.syspath_prepend(str(tmp_path))
    for last in ("0005", "0017"):
        versions = tmp_path / f"engine_of_{last}" / "store" / "versions"
        versions.mkdir(parents=True)
        (tmp_path / f"engine_of_{last}" / "__init__.py").touch()
        for path in versions_folder("absence_engine").glob("[0-9]*.py"):
            if path.name[:4] <= last:
                shutil.copy(path, versions)
        await migrate(database_url, f"engine_of_{last}")
        connection = await asyncpg.connect(database_url)
        if last == "0005":
            rows = [(*key, codes) for (*key, _), codes in zip(sheets, unpack([row[3] for row in sheets]), strict=True)]
            await connection.executemany("insert into sheet (pupil_id, urn, year, codes) values ($1, $2, $3, $4)", rows)
        else:
            found = await connection.fetch(KNOWN)
            assert [tuple(row) for row in found] == known != []
        await connection.close()

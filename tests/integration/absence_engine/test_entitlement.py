"""Who has less than full-time education at a school: by codes, by part-time timetables, page by page."""

from typing import Any

import pytest
from common.events.registers import FlagSpan, PupilChanged, PupilFacts

from tests.integration.absence_engine.ledgers import Engine, Ledger, pupil
from tests.integration.absence_engine.test_answers import OTHER, URN, Asker, asker, bearer, play, school

__all__ = ["asker"]

PATH = f"/v1/schools/{URN}/full-time-entitlement"
FULL, PART, AWAY, ILL, LEFT = (pupil(n) for n in range(1, 6))


def timetable(ledger: Ledger, child: str, version: int, to: str | None) -> None:
    span = FlagSpan("PART_TIME_TIMETABLE", "2025-09-08", to, f"timetable-{URN}")
    fact = PupilFacts(
        pupil_id=child, pupil_version=version, date_of_birth=None, year_group=None, flags=[], flag_spans=[span]
    )
    ledger.write((PupilChanged, {"pupils": [fact]}))


@pytest.fixture
async def told(engine: Engine) -> Ledger:
    """One is there full-time, one part-time without a mark of it, one elsewhere, one unable, one has left."""
    ledger = school(URN, FULL, PART, AWAY, ILL)
    ledger.enrol(LEFT, to="2025-09-12")
    timetable(ledger, PART, 1, None)
    play(ledger, FULL, "/" * 10 + "I" * 4)
    play(ledger, PART, "/" * 14)
    play(ledger, AWAY, "/" * 4 + "B" * 2 + "K" * 2)
    play(ledger, ILL, "/" * 4 + "XX")
    play(ledger, LEFT, "BB")
    await engine.take(ledger.entries)
    return ledger


async def listed(asker: Asker, **query: Any) -> dict[str, tuple[bool, dict[str, int]]]:
    answer = await asker.get(PATH, **query)
    return {
        one["pupil_id"]: (
            one["part_time_timetable_in_force"],
            {status["status"]: status["sessions"] for status in one["statuses"]},
        )
        for one in answer["items"]
    }


async def test_each_pupil_without_full_time_education_has_its_status(
    engine: Engine, told: Ledger, asker: Asker
) -> None:
    assert await listed(asker) == {
        PART: (True, {}),
        AWAY: (False, {"arranged_elsewhere": 4}),
        ILL: (False, {"not_required": 2}),
    }
    answer = await asker.get(PATH)
    (status,) = next(one["statuses"] for one in answer["items"] if one["pupil_id"] == AWAY)
    assert (status["first"], status["last"]) == ("2025-09-03", "2025-09-04")
    assert answer["freshness"]["schools"][0]["school_urn"] == URN
    before = len(told.entries)
    timetable(told, PART, 2, "2025-09-30")
    await engine.take(told.entries[before:])
    assert PART not in await listed(asker)


async def test_a_page_follows_the_other_and_hidden_schools_are_not_there(told: Ledger, asker: Asker) -> None:
    first = await asker.get(PATH, page_size=2)
    second = await asker.get(first["next"])
    assert [one["pupil_id"] for one in first["items"] + second["items"]] == [PART, AWAY, ILL]
    assert second["next"] is None
    await asker.get(PATH, 404, headers=bearer([OTHER]))
    await asker.get(f"/v1/schools/{OTHER}/full-time-entitlement", 404)

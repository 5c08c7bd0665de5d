"""Each kind of threshold from the ledger to its event, with what the policy wants done."""

from datetime import date, timedelta
from typing import Any

import pytest
from common.events.absence_engine import Stage, Threshold, ThresholdApproaching, ThresholdChanged, ThresholdCrossed
from common.events.registers import FlagSpan, PupilChanged, PupilFacts

from tests.integration.absence_engine.ledgers import Engine, Ledger, pupil

DAYS = [day for n in range(120) if (day := date(2025, 9, 1) + timedelta(n)).weekday() < 5]
SESSIONS = [(day, half) for day in DAYS for half in ("AM", "PM")]
ANN = pupil(1)


@pytest.fixture
def ledger() -> Ledger:
    made = Ledger(100001)
    made.school()
    made.calendar(DAYS)
    made.enrol(ANN)
    return made


def play(ledger: Ledger, codes: str, first: int = 0) -> None:
    for (day, half), code in zip(SESSIONS[first:], codes, strict=False):
        ledger.marks(day, half, {ANN: code})


def tell(ledger: Ledger, version: int, flags: list[str], spans: list[FlagSpan] | None = None) -> None:
    facts: dict[str, Any] = {"pupil_id": ANN, "date_of_birth": "2014-03-09", "year_group": 6, "flags": flags}
    told = PupilFacts(**facts, pupil_version=version, flag_spans=spans or [])
    ledger.write((PupilChanged, {"pupils": [told]}))


async def said(engine: Engine, kind: str) -> list[Threshold]:
    events = [event.data for event in await engine.said()]
    return [data for data in events if isinstance(data, Threshold) and data.kind == kind]


async def test_a_child_at_risk_is_told_as_approaching_and_becomes_firm_as_a_change(
    engine: Engine, ledger: Ledger
) -> None:
    play(ledger, "/" * 18 + "I" + "/")
    await engine.take(ledger.entries)
    (approaching,) = await said(engine, "AT_RISK")
    assert isinstance(approaching, ThresholdApproaching)
    assert (approaching.state, approaching.firm_on is not None, approaching.stage) == ("open", True, None)
    assert approaching.explanation.formula["comparison"] == "absent * 20 >= possible"


async def test_a_run_of_twenty_asks_for_an_attendance_return_once_it_is_firm(engine: Engine, ledger: Ledger) -> None:
    play(ledger, "O" * 19 + "N")
    await engine.take(ledger.entries)
    before = len(ledger.entries)
    (crossed,) = await said(engine, "CONTINUOUS_10")
    assert isinstance(crossed, ThresholdCrossed)
    assert (crossed.provisional, crossed.academic_year) == (True, None)
    assert crossed.stage == Stage("attendance_return", 5, while_provisional=False)
    ledger.marks(*SESSIONS[19], {ANN: "O"})
    await engine.take(ledger.entries[before:])
    changed = (await said(engine, "CONTINUOUS_10"))[-1]
    assert isinstance(changed, ThresholdChanged)
    assert (changed.episode_id, changed.provisional) == (crossed.episode_id, False)


async def test_a_flag_that_comes_later_makes_earlier_absences_unexplained_ones(engine: Engine, ledger: Ledger) -> None:
    play(ledger, "/O//N")
    await engine.take(ledger.entries)
    assert await said(engine, "UNEXPLAINED") == []
    before = len(ledger.entries)
    second = DAYS[1].isoformat()
    tell(ledger, 1, ["CP"], [FlagSpan("CP", second, None, "roll")])
    await engine.take(ledger.entries[before:])
    (crossed,) = await said(engine, "UNEXPLAINED")
    assert (crossed.crossed_on.date, crossed.provisional) == (DAYS[2].isoformat(), True)
    assert crossed.stage == Stage("inform_social_worker", 1, while_provisional=True)
    before = len(ledger.entries)
    tell(ledger, 2, [], [])
    await engine.take(ledger.entries[before:])
    assert [data.state for data in await said(engine, "UNEXPLAINED")] == ["open", "reversed"]


async def test_a_later_mark_of_a_flagged_child_is_judged_with_the_flags_that_are_kept(
    engine: Engine, ledger: Ledger
) -> None:
    tell(ledger, 1, ["CIN"])
    play(ledger, "/" * 40)
    await engine.take(ledger.entries)
    for n, code in enumerate("OOO"):
        before = len(ledger.entries)
        play(ledger, code, 40 + n)
        await engine.take(ledger.entries[before:])
    told = await said(engine, "CIN_CP_95")
    assert [(data.crossed_on.date, data.provisional) for data in told] == [(SESSIONS[42][0].isoformat(), False)]
    assert [data.revision.count for data in await said(engine, "UNEXPLAINED")] == [1]  # the run goes on


async def test_thirty_sessions_of_illness_ask_for_a_sickness_return(engine: Engine, ledger: Ledger) -> None:
    play(ledger, "I/" * 30)
    await engine.take(ledger.entries)
    (crossed,) = await said(engine, "SICKNESS_15")
    assert (crossed.academic_year, crossed.provisional) == ("2025-26", False)
    assert crossed.stage == Stage("sickness_return", 5, while_provisional=False)
    assert len(crossed.explanation.sessions) == 30

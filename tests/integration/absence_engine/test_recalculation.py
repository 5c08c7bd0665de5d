"""A school that judges many marks anew: figures say so, and no episode comes of what is half-way."""

import pytest
from absence_engine.actions import apply
from absence_engine.actions.rebuild import rebuild
from common.events.registers import RecalculationEnded, RecalculationStarted

from tests.integration.absence_engine.ledgers import Engine, Ledger, calendar, marked, pupil, three_kinds
from tests.integration.absence_engine.test_answers import (
    ANN,
    BEN,
    DAYS,
    OTHER,
    SESSIONS,
    URN,
    Asker,
    asker,
    play,
    school,
)

__all__ = ["asker"]

STARTED = (RecalculationStarted, {"sessions": 20, "children": None})
ENDED = (RecalculationEnded, {"sessions": 20, "marks": 20})


def closing(ledger: Ledger, first: int, last: int) -> tuple[int, int]:
    """The days of these sessions are closed, and Ann's marks taken back, in a write each. The last number of the write
    that begins it, and of the one that ends it.
    """
    closed = {day for day, _ in SESSIONS[first:last]}
    begun = ledger.write(*calendar(day for day in DAYS if day not in closed), STARTED)
    for day, half in SESSIONS[first:last]:
        ledger.marks(day, half, {ANN: None})
    return begun, ledger.write(ENDED)


async def test_figures_say_that_a_school_is_being_recalculated(engine: Engine, asker: Asker) -> None:
    ledger = school(URN, ANN)
    play(ledger, ANN, "/" * 20)
    begun, ended = closing(ledger, 0, 10)
    await engine.take(ledger.entries[: begun + 3])
    (fresh,) = (await asker.absence(ANN))["freshness"]["schools"]
    assert (fresh["recalculating"], fresh["sequence"]) == (True, begun + 3)
    assert (await asker.get(f"/v1/schools/{URN}/absence"))["freshness"]["schools"] == [fresh]
    assert (await asker.absence(ANN, at_least=f"{URN}:{begun + 3}"))["child"]["possible"] == 17
    await engine.take(ledger.entries[begun + 3 :])
    (fresh,) = (await asker.absence(ANN))["freshness"]["schools"]
    assert "recalculating" not in fresh
    assert fresh["sequence"] == ended


@three_kinds
async def test_no_episode_comes_of_a_recalculation_that_is_half_way(engine: Engine) -> None:
    ledger = school(URN, ANN)
    play(ledger, ANN, "/" * 46 + "I" * 4)  # 8%
    first = ledger.write(*calendar([]), STARTED)
    for day, half in SESSIONS[:20]:
        ledger.marks(day, half, {ANN: None})  # 4 of 30 are too many
    half_way = len(ledger.entries)
    for day, half in SESSIONS[46:50]:
        ledger.marks(day, half, {ANN: None})
    ledger.write(ENDED)
    await engine.take(ledger.entries[:first])
    before = len(await engine.said())
    for entry in ledger.entries[first:half_way]:
        await engine.take([entry])
    assert await engine.standing() == []
    await engine.take(ledger.entries[half_way:])
    assert await engine.standing() == []
    assert len(await engine.said()) == before


@three_kinds
async def test_what_a_recalculation_comes_to_is_evaluated_when_it_has_ended(
    engine: Engine, other_engine: Engine
) -> None:
    ledger = school(URN, ANN, BEN)
    play(ledger, ANN, "I" * 4 + "/" * 46)
    begun, ended = closing(ledger, 20, 50)
    await engine.take(ledger.entries[: ended - 1])
    assert await engine.standing() == []
    await engine.take(ledger.entries[ended - 1 :])
    assert [row[1] for row in await engine.standing()] == ["PA", "SA"]
    for entry in ledger.entries:
        await other_engine.take([entry])
    assert await other_engine.standing() == await engine.standing()
    assert begun < ended


@three_kinds
async def test_a_child_of_two_schools_waits_for_the_one_that_is_recalculated(engine: Engine) -> None:
    ledger, there = school(URN, ANN), school(OTHER, ANN)
    play(ledger, ANN, "/" * 20)
    begun, _ = closing(ledger, 0, 10)
    await engine.take(ledger.entries[:begun])
    play(there, ANN, "I" * 10)
    await engine.take(there.entries)
    assert await engine.standing() == []
    await engine.take(ledger.entries[begun:])
    assert [row[1] for row in await engine.standing()] == ["PA", "SA"]


async def test_a_recalculation_that_began_before_a_rebuild_is_read_again(engine: Engine, asker: Asker) -> None:
    ledger = school(URN, ANN)
    play(ledger, ANN, "/" * 20)
    begun, _ = closing(ledger, 0, 10)
    await engine.take(ledger.entries[:begun])
    await rebuild(engine.database)
    await engine.take(ledger.entries[: begun - 2])
    assert (await asker.absence(ANN))["freshness"]["schools"][0].get("recalculating") is None
    await engine.take(ledger.entries[begun - 2 :])
    assert (await asker.absence(ANN))["freshness"]["schools"][0].get("recalculating") is None
    assert (await asker.absence(ANN))["child"]["possible"] == 10


async def test_a_large_school_is_evaluated_in_portions_that_come_to_the_same(
    engine: Engine, other_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    children = [pupil(n) for n in range(1, 12)]
    ledger = school(URN, *children)
    for at, (day, half) in enumerate(SESSIONS[:50]):
        codes = {child: "I" if at < n else "/" for n, child in enumerate(children)}
        ledger.write(marked(day, half, codes))
    ledger.write(*calendar(DAYS[:15]), marked(*SESSIONS[49], dict.fromkeys(children, "G")))
    await engine.take(ledger.entries)
    monkeypatch.setattr(apply, "CHILDREN_AT_ONCE", 3)
    await other_engine.take(ledger.entries[:40])
    await other_engine.take(ledger.entries[40:-1])  # the last write is cut: nobody is due for it, its marks are kept
    await other_engine.take(ledger.entries[-1:])
    assert await other_engine.standing() == await engine.standing() != []
    assert await other_engine.sheets() == await engine.sheets()

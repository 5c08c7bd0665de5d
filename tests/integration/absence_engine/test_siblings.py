"""Absences that siblings share: found from the ledgers' codes, at two schools, told to who may see them, gone again."""

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from absence_engine.actions.rebuild import rebuild
from common.events import Event
from common.events.absence_engine import PatternDetected
from common.events.registers import Household, PupilChanged, PupilFacts

from tests.integration.absence_engine.ledgers import Engine, Ledger, marked, merged
from tests.integration.absence_engine.test_answers import ANN, BEN, CAL, DAYS, OTHER, URN, Asker, asker, bearer, school
from tests.integration.absence_engine.test_patterns import look, on

__all__ = ["asker"]

HOME, ELSEWHERE, PAIR = ("0123456789abcdef" * 2, "fedcba9876543210" * 2, "00ff" * 8)
KIND = "sibling_synchronous"
TOGETHER = (1, 5, 9, 14)


def told(ledger: Ledger, pupil_id: str, version: int, *homes: Household | str, apart: Sequence[str] = ()) -> Event:
    """The ledger tells of a child's households; the entry."""
    listed = [Household(home) if isinstance(home, str) else home for home in homes]
    fact = PupilFacts(
        pupil_id=pupil_id, pupil_version=version, date_of_birth=None, year_group=None, flags=[],
        households=listed, not_siblings=list(apart),
    )  # fmt: skip
    ledger.write((PupilChanged, {"pupils": [fact]}))
    return ledger.entries[-1]


def away(ledger: Ledger, child: str, days: Iterable[int], code: str = "O", up_to: int = 23) -> None:
    """A child at school on whole days but some."""
    missed = set(days)
    for n, day in enumerate(DAYS[:up_to]):
        for half in ("AM", "PM"):
            ledger.marks(day, half, {child: code if n in missed else "/"})


@pytest.fixture
def ledger() -> Ledger:
    """Ann and Ben, of one household, miss the same days; Cal, a neighbour, is there."""
    found = school(URN, ANN, BEN, CAL)
    for child, home in ((ANN, HOME), (BEN, HOME), (CAL, ELSEWHERE)):
        told(found, child, 1, home)
    away(found, ANN, TOGETHER)
    away(found, BEN, TOGETHER)
    away(found, CAL, [])
    return found


async def said(engine: Engine) -> list[PatternDetected]:
    events = [event.data for event in await engine.said()]
    return [data for data in events if isinstance(data, PatternDetected) and data.kind == KIND]


async def states(engine: Engine) -> dict[tuple[str, str], str]:
    """What was said last of each child and sibling."""
    return {(one.pupil_id, one.what): one.state for one in await said(engine)}


async def test_absences_that_two_of_a_household_share_are_told_of_either(engine: Engine, ledger: Ledger) -> None:
    await engine.take(ledger.entries)
    await look(engine)
    assert await states(engine) == {(ANN, BEN): "standing", (BEN, ANN): "standing"}
    first = (await said(engine))[0]
    assert first.numbers == {"shared": 4, "shared_days": 4, "missed": 4, "sibling_missed": 4, "possible": 23}
    assert [one.date for one in first.sessions] == [DAYS[n].isoformat() for n in TOGETHER for _ in range(2)]
    await look(engine, on(2))
    assert len(await said(engine)) == 2


@pytest.mark.parametrize(
    "homes",
    [
        [ELSEWHERE],
        [],
        [Household(HOME, None, "2025-09-30")],
        [Household(HOME, "2025-10-03")],
    ],
)
async def test_a_child_of_another_household_is_no_sibling(
    engine: Engine, ledger: Ledger, homes: list[Household | str]
) -> None:
    await engine.take(ledger.entries)
    await look(engine)
    await engine.take([told(ledger, BEN, 2, *homes)])
    assert await look(engine, on(2)) == [URN]
    assert set((await states(engine)).values()) == {"gone"}


async def test_whoever_was_said_to_be_no_sibling_is_none(engine: Engine, ledger: Ledger) -> None:
    await engine.take(ledger.entries)
    await look(engine)
    await engine.take([told(ledger, ANN, 2, HOME, apart=[PAIR])])
    await look(engine, on(2))
    assert set((await states(engine)).values()) == {"standing"}  # the other child's fact is still to come
    await engine.take([told(ledger, BEN, 2, HOME, apart=[PAIR])])
    await look(engine, on(3))
    assert set((await states(engine)).values()) == {"gone"}


async def test_an_older_fact_changes_no_household(engine: Engine, ledger: Ledger) -> None:
    await engine.take(ledger.entries)
    await engine.take([told(ledger, BEN, 0, ELSEWHERE)])
    await look(engine)
    assert len(await states(engine)) == 2


async def test_a_house_of_many_children_is_no_family(engine: Engine, ledger: Ledger) -> None:
    for n in range(100, 111):
        child = f"00000000-0000-4000-8000-{n:012d}"
        ledger.enrol(child)
        told(ledger, child, 1, HOME)
    await engine.take(ledger.entries)
    await look(engine)
    assert await states(engine) == {}


async def test_a_correction_of_one_siblings_marks_makes_it_go_for_both(engine: Engine, ledger: Ledger) -> None:
    await engine.take(ledger.entries)
    await look(engine)
    before = len(ledger.entries)
    for half in ("AM", "PM"):
        ledger.marks(DAYS[TOGETHER[0]], half, {BEN: "/"})
    await engine.take(ledger.entries[before:])
    await look(engine, on(2))
    assert await states(engine) == {(ANN, BEN): "gone", (BEN, ANN): "gone"}


async def test_one_child_under_two_ids_is_no_sibling_of_itself(engine: Engine, ledger: Ledger) -> None:
    await engine.take(ledger.entries)
    await look(engine)
    ledger.write(merged(BEN, ANN, 1))
    await engine.take(ledger.entries[-1:])
    await look(engine, on(2))
    assert {one.pattern_id: (one.pupil_id, one.state) for one in await said(engine)} == {
        one.pattern_id: (ANN, "gone") for one in (await said(engine))[:2]
    }


async def test_a_rebuild_says_nothing_anew(engine: Engine, ledger: Ledger) -> None:
    await engine.take(ledger.entries)
    await look(engine)
    await rebuild(engine.database)
    await engine.take(ledger.entries)
    await look(engine, on(3))
    assert len(await said(engine)) == 2


@pytest.fixture
async def apart(engine: Engine) -> tuple[Ledger, Ledger]:
    """Ann at one school and Ben at another, of one household; they miss the same days."""
    one, other = school(URN, ANN), school(OTHER, BEN)
    for ledger, child in ((one, ANN), (other, BEN)):
        told(ledger, child, 1, HOME)
        away(ledger, child, TOGETHER)
    await engine.take(one.entries)
    await engine.take(other.entries, 1)
    return one, other


async def test_a_hidden_sibling_is_told_to_nobody(engine: Engine, apart: tuple[Ledger, Ledger], asker: Asker) -> None:
    await look(engine)
    assert await states(engine) == {(ANN, BEN): "standing", (BEN, ANN): "standing"}
    for path in (f"/v1/pupils/{ANN}/patterns", f"/v1/schools/{URN}/patterns"):
        whole: dict[str, Any] = await asker.get(path)
        (seen,) = whole["items"]
        assert (seen["what"], seen["numbers"]["sibling_missed"]) == (BEN, 4)
        part: dict[str, Any] = await asker.get(path, headers=bearer([URN]))
        (shown,) = part["items"]
        assert (shown["what"], shown["numbers"]) == ("", {"shared": 4, "shared_days": 4, "missed": 4})
        assert shown["sessions"] == seen["sessions"]
        assert BEN not in str(part)
        assert str(OTHER) not in str(part)
        assert "the sibling 4" not in shown["sentence"]


async def test_while_a_siblings_write_is_on_its_way_nothing_is_said(
    engine: Engine, apart: tuple[Ledger, Ledger]
) -> None:
    one, other = apart
    await look(engine)
    first, last = len(one.entries), len(other.entries)
    one.marks(DAYS[23], "AM", {ANN: "/"})
    day = DAYS[TOGETHER[0]]
    other.write(marked(day, "AM", {BEN: "/"}), marked(day, "PM", {BEN: "/"}))
    await engine.take(one.entries[first:])
    await engine.take(other.entries[last:-1], 1)
    assert await look(engine, on(2)) == [URN]
    assert set((await states(engine)).values()) == {"standing"}
    one.marks(DAYS[23], "PM", {ANN: "/"})
    await engine.take(one.entries[first + 1 :])
    await engine.take(other.entries[-1:], 1)
    assert await look(engine, on(3)) == [URN, OTHER]
    assert await states(engine) == {(ANN, BEN): "gone", (BEN, ANN): "gone"}

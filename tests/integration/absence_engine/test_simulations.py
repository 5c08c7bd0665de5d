"""A draft tried on the marks of a year: who would have crossed, who would not, the work; nothing live is touched."""

import asyncio
from typing import Any

import pytest
from absence_engine.actions import simulate
from absence_engine.actions.simulate import Simulating
from absence_engine.store.jobs import SIMULATIONS, lock
from common.listen import Signal

from tests.doors import bearer
from tests.integration.absence_engine.ledgers import CLOCK, Engine, Ledger, merged, pupil
from tests.integration.absence_engine.policy_sets import Council, document
from tests.integration.absence_engine.test_answers import OTHER, URN, play, school

NEAR, FAR, NEVER = pupil(1), pupil(2), pupil(3)
ELSEWHERE = pupil(4)
DRAFT = "/v1/policies/330/330-2026.1"
YEAR = {"academic_year": "2025-26"}
ONE_IN_EIGHT = {"PA": {"of": 8}, "SA": {"of": 3}}
"""Persistent from an eighth on, severe from a third on."""
MARKS = {
    NEAR: "/" * 9 + "I" + "/" * 10 + "I" * 10 + "/" * 20,  # 2 of 20 … 11 of 30 … 11 of 50
    FAR: "/" * 18 + "II" + "/" * 30,  # a tenth at the 20th, and never an eighth
    NEVER: "/" * 50,
}


async def simulated(council: Council, body: dict[str, Any] = YEAR, **thresholds: Any) -> Any:
    """What comes of a draft."""
    await council.ask("PUT", DRAFT, document(**(thresholds or ONE_IN_EIGHT)))
    job = await council.answer("POST", f"{DRAFT}/simulations", body, status=202)
    assert job.json()["state"] == "queued"
    assert await worker(council).work(asyncio.Event())
    found = await council.ask("GET", job.headers["location"])
    assert found["state"] == "done"
    return found


def worker(council: Council) -> Simulating:
    return Simulating(council.engine.database, CLOCK, council.engine.policies, Signal())


async def pupils(council: Council, job: Any, kind: str, outcome: str, **more: Any) -> list[str]:
    path = f"/v1/simulations/{job['simulation_id']}/pupils?kind={kind}&outcome={outcome}"
    return [one["pupil_id"] for one in (await council.ask("GET", path, **more))["items"]]


def numbers(found: Any, kind: str) -> tuple[Any, ...] | None:
    for one in found["kinds"]:
        if one["kind"] == kind:
            return one["would"], one["would_not"], one["both"]
    return None


@pytest.fixture
async def council(engine: Engine) -> Council:
    """An authority with a school of three children, and another authority."""
    here, there = school(URN, *MARKS), school(OTHER, ELSEWHERE, la_code="333")
    for pupil_id, codes in MARKS.items():
        play(here, pupil_id, codes)
    play(there, ELSEWHERE, MARKS[NEAR])
    await engine.take(here.entries)
    await engine.take(there.entries, 1)
    found = Council(engine)
    await found.follow()
    return found


async def test_it_says_who_would_cross_and_who_would_not(council: Council) -> None:
    found = await simulated(council)
    assert (numbers(found, "PA"), numbers(found, "SA")) == ((0, 1, 1), (1, 0, 0))
    assert await pupils(council, found, "PA", "would_not") == [FAR]
    assert await pupils(council, found, "PA", "both") == [NEAR]
    assert await pupils(council, found, "SA", "would") == [NEAR]
    assert await pupils(council, found, "SA", "both") == []
    assert found["children"] == 3


async def test_nothing_live_is_touched(council: Council) -> None:
    before = await council.engine.fetch("select * from episode order by 1"), len(await council.engine.said())
    turn = await council.engine.fetch("select policy_turn from engine")
    await simulated(council)
    assert (await council.engine.fetch("select * from episode order by 1"), len(await council.engine.said())) == before
    assert await council.engine.fetch("select policy_turn from engine") == turn
    assert await council.follow() == 0


async def test_the_work_is_told_by_the_week_in_which_a_stage_calls_for_it(council: Council) -> None:
    found = await simulated(council)
    crossings = {
        (week["week"], one["name"]): (one["in_force"], one["draft"])
        for week in found["weeks"]
        for one in week["crossings"]
        if one["name"] in ("PA", "SA")
    }
    assert crossings == {
        ("2025-09-01", "PA"): (1, 0),  # near: 1 of 10
        ("2025-09-08", "PA"): (1, 0),  # far: 2 of 20
        ("2025-09-15", "PA"): (1, 1),  # near: 3 of 22, 4 of 23
        ("2025-09-15", "SA"): (0, 1),  # near: 10 of 29
    }
    tasks = [one for week in found["weeks"] for one in week["tasks"] if one["name"] == "support_review"]
    assert [(one["in_force"], one["draft"]) for one in tasks] == [(1, 1)]


async def test_only_crossings_between_two_days_are_counted(council: Council) -> None:
    early = await simulated(council, YEAR | {"to": "2025-09-07"})
    assert numbers(early, "PA") == (0, 1, 0)
    late = await simulated(council, YEAR | {"from": "2025-10-01"})
    assert late["kinds"] == []


async def test_small_numbers_of_schools_and_phases_are_not_shown(council: Council) -> None:
    found = await simulated(council)
    (here,) = found["schools"]
    persistent = next(one for one in here["kinds"] if one["kind"] == "PA")
    assert (here["school_urn"], persistent) == (URN, {"kind": "PA", "would": 0, "would_not": None, "both": None})
    (phase,) = found["phases"]
    assert (phase["phase"], phase["kinds"]) == ("primary", here["kinds"])


async def test_a_job_that_was_cut_off_is_done_again_from_the_beginning(
    council: Council, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = await simulated(council)
    monkeypatch.setattr(simulate, "CHILDREN_A_CHUNK", 1)
    job = (await council.answer("POST", f"{DRAFT}/simulations", YEAR, status=202)).json()
    await worker(council).work(stops_after(2))
    halfway = await council.ask("GET", f"/v1/simulations/{job['simulation_id']}")
    assert (halfway["state"], halfway["children"], halfway["kinds"]) == ("running", 2, [])
    assert await worker(council).work(asyncio.Event())
    found = await council.ask("GET", f"/v1/simulations/{job['simulation_id']}")
    assert [found[name] for name in ("kinds", "weeks", "children")] == [
        whole[name] for name in ("kinds", "weeks", "children")
    ]
    assert await pupils(council, found, "PA", "both") == [NEAR]


def stops_after(chunks: int) -> Any:
    """An event that is set after so many looks."""
    event = asyncio.Event()
    looks = iter([False] * chunks + [True] * 9)
    event.is_set = lambda: next(looks)
    return event


async def test_two_processes_do_not_do_the_same_job(council: Council) -> None:
    await council.ask("PUT", DRAFT, document())
    await council.answer("POST", f"{DRAFT}/simulations", YEAR, status=202)
    async with council.engine.database.connection() as held:
        ((job,),) = await council.engine.fetch("select simulation_id::text from simulation")
        assert await lock(held, SIMULATIONS, job)
        assert not await worker(council).work(asyncio.Event())
    assert await worker(council).work(asyncio.Event())


async def test_a_merged_child_is_counted_once(council: Council, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulate, "CHILDREN_A_CHUNK", 1)
    ledger = Ledger(URN)
    ledger.entries = school(URN, *MARKS).entries
    for pupil_id, codes in MARKS.items():
        play(ledger, pupil_id, codes)
    before = len(ledger.entries)
    ledger.write(merged(NEVER, FAR, 1))
    await council.engine.take(ledger.entries[before:])
    assert (await simulated(council))["children"] == 2


async def test_pupils_come_in_pages(council: Council) -> None:
    found = await simulated(council, PA={"of": 50})
    path = f"/v1/simulations/{found['simulation_id']}/pupils?kind=PA&outcome=both&page_size=1"
    first = await council.ask("GET", path)
    second = await council.ask("GET", first["next"])
    assert [one["pupil_id"] for page in (first, second) for one in page["items"]] == [NEAR, FAR]
    assert second["next"] is None
    assert first["items"][0]["school_urn"] == URN


async def test_a_published_version_and_another_year_may_be_tried(council: Council) -> None:
    await council.publish("330-2026.1", document(**ONE_IN_EIGHT), valid_from="2026-01-01")
    job = await council.answer("POST", f"{DRAFT}/simulations", {"academic_year": "2024-25"}, status=202)
    assert await worker(council).work(asyncio.Event())
    found = await council.ask("GET", job.headers["location"])
    assert (found["children"], found["kinds"], found["from"], found["to"]) == (0, [], "2024-08-01", "2025-07-31")


async def test_days_outside_the_year_are_refused(council: Council) -> None:
    await council.ask("PUT", DRAFT, document())
    for body, pointer in (
        ({"from": "2025-07-31"}, "/from"),
        ({"to": "2026-08-01"}, "/to"),
        ({"from": "2025-10-02", "to": "2025-10-01"}, "/to"),
    ):
        problem = await council.ask("POST", f"{DRAFT}/simulations", YEAR | body, status=422)
        assert [fault["pointer"] for fault in problem["errors"]] == [pointer]
    await council.ask("POST", f"{DRAFT}/simulations", {"academic_year": "2025-27"}, status=422)


async def test_who_may_not_see_all_children_sees_no_simulation(council: Council) -> None:
    found = await simulated(council)
    path = f"/v1/simulations/{found['simulation_id']}"
    head = bearer("policies:write totals:read", [URN])
    await council.ask("GET", path, status=404, headers=head)
    await council.ask("GET", f"{path}/pupils?kind=PA&outcome=both", status=404, headers=head)
    await council.ask("POST", f"{DRAFT}/simulations", YEAR, status=403, headers=head)
    await council.ask("POST", f"{DRAFT}/simulations", YEAR, status=403, headers=bearer("totals:read"))
    await council.ask("GET", f"/v1/simulations/{pupil(9)}", status=404)
    await council.ask("POST", "/v1/policies/330/330-x/simulations", YEAR, status=404)

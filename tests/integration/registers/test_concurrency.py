"""Many at once: the same register, the same child from several schools, merges against each other."""

import asyncio
from typing import Any

import pytest
from registers.actions import recording

from tests.integration.registers.conftest import OTHER, URN, Authority, pupil
from tests.integration.registers.test_registers import ids

UPN = "H869200124007"


async def test_the_same_register_at_once_is_accepted_once(authority: Authority) -> None:
    await authority.school()
    await authority.roll(*(pupil(str(n)) for n in range(30)))
    marks = [{"local_id": str(n), "code": "/"} for n in range(30)]
    answers = await asyncio.gather(*(authority.register(marks, source_version=3) for _ in range(12)))
    counts = sorted((answer["counts"]["accepted"], answer["counts"]["unchanged"]) for answer in answers)
    assert counts == [(0, 30)] * 11 + [(30, 0)]
    assert len({answer["sequence"] for answer in answers}) == 1


async def test_registers_that_arrive_together_are_each_a_write_of_their_own(authority: Authority) -> None:
    await authority.school()
    await authority.school(OTHER)
    await authority.roll(*(pupil(str(n)) for n in range(10)))
    await authority.roll(*(pupil(str(n)) for n in range(10)), urn=OTHER)
    slots = [(f"2025-09-{day:02d}/{half}", urn) for day in (8, 9, 10) for half in ("AM", "PM") for urn in (URN, OTHER)]
    good = [
        authority.register([{"local_id": str(n), "code": "/"} for n in range(10)], slot, urn) for slot, urn in slots
    ]
    twice = {"marks": [{"local_id": "1", "code": "/"}] * 2}
    bad = [
        authority.ask("PUT", f"/v1/schools/{URN}/registers/2025-09-11/AM", 422, json=twice),
        authority.ask("PUT", "/v1/schools/100777/registers/2025-09-11/AM", 404, json={"marks": []}),
    ]
    answers = (await asyncio.gather(*good, *bad))[: len(good)]
    for urn in (URN, OTHER):
        numbers = sorted(answer["sequence"] for answer in answers if answer["school_urn"] == urn)
        assert numbers == list(range(numbers[0], numbers[0] + 6))
        last = [entry["data"]["write_last"] for entry in (await authority.changes(urn))[-6:]]
        assert last == numbers


async def test_versions_at_once_end_with_the_highest(authority: Authority) -> None:
    await authority.school()
    await authority.roll(pupil("1"))
    codes = "/OMIL"
    await asyncio.gather(
        *(authority.mark("1", code, version=version) for version, code in enumerate(codes)), authority.mark("1", "8")
    )
    assert await authority.standing() == {"1": "L"}


async def test_two_schools_that_bring_the_same_upns_at_once_share_the_children(authority: Authority) -> None:
    await authority.school()
    await authority.school(OTHER)
    upns = ["H869200124007", "F330123425001", "V333456725042", "F916400826013"]
    here, there = await asyncio.gather(
        authority.roll(*(pupil(f"a{n}", upn=upn) for n, upn in enumerate(upns))),
        authority.roll(*(pupil(f"b{n}", upn=upn) for n, upn in enumerate(reversed(upns))), urn=OTHER),
    )
    assert [row["pupil_id"] for row in here["results"]] == [row["pupil_id"] for row in reversed(there["results"])]


async def test_merges_registers_and_rolls_against_each_other_come_to_an_end(authority: Authority) -> None:
    """Three schools name the same children late, while their registers arrive."""
    urns = (URN, OTHER, 100003)
    upns = ["H869200124007", "F330123425001", "V333456725042"]
    for urn in urns:
        await authority.school(urn)
        await authority.roll(*(pupil(f"p{n}") for n in range(3)), urn=urn)

    async def name(urn: int, at: int) -> Any:
        for n in (at, (at + 1) % 3, (at + 2) % 3):
            await authority.roll(pupil(f"p{n}", upn=upns[n]), urn=urn)

    async def post(urn: int) -> None:
        for day in (8, 9, 10, 11, 12):
            marks = [{"local_id": f"p{n}", "code": "/"} for n in range(3)]
            await authority.register(marks, f"2025-09-{day:02d}/AM", urn)

    await asyncio.gather(*(name(urn, at) for at, urn in enumerate(urns)), *(post(urn) for urn in urns))
    known = {frozenset((await named(authority, urn)).items()) for urn in urns}
    assert len(known) == 1
    for urn in urns:
        assert await authority.standing("2025-09-12/AM", urn) == {"p0": "/", "p1": "/", "p2": "/"}


async def named(authority: Authority, urn: int) -> dict[str, str]:
    answer = await authority.ask("GET", f"/v1/schools/{urn}/roll")
    return {item["local_ids"][0]: item["pupil_id"] for item in answer["items"]}


async def test_a_batch_takes_a_bounded_number_of_marks(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MOST_MARKS", 3)
    await authority.school()
    await authority.roll(*(pupil(str(n)) for n in range(5)))
    marks = [{"local_id": str(n), "code": "/"} for n in range(5)]
    slots = [f"2025-09-{day:02d}/AM" for day in (8, 9, 10, 11, 12)]
    answers = await asyncio.gather(*(authority.register(marks, slot) for slot in slots))
    assert {answer["counts"]["accepted"] for answer in answers} == {5}


async def test_a_caller_who_gives_up_does_not_stop_the_others(authority: Authority) -> None:
    await authority.school()
    await authority.roll(pupil("1"), pupil("2"))
    first = asyncio.create_task(authority.mark("1", "/"))
    second = asyncio.create_task(authority.mark("2", "O", "2025-09-15/PM"))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second)[0] == "accepted"
    await asyncio.gather(first, return_exceptions=True)
    assert (await authority.mark("1", "/"))[0] in ("accepted", "unchanged")
    assert set(await ids(authority)) == {"1", "2"}

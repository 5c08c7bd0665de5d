"""What is said of a child for a time: by rolls and by others, as of a day, through merges and splits, in the ledger."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from common.db import Database

from tests.integration.registers.conftest import OTHER, URN, Authority, assemble, bearer, pupil

UPN = "H869200124007"


def flag(name: str, first: str, last: str | None = None, source: str = "social-care") -> dict[str, Any]:
    return {"flag": name, "from": first, "to": last, "source": source}


@pytest.fixture
async def school(authority: Authority) -> Authority:
    await authority.school()
    return authority


async def child_of(school: Authority, number: str = "1", urn: int = URN, **row: Any) -> str:
    return (await school.roll(pupil(number, **row), urn=urn))["results"][0]["pupil_id"]


async def flags(school: Authority, child: str, on: str | None = None) -> list[tuple[str, str, str | None, str]]:
    answer = await school.ask("GET", f"/v1/pupils/{child}/flags", params={"on": on} if on else {})
    return [(one["flag"], one["from"], one["to"], one["source"]) for one in answer["flags"]]


async def put(school: Authority, child: str, *said: dict[str, Any], status: int = 200, **more: Any) -> Any:
    return await school.ask("PUT", f"/v1/pupils/{child}/flags", status, json={"flags": list(said), **more})


async def told(school: Authority, urn: int = URN) -> dict[str, set[tuple[str, str, str | None]]]:
    """The newest that the ledger tells of each child."""
    facts: dict[str, Any] = {}
    for entry in await school.changes(urn):
        for one in entry["data"]["pupils"] if "pupil-changed" in entry["type"] else ():
            if one["pupil_version"] >= facts.get(one["pupil_id"], {}).get("pupil_version", 0):
                facts[one["pupil_id"]] = one
    return {
        child: {(span["flag"], span["from"], span["to"]) for span in one.get("flag_spans", [])}
        for child, one in facts.items()
    }


async def test_a_roll_opens_flags_from_the_stay_on_and_closes_them_the_day_before_they_are_gone(
    school: Authority, database: Database
) -> None:
    child = await child_of(school, flags=["FSM"])
    assert await flags(school, child) == [("FSM", "2025-09-01", None, "roll")]
    process = assemble(database, today=date(2025, 9, 20))
    async with process.client() as client:
        later = replace(school, client=client, writer=process.writer)
        await later.roll(pupil("1", flags=["CIN"]))
        assert await flags(later, child) == [
            ("CIN", "2025-09-20", None, "roll"), ("FSM", "2025-09-01", "2025-09-19", "roll"),
        ]  # fmt: skip
        assert await flags(later, child, on="2025-09-19") == [("FSM", "2025-09-01", "2025-09-19", "roll")]
        assert (await later.roll(pupil("1", flags=["CIN"])))["counts"]["unchanged"] == 1
        await later.roll(pupil("1", flags=[]))
        assert await flags(later, child) == [("FSM", "2025-09-01", "2025-09-19", "roll")]
        assert await told(later) == {child: {("FSM", "2025-09-01", "2025-09-19")}}


async def test_a_row_without_flags_closes_none(school: Authority) -> None:
    child = await child_of(school, flags=["FSM"])
    row = pupil("1")
    del row["flags"]
    await school.roll(row)
    assert await flags(school, child) == [("FSM", "2025-09-01", None, "roll")]


async def test_each_source_speaks_for_itself_and_replaces_only_what_it_said(school: Authority) -> None:
    child = await child_of(school, flags=["FSM"])
    await put(school, child, flag("CIN", "2025-01-01", "2025-08-31"), flag("EHCP", "2025-09-01", source="sen-team"))
    answer = await put(school, child, flag("CP", "2025-09-02"))
    assert await flags(school, child) == [
        ("CP", "2025-09-02", None, "social-care"), ("EHCP", "2025-09-01", None, "sen-team"),
        ("FSM", "2025-09-01", None, "roll"),
    ]  # fmt: skip
    again = await put(school, child, flag("CP", "2025-09-02"))
    assert (again["sequence"], again["school_urn"]) == (answer["sequence"], URN)
    await put(school, child, sources=["sen-team", "social-care"])
    assert await told(school) == {child: {("FSM", "2025-09-01", None)}}
    versions = [e["data"]["pupils"][0]["pupil_version"] for e in await school.changes() if "pupil-changed" in e["type"]]
    assert versions == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ([flag("CIN", "2025-09-02", "2025-09-01")], "ends-before-it-starts"),
        ([flag("CIN", "2025-09-01"), flag("CIN", "2025-10-01")], "overlapping-flag"),
        ([flag("FSM", "2025-09-01", source="roll")], "reserved-source"),
        ([flag("FSM", "2025-09-01", source="timetable-100001")], "reserved-source"),
    ],
)
async def test_flags_that_make_no_sense_are_refused_whole(
    school: Authority, said: list[dict[str, Any]], code: str
) -> None:
    child = await child_of(school)
    answer = await put(school, child, *said, flag("CP", "2025-09-01"), status=422)
    assert [fault["code"] for fault in answer["errors"]] == [code]
    assert await flags(school, child) == []


@pytest.mark.parametrize(
    "said", [flag("TALL", "2025-09-01"), flag("CP", "0001-01-01"), flag("CP", "2025-09-01", source="A b")]
)
async def test_a_flag_of_the_wrong_form_is_refused(school: Authority, said: dict[str, Any]) -> None:
    await put(school, await child_of(school), said, status=422)


async def test_a_school_sees_who_has_or_has_had_a_social_worker(school: Authority) -> None:
    now, before, none = [await child_of(school, str(n)) for n in range(3)]
    await put(school, now, flag("CP", "2025-09-01"))
    await put(school, before, flag("CIN", "2024-01-01", "2024-12-31"))
    await put(school, none, flag("YOUNG_CARER", "2025-09-10", source="school"))

    async def listed(on: str) -> dict[str, tuple[list[str], bool, bool]]:
        page = await school.ask("GET", f"/v1/schools/{URN}/flags", params={"on": on})
        return {
            one["pupil_id"]: ([f["flag"] for f in one["flags"]], one["social_worker"], one["ever_social_worker"])
            for one in page["items"]
        }

    assert await listed("2025-09-15") == {
        now: (["CP"], True, True), before: ([], False, True), none: (["YOUNG_CARER"], False, False),
    }  # fmt: skip
    assert await listed("2025-09-05") == {now: (["CP"], True, True), before: ([], False, True)}
    assert await listed("2025-08-05") == {}
    page = await school.ask("GET", f"/v1/schools/{URN}/flags?page_size=2")
    rest = await school.ask("GET", page["next"])
    assert (len(page["items"]), len(rest["items"]), rest["next"]) == (2, 1, None)


async def test_a_school_sees_and_says_flags_of_its_own_pupils_only(school: Authority) -> None:
    await school.school(OTHER)
    child = await child_of(school)
    theirs = bearer(schools=[OTHER])
    await school.ask("GET", f"/v1/pupils/{child}/flags", 404, headers=theirs)
    await school.ask("PUT", f"/v1/pupils/{child}/flags", 404, headers=theirs, json={"flags": []})
    await school.ask("GET", f"/v1/schools/{URN}/flags", 404, headers=theirs)


async def test_a_merge_brings_the_flags_along_and_a_split_gives_them_back(school: Authority) -> None:
    await school.school(OTHER)
    holder = await child_of(school, upn=UPN, flags=["FSM"])
    dead = await child_of(school, "77", urn=OTHER)
    await put(school, dead, flag("CLA", "2025-09-03"))
    both = {("FSM", "2025-09-01", None), ("CLA", "2025-09-03", None)}
    merged = {"into": holder, "reason": "one child", "by": "J. Field"}
    await school.ask("POST", f"/v1/pupils/{dead}/merge", json=merged)
    assert {one[:3] for one in await flags(school, holder)} == both
    assert (await told(school))[holder] == both
    moved = await school.client.get(f"/v1/pupils/{dead}/flags")
    assert (moved.status_code, moved.headers["location"]) == (308, f"/v1/pupils/{holder}/flags")
    page = await school.ask("GET", f"/v1/schools/{URN}/flags")
    assert [len(one["flags"]) for one in page["items"]] == [2]
    await school.ask("POST", f"/v1/pupils/{holder}/split", json={"restore": dead, "reason": "two", "by": "J. Field"})
    assert {one[:3] for one in await flags(school, holder)} == {("FSM", "2025-09-01", None)}
    assert {one[:3] for one in await flags(school, dead)} == {("CLA", "2025-09-03", None)}
    assert (await told(school))[holder] == {("FSM", "2025-09-01", None)}
    assert {**await told(school, OTHER), **await told(school)}[dead] == {("CLA", "2025-09-03", None)}


async def test_flags_follow_from_merge_to_merge_and_back(school: Authority) -> None:
    ids = [await child_of(school, number) for number in ("1", "2", "3")]
    first, second, third = ids
    await put(school, first, flag("CIN", "2025-09-08"))
    because = {"reason": "One child", "by": "J. Field"}
    await school.ask("POST", f"/v1/pupils/{first}/merge", json={"into": second, **because})
    await school.ask("POST", f"/v1/pupils/{second}/merge", json={"into": third, **because})
    assert (await told(school))[third] == {("CIN", "2025-09-08", None)}
    await school.ask("POST", f"/v1/pupils/{third}/split", json={"restore": second, **because})
    now = await told(school)
    assert (now[second], now[third]) == ({("CIN", "2025-09-08", None)}, set())


async def test_what_was_taken_back_while_an_id_was_dead_is_not_told_of_it_again(school: Authority) -> None:
    first, second = [await child_of(school, number) for number in ("1", "2")]
    await put(school, first, flag("CIN", "2025-09-08"))
    because = {"reason": "One child", "by": "J. Field"}
    await school.ask("POST", f"/v1/pupils/{first}/merge", json={"into": second, **because})
    await put(school, second, sources=["social-care"])
    await school.ask("POST", f"/v1/pupils/{second}/split", json={"restore": first, **because})
    now = await told(school)
    assert (now[first], now[second]) == (set(), set())


async def test_flags_that_were_known_before_they_were_dated_are_dated_by_the_next_roll(school: Authority) -> None:
    child = await child_of(school, flags=["FSM"])
    async with school.database.transaction() as tx:
        await tx.execute("delete from flag")
    assert (await school.roll(pupil("1", flags=["FSM"])))["counts"]["updated"] == 1
    assert await flags(school, child) == [("FSM", "2025-09-01", None, "roll")]
    assert await told(school) == {child: {("FSM", "2025-09-01", None)}}


async def test_a_flag_that_both_ids_of_a_child_had_ends_when_the_roll_drops_it(school: Authority) -> None:
    await school.school(OTHER)
    holder = await child_of(school, upn=UPN, flags=["FSM"])
    dead = await child_of(school, "77", urn=OTHER, flags=["FSM"], enrolment={"from": "2025-09-03", "kind": "single"})
    await school.ask("POST", f"/v1/pupils/{dead}/merge", json={"into": holder, "reason": "one child", "by": "J. Field"})
    await child_of(school, upn=UPN, flags=[])
    assert await flags(school, holder, on="2025-09-15") == []
    ended = {("FSM", "2025-09-01", "2025-09-14"), ("FSM", "2025-09-03", "2025-09-14")}
    assert (await told(school))[holder] == ended

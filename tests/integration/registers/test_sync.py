"""The end of a day: is what a school's system sent what stands; which schools are silent; how each is connected."""

import hashlib
from datetime import date
from typing import Any

import pytest

from tests.integration.registers.conftest import OTHER, URN, Authority, bearer, pupil

UPN, OTHER_UPN = "H869200124007", "F330123425001"
SYNC = f"/v1/schools/{URN}/sync"
COMPARE = f"{SYNC}/compare"


def digest(*lines: str) -> str:
    """As a school's system would reckon it from what docs say."""
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


@pytest.fixture
async def school(authority: Authority) -> Authority:
    """A school with pupils 1 (with a UPN), 2 and 3, and one register in which two marks stand and two wait."""
    await authority.school()
    await authority.roll(pupil("1", upn=UPN), pupil("2"), pupil("3"))
    await authority.register(
        [
            {"local_id": "1", "code": "/"},
            {"local_id": "2", "code": "I"},
            {"local_id": "3", "code": "J"},
            {"local_id": "4", "code": "/"},
        ]
    )
    return authority


async def compared(authority: Authority, marks: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    body = {"date": "2025-09-15", "session": "AM", "marks": marks, **more}
    answer = await authority.ask("POST", COMPARE, json=body)
    found = sum(count for kind, count in answer["counts"].items() if kind != "same")
    assert found == len(answer["differences"])
    return answer


async def differences(authority: Authority, marks: list[dict[str, Any]], **more: Any) -> set[tuple[Any, ...]]:
    """(kind, local id or unknown key, if any, there, here)."""
    return {
        (one["kind"], one["local_id"] or (one["key"] or {}).get("value"), one["there"], one["here"])
        for one in (await compared(authority, marks, **more))["differences"]
    }


async def test_the_digest_is_that_of_the_marks_that_stand(school: Authority) -> None:
    answer = await school.ask("GET", SYNC)
    (day,) = answer["items"]
    morning, afternoon = day["sessions"]
    assert (day["date"], answer["key"], answer["next"]) == ("2025-09-15", "local_id", None)
    assert morning == {
        "session": "AM", "open": True, "marks": 2, "waiting": 2, "without_key": 0, "digest": digest("2|I", "1|/"),
    }  # fmt: skip
    assert (afternoon["marks"], afternoon["open"], afternoon["digest"]) == (0, True, digest())
    whole = f"{morning['digest']}\n{afternoon['digest']}"
    assert day["digest"] == hashlib.sha256(whole.encode()).hexdigest()
    assert answer["sequence"] == (await school.ask("GET", f"/v1/schools/{URN}"))["sequence"]


async def test_a_digest_by_upn_leaves_out_pupils_without_one_and_counts_them(school: Authority) -> None:
    answer = await school.ask("GET", SYNC, params={"key": "upn"})
    morning = answer["items"][0]["sessions"][0]
    assert (morning["digest"], morning["marks"], morning["without_key"]) == (digest(f"{UPN}|/"), 2, 1)


async def test_a_digest_by_pupil_id_survives_a_merge_under_the_living_id(school: Authority) -> None:
    await school.school(OTHER)
    holder = (await school.roll(pupil("x", upn=OTHER_UPN), urn=OTHER))["results"][0]["pupil_id"]
    await school.roll(pupil("2", upn=OTHER_UPN))
    first = (await school.ask("POST", "/v1/pupils/lookup", json={"upn": UPN}))["pupil_id"]
    answer = await school.ask("GET", SYNC, params={"key": "pupil_id"})
    assert answer["items"][0]["sessions"][0]["digest"] == digest(f"{first}|/", f"{holder}|I")
    by_local = await school.ask("GET", SYNC)
    assert by_local["items"][0]["sessions"][0]["digest"] == digest("1|/", "2|I")


async def test_local_ids_are_sorted_by_their_bytes(authority: Authority) -> None:
    await authority.school()
    names = ["10", "9", "a", "B", "é", "|"]
    await authority.roll(*(pupil(name) for name in names))
    await authority.register([{"local_id": name, "code": "/"} for name in names])
    answer = await authority.ask("GET", SYNC)
    lines = sorted(f"{name}|/".encode() for name in names)
    assert answer["items"][0]["sessions"][0]["digest"] == hashlib.sha256(b"\n".join(lines)).hexdigest()


async def test_days_come_in_pages_and_show_closed_ones_only_when_something_was_sent(school: Authority) -> None:
    await school.mark("1", "/", "2025-09-14/AM")
    await school.mark("nobody", "/", "2025-09-07/PM")
    span = {"from": "2025-09-06", "to": "2025-09-16"}
    whole = (await school.ask("GET", SYNC, params=span))["items"]
    assert [day["date"][-2:] for day in whole] == ["07", "08", "09", "10", "11", "12", "14", "15", "16"]
    assert [half["waiting"] for half in whole[0]["sessions"]] == [0, 1]
    assert not whole[0]["sessions"][1]["open"]
    paged: list[Any] = []
    following: str | None = f"{SYNC}?from=2025-09-06&to=2025-09-16&page_size=4"
    while following:
        page = await school.ask("GET", following)
        paged += page["items"]
        following = page["next"]
    assert paged == whole


@pytest.mark.parametrize(
    "query",
    [
        {"from": "2025-09-16", "to": "2025-09-15"},
        {"from": "2024-09-01", "to": "2025-09-15"},
        {"to": "9999-12-31"},
        {"from": "1999-12-31", "to": "2000-01-01"},
        {"key": "name"},
        {"cursor": "eyJhZnRlciI6WzFdfQ"},
    ],
)
async def test_a_span_that_makes_no_sense_is_refused(school: Authority, query: dict[str, str]) -> None:
    await school.ask("GET", SYNC, 422, params=query)


@pytest.mark.parametrize(
    ("first", "last", "told"),
    [
        ("2025-09-16", "2025-09-15", "`from` comes after `to`."),
        ("1999-12-31", "2000-01-01", "Not within this century."),
        ("2024-09-01", "2025-09-15", "At most 366 days."),
    ],
)
async def test_a_span_that_is_refused_says_why(school: Authority, first: str, last: str, told: str) -> None:
    answer = await school.ask("GET", SYNC, 422, params={"from": first, "to": last})
    assert [fault["detail"] for fault in answer["errors"]] == [told]


async def test_the_same_list_has_no_differences(school: Authority) -> None:
    await school.register([{"local_id": "3", "code": "/"}])
    await school.roll(pupil("4"))
    marks = [{"local_id": "1", "code": "/"}, {"upn": None, "local_id": "2", "code": "I"}]
    answer = await compared(school, [*marks, {"local_id": "3", "code": "/"}, {"local_id": "4", "code": "/"}])
    assert answer["counts"] == {"same": 4, "missing-here": 0, "missing-there": 0, "other-code": 0, "waiting": 0}


async def test_each_way_in_which_two_lists_may_differ_is_told_apart(school: Authority) -> None:
    assert await differences(
        school,
        [
            {"local_id": "1", "code": "L"},
            {"local_id": "3", "code": "J"},
            {"local_id": "4", "code": "/"},
            {"local_id": "5", "code": "/"},
        ],
    ) == {
        ("other-code", "1", "L", "/"),
        ("missing-there", "2", None, "I"),
        ("waiting", "3", "J", None),
        ("waiting", "4", "/", None),
        ("missing-here", "5", "/", None),
    }


async def test_what_waits_says_why_and_what_would_mend_it(school: Authority) -> None:
    answer = await compared(school, [{"local_id": "3", "code": "J"}, {"local_id": "4", "code": "/"}])
    told = {one["pointer"]: one["waiting"][0] for one in answer["differences"] if one["waiting"]}
    assert (told["/marks/0"]["problem"], told["/marks/0"]["mend"]["codes"]) == ("retired-code", ["J1"])
    assert (told["/marks/1"]["problem"], told["/marks/1"]["mend"]["operation"]) == ("unknown-pupil", "putRoll")


async def test_a_mark_that_was_taken_back_is_missing_here(school: Authority) -> None:
    child = (await school.ask("POST", "/v1/pupils/lookup", json={"upn": UPN}))["pupil_id"]
    await school.delete(child)
    others = [{"local_id": "2", "code": "I"}, {"local_id": "3", "code": "J"}, {"local_id": "4", "code": "/"}]
    (one,) = (await compared(school, [{"upn": UPN, "code": "/"}, *others]))["differences"][:1]
    assert (one["kind"], one["pupil_id"], one["there"], one["here"]) == ("missing-here", child, "/", None)
    assert ("missing-here", "1", "/", None) not in await differences(school, [{"local_id": "1", "code": None}])


async def test_a_pupil_without_a_mark_there_is_no_difference_to_a_blank_here(school: Authority) -> None:
    await school.register([{"local_id": "1", "code": "-"}], "2025-09-15/PM")
    for code in (None, "", "-"):
        marks = [{"local_id": "1", "code": code}]
        assert not await differences(school, marks, session="PM")
    assert not await differences(school, [], session="PM")


async def test_a_whole_day_is_compared_when_no_session_is_named(school: Authority) -> None:
    await school.mark("1", "O", "2025-09-15/PM")
    marks = [{"session": "AM", "local_id": "1", "code": "/"}, {"session": "AM", "local_id": "2", "code": "I"}]
    body = {"date": "2025-09-15", "marks": [*marks, {"session": "PM", "local_id": "1", "code": "/"}]}
    answer = await school.ask("POST", COMPARE, json=body)
    told = {(one["session"], one["local_id"], one["kind"]) for one in answer["differences"] if one["local_id"]}
    assert told == {("PM", "1", "other-code"), ("AM", "3", "missing-there")}
    assert answer["counts"]["same"] == 2


async def test_digests_of_sessions_and_days_are_compared(school: Authority) -> None:
    (day,) = (await school.ask("GET", SYNC))["items"]
    digests = [
        {"digest": day["digest"]},
        {"session": "AM", "digest": digest("1|/", "2|I")},
        {"session": "PM", "digest": digest("1|/")},
        {"date": "2025-09-13", "session": "AM", "digest": digest()},
    ]
    answer = await school.ask("POST", COMPARE, json={"date": "2025-09-15", "digests": digests})
    assert [one["equal"] for one in answer["digests"]] == [True, True, False, True]
    assert answer["counts"] == {"same": 3, "other": 1}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"date": "2025-09-15"}, ""),
        ({"date": "2025-09-15", "marks": [], "digests": []}, ""),
        ({"session": "AM", "marks": []}, "/date"),
        ({"date": "2025-09-15", "marks": [{"local_id": "1", "code": "/"}]}, "/marks/0/session"),
        ({"date": "2025-09-15", "session": "AM", "marks": [{"code": "/"}]}, "/marks/0"),
        ({"digests": [{"digest": "0" * 64}]}, "/digests/0/date"),
        ({"date": "2025-09-15", "digests": []}, "/digests/0/date"),
        ({"digests": [{"date": f"{year}-09-15", "digest": "0" * 64} for year in (2023, 2025)]}, "/digests"),
        ({"date": "2025-09-15", "session": "AM", "marks": [{"local_id": "1"}, {"upn": UPN}]}, "/marks/0"),
        ({"date": "2025-09-15", "session": "AM", "marks": [{"local_id": "2"}, {"local_id": "1"}] * 2}, "/marks/0"),
        ({"date": "2025-09-15", "session": "AM", "marks": [{"local_id": "2", "upn": UPN}]}, "/marks/0"),
    ],
)
async def test_a_list_that_cannot_be_compared_says_where(school: Authority, body: dict[str, Any], pointer: str) -> None:
    answer = await school.ask("POST", COMPARE, 422, json=body)
    assert answer["errors"][0]["pointer"] == pointer


async def test_more_marks_than_a_day_can_have_are_too_many(school: Authority) -> None:
    marks = [{"local_id": str(number), "code": "/"} for number in range(4001)]
    await school.ask("POST", COMPARE, 413, json={"date": "2025-09-15", "session": "AM", "marks": marks})


async def test_a_comparison_keeps_nothing(school: Authority) -> None:
    before = await school.ask("GET", SYNC)
    await compared(school, [{"local_id": "9", "code": "/"}, {"local_id": "1", "code": "O"}])
    assert await school.ask("GET", SYNC) == before


RECONCILE = f"{SYNC}/reconcile"


async def test_counts_of_another_system_are_reconciled_with_what_waits_as_the_reason(school: Authority) -> None:
    await school.mark("1", "I", "2025-09-15/PM")
    await school.mark("1", "N", "2025-09-12/AM")
    counts = [
        {"date": "2025-09-15", "code": "/", "marks": 2},
        {"date": "2025-09-15", "code": "I", "marks": 2},
        {"date": "2025-09-15", "session": "AM", "code": "J", "marks": 1},
        {"date": "2025-09-15", "session": "AM", "code": "I", "marks": 1},
    ]
    answer = await school.ask("POST", RECONCILE, json={"counts": counts})
    assert answer["same"] == 2
    assert [tuple(one.values()) for one in answer["differences"]] == [
        ("2025-09-15", None, "/", 2, 1, {"unknown-pupil": 1}),
        ("2025-09-15", "AM", "/", 0, 1, {"unknown-pupil": 1}),
        ("2025-09-15", "AM", "J", 1, 0, {"retired-code": 1}),
    ]


@pytest.mark.parametrize(
    ("counts", "pointer"),
    [
        ([], "/counts"),
        ([{"date": "2025-09-15", "code": "/", "marks": 2}] * 2, "/counts/1"),
        ([{"date": f"{year}-09-15", "code": "/", "marks": 2} for year in (2023, 2025)], "/counts"),
        ([{"date": "2025-09-15", "code": "/", "marks": -1}], "/counts/0/marks"),
    ],
)
async def test_counts_that_make_no_sense_are_refused(
    school: Authority, counts: list[dict[str, Any]], pointer: str
) -> None:
    answer = await school.ask("POST", RECONCILE, 422, json={"counts": counts})
    assert answer["errors"][0]["pointer"] == pointer


async def test_a_school_without_registers_for_some_of_its_days_is_silent(authority: Authority) -> None:
    await authority.school()
    await authority.school(OTHER)
    await authority.roll(pupil("1"))
    await authority.mark("1", "/", "2025-09-10/PM")
    await authority.mark("nobody", "/", "2025-09-12/AM", OTHER)
    told = (await authority.ask("GET", "/v1/schools/silent"))["items"]
    assert [(one["school_urn"], one["reason"], one["school_days"]) for one in told] == [(URN, "no-register", 2)]
    assert (told[0]["last_register"]["date"], told[0]["last_register"]["session"]) == ("2025-09-10", "PM")
    for query, silent in (
        ({"school_days": 2}, [URN]),
        ({"school_days": 3}, []),
        ({"since": "2025-09-11"}, [URN]),
        ({"since": "2025-09-10"}, []),
    ):
        answer = await authority.ask("GET", "/v1/schools/silent", params=query)
        assert [one["school_urn"] for one in answer["items"]] == silent


async def test_a_school_without_a_calendar_is_silent_for_that_reason(authority: Authority) -> None:
    body = {"name": "Oak", "la_code": "330", "laestab": "3302002", "phase": "primary"}
    await authority.ask("PUT", f"/v1/schools/{OTHER}", json=body)
    (told,) = (await authority.ask("GET", "/v1/schools/silent"))["items"]
    assert (told["reason"], told["school_days"], told["last_register"]) == ("no-calendar", 0, None)


async def test_a_school_that_has_closed_or_is_still_to_open_is_not_silent(authority: Authority) -> None:
    await authority.school()
    for column, day, silent in (("closed_on", 15, 1), ("closed_on", 14, 0), ("opened_on", 16, 0), ("opened_on", 15, 1)):
        async with authority.database.transaction() as tx:
            await tx.execute("update school set opened_on = null, closed_on = null")
            await tx.execute(f"update school set {column} = $1", date(2025, 9, day))
        assert len((await authority.ask("GET", "/v1/schools/silent"))["items"]) == silent


async def test_silent_schools_come_in_pages_and_only_those_of_the_token(authority: Authority) -> None:
    await authority.school()
    await authority.school(OTHER)
    page = await authority.ask("GET", "/v1/schools/silent?page_size=1")
    following = await authority.ask("GET", page["next"])
    assert [page["items"][0]["school_urn"], following["items"][0]["school_urn"]] == [URN, OTHER]
    assert following["next"] is None
    mine = await authority.ask("GET", "/v1/schools/silent", headers=bearer(schools=[OTHER]))
    assert [one["school_urn"] for one in mine["items"]] == [OTHER]


async def test_how_a_school_is_connected_is_said_and_shown_beside_its_silence(authority: Authority) -> None:
    await authority.school()
    path = f"/v1/schools/{URN}/connection"
    await authority.ask("GET", path, 404)
    said = {"kind": "wonde", "state": "testing", "contact_role": "data manager", "since": "2025-09-01"}
    first = await authority.ask("PUT", path, json=said)
    assert first == await authority.ask("GET", path) == await authority.ask("PUT", path, json=said)
    assert {name: first[name] for name in said} == said
    (told,) = (await authority.ask("GET", "/v1/schools/silent"))["items"]
    assert told["connection"] == first
    live = await authority.ask("PUT", path, json={"kind": "mis", "state": "live"})
    assert (live["contact_role"], live["since"]) == (None, None)
    await authority.ask("PUT", path, 422, json={"kind": "post", "state": "live"})
    await authority.ask("PUT", f"/v1/schools/{OTHER}/connection", 404, json=said)


async def test_other_schools_are_hidden(school: Authority) -> None:
    headers = bearer(schools=[OTHER])
    counts = [{"date": "2025-09-15", "code": "/", "marks": 1}]
    await school.ask("POST", RECONCILE, 404, headers=headers, json={"counts": counts})
    for method, path in (("GET", SYNC), ("POST", COMPARE), ("GET", f"/v1/schools/{URN}/connection")):
        body = {"date": "2025-09-15", "session": "AM", "marks": []} if method == "POST" else None
        await school.ask(method, path, 404, headers=headers, json=body)
    await school.ask(
        "PUT", f"/v1/schools/{URN}/connection", 404, headers=headers, json={"kind": "mis", "state": "live"}
    )


async def test_silent_is_no_school_that_could_be_made(authority: Authority) -> None:
    answer = await authority.ask("PUT", "/v1/schools/silent", 405, json={})
    assert answer["type"] == "/problems/method-not-allowed"

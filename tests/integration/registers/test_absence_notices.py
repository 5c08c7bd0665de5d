"""Parents' absence notices over HTTP: given, corrected and withdrawn; matched to marks; and followed with the child."""

import asyncio
from typing import Any

import pytest

from tests.integration.registers.conftest import OTHER, URN, Authority, bearer, pupil

PATH = f"/v1/schools/{URN}/absence-notices"
MOTHER = {"local_id": "c1", "name": "Robin Green", "relationship": "mother", "parental_responsibility": True}
BY_NAME = {"name": "Kim Green", "relation": "grandmother"}
CHANGED = {"reason": "Two records", "by": "J. Field"}
WHY: dict[str, Any] = {"noted_by": "J. Field", "why": "The parent rang again"}


@pytest.fixture
async def school(authority: Authority) -> Authority:
    """A school with two pupils, of whom the first has a contact."""
    await authority.school()
    await authority.roll(pupil("1", contacts=[MOTHER]), pupil("2"))
    return authority


def said(first: str = "2025-09-15", **changes: Any) -> dict[str, Any]:
    return {"local_id": "1", "given_by": {"local_id": "c1"}, "channel": "telephone", "from": first} | changes


async def give(school: Authority, status: int = 201, urn: int = URN, **changes: Any) -> Any:
    return await school.ask("POST", f"/v1/schools/{urn}/absence-notices", status, json=said(**changes))


async def correct(school: Authority, notice: Any, status: int = 200, **changes: Any) -> Any:
    body = {key: value for key, value in said(**changes).items() if key != "local_id"}
    return await school.ask("PUT", f"{PATH}/{notice['notice_id']}", status, json=body)


async def withdraw(school: Authority, notice: Any, status: int = 200, **more: Any) -> Any:
    return await school.ask("POST", f"{PATH}/{notice['notice_id']}/withdrawal", status, json=WHY, **more)


async def matches(school: Authority, on: str = "2025-09-15", urn: int = URN, **query: Any) -> list[Any]:
    """(session, code, match) of the sessions of a day that its notices cover, notice by notice."""
    path = f"/v1/schools/{urn}/absence-notices"
    answer = await school.ask("GET", path, params={"date": on, **query})
    return [[(one["session"], one["code"], one["match"]) for one in item["sessions"]] for item in answer["items"]]


async def child(school: Authority, local_id: str = "1", urn: int = URN) -> str:
    body = {"school_urn": urn, "local_id": local_id}
    return (await school.ask("POST", "/v1/pupils/lookup", json=body))["pupil_id"]


# -- given ------------------------------------------------------------------------------------------------------------


async def test_a_notice_is_kept_as_it_was_given(school: Authority) -> None:
    at = "2025-09-15T08:41:00+01:00"
    more: dict[str, Any] = {"given_at": at, "reason": "A temperature", "suggested_code": "I", "noted_by": "J. Field"}
    notice = await give(school, to="2025-09-16", to_session="AM", **more)
    assert notice["pupil_id"] == await child(school)
    assert (notice["local_id"], notice["state"], notice["version"]) == ("1", "given", 1)
    assert (notice["from_session"], notice["to"], notice["to_session"]) == ("AM", "2025-09-16", "AM")
    assert (notice["given_at"], notice["reason"]) == ("2025-09-15T07:41:00Z", "A temperature")
    (contact,) = (await school.ask("GET", f"/v1/pupils/{notice['pupil_id']}/contacts"))["contacts"]
    assert notice["given_by"] == {
        "contact_id": contact["contact_id"], "name": "Robin Green", "relation": "mother", "barred": False,
    }  # fmt: skip
    whole = await school.ask("GET", f"{PATH}/{notice['notice_id']}")
    assert {key: whole[key] for key in notice} == notice
    assert whole["history"] == []


async def test_whoever_is_no_contact_gives_a_notice_by_name(school: Authority) -> None:
    notice = await give(school, given_by=BY_NAME)
    assert notice["given_by"] == {"contact_id": None, "name": "Kim Green", "relation": "grandmother", "barred": False}
    assert notice["given_at"] == "2025-09-15T09:00:00Z"  # now, where nobody says otherwise


async def test_the_child_is_named_by_any_key_and_by_several_only_if_they_mean_one(school: Authority) -> None:
    await school.roll(pupil("3", upn="H869200124007"))
    third = await child(school, "3")
    good: list[dict[str, Any]] = [{"upn": "H869200124007"}, {"pupil_id": third}, {"pupil_id": third, "local_id": "3"}]
    for keys in good:
        answer = await give(school, given_by=BY_NAME, **{"local_id": None, **keys})
        assert answer["pupil_id"] == third
    bad: list[dict[str, Any]] = [{"local_id": None}, {"local_id": "1", "upn": "H869200124007"}, {"local_id": "9"}]
    for keys, code in zip(bad, ("one-pupil", "one-pupil", "unknown-pupil"), strict=True):
        answer = await give(school, 422, given_by=BY_NAME, **keys)
        assert [fault["code"] for fault in answer["errors"]] == [code]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"to": "2025-09-12"}, "/to"),
        ({"from_session": "PM", "to": "2025-09-15", "to_session": "AM"}, "/to"),
        ({"to": "2026-01-01"}, "/to"),
        ({"to_session": "AM"}, "/to_session"),
        ({"suggested_code": "N"}, "/suggested_code"),
        ({"suggested_code": "/"}, "/suggested_code"),
        ({"suggested_code": "H"}, "/suggested_code"),
        ({"given_at": "2999-09-15T08:41:00+01:00"}, "/given_at"),
        ({"given_at": "0001-01-01T00:00:00+14:00"}, "/given_at"),
        ({"given_at": "2025-09-15T08:41:00"}, "/given_at"),
        ({"given_at": 1}, "/given_at"),
        ({"given_by": {"local_id": "c2"}}, "/given_by/local_id"),
        ({"given_by": {"contact_id": "6a1f7c1c-8a52-5d3a-9a61-3a6f0f0d9f20"}}, "/given_by/contact_id"),
        ({"given_by": {"relation": "mother"}}, "/given_by"),
        ({"given_by": {"name": "Robin", "local_id": "c1"}}, "/given_by"),
        ({"channel": "pigeon"}, "/channel"),
        ({"code": "I"}, "/code"),
    ],
)
async def test_a_notice_that_makes_no_sense_is_refused_and_told_where(
    school: Authority, changes: dict[str, Any], pointer: str
) -> None:
    answer = await give(school, 422, **changes)
    assert [fault["pointer"] for fault in answer["errors"]] == [pointer]
    assert await matches(school) == []


async def test_a_contact_whom_a_court_order_bars_is_heard_and_marked(school: Authority) -> None:
    barred = {**MOTHER, "contact_barred": {"from": "2025-09-01", "to": "2025-09-15"}}
    await school.roll(pupil("1", contacts=[barred]))
    assert (await give(school))["given_by"]["barred"]
    assert not (await give(school, given_at="2025-08-31T12:00:00Z"))["given_by"]["barred"]


async def test_the_same_notice_again_is_the_same_notice(school: Authority) -> None:
    at = "2025-09-15T08:41:00+01:00"
    first = await give(school, given_at=at)
    again = await give(school, 200, given_at="2025-09-15T07:41:00Z")
    assert again == first
    assert (await give(school, given_at="2025-09-15T08:42:00+01:00"))["notice_id"] != first["notice_id"]


async def test_an_idempotency_key_names_a_notice_to_its_sender(school: Authority) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = await school.ask("POST", PATH, 201, json=said(), headers=headers)
    assert await school.ask("POST", PATH, 200, json=said(), headers=headers) == first
    answer = await school.ask("POST", PATH, 422, json=said(channel="app"), headers=headers)
    assert [fault["code"] for fault in answer["errors"]] == ["other-body"]
    theirs = headers | bearer("absences:write", subject="another")
    assert (await school.ask("POST", PATH, 201, json=said(), headers=theirs))["notice_id"] != first["notice_id"]
    await school.school(OTHER)
    await school.roll(pupil("1", upn=None, contacts=[MOTHER]), urn=OTHER)
    await school.ask("POST", f"/v1/schools/{OTHER}/absence-notices", 201, json=said(), headers=headers)


async def test_a_notice_that_is_sent_twice_at_once_is_one_notice(school: Authority) -> None:
    sent = [school.client.post(PATH, json=said(), headers={"Idempotency-Key": "k1"}) for _ in range(6)]
    answers = await asyncio.gather(*sent)
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len({answer.json()["notice_id"] for answer in answers}) == 1


async def test_giving_needs_its_own_scope_and_the_school_and_no_register(school: Authority) -> None:
    await school.ask("POST", PATH, 403, json=said(), headers=bearer("registers:write registers:read"))
    answer = await school.ask("POST", PATH, 201, json=said(), headers=bearer("absences:write", [URN]))
    assert "sessions" not in answer
    await school.ask("POST", PATH, 404, json=said(), headers=bearer("absences:write", [OTHER]))
    await school.ask("POST", f"/v1/schools/{OTHER}/absence-notices", 404, json=said())
    place = f"{PATH}/{answer['notice_id']}"
    for path in (place, PATH, f"{PATH}/gaps"):
        await school.ask("GET", path, 403, headers=bearer("absences:write"))
        await school.ask("GET", path, 404, headers=bearer(schools=[OTHER]))
    await school.school(OTHER)
    await school.ask("GET", f"/v1/schools/{OTHER}/absence-notices/{answer['notice_id']}", 404)
    await school.ask("POST", f"/v1/schools/{OTHER}/absence-notices/{answer['notice_id']}/withdrawal", 404, json={})


async def test_nothing_of_a_notice_is_told_in_the_ledger(school: Authority) -> None:
    before = await school.changes()
    notice = await give(school, reason="A temperature", suggested_code="I")
    await correct(school, notice, reason="A broken arm")
    await withdraw(school, notice)
    assert await school.changes() == before


# -- corrected and withdrawn ------------------------------------------------------------------------------------------


async def test_a_correction_keeps_what_was_said_before(school: Authority) -> None:
    notice = await give(school, given_at="2025-09-15T08:41:00+01:00", reason="A temperature")
    changed = await correct(school, notice, to="2025-09-17", reason="Chickenpox", suggested_code="I", **WHY)
    assert (changed["version"], changed["to"], changed["given_at"]) == (2, "2025-09-17", notice["given_at"])
    whole = await school.ask("GET", f"{PATH}/{notice['notice_id']}")
    assert (whole["why"], whole["noted_by"]) == (WHY["why"], WHY["noted_by"])
    assert [(one["version"], one["to"], one["reason"]) for one in whole["history"]] == [(1, None, "A temperature")]
    assert (await correct(school, notice, to="2025-09-17", reason="Chickenpox", suggested_code="I"))["version"] == 2
    assert await matches(school, "2025-09-16") == [[("AM", None, "awaited"), ("PM", None, "awaited")]]


async def test_a_notice_that_is_withdrawn_counts_no_longer_until_it_is_said_again(school: Authority) -> None:
    notice = await give(school)
    await school.mark("1", "N")
    gone = await withdraw(school, notice)
    assert (gone["state"], gone["version"], gone["why"]) == ("withdrawn", 2, WHY["why"])
    assert await matches(school) == [[]]
    assert (await withdraw(school, notice))["version"] == 2
    assert (await correct(school, notice))["state"] == "given"
    assert await matches(school, match="to-settle") == [[("AM", "N", "to-settle"), ("PM", None, "awaited")]]
    whole = await school.ask("GET", f"{PATH}/{notice['notice_id']}")
    assert [one["state"] for one in whole["history"]] == ["withdrawn", "given"]


async def test_a_notice_is_changed_only_if_it_is_still_as_read_where_that_is_asked(school: Authority) -> None:
    notice = await give(school)
    place = f"{PATH}/{notice['notice_id']}"
    read = await school.client.get(place)
    assert read.headers["etag"].startswith('"1-')
    await correct(school, notice, reason="A temperature")
    stale = {"If-Match": read.headers["etag"]}
    await withdraw(school, notice, 412, headers=stale)
    await withdraw(school, notice, 412, headers={"If-Match": "no tag of ours"})
    await withdraw(school, notice, headers={"If-Match": '"2"'})


async def test_the_tag_of_a_notice_stands_for_the_marks_beside_it_too(school: Authority) -> None:
    place = f"{PATH}/{(await give(school))['notice_id']}"
    tag = (await school.client.get(place)).headers["etag"]
    assert (await school.client.get(place, headers={"If-None-Match": tag})).status_code == 304
    await school.mark("1", "N")
    changed = await school.client.get(place, headers={"If-None-Match": tag})
    assert (changed.status_code, changed.json()["sessions"][0]["code"]) == (200, "N")
    await school.ask("POST", f"{place}/withdrawal", json=WHY, headers={"If-Match": tag})


async def test_a_contact_who_has_left_the_roll_may_stay_who_gave_a_notice(school: Authority) -> None:
    notice = await give(school)
    await school.roll(pupil("1", contacts=[]))
    given_by = {"contact_id": notice["given_by"]["contact_id"]}
    changed = await correct(school, notice, given_by=given_by, reason="A temperature")
    assert changed["given_by"]["name"] == "Robin Green"


async def test_what_is_not_there_is_neither_read_nor_changed(school: Authority) -> None:
    nothing = {"notice_id": "c2f0a7de-0f0b-4f55-8f3a-0a4d5c1e7b90"}
    await school.ask("GET", f"{PATH}/{nothing['notice_id']}", 404)
    await correct(school, nothing, 404)
    await withdraw(school, nothing, 404)
    await school.ask("GET", f"/v1/pupils/{nothing['notice_id']}/absence-notices", 404)


# -- matched ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "match"), [("N", "to-settle"), ("O", "unexplained"), ("I", "agrees"), ("G", "agrees"), ("/", "present")]
)
async def test_what_stands_goes_with_a_notice_or_not(school: Authority, code: str, match: str) -> None:
    await give(school)
    assert await matches(school) == [[("AM", None, "awaited"), ("PM", None, "awaited")]]
    await school.mark("1", code)
    await school.mark("2", "I")
    assert await matches(school) == [[("AM", code, match), ("PM", None, "awaited")]]


async def test_a_notice_changes_no_mark_and_a_mark_that_is_sent_settles_it(school: Authority) -> None:
    await school.mark("1", "N")
    await give(school, suggested_code="I")
    assert await school.standing() == {"1": "N"}
    await school.mark("1", "O", reason="No reason that the school accepts", amended_by="J. Field")
    assert (await matches(school))[0][0] == ("AM", "O", "agrees")


async def test_a_notice_that_comes_before_its_day_waits_for_the_marks(school: Authority) -> None:
    await give(school, first="2025-09-18", from_session="PM", to="2025-09-19")
    assert await matches(school, "2025-09-17") == []
    assert await matches(school, "2025-09-18") == [[("PM", None, "awaited")]]
    assert await matches(school, "2025-09-19") == [[("AM", None, "awaited"), ("PM", None, "awaited")]]


async def test_only_sessions_that_the_child_should_have_been_at_are_covered(school: Authority) -> None:
    await give(school, first="2025-09-12", to="2025-09-16")
    await school.roll(pupil("1", enrolment={"from": "2025-09-01", "to": "2025-09-15", "kind": "single"}))
    (item,) = (await school.ask("GET", f"/v1/pupils/{await child(school)}/absence-notices"))["items"]
    days = ["2025-09-12"] * 2 + ["2025-09-15"] * 2  # no weekend, and nothing after the last day on the roll
    assert [one["date"] for one in item["sessions"]] == days


async def test_notices_are_listed_by_how_marks_go_with_them_and_in_pages(school: Authority) -> None:
    await give(school)
    await give(school, local_id="2", given_by=BY_NAME)
    await school.mark("2", "/")
    assert await matches(school, match="present") == [[("AM", "/", "present"), ("PM", None, "awaited")]]
    assert len(await matches(school, match="awaited")) == 2
    assert await matches(school, match="agrees") == []
    first = await school.ask("GET", PATH, params={"page_size": 1})
    rest = await school.ask("GET", first["next"])
    assert rest["next"] is None
    ids = [item["notice_id"] for item in first["items"] + rest["items"]]
    assert ids == sorted(ids)
    for query in ({"cursor": "x"}, {"match": "y"}, {"date": "1000-01-01"}):
        await school.ask("GET", PATH, 422, params=query)


async def test_a_childs_notices_are_listed_by_day(school: Authority) -> None:
    for day in ("2025-09-16", "2025-09-10", "2025-09-12"):
        await give(school, first=day)
    path = f"/v1/pupils/{await child(school)}/absence-notices"

    async def days(query: str) -> list[str]:
        return [item["from"] for item in (await school.ask("GET", f"{path}?{query}"))["items"]]

    assert await days("") == ["2025-09-10", "2025-09-12", "2025-09-16"]
    assert await days("from=2025-09-11&to=2025-09-15") == ["2025-09-12"]
    page = await school.ask("GET", f"{path}?page_size=2")
    rest = await school.ask("GET", page["next"])
    assert [item["from"] for item in rest["items"]] == ["2025-09-16"]
    await school.ask("GET", path, 404, headers=bearer(schools=[OTHER]))


# -- the child becomes another ----------------------------------------------------------------------------------------


async def merged(school: Authority) -> tuple[str, str]:
    """Pupil 2 of the school dies into pupil 1."""
    living, dead = await child(school, "1"), await child(school, "2")
    await school.ask("POST", f"/v1/pupils/{dead}/merge", json={"into": living, **CHANGED})
    return living, dead


async def held(school: Authority, pupil_id: str) -> set[str]:
    """The notices of a child, by id."""
    answer = await school.ask("GET", f"/v1/pupils/{pupil_id}/absence-notices")
    assert {item["pupil_id"] for item in answer["items"]} <= {pupil_id}
    return {item["notice_id"] for item in answer["items"]}


async def test_a_notice_follows_the_child_through_a_merge_and_back(school: Authority) -> None:
    first = (await give(school))["notice_id"]
    second = (await give(school, local_id="2", given_by=BY_NAME))["notice_id"]
    await school.mark("2", "N")
    living, dead = await merged(school)
    assert await held(school, living) == {first, second}
    assert [found[0] for found in await matches(school)] == [("AM", "N", "to-settle")] * 2
    moved = await school.client.get(f"/v1/pupils/{dead}/absence-notices")
    assert (moved.status_code, moved.headers["location"]) == (308, f"/v1/pupils/{living}/absence-notices")
    await school.ask("POST", f"/v1/pupils/{living}/split", json={"restore": dead, **CHANGED})
    assert (await held(school, living), await held(school, dead)) == ({first}, {second})


async def test_what_came_between_a_merge_and_its_undoing_is_the_survivors_where_both_were_known(
    school: Authority,
) -> None:
    living, dead = await merged(school)
    between = (await give(school, local_id="2", given_by=BY_NAME))["notice_id"]
    await school.ask("POST", f"/v1/pupils/{living}/split", json={"restore": dead, **CHANGED})
    assert (await held(school, living), await held(school, dead)) == ({between}, set())


async def test_what_a_school_that_knows_only_the_other_said_since_a_merge_is_the_others(school: Authority) -> None:
    await school.school(OTHER)
    answer = await school.roll(pupil("x"), urn=OTHER)
    living, dead = await child(school), answer["results"][0]["pupil_id"]
    earlier = (await give(school))["notice_id"]
    await school.ask("POST", f"/v1/pupils/{dead}/merge", json={"into": living, **CHANGED})
    here = (await give(school, given_by=BY_NAME))["notice_id"]
    there = await give(school, urn=OTHER, local_id="x", given_by=BY_NAME)
    await school.ask("PUT", f"/v1/schools/{OTHER}/absence-notices/{there['notice_id']}", json={
        key: value for key, value in said(given_by=BY_NAME, reason="A temperature").items() if key != "local_id"
    })  # fmt: skip
    assert await held(school, living) == {earlier, here, there["notice_id"]}
    await school.ask("POST", f"/v1/pupils/{living}/split", json={"restore": dead, **CHANGED})
    assert (await held(school, living), await held(school, dead)) == ({earlier, here}, {there["notice_id"]})
    whole = await school.ask("GET", f"/v1/schools/{OTHER}/absence-notices/{there['notice_id']}")
    assert (whole["pupil_id"], len(whole["history"])) == (dead, 1)


async def test_a_part_of_a_school_takes_the_notices_of_its_days_along(school: Authority) -> None:
    early = (await give(school, first="2025-09-03"))["notice_id"]
    late = (await give(school))["notice_id"]
    living = await child(school)
    parts = {"schools": [{"school_urn": URN, "from": "2025-09-08"}], **CHANGED}
    new = (await school.ask("POST", f"/v1/pupils/{living}/split", json=parts))["other"]
    assert (await held(school, living), await held(school, new)) == ({early}, {late})


async def test_the_school_that_takes_over_has_the_notices_that_reach_into_its_time(school: Authority) -> None:
    notice = await give(school, first="2025-09-12", to="2025-09-16")
    await school.school(OTHER)
    body = {"successor_urn": OTHER, "on": "2025-09-15"}
    await school.ask("POST", f"/v1/schools/{URN}/conversion", json=body)
    await school.mark("1", "N", urn=OTHER)
    assert await matches(school, urn=OTHER) == [[("AM", "N", "to-settle"), ("PM", None, "awaited")]]
    (item,) = (await school.ask("GET", f"/v1/pupils/{await child(school)}/absence-notices"))["items"]
    assert [one["school_urn"] for one in item["sessions"]] == [URN] * 2 + [OTHER] * 4
    only_old = await school.ask("GET", f"{PATH}/{notice['notice_id']}", headers=bearer(schools=[URN]))
    assert {one["school_urn"] for one in only_old["sessions"]} == {URN}
    place = f"/v1/schools/{OTHER}/absence-notices/{notice['notice_id']}"
    await school.ask("POST", f"{place}/withdrawal", json={}, headers=bearer(schools=[OTHER], scope="absences:write"))
    assert await matches(school, urn=OTHER) == [[]]


# -- what is doubtful -------------------------------------------------------------------------------------------------


async def doubts(school: Authority, urn: int = URN, **query: Any) -> list[tuple[str, str, str | None, str | None]]:
    """(kind, session, code, notice) of each item of a school's doubtful data."""
    answer = await school.ask("GET", f"/v1/schools/{urn}/data-quality", params=query)
    return [(one["kind"], one["session"], one["code"], one["notice_id"]) for one in answer["items"]]


async def test_a_mark_n_with_a_notice_waits_to_be_judged_until_another_code_is_sent(school: Authority) -> None:
    await school.mark("1", "N")
    assert await doubts(school) == []
    notice = (await give(school, suggested_code="I", reason="A temperature"))["notice_id"]
    (item,) = (await school.ask("GET", f"/v1/schools/{URN}/data-quality"))["items"]
    assert (item["kind"], item["notice_id"], item["pupil_id"]) == ("notice-to-judge", notice, await child(school))
    assert (item["mend"]["operation"], item["mend"]["codes"]) == ("putRegister", ["I"])
    assert "temperature" not in str(item)
    await school.mark("1", "I", reason="The parent's notice", amended_by="J. Field")
    assert await doubts(school) == []


async def test_an_o_waits_to_be_judged_until_somebody_says_why(school: Authority) -> None:
    notice = (await give(school))["notice_id"]
    await school.mark("1", "O")
    assert await doubts(school) == [("notice-to-judge", "AM", "O", notice)]
    await school.mark("1", "O", reason_detail=["birthday_or_shopping"])
    assert await doubts(school) == []


async def test_a_pupil_who_was_seen_though_an_absence_was_announced_is_doubtful(school: Authority) -> None:
    notice = await give(school, from_session="PM")
    await school.register([{"local_id": "1", "code": "/"}, {"local_id": "2", "code": "/"}])
    assert await doubts(school) == []
    await school.register([{"local_id": "1", "code": "\\"}, {"local_id": "2", "code": "\\"}], "2025-09-15/PM")
    assert await doubts(school) == [("present-though-announced", "PM", "\\", notice["notice_id"])]
    await withdraw(school, notice)
    assert await doubts(school) == []


async def test_of_several_notices_about_a_session_the_last_one_is_named(school: Authority) -> None:
    await school.mark("1", "N")
    late = await give(school, given_at="2025-09-15T09:00:00Z")
    await give(school, given_at="2025-09-14T09:00:00Z", first="2025-09-10", to="2025-09-16")
    assert await doubts(school) == [("notice-to-judge", "AM", "N", late["notice_id"])]
    await give(school, local_id="2", given_by=BY_NAME)
    assert await doubts(school, kind="present-though-announced") == []


async def test_what_waits_to_be_judged_is_found_through_a_merge_and_at_a_successor(school: Authority) -> None:
    await school.mark("1", "N", "2025-09-12/AM")
    await school.mark("2", "N", "2025-09-12/PM")
    notice = await give(school, first="2025-09-12", to="2025-09-16")
    await merged(school)
    found = [("notice-to-judge", session, "N", notice["notice_id"]) for session in ("AM", "PM")]
    assert await doubts(school) == found
    await school.school(OTHER)
    await school.ask("POST", f"/v1/schools/{URN}/conversion", json={"successor_urn": OTHER, "on": "2025-09-15"})
    await school.mark("1", "N", urn=OTHER)
    assert await doubts(school, OTHER) == found[:1]

"""Admissions to a roll and deletions from it, as the local authority is told of them."""

from typing import Any

import pytest

from tests.integration.registers.conftest import OTHER, URN, Authority, bearer, pupil

UPN = "H869200124007"
CONTACT = {
    "local_id": "c1", "name": "Robin Green", "relationship": "mother", "parental_responsibility": True,
    "lives_with_pupil": True, "priority": 1, "email": None, "phone": "0121 496 0000",
    "address": {"lines": ["1 High Street"], "postcode": "B1 1AA"}, "language": None, "do_not_contact": False,
    "contact_barred": {"from": "2025-09-01", "to": None, "order": "F1"},
}  # fmt: skip


def stay(first: str, last: str | None = None, kind: str = "single") -> dict[str, Any]:
    return {"enrolment": {"from": first, "to": last, "kind": kind}}


async def told(authority: Authority, what: str, urn: int = URN, first: str | None = None) -> list[Any]:
    query = {"from": first} if first else {}
    answer = await authority.ask("GET", f"/v1/schools/{urn}/{what}", params=query)
    return answer["items"]


async def test_a_name_that_was_entered_is_told_with_all_that_the_register_has(authority: Authority) -> None:
    await authority.school()
    await authority.roll(
        pupil("1", upn=UPN, contacts=[CONTACT], **stay("2025-09-10")), pupil("2", **stay("2025-09-01"))
    )
    (one,) = await told(authority, "admissions")
    assert (one["local_ids"], one["upn"], one["family_name"]) == (["1"], UPN, "Child1")
    assert (one["enrolment"]["from"], one["enrolment"]["to"], one["enrolment"]["kind"]) == (
        "2025-09-10",
        None,
        "single",
    )
    assert (one["entered_on"], one["due_on"], one["required"], one["returned"]) == (
        "2025-09-10", "2025-09-15", True, False,
    )  # fmt: skip
    (contact,) = one["contacts"]
    assert contact["contact_barred"] == CONTACT["contact_barred"]
    assert (contact["name"], contact["address"], contact["phone"]) == (
        CONTACT["name"], CONTACT["address"], CONTACT["phone"],
    )  # fmt: skip


async def test_new_pupils_of_the_most_junior_class_are_told_only_if_asked(authority: Authority) -> None:
    await authority.school()
    reception = {"date_of_birth": "2021-01-01", "year_group": 0}
    await authority.roll(
        pupil("old", **stay("2024-09-02")),
        pupil("new", **reception, **stay("2025-09-01")),
        pupil("late", **reception, **stay("2025-09-02")),
        pupil("older", **stay("2025-09-01")),
    )
    items = await told(authority, "admissions", first="2025-09-01")
    assert {one["local_ids"][0]: one["required"] for one in items} == {"new": False, "late": True, "older": True}


async def test_the_school_before_is_told_to_those_who_may_see_it(authority: Authority) -> None:
    await authority.school()
    await authority.school(OTHER)
    await authority.roll(pupil("1", upn=UPN, **stay("2024-09-02", "2025-09-09")), urn=OTHER)
    await authority.roll(pupil("1", upn=UPN, **stay("2025-09-10")))
    assert [one["previous_school_urn"] for one in await told(authority, "admissions")] == [OTHER]
    assert [one["next_school_urn"] for one in await told(authority, "deletions", OTHER)] == [URN]
    mine = await authority.ask("GET", f"/v1/schools/{URN}/admissions", headers=bearer(schools=[URN]))
    assert [one["previous_school_urn"] for one in mine["items"]] == [None]


async def test_a_pupil_who_comes_back_is_entered_again(authority: Authority) -> None:
    await authority.school()
    await authority.roll(pupil("1", **stay("2024-09-02", "2025-03-28")))
    await authority.roll(pupil("1", **stay("2025-09-11")))
    assert [(one["entered_on"], one["returned"]) for one in await told(authority, "admissions")] == [
        ("2025-09-11", True)
    ]


async def test_a_change_of_kind_is_neither_an_admission_nor_a_deletion(authority: Authority) -> None:
    await authority.school()
    await authority.roll(pupil("1", **stay("2025-09-01", "2025-09-10")))
    await authority.roll(pupil("1", **stay("2025-09-11", None, "main")))
    assert await told(authority, "admissions") == []
    assert await told(authority, "deletions") == []


async def test_a_name_that_was_deleted_is_told_with_what_its_last_marks_say(authority: Authority) -> None:
    await authority.school()
    await authority.roll(pupil("1", contacts=[CONTACT]), pupil("2"))
    for day, code in (("08", "/"), ("09", "U"), ("10", "O"), ("11", "N"), ("12", "G")):
        for half in ("AM", "PM"):
            await authority.mark("1", code, f"2025-09-{day}/{half}")
    await authority.roll(pupil("1", **stay("2025-09-01", "2025-09-14")))
    (one,) = await told(authority, "deletions")
    assert (one["deleted_on"], one["ground"], one["required"]) == ("2025-09-15", None, True)
    assert (one["last_attended_on"], one["unbroken_absence_days"]) == ("2025-09-08", 3)
    assert [contact["name"] for contact in one["contacts"]] == ["Robin Green"]


async def test_a_deletion_says_its_ground_and_whether_the_marks_bear_it_out(authority: Authority) -> None:
    await authority.school()
    moved = {"leaving_reason": "moved_away", "destination": "Leeds"}
    gone = {"leaving_reason": "continuous_absence"}
    await authority.roll(
        pupil("1", home_la="333", enrolment={**stay("2025-09-01", "2025-09-12")["enrolment"], **moved}),
        pupil("2", enrolment={**stay("2025-09-01", "2025-09-12")["enrolment"], **gone}),
    )
    await authority.mark("2", "O", "2025-09-12/AM")
    items = {one["local_ids"][0]: one for one in await told(authority, "deletions")}
    assert (items["1"]["ground"], items["1"]["destination"], items["1"]["home_la"]) == ("moved_away", "Leeds", "333")
    assert (items["1"]["ground_holds"], items["2"]["ground_holds"]) == (None, False)


async def test_marks_of_a_merged_id_count_as_the_childs_own(authority: Authority) -> None:
    await authority.school()
    await authority.school(OTHER)
    await authority.roll(pupil("x", upn=UPN), urn=OTHER)
    await authority.roll(pupil("1"))
    await authority.mark("1", "O", "2025-09-12/AM")
    await authority.roll(pupil("1", upn=UPN, **stay("2025-09-01", "2025-09-12")))
    (one,) = await told(authority, "deletions")
    assert one["unbroken_absence_days"] == 1


async def test_who_is_not_listed_in_a_complete_roll_is_deleted(authority: Authority) -> None:
    await authority.school()
    await authority.roll(pupil("1"), pupil("2"))
    await authority.roll(pupil("1"), complete=True)
    assert [one["local_ids"] for one in await told(authority, "deletions")] == [["2"]]


async def test_returns_come_in_pages(authority: Authority) -> None:
    await authority.school()
    await authority.roll(*(pupil(str(number), **stay("2025-09-10", "2025-09-12")) for number in range(5)))
    for what in ("admissions", "deletions"):
        whole = await told(authority, what)
        assert len(whole) == 5
        paged: list[Any] = []
        following: str | None = f"/v1/schools/{URN}/{what}?page_size=2"
        while following:
            page = await authority.ask("GET", following)
            paged += page["items"]
            following = page["next"]
        assert paged == whole


@pytest.mark.parametrize(
    "query", [{"from": "2025-09-16"}, {"to": "1999-01-01"}, {"from": "x"}, {"cursor": "eyJhZnRlciI6WzFdfQ"}]
)
async def test_a_span_or_cursor_that_makes_no_sense_is_refused(authority: Authority, query: dict[str, str]) -> None:
    await authority.school()
    await authority.ask("GET", f"/v1/schools/{URN}/admissions", 422, params=query)


async def test_returns_of_other_schools_are_hidden(authority: Authority) -> None:
    await authority.school()
    for what in ("admissions", "deletions"):
        await authority.ask("GET", f"/v1/schools/{URN}/{what}", 404, headers=bearer(schools=[OTHER]))
        await authority.ask("GET", f"/v1/schools/{URN}/{what}", 403, headers=bearer("registers:read"))

"""What is doubtful in a school's data: taken as it is, and listed with what would mend it."""

from typing import Any

import pytest

from tests.integration.registers.conftest import OTHER, URN, Authority, pupil

PATH = f"/v1/schools/{URN}/data-quality"


@pytest.fixture
async def school(authority: Authority) -> Authority:
    await authority.school()
    await authority.roll(pupil("1"), pupil("2"))
    return authority


async def doubts(authority: Authority, urn: int = URN, **query: Any) -> list[tuple[str, str | None]]:
    """(kind, code) of each item."""
    answer = await authority.ask("GET", f"/v1/schools/{urn}/data-quality", params=query)
    return [(item["kind"], item["code"]) for item in answer["items"]]


async def history(authority: Authority) -> Any:
    (mark,) = (await authority.ask("GET", f"/v1/schools/{URN}/registers/2025-09-15/AM"))["marks"]
    return (await authority.ask("GET", f"/v1/pupils/{mark['pupil_id']}/marks"))["items"][0]


async def test_an_amendment_keeps_both_entries_with_reason_person_position_and_time(school: Authority) -> None:
    person = {"name": "J. Field", "position": "Attendance officer"}
    await school.mark("1", "N")
    await school.mark("1", "M", reason="Card seen", amended_by=person, reason_detail=["dentist"])
    mark = await history(school)
    assert (mark["code"], mark["reason"], mark["amended_by"], mark["reason_detail"]) == (
        "M", "Card seen", person, ["dentist"],
    )  # fmt: skip
    assert mark["received_at"] is not None
    assert [(entry["code"], entry["amended_by"]) for entry in mark["history"]] == [("N", None)]
    assert await doubts(school) == []


async def test_a_person_without_a_position_explains_a_correction(school: Authority) -> None:
    await school.mark("1", "N")
    await school.mark("1", "I", reason="The parent rang", amended_by={"name": "J. Field"})
    assert (await history(school))["amended_by"] == {"name": "J. Field", "position": None}
    assert await doubts(school) == []


@pytest.mark.parametrize(
    "amended_by", [{"position": "Head"}, {"name": ""}, {"name": "J", "position": 3}, 7, ["J. Field"]]
)
async def test_who_amended_must_be_a_text_or_a_named_person(school: Authority, amended_by: Any) -> None:
    marks = {"marks": [{"local_id": "1", "code": "I", "amended_by": amended_by}]}
    answer = await school.ask("PUT", f"/v1/schools/{URN}/registers/2025-09-15/AM", 422, json=marks)
    assert answer["errors"][0]["pointer"].startswith("/marks/0/amended_by")


@pytest.mark.parametrize(
    ("code", "arrived", "doubtful"),
    [
        ("L", "2025-09-15T09:30:00+01:00", False),
        ("L", "2025-09-15T08:31:00Z", True),
        ("U", "2025-09-15T09:31:00+01:00", False),
        ("U", "2025-09-15T09:30:00+01:00", True),
        ("N", "2025-09-15T10:00:00+01:00", True),
        ("/", "2025-09-15T08:40:00+01:00", False),
    ],
)
async def test_an_arrival_goes_with_its_code_by_when_the_register_closes(
    school: Authority, code: str, arrived: str, doubtful: bool
) -> None:
    assert (await school.mark("1", code, arrived_at=arrived))[0] == "accepted"
    assert await doubts(school) == ([("arrival-disagrees", code)] if doubtful else [])
    assert (await history(school))["arrived_at"] is not None


async def test_arrivals_are_judged_by_the_schools_own_times(school: Authority) -> None:
    await school.mark("1", "L", arrived_at="2025-09-15T09:05:00+01:00")
    assert await doubts(school) == []
    times = [{"session": half, "registers_open": "08:40", "registers_close": "09:00"} for half in ("AM", "PM")]
    body = {"days": [{"date": "2025-09-15", "sessions": ["AM", "PM"]}], "times": times}
    await school.ask("PUT", f"/v1/schools/{URN}/calendars/2025-26", json=body)
    assert await doubts(school) == [("arrival-disagrees", "L")]
    await school.mark("1", "U", arrived_at="2025-09-15T09:05:00+01:00", reason="Signed in late", amended_by="Office")
    assert await doubts(school) == []


async def test_an_unknown_detail_is_kept_and_listed(school: Authority) -> None:
    await school.mark("1", "O", reason_detail=["looking_after_children", "felt_like_it"])
    assert (await history(school))["reason_detail"] == ["looking_after_children", "felt_like_it"]
    (item,) = (await school.ask("GET", PATH))["items"]
    assert (item["kind"], item["reason_detail"][1], item["mend"]["operation"]) == (
        "unknown-reason-detail", "felt_like_it", "putRegister",
    )  # fmt: skip


async def test_the_details_that_are_known_are_listed(school: Authority) -> None:
    codes = [item["code"] for item in (await school.ask("GET", "/v1/reference/reason-details"))["items"]]
    assert {"looking_after_children", "family_medical_appointment"} <= set(codes)
    assert len(codes) == len(set(codes))


async def test_two_schools_that_mark_one_session_hear_of_it_both_unless_one_says_d(authority: Authority) -> None:
    for urn, kind in ((URN, "main"), (OTHER, "subsidiary")):
        await authority.school(urn)
        stay = {"from": "2025-09-01", "to": None, "kind": kind}
        await authority.roll(pupil("1", upn="H869200124007", enrolment=stay), urn=urn)
        await authority.mark("1", "/", urn=urn)
    (item,) = (await authority.ask("GET", PATH))["items"]
    assert (item["kind"], item["code"], item["other_school_urn"]) == ("two-schools-marked", "/", OTHER)
    assert await doubts(authority, OTHER) == [("two-schools-marked", "/")]
    await authority.mark("1", "D", urn=OTHER, reason="At the other school", amended_by="Office")
    assert await doubts(authority) == []
    assert await doubts(authority, OTHER) == []


async def test_ages_that_are_not_a_pupils_are_taken_and_listed(authority: Authority) -> None:
    await authority.school()
    born = {
        "unborn": "2025-09-02", "a year": "2023-09-02", "two": "2023-09-01",
        "twenty-five": "1999-09-02", "twenty-six": "1999-09-01",
    }  # fmt: skip
    rows = [pupil(name, date_of_birth=day, year_group=None) for name, day in born.items()]
    answer = await authority.roll(*rows)
    ids = {row["pupil_id"]: row["local_id"] for row in answer["results"]}
    items = (await authority.ask("GET", PATH, params={"kind": "unlikely-age"}))["items"]
    assert {ids[item["pupil_id"]] for item in items} == {"unborn", "a year", "twenty-six"}
    assert {(item["date"], item["mend"]["operation"]) for item in items} == {("2025-09-01", "putRoll")}
    await authority.roll(*(pupil(name) for name in born))
    assert await doubts(authority) == []


async def test_registers_that_stay_open_for_too_long_are_listed(authority: Authority) -> None:
    await authority.school()
    times = [
        {"session": "AM", "registers_open": "08:40", "registers_close": "09:00"},
        {"session": "PM", "registers_open": "13:00", "registers_close": "13:45"},
    ]
    body = {"days": [{"date": "2025-09-15", "sessions": ["AM", "PM"]}], "times": times}
    await authority.ask("PUT", f"/v1/schools/{URN}/calendars/2025-26", json=body)
    items = (await authority.ask("GET", PATH))["items"]
    assert [(item["kind"], item["date"], item["session"], item["pupil_id"]) for item in items] == [
        ("register-open-too-long", "2025-08-01", "PM", None),
        ("register-times-differ", "2025-08-01", "PM", None),
    ]


async def test_doubts_are_listed_in_pages_and_by_kind(school: Authority) -> None:
    for local_id in ("1", "2"):
        await school.mark(local_id, "N", "2025-09-12/PM")
        await school.mark(local_id, "L", "2025-09-12/PM", arrived_at="2025-09-12T15:00:00+01:00", reason_detail=["?"])
    listed: list[str] = []
    path: str | None = f"{PATH}?page_size=1"
    while path:
        answer = await school.ask("GET", path)
        listed += [item["kind"] for item in answer["items"]]
        path = answer["next"]
    assert listed == ["arrival-disagrees", "correction-without-reason", "unknown-reason-detail"] * 2
    assert await doubts(school, kind="arrival-disagrees") == [("arrival-disagrees", "L")] * 2
    assert await doubts(school, kind="no-such-kind") == []
    for cursor in ("x", "eyJhZnRlciI6IFsiMjAyNS0wOS0xNSIsIDAsIDEsIDBdfQ"):
        await school.ask("GET", PATH, 422, params={"cursor": cursor})


@pytest.mark.parametrize(
    "more", [{"arrived_at": "2025-09-15T08:40:00"}, {"arrived_at": "late"}, {"reason_detail": "dentist"}]
)
async def test_an_arrival_has_an_offset_and_details_are_a_list(school: Authority, more: dict[str, Any]) -> None:
    marks = {"marks": [{"local_id": "1", "code": "L", **more}]}
    await school.ask("PUT", f"/v1/schools/{URN}/registers/2025-09-15/AM", 422, json=marks)

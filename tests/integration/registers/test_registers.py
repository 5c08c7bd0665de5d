"""A register's way in: what is accepted, corrected, stale, quarantined, refused; and what the ledger says of it."""

from typing import Any

import pytest

from tests.integration.registers.conftest import OTHER, URN, Authority, pupil

PATH = f"/v1/schools/{URN}/registers/2025-09-15/AM"


@pytest.fixture
async def school(authority: Authority) -> Authority:
    """A school with pupils 1, 2 and 3."""
    await authority.school()
    await authority.roll(pupil("1"), pupil("2"), pupil("3"))
    return authority


async def ids(authority: Authority) -> dict[str, str]:
    answer = await authority.ask("GET", f"/v1/schools/{URN}/roll")
    return {local_id: item["pupil_id"] for item in answer["items"] for local_id in item["local_ids"]}


async def refused(authority: Authority, status: int, **more: Any) -> Any:
    """The problem that a register is answered with; nothing of it is kept."""
    answer = await authority.ask("PUT", PATH, status, **more)
    assert await authority.standing() == {}
    return answer


async def test_a_register_is_taken_and_stands(authority: Authority) -> None:
    await authority.school()
    roll = await authority.roll(pupil("1"), pupil("2"))
    before = roll["sequence"]
    answer = await authority.register([{"local_id": "1", "code": "/"}, {"local_id": "2", "code": "O"}])
    assert [mark["status"] for mark in answer["marks"]] == ["accepted", "accepted"]
    assert [mark["pointer"] for mark in answer["marks"]] == ["/marks/0", "/marks/1"]
    assert answer["counts"] == {"accepted": 2, "unchanged": 0, "corrected": 0, "quarantined": 0, "stale": 0}
    assert answer["sequence"] == before + 1
    assert await authority.standing() == {"1": "/", "2": "O"}
    (entry,) = await authority.changes(since=before)
    assert entry["type"] == "uk.rollcall.registers.session-marked.v1"
    assert entry["data"]["marks"] == [
        {"pupil_id": row["pupil_id"], "code": code} for row, code in zip(roll["results"], "/O", strict=True)
    ]
    assert authority.woken


async def test_the_same_register_again_changes_nothing_and_appends_nothing(school: Authority) -> None:
    first = await school.mark("1", "/", version=3)
    assert await school.mark("1", "/", version=3) == ("unchanged", first[1])
    assert await school.mark("1", "/", version=4) == ("unchanged", first[1])
    assert await school.mark("1", "/") == ("unchanged", first[1])
    item = (await school.ask("GET", f"/v1/pupils/{(await ids(school))['1']}/marks"))["items"][0]
    assert [entry["source_version"] for entry in item["history"]] == [3, 4]  # the resend of 3 added nothing


async def test_pupils_that_a_register_does_not_list_keep_their_marks(school: Authority) -> None:
    await school.mark("1", "/")
    await school.mark("2", "O")
    assert await school.standing() == {"1": "/", "2": "O"}


async def test_a_correction_keeps_what_was_there_with_reason_and_person(school: Authority) -> None:
    await school.mark("1", "O")
    assert (await school.mark("1", "M", reason="Card seen", amended_by="J. Field, office"))[0] == "corrected"
    item = (await school.ask("GET", f"/v1/pupils/{(await ids(school))['1']}/marks"))["items"][0]
    assert (item["code"], item["reason"], item["amended_by"]) == ("M", "Card seen", "J. Field, office")
    assert [(entry["code"], entry["status"]) for entry in item["history"]] == [("O", "superseded")]
    assert (await school.ask("GET", f"/v1/schools/{URN}/data-quality"))["items"] == []


async def test_a_correction_without_reason_is_taken_and_listed(school: Authority) -> None:
    await school.mark("1", "O")
    await school.mark("2", "/", "2025-09-15/PM")
    assert (await school.mark("1", "M", reason="Card seen"))[0] == "corrected"
    (item,) = (await school.ask("GET", f"/v1/schools/{URN}/data-quality"))["items"]
    assert (item["code"], item["reason"], item["amended_by"]) == ("M", "Card seen", None)


async def test_more_about_the_same_code_is_kept_and_not_announced(school: Authority) -> None:
    _, before = await school.mark("1", "L", minutes_late=5)
    assert await school.mark("1", "L", minutes_late=15) == ("corrected", before)
    answer = await school.ask("GET", PATH)
    assert answer["marks"][0]["minutes_late"] == 15
    assert (await school.ask("GET", f"/v1/schools/{URN}/data-quality"))["items"] == []


@pytest.mark.parametrize("order", [(5, 7, 6), (7, 6, 5), (6, 5, 7), (5, 6, 7)])
async def test_registers_with_versions_may_arrive_in_any_order(school: Authority, order: tuple[int, ...]) -> None:
    highest = 0
    for version in order:
        status, _ = await school.mark("1", "OM/"[version - 5], version=version)
        expected = "stale" if version < highest else "corrected" if highest else "accepted"
        assert status == expected
        highest = max(highest, version)
    assert await school.standing() == {"1": "/"}


async def test_equal_versions_go_by_commit_and_none_takes_the_highest_so_far(school: Authority) -> None:
    await school.mark("1", "O", version=5)
    assert (await school.mark("1", "M", version=5))[0] == "corrected"
    assert (await school.mark("1", "I"))[0] == "corrected"
    assert (await school.mark("1", "O", version=4))[0] == "stale"
    assert (await school.mark("1", "/", version=5))[0] == "corrected"


async def test_a_higher_ranked_mark_in_quarantine_makes_nothing_stale(school: Authority) -> None:
    assert (await school.mark("1", "8", version=9))[0] == "quarantined"
    assert (await school.mark("1", "O", version=5))[0] == "accepted"
    assert await school.quarantine() == [("8", "unknown-code")]
    assert (await school.mark("1", "/", version=10))[0] == "corrected"
    assert await school.quarantine() == []


@pytest.mark.parametrize(
    ("code", "slot", "problem"),
    [
        ("A TEXT FOR A CODE" * 15, "2025-09-15/AM", "unknown-code"),
        ("8", "2025-09-15/AM", "unknown-code"), ("l", "2025-09-15/AM", "unknown-code"),
        ("H", "2025-09-15/AM", "retired-code"),
        ("", "2025-09-15/AM", "no-mark"), ("-", "2025-09-15/AM", "no-mark"), (None, "2025-09-15/AM", "no-mark"),
        ("/", "2025-09-14/AM", "closed-session"), ("/", "2025-09-16/AM", "future-date"),
        ("/", "2024-09-16/AM", "closed-session"),
    ],
)  # fmt: skip
async def test_a_mark_that_can_not_stand_waits_with_its_reason(
    school: Authority, code: str | None, slot: str, problem: str
) -> None:
    answer = await school.register([{"local_id": "1", "code": code}, {"local_id": "2", "code": "/"}], slot)
    first = answer["marks"][0]
    assert (first["status"], first["problem"]["code"]) == ("quarantined", problem)
    assert first["problem"]["pointer"].startswith("/marks/0")
    assert (code or "", problem) in await school.quarantine()
    assert (await school.register([{"local_id": "1", "code": code}], slot))["sequence"] == answer["sequence"]


async def test_a_pupil_who_is_not_enrolled_on_the_day_waits(school: Authority) -> None:
    await school.roll(pupil("4", enrolment={"from": "2025-09-10", "to": "2025-09-12", "kind": "single"}))
    assert (await school.mark("4", "/", "2025-09-12/PM"))[0] == "accepted"
    assert (await school.mark("4", "/", "2025-09-09/PM"))[0] == "quarantined"
    assert (await school.mark("4", "/", "2025-09-15/AM"))[0] == "quarantined"
    assert await school.quarantine() == [("/", "not-enrolled")] * 2


async def test_the_signs_for_present_count_in_either_session(school: Authority) -> None:
    assert (await school.mark("1", "\\"))[0] == "accepted"
    assert (await school.mark("1", "/", "2025-09-15/PM"))[0] == "accepted"


@pytest.mark.parametrize("key", ["pupil_id", "upn", "local_id"])
async def test_an_unknown_pupil_waits_and_the_others_are_kept(school: Authority, key: str) -> None:
    value = {"pupil_id": "0b54e1a6-5b0c-4a86-8a3c-5f4f6a4f5f01", "upn": "H869200124007", "local_id": "99"}[key]
    answer = await school.register([{key: value, "code": "/"}, {"local_id": "2", "code": "O"}])
    unknown, known = answer["marks"]
    assert (unknown["status"], unknown["pupil_id"], known["status"]) == ("quarantined", None, "accepted")
    assert unknown["problem"]["code"] == "unknown-pupil"
    assert unknown["problem"]["pointer"] == f"/marks/0/{key}"
    (item,) = (await school.ask("GET", f"/v1/schools/{URN}/quarantine"))["items"]
    assert item["key"] == {"kind": key, "value": value}
    again = await school.register([{key: value, "code": "/"}, {"local_id": "2", "code": "O"}])
    assert (again["sequence"], again["marks"][0]["status"]) == (answer["sequence"], "quarantined")
    assert len(await school.quarantine()) == 1


async def test_a_pupil_of_another_school_only_is_unknown(school: Authority) -> None:
    await school.school(OTHER)
    row = (await school.roll(pupil("9", upn="H869200124007"), urn=OTHER))["results"][0]
    answer = await school.register([{"upn": "H869200124007", "code": "/"}])
    assert answer["marks"][0]["problem"]["code"] == "unknown-pupil"
    answer = await school.register([{"pupil_id": row["pupil_id"], "code": "/"}])
    assert answer["marks"][0]["problem"]["code"] == "unknown-pupil"


async def test_the_same_pupil_twice_refuses_the_whole_register(school: Authority) -> None:
    first = (await ids(school))["1"]
    marks = [{"local_id": "1", "code": "/"}, {"local_id": "2", "code": "/"}, {"pupil_id": first, "code": "O"}]
    answer = await refused(school, 422, json={"marks": marks})
    assert {error["pointer"] for error in answer["errors"]} == {"/marks/0", "/marks/2"}
    stranger = "0b54e1a6-5b0c-4a86-8a3c-5f4f6a4f5f01"
    for unknown in ({"local_id": "98"}, {"local_id": "98"}), ({"pupil_id": stranger}, {"pupil_id": stranger.upper()}):
        answer = await refused(school, 422, json={"marks": [{**key, "code": "/"} for key in unknown]})
        assert {error["pointer"] for error in answer["errors"]} == {"/marks/0", "/marks/1"}


async def test_keys_that_agree_are_fine_and_keys_that_do_not_are_refused(school: Authority) -> None:
    known = await ids(school)
    both = {"local_id": "1", "pupil_id": known["2"], "code": "/"}
    assert (await refused(school, 422, json={"marks": [both]}))["errors"][0]["pointer"] == "/marks/0"
    answer = await school.register([{"local_id": "1", "pupil_id": known["1"], "code": "/"}])
    assert answer["marks"][0]["status"] == "accepted"
    assert (await school.register([{"local_id": "1", "pupil_id": known["1"], "code": "/"}]))["counts"]["unchanged"] == 1


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"marks": [{"code": "/"}]}, "/marks/0"),
        ({"marks": [{"local_id": "1"}]}, "/marks/0/code"),
        ({"marks": [{"local_id": "1", "code": 7}]}, "/marks/0/code"),
        ({"marks": [{"local_id": "1", "code": "/", "minutes_late": -1}]}, "/marks/0/minutes_late"),
        ({"marks": {}}, "/marks"),
        ({}, "/marks"),
        ({"marks": [], "taken_at": "2025-09-15T08:52:10"}, "/taken_at"),
        ({"marks": [], "source_version": -1}, "/source_version"),
        ({"marks": [], "source_version": 2**63}, "/source_version"),
    ],
)
async def test_a_malformed_register_is_refused_with_a_pointer(school: Authority, body: Any, pointer: str) -> None:
    answer = await refused(school, 422, json=body)
    assert answer["errors"][0]["pointer"] == pointer


async def test_what_is_no_json_or_too_large_is_refused(school: Authority) -> None:
    for broken in (b'{"marks": [', b"[1,", b'{"marks":[{"local_id":1,', b"[" * 100_000):
        await refused(school, 400, content=broken, headers={"content-type": "application/json"})
    await refused(school, 415, content=b"{}", headers={"content-type": "text/plain"})
    await refused(school, 413, json={"marks": [{"local_id": str(n), "code": "/"} for n in range(2001)]})
    await refused(school, 413, content=b" " * 10_000_000, headers={"content-type": "application/json"})


@pytest.mark.parametrize(
    "slot", ["2025-09-15/MORNING", "2025-09-15/am", "2025-13-15/AM", "20250915/AM", "0/AM", "2025-9-15/AM"]
)
async def test_a_wrong_day_or_session_is_refused(school: Authority, slot: str) -> None:
    await school.ask("PUT", f"/v1/schools/{URN}/registers/{slot}", 422, json={"marks": []})


@pytest.mark.parametrize("day", ["0001-01-01", "1999-12-31", "2100-01-01", "9999-12-31"])
async def test_a_day_of_another_century_is_refused_as_in_a_batch(school: Authority, day: str) -> None:
    child = (await ids(school))["1"]
    mark = {"marks": [{"local_id": "1", "code": "/"}]}
    answer = await school.ask("PUT", f"/v1/schools/{URN}/registers/{day}/AM", 422, json=mark)
    assert [error["pointer"] for error in answer["errors"]] == ["date"]
    await school.delete(child, f"{day}/AM", status=422, source_version=1)


@pytest.mark.parametrize("day", ["2000-01-01", "2099-12-31"])
async def test_the_first_and_the_last_day_of_the_century_are_taken(school: Authority, day: str) -> None:
    assert (await school.mark("1", "/", f"{day}/AM"))[0] == "quarantined"


async def test_an_unknown_school_is_404(school: Authority) -> None:
    await school.ask("PUT", "/v1/schools/100777/registers/2025-09-15/AM", 404, json={"marks": []})


async def test_an_empty_register_is_fine(school: Authority) -> None:
    before = (await school.ask("GET", f"/v1/schools/{URN}"))["sequence"]
    answer = await school.register([])
    assert (answer["sequence"], answer["marks"]) == (before, [])


async def test_a_register_of_two_thousand_marks_is_one_entry(school: Authority) -> None:
    await school.roll(*(pupil(f"n{n}") for n in range(2000)))
    before = (await school.ask("GET", f"/v1/schools/{URN}"))["sequence"]
    answer = await school.register({"local_id": f"n{n}", "code": "/"} for n in range(2000))
    assert (answer["counts"]["accepted"], answer["sequence"]) == (2000, before + 1)


async def test_a_deletion_takes_the_mark_back_and_keeps_it_in_the_history(school: Authority) -> None:
    first = (await ids(school))["1"]
    _, before = await school.mark("1", "O")
    answer = await school.delete(first)
    assert answer == {
        "school_urn": URN, "date": "2025-09-15", "session": "AM", "pupil_id": first, "sequence": before + 1,
        "status": "deleted",
    }  # fmt: skip
    assert await school.standing() == {}
    (entry,) = await school.changes(since=before)
    assert entry["data"]["marks"] == [{"pupil_id": first, "code": None}]
    item = (await school.ask("GET", f"/v1/pupils/{first}/marks"))["items"][0]
    assert (item["code"], item["status"], [e["code"] for e in item["history"]]) == (None, "deleted", ["O"])
    await school.delete(first, status=404)
    assert (await school.mark("1", "/"))[0] == "accepted"


async def test_a_deletion_without_a_mark_or_a_pupil_is_404(school: Authority) -> None:
    first = (await ids(school))["1"]
    await school.delete(first, status=404)
    await school.delete("0b54e1a6-5b0c-4a86-8a3c-5f4f6a4f5f01", status=404)
    await school.delete("no-id", status=422)
    await school.mark("1", "8")  # waits, so nothing stands
    await school.delete(first, status=404)


async def test_a_mark_that_stands_is_taken_back_without_a_version_however_often(school: Authority) -> None:
    first = (await ids(school))["1"]
    await school.delete(first, source_version=4)
    for code in ("O", "I", "O"):
        assert (await school.mark("1", code))[0] == "accepted"
        assert (await school.delete(first))["status"] == "deleted"
        assert await school.standing() == {}
    await school.delete(first, status=404)


async def test_a_deletion_with_a_version_is_kept_even_where_no_mark_is_yet(school: Authority) -> None:
    first = (await ids(school))["1"]
    assert (await school.delete(first, source_version=7))["status"] == "deleted"
    assert (await school.mark("1", "O", version=6))[0] == "stale"
    assert await school.standing() == {}
    await school.delete(first, source_version=7, status=404)
    await school.delete(first, source_version=5, status=404)
    assert (await school.mark("1", "O", version=8))[0] == "accepted"
    answer = await school.delete(first, source_version=8)
    assert (answer["status"], await school.standing()) == ("deleted", {})


async def test_a_deletion_below_the_standing_mark_is_stale(school: Authority) -> None:
    first = (await ids(school))["1"]
    _, sequence = await school.mark("1", "O", version=9)
    answer = await school.delete(first, source_version=3)
    assert (answer["status"], answer["sequence"], await school.standing()) == ("stale", sequence, {"1": "O"})
    await school.delete(first, source_version=2, status=404)
    assert (await school.delete(first, source_version=4))["status"] == "stale"


async def test_a_deletion_ends_the_waiting_of_what_it_outranks(school: Authority) -> None:
    first = (await ids(school))["1"]
    await school.mark("1", "O", version=3)
    await school.mark("1", "8", version=5)
    await school.delete(first)
    assert await school.quarantine() == []
    assert await school.standing() == {}


@pytest.mark.parametrize(("own", "told"), [(None, 0), (5, 5), (5, 6)])
async def test_a_mark_of_a_closed_session_is_taken_back_as_its_advice_says(
    school: Authority, own: int | None, told: int
) -> None:
    """Without a version nothing is there to take back: nothing stands."""
    first = (await ids(school))["1"]
    await school.mark("1", "/", "2025-09-13/AM", **({} if own is None else {"version": own}))
    (waiting,) = (await school.ask("GET", f"/v1/schools/{URN}/quarantine"))["items"]
    assert (waiting["source_version"], "`source_version`" in waiting["mend"]["detail"]) == (own, True)
    await school.delete(first, "2025-09-13/AM", status=404)
    assert (await school.delete(first, "2025-09-13/AM", source_version=told))["status"] == "deleted"
    assert await school.quarantine() == []

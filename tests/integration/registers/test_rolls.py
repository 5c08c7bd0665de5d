"""A roll's way in: rows new, changed, rejected; enrolments, contacts, leavers; and marks that waited for a pupil."""

from typing import Any

import pytest

from tests.integration.registers.conftest import OTHER, URN, Authority, pupil

UPN, SECOND_UPN, TEMPORARY = "H869200124007", "F330123425001", "R33012342500A"


def contact(local_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "local_id": local_id, "name": "Robin Green", "relationship": "mother", "parental_responsibility": True,
        "lives_with_pupil": True, "priority": 1, "email": "robin@example.org", "phone": None,
        "address": {"lines": ["1 High Street"], "postcode": "B1 1AA"}, "language": "en", "do_not_contact": False,
    } | changes  # fmt: skip


def stay(first: str, last: str | None = None, kind: str = "single") -> dict[str, Any]:
    return {"from": first, "to": last, "kind": kind}


@pytest.fixture
async def school(authority: Authority) -> Authority:
    await authority.school()
    return authority


async def enrolments(authority: Authority, urn: int = URN) -> dict[str, list[tuple[str, str | None]]]:
    answer = await authority.ask("GET", f"/v1/schools/{urn}/roll")
    return {item["local_ids"][0]: [(e["from"], e["to"]) for e in item["enrolments"]] for item in answer["items"]}


async def test_a_roll_makes_pupils_and_says_so_without_their_names(school: Authority) -> None:
    before = len(await school.changes())
    answer = await school.roll(pupil("1", upn=UPN, flags=["FSM", "CIN"]), pupil("2"))
    assert [row["status"] for row in answer["results"]] == ["created", "created"]
    assert [row["pointer"] for row in answer["results"]] == ["/pupils/0", "/pupils/1"]
    assert answer["counts"] == {"created": 2, "updated": 0, "unchanged": 0, "rejected": 0}
    changed, enrolled = await school.changes(since=before)
    assert answer["sequence"] == enrolled["sequence"]
    first = answer["results"][0]["pupil_id"]
    assert changed["data"]["pupils"][0] == {
        "pupil_id": first, "pupil_version": 1, "date_of_birth": "2014-09-09",
        "year_group": 6, "year_group_in": "2025-26", "flags": ["CIN", "FSM"],
        "flag_spans": [
            {"flag": flag, "from": "2025-09-01", "to": None, "source": "roll"} for flag in ("CIN", "FSM")
        ],
    }  # fmt: skip
    assert enrolled["data"]["pupils"][0] == {"pupil_id": first, "enrolments": [stay("2025-09-01")]}
    assert "Child1" not in str(changed)
    assert UPN not in str(changed)


async def test_sex_is_kept_like_a_name_and_told_to_nobody(school: Authority) -> None:
    answer = await school.roll(pupil("1", sex="female"), pupil("2"))
    child = answer["results"][0]["pupil_id"]
    before = len(await school.changes())

    async def kept() -> list[str | None]:
        listed = (await school.ask("GET", f"/v1/schools/{URN}/roll"))["items"]
        admitted = (await school.ask("GET", f"/v1/schools/{URN}/admissions?from=2025-09-01"))["items"]
        one = await school.ask("GET", f"/v1/pupils/{child}")
        return [*(item["sex"] for item in (*listed, *admitted) if item["pupil_id"] == child), one["sex"]]

    assert await kept() == ["female"] * 3
    assert (await school.roll(pupil("1")))["counts"]["unchanged"] == 1
    assert (await school.roll(pupil("1", sex=None)))["counts"]["unchanged"] == 1
    assert await kept() == ["female"] * 3
    assert (await school.roll(pupil("1", sex="male")))["counts"]["updated"] == 1
    assert await kept() == ["male"] * 3
    assert (await school.roll(pupil("1", sex="unknown")))["counts"]["updated"] == 1
    assert await kept() == [None] * 3
    assert (await school.roll(pupil("1", sex="unknown")))["counts"]["unchanged"] == 1
    assert len(await school.changes()) == before
    assert "male" not in str(await school.changes())


async def test_the_same_roll_again_changes_nothing(school: Authority) -> None:
    rows = [pupil("1", upn=UPN, contacts=[contact("c1")]), pupil("2")]
    first = await school.roll(*rows)
    again = await school.roll(*rows)
    assert again["counts"]["unchanged"] == 2
    assert again["sequence"] == first["sequence"]
    assert again["results"][0]["contacts"] == first["results"][0]["contacts"]


async def test_a_changed_fact_raises_the_version_and_a_changed_name_is_told_to_nobody(school: Authority) -> None:
    first = await school.roll(pupil("1"))
    renamed = await school.roll(pupil("1", family_name="Brown"))
    assert (renamed["results"][0]["status"], renamed["sequence"]) == ("updated", first["sequence"])
    await school.roll(pupil("1", family_name="Brown", year_group=7))
    (entry,) = await school.changes(since=first["sequence"])
    assert entry["data"]["pupils"][0]["pupil_version"] == 2


async def test_what_a_row_leaves_out_keeps_what_is_known(school: Authority) -> None:
    await school.roll(pupil("1", upn=UPN, flags=["FSM"], contacts=[contact("c1")]))
    short = {"local_id": "1", "given_name": "Sam", "family_name": "Child1", "enrolment": stay("2025-09-01")}
    answer = await school.roll(short)
    assert answer["results"][0]["status"] == "unchanged"
    assert [c["local_id"] for c in answer["results"][0]["contacts"]] == ["c1"]


async def test_a_known_upn_at_a_second_school_is_the_same_child(school: Authority) -> None:
    await school.school(OTHER)
    first = (await school.roll(pupil("1", upn=UPN)))["results"][0]["pupil_id"]
    second = await school.roll(pupil("77", upn=UPN, enrolment=stay("2025-09-08", None, "subsidiary")), urn=OTHER)
    assert second["results"][0]["pupil_id"] == first
    (entry,) = [e for e in await school.changes(OTHER) if "enrolment" in e["type"]]
    assert entry["data"]["pupils"][0]["pupil_id"] == first


async def test_pupils_without_a_upn_are_one_per_school_and_local_id(school: Authority) -> None:
    await school.school(OTHER)
    here = (await school.roll(pupil("1")))["results"][0]["pupil_id"]
    there = (await school.roll(pupil("1"), urn=OTHER))["results"][0]["pupil_id"]
    assert here != there
    assert (await school.roll(pupil("1")))["results"][0]["pupil_id"] == here


async def test_a_first_upn_and_a_new_one_are_taken(school: Authority) -> None:
    child = (await school.roll(pupil("1")))["results"][0]["pupil_id"]
    for upn in (TEMPORARY, UPN, SECOND_UPN):
        answer = await school.roll(pupil("1", upn=upn))
        assert (answer["results"][0]["status"], answer["results"][0]["pupil_id"]) == ("updated", child)
        assert (await school.ask("POST", "/v1/pupils/lookup", json={"upn": upn}))["pupil_id"] == child
    assert (await school.ask("POST", "/v1/pupils/lookup", json={"upn": UPN}))["pupil_id"] == child
    answer = await school.roll(pupil("1", upn=SECOND_UPN), pupil("2", upn=UPN))
    assert answer["results"][1]["status"] == "created"


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"upn": "A869200124007"}, "bad-upn", "/upn"),
        ({"upn": "UN1"}, "bad-upn", "/upn"),
        ({"enrolment": stay("2025-09-02", "2025-09-01")}, "ends-before-it-starts", "/enrolment/to"),
        ({"enrolment": None}, "invalid", "/enrolment"),
        ({"enrolment": stay("2025-09-02", None, "visitor")}, "invalid", "/enrolment/kind"),
        ({"given_name": None}, "invalid", "/given_name"),
        ({"flags": ["TALL"]}, "invalid", "/flags/0"),
        ({"date_of_birth": "9 March 2014"}, "invalid", "/date_of_birth"),
        ({"date_of_birth": "0214-03-09"}, "bad-date", "/date_of_birth"),
        ({"sex": "F"}, "invalid", "/sex"),
        ({"date_of_birth": "2025-09-16"}, "born-in-the-future", "/date_of_birth"),
        ({"date_of_birth": "1905-09-14"}, "born-too-long-ago", "/date_of_birth"),
        ({"enrolment": stay("2025-09-01", "9999-12-31")}, "bad-date", "/enrolment/to"),
        ({"local_id": 7}, "invalid", "/local_id"),
        ({"local_id": "1"}, "duplicate-local-id", "/local_id"),
        ({"upn": UPN}, "duplicate-upn", "/upn"),
        ({"contacts": [contact("c"), contact("c")]}, "duplicate-contact", "/contacts/1/local_id"),
        ({"contacts": [{"local_id": "c"}]}, "invalid", "/contacts/0/name"),
    ],
)
async def test_a_wrong_row_is_rejected_alone(
    school: Authority, change: dict[str, Any], code: str, pointer: str
) -> None:
    answer = await school.roll(pupil("1", upn=UPN), pupil("2", **change), pupil("3"))
    assert [row["status"] for row in answer["results"]] == ["created", "rejected", "created"]
    rejected = answer["results"][1]
    assert (rejected["pupil_id"], rejected["problem"]["code"]) == (None, code)
    assert rejected["problem"]["pointer"] == "/pupils/1" + pointer
    assert answer["counts"]["rejected"] == 1


async def test_whoever_may_live_is_taken(school: Authority) -> None:
    answer = await school.roll(pupil("1", date_of_birth="2025-09-15"), pupil("2", date_of_birth="1905-09-15"))
    assert answer["counts"]["created"] == 2


async def test_a_known_child_with_an_impossible_date_of_birth_has_not_left(school: Authority) -> None:
    await school.roll(pupil("1"), pupil("2"))
    answer = await school.roll(pupil("1", date_of_birth="2041-09-09"), pupil("2"), complete=True)
    assert [row["status"] for row in answer["results"]] == ["rejected", "unchanged"]
    assert await enrolments(school) == {"1": [("2025-09-01", None)], "2": [("2025-09-01", None)]}


@pytest.mark.parametrize("row", [7, None, "x", []])
async def test_a_row_that_is_no_row_is_rejected_alone(school: Authority, row: Any) -> None:
    answer = await school.roll(row, pupil("3"))
    assert [result["status"] for result in answer["results"]] == ["rejected", "created"]


async def test_a_permanent_upn_of_another_child_rejects_the_row(school: Authority) -> None:
    await school.roll(pupil("1", upn=UPN), pupil("2", upn=SECOND_UPN))
    answer = await school.roll(pupil("2", upn=UPN))
    assert answer["results"][0]["problem"]["code"] == "upn-of-another-child"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422), ({"pupils": {}}, 422), ({"pupils": [], "complete": "no"}, 422),
        ({"pupils": [], "as_at": "soon"}, 422),
        ({"pupils": [], "as_at": "0001-01-01", "complete": True}, 422), ({"pupils": [{}] * 5001}, 413),
    ],
)  # fmt: skip
async def test_a_wrong_roll_is_refused_whole(school: Authority, body: Any, status: int) -> None:
    await school.ask("PUT", f"/v1/schools/{URN}/roll", status, json=body)


async def test_a_row_replaces_the_enrolments_that_it_overlaps_and_adds_others(school: Authority) -> None:
    await school.roll(pupil("1", enrolment=stay("2024-09-01", "2024-12-20")))
    await school.roll(pupil("1", enrolment=stay("2025-01-06", "2025-02-14")))
    await school.roll(pupil("1", enrolment=stay("2025-09-01")))
    assert len((await enrolments(school))["1"]) == 3
    await school.roll(pupil("1", enrolment=stay("2025-01-01", "2025-09-30")))
    assert await enrolments(school) == {"1": [("2024-09-01", "2024-12-20"), ("2025-01-01", "2025-09-30")]}
    (entry,) = (await school.changes())[-1:]
    assert [e["from"] for e in entry["data"]["pupils"][0]["enrolments"]] == ["2024-09-01", "2025-01-01"]


async def test_whoever_a_complete_roll_does_not_list_has_left(school: Authority) -> None:
    await school.roll(
        pupil("1"), pupil("2"), pupil("3", enrolment=stay("2025-09-15")),
        pupil("4", enrolment=stay("2024-09-01", "2025-07-20")),
        pupil("5", enrolment=stay("2026-01-05")), pupil("6"),
    )  # fmt: skip
    await school.mark("2", "/", "2025-09-12/AM")
    await school.mark("2", "/")
    wrong = pupil("6", upn="UN1")  # rejected, and yet named: so not gone
    answer = await school.roll(pupil("1"), wrong, complete=True)
    assert answer["counts"] == {"created": 0, "updated": 0, "unchanged": 1, "rejected": 1}
    assert await enrolments(school) == {
        "1": [("2025-09-01", None)], "2": [("2025-09-01", "2025-09-14")], "3": [], "4": [("2024-09-01", "2025-07-20")],
        "5": [], "6": [("2025-09-01", None)],
    }  # fmt: skip
    assert await school.standing("2025-09-12/AM") == {"2": "/"}
    assert await school.standing() == {}
    assert await school.quarantine() == [("/", "not-enrolled")]
    assert (await school.roll(pupil("1"), wrong, complete=True))["sequence"] == answer["sequence"]


@pytest.mark.parametrize(
    "row",
    [
        {"nonsense": 1}, 7, pupil("2") | {"local_id": 2}, pupil("") | {"upn": UPN}, pupil("x" * 65),
        pupil("x") | {"upn": 5}, pupil("x") | {"upn": UPN.lower()},
    ],
)  # fmt: skip
async def test_nobody_has_left_while_a_complete_roll_has_a_row_of_nobody_knows_whom(
    school: Authority, row: Any
) -> None:
    await school.roll(pupil("1"), pupil("2"), pupil("3"))
    answer = await school.roll(pupil("1"), row, pupil("4"), complete=True)
    assert answer["counts"] == {"created": 1, "updated": 0, "unchanged": 1, "rejected": 1}
    assert [(one["code"], one["pointer"]) for one in answer["warnings"]] == [("nobody-has-left", "/pupils/1")]
    assert await enrolments(school) == {number: [("2025-09-01", None)] for number in "1234"}
    answer = await school.roll(pupil("1"), pupil("4"), complete=True)
    assert "warnings" not in answer
    assert (await enrolments(school))["2"] == [("2025-09-01", "2025-09-14")]


async def test_a_rejected_row_of_a_new_pupil_keeps_no_leaver_on_the_roll(school: Authority) -> None:
    await school.roll(pupil("1"), pupil("2"))
    new = pupil("3", upn=UPN, date_of_birth="0214-03-09")
    answer = await school.roll(pupil("1"), new, complete=True)
    assert (answer["counts"]["rejected"], "warnings" in answer) == (1, False)
    assert await enrolments(school) == {"1": [("2025-09-01", None)], "2": [("2025-09-01", "2025-09-14")]}


async def test_a_complete_roll_may_say_as_at_which_day(school: Authority) -> None:
    await school.roll(pupil("1"), pupil("2"))
    await school.roll(pupil("1"), complete=True, as_at="2025-09-10")
    assert (await enrolments(school))["2"] == [("2025-09-01", "2025-09-09")]


async def test_a_contact_keeps_its_id_and_a_listed_set_replaces_the_old(school: Authority) -> None:
    answer = await school.roll(pupil("1", contacts=[contact("c1"), contact("c2", name="Kim")]))
    kept = {c["local_id"]: c["contact_id"] for c in answer["results"][0]["contacts"]}
    answer2 = await school.roll(
        pupil("1", contacts=[contact("c1", email="new@example.org"), contact("c3", address=None)])
    )
    named = {c["local_id"]: c["contact_id"] for c in answer2["results"][0]["contacts"]}
    assert (answer2["results"][0]["status"], answer2["sequence"]) == ("updated", answer["sequence"])
    assert named["c1"] == kept["c1"]
    child = answer["results"][0]["pupil_id"]
    told = await school.ask("GET", f"/v1/pupils/{child}/contacts")
    assert (told["given_name"], told["schools"]) == ("Sam", [{"school_urn": URN, "name": f"School {URN}"}])
    assert [(c["local_id"], c["email"], c["contact_id"]) for c in told["contacts"]] == [
        ("c1", "new@example.org", named["c1"]), ("c3", "robin@example.org", named["c3"]),
    ]  # fmt: skip
    assert told["contacts"][0]["address"] == {"lines": ["1 High Street"], "postcode": "B1 1AA"}
    answer3 = await school.roll(pupil("1", contacts=[contact("c2", name="Kim")]))
    assert answer3["results"][0]["contacts"] == [{"local_id": "c2", "contact_id": kept["c2"]}]


async def test_a_contact_may_be_barred_by_a_court_be_of_no_fixed_abode_and_have_care_of_the_child(
    school: Authority,
) -> None:
    barred = {"from": "2025-09-01", "to": None, "order": "B 12/2025"}
    rows = [
        contact("c1", contact_barred=barred, to="2026-07-31"),
        contact("c2", relationship="grandmother", parental_responsibility=False, care_of_child=True),
        contact("c3", relationship="Father", parental_responsibility=False, address=None, no_fixed_abode=True),
    ]
    answer = await school.roll(pupil("1", contacts=rows))
    child = answer["results"][0]["pupil_id"]
    told = (await school.ask("GET", f"/v1/pupils/{child}/contacts"))["contacts"]
    assert [(c["contact_barred"], c["from"], c["to"]) for c in told] == [
        (barred, None, "2026-07-31"), (None, None, None), (None, None, None),
    ]  # fmt: skip
    assert [c["parent_because"] for c in told] == [["parent", "parental_responsibility"], ["care_of_child"], ["parent"]]
    assert [(c["no_fixed_abode"], c["address"] is None) for c in told] == [(False, False), (False, False), (True, True)]
    assert (await school.roll(pupil("1", contacts=rows)))["counts"]["unchanged"] == 1
    rows[0] = contact("c1", contact_barred={**barred, "to": "2025-12-31"})
    assert (await school.roll(pupil("1", contacts=rows)))["counts"]["updated"] == 1
    told = (await school.ask("GET", f"/v1/pupils/{child}/contacts"))["contacts"]
    assert (told[0]["contact_barred"]["to"], told[0]["to"]) == ("2025-12-31", None)


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"contact_barred": {"from": "2025-09-02", "to": "2025-09-01"}}, "ends-before-it-starts", "/contact_barred/to"),
        ({"contact_barred": {"from": "0025-09-02"}}, "bad-date", "/contact_barred/from"),
        ({"contact_barred": {"to": "2025-09-02"}}, "invalid", "/contact_barred/from"),
        ({"from": "2025-09-02", "to": "2025-09-01"}, "ends-before-it-starts", "/to"),
        ({"to": "9999-12-31"}, "bad-date", "/to"),
        ({"care_of_child": "yes"}, "invalid", "/care_of_child"),
    ],
)
async def test_a_contact_with_impossible_dates_rejects_its_row_alone(
    school: Authority, change: dict[str, Any], code: str, pointer: str
) -> None:
    answer = await school.roll(pupil("1", contacts=[contact("c1"), contact("c2", **change)]), pupil("2"))
    assert [row["status"] for row in answer["results"]] == ["rejected", "created"]
    problem = answer["results"][0]["problem"]
    assert (problem["code"], problem["pointer"]) == (code, f"/pupils/0/contacts/1{pointer}")


@pytest.mark.parametrize("key", ["upn", "local_id"])
async def test_a_mark_that_waited_for_its_pupil_stands_once_the_roll_brings_the_key(
    school: Authority, key: str
) -> None:
    value = {"upn": UPN, "local_id": "1"}[key]
    await school.register([{key: value, "code": "O"}], "2025-09-12/AM")
    await school.register([{key: value, "code": "/"}], "2025-09-16/AM")
    await school.register([{key: value, "code": "8"}], "2025-09-12/PM")
    answer = await school.roll(pupil("1", upn=UPN))
    assert await school.standing("2025-09-12/AM") == {"1": "O"}
    assert sorted(await school.quarantine()) == [("/", "future-date"), ("8", "unknown-code")]
    assert (await school.changes())[-1]["sequence"] == answer["sequence"]


async def test_a_mark_waits_for_a_child_of_another_school_by_its_id(school: Authority) -> None:
    await school.school(OTHER)
    child = (await school.roll(pupil("9", upn=UPN), urn=OTHER))["results"][0]["pupil_id"]
    await school.register([{"pupil_id": child, "code": "O"}])
    await school.register([{"pupil_id": "not an id", "code": "O"}], "2025-09-15/PM")
    await school.roll(pupil("1", upn=UPN))
    assert await school.standing() == {"1": "O"}
    assert await school.quarantine() == [("O", "unknown-pupil")]


async def test_a_mark_that_waited_keeps_its_place_in_the_order(school: Authority) -> None:
    await school.register([{"upn": UPN, "code": "O"}], source_version=7)
    await school.roll(pupil("1"))
    await school.mark("1", "/", version=5)
    await school.mark("1", "M")  # takes 5, the highest that is known of the slot
    await school.roll(pupil("1", upn=UPN))
    assert await school.standing() == {"1": "M"}  # among all that was sent, 7 came before it
    await school.mark("1", "I", version=6)
    assert await school.standing() == {"1": "M"}


async def test_two_keys_of_one_register_that_turn_out_to_be_one_child(school: Authority) -> None:
    await school.register([{"upn": UPN, "code": "O"}, {"local_id": "1", "code": "/"}])
    await school.roll(pupil("1", upn=UPN))
    assert await school.standing() == {"1": "/"}


async def test_a_longer_enrolment_releases_what_waited_for_it(school: Authority) -> None:
    await school.roll(pupil("1", enrolment=stay("2025-09-10")))
    await school.mark("1", "O", "2025-09-05/AM")
    await school.mark("1", "/", "2025-09-15/AM")
    await school.roll(pupil("1", enrolment=stay("2025-09-01", "2025-09-12")))
    assert await school.standing("2025-09-05/AM") == {"1": "O"}
    assert await school.quarantine() == [("/", "not-enrolled")]


async def test_five_thousand_rows_are_taken(school: Authority) -> None:
    rows = [pupil(str(n), contacts=[contact("c1")]) for n in range(5000)]
    assert (await school.roll(*rows))["counts"]["created"] == 5000
    pupils = [len(e["data"]["pupils"]) for e in await school.changes() if "pupils" in e["data"]]
    assert pupils == [500] * 20


async def test_marks_of_a_pupil_who_had_no_stay_left_stand_again_with_a_new_one(school: Authority) -> None:
    await school.roll(pupil("1", enrolment={"from": "2025-09-15", "to": None, "kind": "single"}))
    await school.mark("1", "/", "2025-09-15/AM")
    await school.roll(complete=True, as_at="2025-09-10")  # what had not begun by then is gone
    assert await school.quarantine() == [("/", "not-enrolled")]
    await school.roll(pupil("1", enrolment={"from": "2025-09-08", "to": None, "kind": "single"}))
    assert await school.standing("2025-09-15/AM") == {"1": "/"}
    assert await school.quarantine() == []

"""A student of Wonde becomes a row of the roll, and no contact becomes one to write to who must not be."""

from datetime import date
from typing import Any

import pytest
from wonde.domain.reading import UnreadableError
from wonde.domain.students import ended, guarded, read_student, without_unshared_contacts

URN = 100001
DETAILS: dict[str, Any] = {"admission_date": {"date": "2025-09-01 00:00:00.000000", "timezone": "Europe/London"}}
ROW: dict[str, Any] = {"id": "A1", "forename": "Hazel", "surname": "Nutt", "education_details": {"data": DETAILS}}


def contact(**changes: Any) -> dict[str, Any]:
    return {"id": "K1", "forename": "Robin", "surname": "Nutt"} | changes


def contacts(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    return read_student(ROW | {"contacts": {"data": list(rows)}}).body["contacts"]


def test_little_makes_a_row_and_what_is_not_said_is_left_out() -> None:
    stay = {"from": "2025-09-01", "to": None, "kind": "single"}
    assert read_student(ROW).body == {
        "local_id": "A1", "given_name": "Hazel", "family_name": "Nutt", "enrolment": stay
    }  # fmt: skip


@pytest.mark.parametrize(
    ("year", "group"),
    [("6", 6), (6, 6), ("11", 11), ("R", 0), ("N2", -1), ("Year 3", 3), ("Mixed", None), ("99", None), (None, None)],
)
def test_a_year_is_a_year_group_or_left_out(year: object, group: int | None) -> None:
    assert read_student(ROW | {"year": {"data": {"code": year}}}).body.get("year_group") == group


@pytest.mark.parametrize(
    ("status", "kind"),
    [("Single Registration", "single"), ("Main - Dual Registration", "main"), ("Guest pupil", "guest"),
     ("Current subsidiary", "subsidiary"), (None, "single")],
)  # fmt: skip
def test_an_enrolment_has_its_kind(status: object, kind: str) -> None:
    row = ROW | {"education_details": {"data": DETAILS | {"enrolment_status": status}}}
    assert read_student(row).body["enrolment"]["kind"] == kind


@pytest.mark.parametrize(
    ("change", "field"),
    [({"surname": " "}, "surname"), ({"education_details": None}, r"education_details\.admission_date"),
     ({"education_details": {"data": DETAILS | {"leaving_date": "2025-08-31"}}}, r"education_details\.leaving_date")],
)  # fmt: skip
def test_a_student_that_can_not_be_read_says_what_is_lacking(change: dict[str, Any], field: str) -> None:
    with pytest.raises(UnreadableError, match=f"^{field}$"):
        read_student(ROW | change)


def test_a_contact_is_read_with_relation_and_details() -> None:
    details = {
        "phones": {"phone": None, "mobile": "07700 900123"}, "emails": {"email": "robin@example.org"},
        "addresses": {"home": {"house_number": "1", "street": "High Street", "town": "Elmton", "postcode": "M1 1AA"}},
    }  # fmt: skip
    relation = {"relationship": "Mother", "parental_responsibility": True, "lives_with_pupil": 1, "priority": "2"}
    (one,) = contacts(contact(relationship={"data": relation}, contact_details={"data": details}))
    assert one == {
        "local_id": "K1", "name": "Robin Nutt", "relationship": "Mother", "parental_responsibility": True,
        "lives_with_pupil": True, "priority": 2, "email": "robin@example.org", "phone": "07700 900123",
        "address": {"lines": ["1 High Street", "Elmton"], "postcode": "M1 1AA"},
    }  # fmt: skip


def test_only_a_clear_yes_makes_parental_responsibility() -> None:
    assert [one["parental_responsibility"] for one in contacts(contact(), contact(relationship="Mother"))] == [
        False
    ] * 2
    (one,) = contacts(contact(relationship={"parental_responsibility": "yes"}))
    assert one["parental_responsibility"] is False


@pytest.mark.parametrize(("said", "barred"), [(False, True), (True, False), (None, None)])
def test_who_gets_no_correspondence_is_not_written_to(said: bool | None, barred: bool | None) -> None:
    (one,) = contacts(contact(relationship={"data": {"correspondence": said}}))
    assert one.get("do_not_contact") is barred


def test_nobody_can_be_written_to_without_a_name_or_an_id() -> None:
    assert contacts(contact(id=None), contact(forename=None, surname=""), {}) == []


def test_contacts_that_are_not_shared_are_not_said_to_be_none() -> None:
    assert "contacts" not in read_student(ROW | {"contacts": None}).body
    alone, other = read_student(ROW | {"contacts": []}), read_student(ROW | {"contacts": [contact()]})
    assert "contacts" not in without_unshared_contacts([alone, alone])[0].body
    assert without_unshared_contacts([alone, other]) == [alone, other], "one child without contacts among others"
    assert alone.body["contacts"] == []


def kept(local_id: str, urn: int = URN, **changes: Any) -> dict[str, Any]:
    return {
        "contact_id": "c", "school_urn": urn, "parent_because": [], "local_id": local_id, "name": "Robin Nutt",
        "contact_barred": None, "do_not_contact": False, "no_fixed_abode": False, "care_of_child": False,
    } | changes  # fmt: skip


ORDER = {"from": "2025-09-01", "to": None, "order": None}


def test_what_rollcall_knows_of_a_contact_and_wonde_does_not_is_carried_over() -> None:
    body = {"contacts": [{"local_id": "K1", "name": "Robin Nutt"}]}
    known = [kept("K1", contact_barred=ORDER, no_fixed_abode=True, do_not_contact=True)]
    (one,) = guarded(body, known, URN)["contacts"]
    assert one == {
        "local_id": "K1", "name": "Robin Nutt", "contact_barred": ORDER, "no_fixed_abode": True, "do_not_contact": True
    }  # fmt: skip


def test_what_wonde_says_of_correspondence_holds() -> None:
    body = {"contacts": [{"local_id": "K1", "name": "Robin Nutt", "do_not_contact": False}]}
    (one,) = guarded(body, [kept("K1", do_not_contact=True)], URN)["contacts"]
    assert one["do_not_contact"] is False


def test_who_is_barred_stays_known_and_who_is_only_gone_does_not() -> None:
    known = [kept("K1", contact_barred=ORDER), kept("K2", do_not_contact=True), kept("K3", OTHER, contact_barred=ORDER)]
    assert [one["local_id"] for one in guarded({"contacts": []}, known, URN)["contacts"]] == ["K1"]
    assert guarded({"local_id": "A1"}, known, URN) == {"local_id": "A1"}, "no contacts said: none are changed"


OTHER = 100002


def test_only_stays_that_go_on_are_ended() -> None:
    stays = [
        {"from": "2023-09-01", "to": "2024-07-19", "kind": "single"},
        {"from": "2025-09-01", "to": None, "kind": "main"},
        {"from": "2026-01-05", "to": None, "kind": "guest"},
    ]
    pupil = {"given_name": "Hazel", "family_name": "Nutt", "enrolments": stays}
    rows = ended(pupil, "A1", date(2025, 9, 14))
    assert [row["enrolment"] for row in rows] == [
        {"from": "2025-09-01", "to": "2025-09-14", "kind": "main"},
        {"from": "2026-01-05", "to": "2026-01-05", "kind": "guest"},
    ]
    assert {row["local_id"] for row in rows} == {"A1"}

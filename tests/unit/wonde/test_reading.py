"""Wonde's JSON is read with doubt: what is not as expected counts as not said, and only what is meant to raises."""

import contextlib
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wonde.domain import reading
from wonde.domain.codes import CodeList, SchoolCode, read_code
from wonde.domain.reading import UnreadableError
from wonde.domain.registers import read_deletion, read_record
from wonde.domain.schools import OtherSchoolError, check_urn, read_school
from wonde.domain.students import read_student

NINE = datetime(2025, 9, 15, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "said",
    [
        {"date": "2025-09-15 09:00:00.000000", "timezone_type": 3, "timezone": "UTC"},
        {"date": "2025-09-15 10:00:00.000000", "timezone_type": 3, "timezone": "Europe/London"},
        {"date": "2025-09-15 10:00:00", "timezone_type": 1, "timezone": "+01:00"},
        {"date": "2025-09-15 05:30:00", "timezone_type": 1, "timezone": "-03:30"},
        {"date": "2025-09-15 09:00:00"},
        "2025-09-15T09:00:00Z",
        "2025-09-15 09:00:00",
    ],
)
def test_a_time_is_read_in_its_own_zone(said: object) -> None:
    assert reading.moment({"at": said}, "at") == NINE


@pytest.mark.parametrize(
    "said",
    [None, 5, "", "soon", [], {}, {"date": None}, {"date": "2025-13-01 00:00:00", "timezone": "UTC"},
     {"date": "2025-09-15 09:00:00", "timezone": "Middle/Earth"}, {"date": "2025-09-15 09:00:00", "timezone": "../x"},
     {"date": "0001-01-01 00:00:00", "timezone": "+14:00"}],
)  # fmt: skip
def test_what_is_no_time_is_none(said: object) -> None:
    assert reading.moment({"at": said}, "at") is None


def test_a_day_is_read_as_it_is_written_whatever_the_zone() -> None:
    for said in ({"date": "2025-06-01 00:00:00.000000", "timezone": "Europe/London"}, "2025-06-01"):
        assert reading.day({"on": said}, "on") == date(2025, 6, 1)
    assert reading.day({"on": "1 June"}, "on") is None


def test_a_list_is_read_with_or_without_its_wrapping() -> None:
    assert reading.as_rows({"data": [{"id": 1}, "x"]}) == reading.as_rows([{"id": 1}, None]) == [{"id": 1}]
    assert reading.as_rows(None) == reading.as_rows({"data": 3}) == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30)
    | st.sampled_from(["2025-09-15", "2025-09-15 09:00:00", "AM", "A1", "PRIMARY", "330"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["data", "id", "date", "timezone", "code", "name", "phone", "home"]), inner),
    max_leaves=8,
)  # fmt: skip
NAMES = (
    "id", "student", "date", "session", "attendance_code", "updated_at", "minutes_late", "comment", "type", "code",
    "deleted_at", "restored_at", "name", "la_code", "establishment_number", "phase_of_education", "urn", "forename",
    "surname", "education_details", "contacts", "year", "gender", "date_of_birth", "description",
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(NAMES), json_values))
def test_any_json_is_read_or_named_by_the_field_that_it_lacks(row: dict[str, Any]) -> None:
    codes = CodeList([SchoolCode("A1", "/", None)], {}, {})
    lacking: list[str] = []
    for read in (read_student, read_school, read_code, read_deletion, lambda row: read_record(row, codes)):
        try:
            read(row)
        except UnreadableError as error:
            lacking.append(error.field.partition(".")[0])
    assert set(lacking) <= set(NAMES)
    with contextlib.suppress(OtherSchoolError):
        check_urn(row, 100001)


SCHOOL: dict[str, Any] = {"name": "Elm", "la_code": 30, "establishment_number": "12", "phase_of_education": "PRIMARY"}


@pytest.mark.parametrize(
    ("said", "phase"),
    [
        ("PRIMARY", "primary"), ("Nursery", "primary"), ("Middle deemed secondary", "secondary"),
        ("MIDDLE_DEEMED_PRIMARY", "primary"), ("All-through", "secondary"), ("16 plus", "secondary"),
        ("Special school", "special"), ("Pupil referral unit", "ap"), ({"data": {"name": "Secondary"}}, "secondary"),
    ],
)  # fmt: skip
def test_a_school_is_read(said: object, phase: str) -> None:
    read = read_school(SCHOOL | {"phase_of_education": said})
    assert read == {"name": "Elm", "la_code": "030", "laestab": "0300012", "phase": phase}


@pytest.mark.parametrize(
    ("change", "field"),
    [({"phase_of_education": "Not applicable"}, "phase_of_education"), ({"la_code": "W33"}, "la_code"),
     ({"establishment_number": None}, "establishment_number"),
     ({"establishment_number": "12345"}, "establishment_number")],
)  # fmt: skip
def test_a_school_that_can_not_be_read_says_what_it_lacks(change: dict[str, Any], field: str) -> None:
    with pytest.raises(UnreadableError, match=f"^{field}$"):
        read_school(SCHOOL | change)

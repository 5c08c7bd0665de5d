"""What is wrong with a row or a mark is told in the API's own words, and where it is."""

from datetime import date
from typing import Any

import msgspec
import pytest
from common.web.words import words
from pydantic import TypeAdapter, ValidationError
from registers.api.bodies import RegisterBody
from registers.api.parameters import DayOfLife, DayOfMark
from registers.domain.pointers import told
from registers.domain.roll import SentPupil

ROW = {"local_id": "1", "given_name": "Ash", "family_name": "Wood", "enrolment": {"from": "2025-09-01"}}
MARK = {"local_id": "1", "code": "/"}
CONTACT = {"local_id": "c", "name": "Robin Wood"}


def found(kind: type, sent: Any) -> tuple[str, str]:
    with pytest.raises(msgspec.ValidationError) as error:
        msgspec.json.decode(msgspec.json.encode(sent), type=kind)
    return told(error.value, kind)


@pytest.mark.parametrize(
    ("said", "pointer", "words"),
    [
        ({"local_id": 1042}, "/local_id", "This must be text."),
        ({"local_id": ""}, "/local_id", "It must have at least 1 character(s)."),
        ({"local_id": "x" * 65}, "/local_id", "It may have at most 64 characters."),
        ({"date_of_birth": "09/03/2015"}, "/date_of_birth", "Write a date like 2025-09-15."),
        ({"date_of_birth": "2015-02-30"}, "/date_of_birth", "Write a date like 2025-09-15."),
        ({"date_of_birth": 2015}, "/date_of_birth", "This must be text."),
        ({"year_group": "5"}, "/year_group", "This must be a whole number."),
        ({"year_group": 21}, "/year_group", "It must be at most 20."),
        ({"year_group": -6}, "/year_group", "It must be at least -5."),
        ({"sex": "F"}, "/sex", "It must be 'female', 'male' or 'unknown'."),
        ({"flags": ["Fsm"]}, "/flags/0", "It must be 'CIN', 'CLA', 'CP', "),
        ({"flags": "FSM"}, "/flags", "This must be a list."),
        ({"enrolment": {"from": "2025-09-01", "kind": "dual"}}, "/enrolment/kind",
         "It must be 'guest', 'main', 'single' or 'subsidiary'."),
        ({"enrolment": {}}, "/enrolment/from", "This is needed."),
        ({"enrolment": None}, "/enrolment", "This must be a JSON object."),
        ({"home_la": "33"}, "/home_la", "It must be written like this: ^[0-9]{3}$"),
        ({"contacts": [CONTACT | {"priority": "first"}]}, "/contacts/0/priority", "This must be a whole number."),
        ({"contacts": [CONTACT | {"parental_responsibility": "yes"}]}, "/contacts/0/parental_responsibility",
         "This must be true or false."),
        ({"contacts": [CONTACT] * 51}, "/contacts", "There may be at most 50 of them."),
    ],
)  # fmt: skip
def test_a_row_of_a_roll(said: dict[str, Any], pointer: str, words: str) -> None:
    where, what = found(SentPupil, ROW | said)[::-1]
    assert where == pointer
    assert what.startswith(words)


@pytest.mark.parametrize(
    ("sent", "pointer", "words"),
    [
        ({"marks": "x"}, "/marks", "This must be a list."),
        ([], "", "This must be a JSON object."),
        ({"marks": [{"local_id": "1"}]}, "/marks/0/code", "This is needed."),
        ({"marks": [MARK | {"arrived_at": "9.15"}]}, "/marks/0/arrived_at",
         "Write a moment with its offset, like 2025-09-15T08:41:00+01:00."),
        ({"marks": [], "taken_at": "2025-09-15T08:41:00"}, "/taken_at",
         "Write a moment with its offset, like 2025-09-15T08:41:00+01:00."),
        ({"marks": [], "source_version": "5"}, "/source_version", "This must be a whole number."),
        ({"marks": [], "source_version": 2**70}, "/source_version", f"It must be at most {2**63 - 1}."),
    ],
)  # fmt: skip
def test_a_register(sent: Any, pointer: str, words: str) -> None:
    assert found(RegisterBody, sent) == (words, pointer)


def test_no_words_of_a_library_are_told_of_what_it_may_say_one_day() -> None:
    error = msgspec.ValidationError("Something new, in words of its own - at `$.marks[3].code`")
    assert told(error, RegisterBody) == ("This is not of the right form.", "/marks/3/code")


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        (DayOfMark, "1925-09-05", "It must be at least 2000-01-01."),
        (DayOfLife, "2101-01-01", "It must be at most 2100-12-31."),
        (DayOfMark, "2025-9-5", "A date looks like 2025-09-15."),
        (DayOfMark, 0, "A date looks like 2025-09-15."),
    ],
)
def test_a_day_out_of_bounds(kind: Any, value: object, said: str) -> None:
    day = TypeAdapter[date](kind)
    with pytest.raises(ValidationError) as error:
        day.validate_python(value)
    assert [words(one) for one in error.value.errors()] == [said]

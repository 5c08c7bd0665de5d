"""A value that does not fit its shape is told of in the API's own words."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from common.web.words import LIBRARYS, OTHERWISE, words
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator


class Pair(BaseModel):
    model_config = ConfigDict(extra="forbid")
    one: int | None = None

    @model_validator(mode="after")
    def has_one(self) -> "Pair":
        if self.one is None:
            raise ValueError("say `one`")
        return self


def told(shape: Any, value: object) -> list[str]:
    with pytest.raises(ValidationError) as error:
        TypeAdapter(shape).validate_python(value)
    return [words(one) for one in error.value.errors()]


@pytest.mark.parametrize(
    ("shape", "value", "said"),
    [
        (Pair, {}, "Say `one`."),
        (Pair, [], "This must be a JSON object."),
        (Pair, {"one": 1, "two": 2}, "There is no such member here."),
        (int, "x", "This must be a whole number."),
        (int, "9" * 5000, "This number is too large."),
        (bool, "x", "This must be true or false."),
        (float, "x", "This must be a number."),
        (str, 1, "This must be text."),
        (list[int], 1, "This must be a list."),
        (UUID, "x", "This is no id: ids are UUIDs."),
        (date, "x", "Write a date like 2025-09-15."),
        (date, "2025-09-15T08:41:00", "Write a date like 2025-09-15."),
        (datetime, "x", "Write a moment with its offset, like 2025-09-15T08:41:00+01:00."),
        (AwareDatetime, "2025-09-15T08:41:00", "Write a moment with its offset, like 2025-09-15T08:41:00+01:00."),
        (Literal["live", "dfe"], "x", "It must be 'live' or 'dfe'."),
        (Annotated[int, Field(ge=1)], 0, "It must be at least 1."),
        (Annotated[int, Field(le=9)], 10, "It must be at most 9."),
        (Annotated[str, Field(max_length=2)], "abc", "It may have at most 2 characters."),
        (Annotated[str, Field(min_length=1)], "", "It must have at least 1 character(s)."),
        (Annotated[str, Field(pattern="^a$")], "b", "It must be written like this: ^a$"),
        (Annotated[list[int], Field(max_length=1)], [1, 2], "There may be at most 1 of them."),
    ],
)
def test_the_apis_own_words(shape: Any, value: object, said: str) -> None:
    assert told(shape, value) == [said]


@pytest.mark.parametrize("kind", sorted(LIBRARYS))
def test_no_kind_of_error_speaks_the_librarys_words(kind: str) -> None:
    assert "LIBRARY" not in words({"type": kind, "msg": "LIBRARY", "loc": ("body",)})


def test_a_check_of_our_own_without_words_says_something() -> None:
    assert words({"type": "value_error", "msg": "Value error, ", "ctx": {"error": ValueError()}}) == OTHERWISE

"""What a body may be."""

import json

import pytest
from common.errors import MalformedError, UnsupportedMediaTypeError
from common.web.bodies import check_json
from hypothesis import given
from hypothesis import strategies as st

JSON = "application/json; charset=utf-8"
TEXTS = st.text(st.characters(blacklist_characters="\x00", blacklist_categories=["Cs"]))


@given(st.recursive(TEXTS | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)))
def test_json_of_harmless_texts_passes_however_it_is_written(value: object) -> None:
    check_json(json.dumps(value).encode(), JSON)
    check_json(json.dumps(value, ensure_ascii=False).encode(), JSON)


@pytest.mark.parametrize("text", [r"\\u0000", r"\\ud800 is how half a pair is written", "NaN", "Infinity"])
def test_texts_that_only_look_harmful_pass(text: str) -> None:
    check_json(f'{{"comment": "{text}"}}'.encode(), JSON)


@pytest.mark.parametrize(
    "body",
    [
        b'{"comment": "\\u0000"}',
        b'{"\\u0000": 1}',
        b'[["\\ud800"]]',
        b'"\\udfff\\ud800"',
        b'{"comment": "\xff\xfe"}',
        b'{"minutes_late": NaN}',
        b"[-Infinity]",
        b'{"comment": "\\u0000',
    ],
)
def test_what_no_text_may_hold_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedError):
        check_json(body, JSON)


def test_a_whole_surrogate_pair_is_a_character_like_any_other() -> None:
    check_json(b'"\\ud83d\\ude00"', JSON)


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/xml", "multipart/form-data", "json"])
def test_a_body_must_say_that_it_is_json(content_type: str) -> None:
    with pytest.raises(UnsupportedMediaTypeError):
        check_json(b"{}", content_type)


def test_kinds_of_json_are_json() -> None:
    check_json(b"{}", "application/vnd.rollcall+json")

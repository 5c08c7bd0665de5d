"""Cursors: opaque, and either ours or refused."""

import contextlib
from uuid import UUID

import pytest
from common.errors import InvalidError
from common.web import cut, decode_cursor, encode_cursor, next_path, place_of
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

VALUES = st.integers() | st.text(st.characters(blacklist_categories=["Cs"])) | st.none() | st.booleans()


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=4))
def test_a_cursor_gives_back_what_was_put_in(position: dict[str, object]) -> None:
    assert decode_cursor(encode_cursor(position)) == position


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_any_other_text_is_refused_in_words_and_never_breaks(text: str) -> None:
    with contextlib.suppress(InvalidError):
        assert isinstance(decode_cursor(text), dict)


@pytest.mark.parametrize("cursor", ["", "!!!", "e30=x", "bnVsbA", "W10", "WzFd", "é"])
def test_a_cursor_that_we_did_not_give_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidError) as refused:
        decode_cursor(cursor)
    assert refused.value.faults[0].pointer == "cursor"


def test_the_next_path_keeps_the_parameters() -> None:
    query = b"status=open&cursor=old&page_size=2"
    request = Request({"type": "http", "method": "GET", "path": "/v1/tasks", "query_string": query, "headers": []})
    assert next_path(request, "new") == "/v1/tasks?status=open&page_size=2&cursor=new"


@pytest.mark.parametrize("position", [{}, {"id": None}, {"id": "x"}, {"id": 3}, {"id": ["1"]}])
def test_a_cursor_of_another_list_is_refused(position: dict[str, object]) -> None:
    with pytest.raises(InvalidError) as refused:
        place_of(encode_cursor(position), lambda found: UUID(found["id"]))
    assert refused.value.faults[0].code == "bad-cursor"


def test_a_list_is_cut_into_pages_that_miss_nothing() -> None:
    request = Request({"type": "http", "method": "GET", "path": "/v1/tasks", "query_string": b"", "headers": []})
    listed, read, cursor = list(range(7)), [], None
    for _ in range(4):
        after = place_of(cursor, lambda position: int(position["at"]))
        found = [one for one in listed if after is None or one > after][:3]  # a page of two, and one more
        page, following = cut(request, found, 2, lambda last: {"at": last})
        read += page
        cursor = following and following.rpartition("cursor=")[2]
    assert read == listed
    assert cursor is None

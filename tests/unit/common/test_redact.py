"""What a client's agreement leaves out of answers, in whatever form they come."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from common.access.fields import REDACTIONS
from common.web.conditions import digest
from common.web.redact import redacting
from starlette.types import Message

LEFT_OUT = frozenset({"date_of_birth", "upn"})
CHILD = {"pupil_id": "1", "upn": "H1", "date_of_birth": "2014-03-09", "name": "Sam, of Elm"}


async def answered(
    kind: str,
    pieces: Sequence[bytes],
    left_out: frozenset[str] | None = LEFT_OUT,
    status: int = 200,
    more: Mapping[str, str] | None = None,
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an answer that an application sends in pieces."""
    sent: list[Message] = []
    scope: dict[str, Any] = {"type": "http", "path": "/v1/it"}

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    redacted = redacting(scope, receive, send)
    if left_out is not None:
        scope[REDACTIONS] = left_out
    named = [
        (b"content-type", kind.encode()),
        *((name.encode(), value.encode()) for name, value in (more or {}).items()),
    ]
    await redacted({"type": "http.response.start", "status": status, "headers": named if kind else []})
    for place, piece in enumerate(pieces):
        await redacted({"type": "http.response.body", "body": piece, "more_body": place < len(pieces) - 1})
    start, *bodies = sent
    assert [one.get("more_body", False) for one in bodies][-1:] == [False]
    told = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], told, b"".join(one["body"] for one in bodies)


async def test_an_answer_to_whom_nothing_is_left_out_is_as_it_was() -> None:
    body = json.dumps(CHILD).encode()
    assert await answered("application/json", [body], None) == (200, {"content-type": "application/json"}, body)


async def test_members_are_left_out_wherever_they_stand() -> None:
    body = json.dumps({"items": [{"child": CHILD, "upns": ["H1"]}], "upn": None}).encode()
    status, headers, shown = await answered("application/json", [body[:9], body[9:]], more={"content-length": "999"})
    assert status == 200
    assert json.loads(shown) == {"items": [{"child": {"pupil_id": "1", "name": "Sam, of Elm"}}]}
    assert headers["redacted"] == "date_of_birth, upn"
    assert headers["content-length"] == str(len(shown))


async def test_a_key_that_is_what_is_left_out_has_no_value() -> None:
    keys = [{"kind": kind, "value": "H1"} for kind in ("upn", "local_id")]
    _, _, shown = await answered("application/json", [json.dumps({"items": keys}).encode()])
    assert json.loads(shown) == {"items": [{"kind": "upn"}, {"kind": "local_id", "value": "H1"}]}


@pytest.mark.parametrize(
    ("left_out", "names"),
    [
        ("flags", {"flags", "flag", "flag_spans", "social_worker", "ever_social_worker"}),
        ("social_workers", {"social_workers", "social_worker", "ever_social_worker"}),
        ("contacts", {"contacts", "given_by", "address"}),
    ],
)
async def test_all_that_tells_what_is_left_out_is_left_out(left_out: str, names: set[str]) -> None:
    body = json.dumps({"pupil_id": "1", **dict.fromkeys(names, 1)}).encode()
    _, _, shown = await answered("application/json", [body], frozenset({left_out}))
    assert json.loads(shown) == {"pupil_id": "1"}


async def test_an_etag_stands_for_what_is_shown() -> None:
    _, headers, shown = await answered("application/json", [json.dumps(CHILD).encode()], more={"etag": '"state-whole"'})
    assert headers["etag"] == f'"state-{digest(shown)}"'


async def test_lines_of_json_are_sent_as_they_come() -> None:
    line = json.dumps(CHILD).encode() + b"\n"
    _, headers, shown = await answered("application/x-ndjson", [line + line[:20], line[20:], b'{"upn":1}'])
    assert [json.loads(one) for one in shown.splitlines()] == [{"pupil_id": "1", "name": "Sam, of Elm"}] * 2 + [{}]
    assert "content-length" not in headers


async def test_columns_are_left_out_of_a_table_and_quotes_hold_a_line_together() -> None:
    table = b'line,upn,said\r\n1,H1,"one, ""two""\r\nthree"\r\n2,H2,\r\n'
    _, headers, shown = await answered("text/csv; charset=utf-8", [table[:30], table[30:]])
    assert shown == b'line,said\r\n1,"one, ""two""\r\nthree"\r\n2,\r\n'
    assert headers["redacted"] == "date_of_birth, upn"


async def test_what_can_be_read_whole_only_is_refused() -> None:
    status, headers, shown = await answered("application/pdf", [b"%PDF Sam", b"Green"])
    assert (status, headers["content-type"]) == (403, "application/problem+json")
    assert json.loads(shown)["type"] == "/problems/redacted"
    assert b"Sam" not in shown


async def test_problems_and_answers_without_a_body_are_as_they_were() -> None:
    problem = json.dumps({"type": "/problems/not-found", "upn": 1}).encode()
    assert (await answered("application/problem+json", [problem], status=404))[2] == problem
    assert await answered("", [b""], status=204) == (204, {}, b"")

"""The large bodies, registers and rolls: read straight into the domain's values by msgspec, and described for /docs.

They cost five times as much through pydantic. What is wrong with one is told as everywhere: a problem with JSON
pointers.
"""

from datetime import date, datetime
from typing import Annotated, Any, TypeVar

import msgspec
from common.errors import Fault, InvalidError, MalformedError, TooLargeError
from msgspec import Meta

from registers.actions.roll import Row
from registers.domain.identity import Named, RowKeys
from registers.domain.pointers import told
from registers.domain.problems import Problem
from registers.domain.register import SentMark
from registers.domain.roll import SentKeys, SentPupil, problem_of

MOST_MARKS, MOST_ROWS = 2000, 5000
VERSIONS = 2**63 - 1

T = TypeVar("T")


class RegisterBody(msgspec.Struct, frozen=True):
    """A register as sent; pupils that it does not list keep their marks."""

    marks: Annotated[list[SentMark], Meta(description=f"At most {MOST_MARKS}.")]
    taken_at: Annotated[datetime, Meta(tz=True)] | None = None
    taken_by: Annotated[str, Meta(max_length=200)] | None = None
    source_version: Annotated[int, Meta(ge=0, le=VERSIONS, description="Rises per school.")] | None = None


class RollBody(msgspec.Struct, frozen=True):
    """A roll as sent, its rows still unread: a row that can't be read is rejected alone."""

    pupils: list[msgspec.Raw]
    complete: bool = False
    as_at: date | None = None


class RollDescribed(msgspec.Struct, frozen=True):
    """What a roll looks like."""

    pupils: Annotated[list[SentPupil], Meta(description=f"At most {MOST_ROWS}.")]
    complete: Annotated[bool, Meta(description="Whoever is not listed has left.")] = False
    as_at: (
        Annotated[date, Meta(description="With `complete`: the day before which they have left; else today.")] | None
    ) = None


_register = msgspec.json.Decoder(RegisterBody)
_roll = msgspec.json.Decoder(RollBody)
_row = msgspec.json.Decoder(SentPupil)
_keys = msgspec.json.Decoder(SentKeys)
_any = msgspec.json.Decoder()


def read_register(body: bytes) -> RegisterBody:
    """A register; MalformedError, InvalidError, or TooLargeError for more than 2,000 marks."""
    sent = _decode(_register, body)
    if len(sent.marks) > MOST_MARKS:
        raise TooLargeError(f"A register has at most {MOST_MARKS} marks.")
    if sent.taken_at is not None and not 2000 <= sent.taken_at.year <= 2100:
        raise InvalidError(faults=[Fault("/taken_at", "bad-time", "Not within this century.")])
    return sent


def read_roll(body: bytes) -> tuple[RollBody, list[Row]]:
    """A roll and its rows; MalformedError, InvalidError, or TooLargeError for more than 5,000 rows."""
    sent = _decode(_roll, body)
    if len(sent.pupils) > MOST_ROWS:
        raise TooLargeError(f"A roll has at most {MOST_ROWS} rows.")
    if sent.as_at is not None and not 2000 <= sent.as_at.year <= 2100:
        raise InvalidError(faults=[Fault("/as_at", "bad-date", "Not within this century.")])
    return sent, [_read_row(raw, place) for place, raw in enumerate(sent.pupils)]


def request_body(kind: type, example: Any) -> dict[str, Any]:
    """What a route that reads its own body says of it in the OpenAPI document."""
    schema = schema_of(kind)
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}}


def _decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        _check_json(body)  # msgspec stops at the first wrong value, be it in the middle of no JSON
        message, pointer = told(error, decoder.type)
        raise InvalidError(
            "A value is missing or not of the right form.", faults=[Fault(pointer, "invalid", message)]
        ) from None
    except (msgspec.DecodeError, RecursionError):
        raise MalformedError("The body is not JSON.") from None


def _check_json(body: bytes) -> None:
    """MalformedError unless all of a body is JSON."""
    try:
        _any.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise MalformedError("The body is not JSON.") from None


def _read_row(raw: msgspec.Raw, place: int) -> Row:
    try:
        pupil = _row.decode(raw)
    except msgspec.ValidationError as error:
        message, pointer = told(error, SentPupil)
        problem = Problem("invalid", message, f"/pupils/{place}{pointer}")
        sent: Any = _any.decode(raw)
        named = sent if isinstance(sent, dict) else {}
        keys = RowKeys(_text(named.get("local_id")), _text(named.get("upn")), problem, readable=_has_keys(raw))
        return Row(None, keys)
    named = Named(pupil.given_name, pupil.family_name, pupil.date_of_birth)
    return Row(pupil, RowKeys(pupil.local_id, pupil.upn, problem_of(pupil, place), named))


def _has_keys(raw: msgspec.Raw) -> bool:
    """Whether a row that can't be read as a whole has a local id, and a UPN or none."""
    try:
        _keys.decode(raw)
    except msgspec.ValidationError:
        return False
    return True


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def schema_of(kind: type) -> dict[str, Any]:
    """The JSON schema of a value, whole in itself."""
    return _inlined(msgspec.json.schema(kind))


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without references: OpenAPI has its components elsewhere."""
    definitions: dict[str, Any] = schema.pop("$defs", {})

    def resolve(part: Any) -> Any:
        if isinstance(part, list):
            return [resolve(item) for item in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            return resolve(definitions[part["$ref"].rpartition("/")[2]])
        return {name: resolve(value) for name, value in part.items()}

    return resolve(schema)

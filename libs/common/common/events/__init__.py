"""The contracts: what services tell each other, as CloudEvents 1.0 in structured JSON.

One module per publisher (`registers`, `absence_engine`, `casework`, `notifications`); each class there is one event
type in one version. Events are facts in the past tense; they carry ids, never names, addresses or UPNs (invariant 6).
Additive change only; anything else is a `v2` beside `v1`.

`encode` writes an event as the bytes that go on the topic; `decode` reads them back, or raises `UnreadableEventError`.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, ClassVar, TypeVar

import msgspec

PREFIX = "uk.rollcall."


class UnreadableEventError(ValueError):
    """Bytes that are no event of a known type and version."""


class Data(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """The `data` of one event type; subclasses name their `type` and the topic they are published on."""

    type: ClassVar[str]
    topic: ClassVar[str]


class SessionRef(msgspec.Struct, frozen=True, order=True):
    """One session: ISO date and `AM` or `PM`."""

    date: str
    session: str


class Revision(msgspec.Struct, frozen=True, order=True):
    """How new a state is: consumers ignore what is not higher than theirs. A rebuild or restore raises the epoch."""

    epoch: int
    count: int

    def __str__(self) -> str:
        return f"{self.epoch}.{self.count}"


D = TypeVar("D", bound=Data)


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A CloudEvent with `data` of a known type. `sequence` and `schoolurn` are set on ledger entries."""

    id: str
    type: str
    source: str
    subject: str
    time: str
    data: Any
    specversion: str = "1.0"
    datacontenttype: str = "application/json"
    sequence: int | None = None
    schoolurn: int | None = None
    correlationid: str | None = None
    traceparent: str | None = None


class _Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """An event whose data is still bytes: the type says how to read it."""

    id: str
    type: str
    source: str
    subject: str
    time: str
    data: msgspec.Raw
    specversion: str = "1.0"
    datacontenttype: str = "application/json"
    sequence: int | None = None
    schoolurn: int | None = None
    correlationid: str | None = None
    traceparent: str | None = None


_types: dict[str, type[Data]] = {}
_decoders: dict[str, msgspec.json.Decoder[Any]] = {}
_encoder = msgspec.json.Encoder()
_envelope = msgspec.json.Decoder(_Envelope)


def register(cls: type[D]) -> type[D]:
    """Class decorator of the publisher modules: makes the type known to `decode` and to the AsyncAPI document."""
    if cls.type in _types:
        raise ValueError(f"two classes for {cls.type}")
    _types[cls.type] = cls
    _decoders[cls.type] = msgspec.json.Decoder(cls)
    return cls


def known_types() -> dict[str, type[Data]]:
    """Every event type of every publisher module that has been imported, by its `type`."""
    return dict(_types)


def make(
    data: Data,
    *,
    id: str,
    subject: str,
    now: datetime,
    sequence: int | None = None,
    schoolurn: int | None = None,
    correlationid: str | None = None,
    traceparent: str | None = None,
) -> Event:
    """An event around `data`; `now` is written in UTC with milliseconds."""
    kind = type(data)
    return Event(
        id=id,
        type=kind.type,
        source="/" + kind.topic,
        subject=subject,
        time=_written(now),
        data=data,
        sequence=sequence,
        schoolurn=schoolurn,
        correlationid=correlationid,
        traceparent=traceparent,
    )


@lru_cache(maxsize=16)
def _written(now: datetime) -> str:
    """A moment as events write it: thousands of a batch are of the same."""
    return now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def encode(event: Event) -> bytes:
    """The bytes that go on the topic."""
    return _encoder.encode(event)


def decode(body: bytes) -> Event:
    """The event in `body`, its `data` as the class of its type; UnreadableEventError if it is none that we know."""
    try:
        envelope = _envelope.decode(body)
        decoder = _decoders[envelope.type]
        data = decoder.decode(envelope.data)
    except KeyError as error:
        raise UnreadableEventError(f"unknown type {error.args[0]!r}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableEventError(str(error)) from None
    return Event(
        id=envelope.id,
        type=envelope.type,
        source=envelope.source,
        subject=envelope.subject,
        time=envelope.time,
        data=data,
        specversion=envelope.specversion,
        datacontenttype=envelope.datacontenttype,
        sequence=envelope.sequence,
        schoolurn=envelope.schoolurn,
        correlationid=envelope.correlationid,
        traceparent=envelope.traceparent,
    )


def schemas(types: Iterable[type[Data]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """JSON Schemas of event data, by type name, and the components that they refer to (for AsyncAPI)."""
    classes = list(types)
    refs, components = msgspec.json.schema_components(classes, ref_template="#/components/schemas/{name}")
    return {cls.type: ref for cls, ref in zip(classes, refs, strict=True)}, components

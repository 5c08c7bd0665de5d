"""The AsyncAPI 3 document: every topic, who publishes on it, and every event with its schema."""

import inspect
from functools import cache
from typing import Any

from fastapi import FastAPI

from common import events
from common.events import absence_engine, casework, consumers, notifications, registers

_PUBLISHERS = {
    registers.TOPIC: "The ledgers of the schools: keyed by URN, numbered without a gap.",
    absence_engine.TOPIC: "Episodes: keyed by pupil id, each event carrying the full state.",
    casework.TOPIC: "Tasks and cases: keyed by pupil id.",
    notifications.TOPIC: "Letters: keyed by pupil id.",
    consumers.TOPIC: "Agreements with clients, said by registers: keyed by client, each event the full state.",
}


@cache
def document() -> dict[str, Any]:
    """Made from the classes of `common.events`, which are the contracts."""
    types = list(events.known_types().values())
    refs, components = events.schemas(types)
    messages: dict[str, Any] = {}
    channels: dict[str, Any] = {
        topic: {"address": topic, "description": text, "messages": {}} for topic, text in _PUBLISHERS.items()
    }
    for kind in types:
        name = kind.type
        messages[name] = {
            "name": name,
            "title": kind.__name__,
            "summary": _summary(kind),
            "contentType": "application/cloudevents+json",
            "payload": {
                "allOf": [
                    {"$ref": "#/components/schemas/CloudEvent"},
                    {"type": "object", "properties": {"type": {"const": name}, "data": refs[name]}},
                ]
            },
        }
        channels[kind.topic]["messages"][name] = {"$ref": f"#/components/messages/{name}"}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Rollcall events",
            "version": "1",
            "description": "CloudEvents 1.0, structured JSON. Ids only.",
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": channels,
        "operations": {
            f"publish-{topic}": {"action": "send", "channel": {"$ref": f"#/channels/{topic}"}} for topic in channels
        },
        "components": {"messages": messages, "schemas": {**components, "CloudEvent": _envelope()}},
    }


def _summary(kind: type[events.Data]) -> str:
    """The first sentence of what is said of an event."""
    text = inspect.cleandoc(kind.__doc__ or kind.__name__).split("\n\n")[0].replace("\n", " ")
    return text.split(". ")[0].rstrip(".") + "."


def _envelope() -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "type": "object",
        "required": ["specversion", "id", "type", "source", "subject", "time", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": text,
            "type": text,
            "source": text,
            "subject": {**text, "description": "The pupil id; for ledger entries the school's URN."},
            "time": {**text, "format": "date-time"},
            "datacontenttype": {"const": "application/json"},
            "sequence": {"type": ["integer", "null"], "description": "Number in the school's ledger."},
            "schoolurn": {"type": ["integer", "null"]},
            "correlationid": {"type": ["string", "null"]},
            "traceparent": {"type": ["string", "null"]},
            "data": {"type": "object"},
        },
    }


def add(app: FastAPI) -> None:
    """Serves it at /asyncapi.json."""

    @app.get(
        "/asyncapi.json",
        tags=["Operations"],
        name="asyncapi",
        summary="The events, as AsyncAPI 3",
        responses={200: {"content": {"application/json": {"example": {"asyncapi": "3.0.0", "channels": {}}}}}},
    )
    async def asyncapi() -> dict[str, Any]:
        return document()

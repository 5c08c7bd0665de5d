"""Wonde's REST API as it is documented, with fictional schools in it: a real HTTP server on a port of its own.

Rows are kept as the API shows them. It pages, filters by `updated_after`, leaves out what was not included, wants the
bearer token, and misbehaves on request: `faults` are answered instead, one a request, to the path that they name.
"""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

import uvicorn

TOKEN = "wonde-token"
INCLUDED = {"students": ("contacts", "education_details", "year", "extended_details")}
Row = dict[str, Any]


@dataclass
class Fault:
    """An answer in the place of the real one, to the next request whose path ends so; `change` makes it from that."""

    path: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])
    change: Callable[[Any], Any] | None = None
    body: bytes | None = None


@dataclass
class Wonde:
    """What the API has: schools by id, and their resources as lists of rows. `now` is its clock."""

    now: datetime
    most_a_page: int = 200
    schools: dict[str, Row] = field(default_factory=dict[str, Row])
    resources: dict[tuple[str, str], list[Row]] = field(default_factory=dict[tuple[str, str], list[Row]])
    refused: set[str] = field(default_factory=set[str])
    faults: list[Fault] = field(default_factory=list[Fault])
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list[tuple[str, dict[str, str]]])
    url: str = ""

    def rows(self, school: str, resource: str) -> list[Row]:
        return self.resources.setdefault((school, resource), [])

    def find(self, school: str, resource: str, item: str) -> Row:
        return next(row for row in self.rows(school, resource) if row["id"] == item)

    def paths(self) -> list[str]:
        """What was asked for, without the school."""
        return [path.split("/", 3)[-1] for path, _ in self.asked]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        path, query = scope["path"], dict(parse_qsl(scope["query_string"].decode()))
        authorised = (b"authorization", f"Bearer {TOKEN}".encode()) in scope["headers"]
        self.asked.append((path, query))
        status, answer = self._answer(path, query) if authorised else (401, {"error": "invalid_token"})
        headers = {"date": format_datetime(self.now, usegmt=True), "content-type": "application/json"}
        fault = next((one for one in self.faults if path.endswith(one.path)), None)
        body = None
        if fault is not None:
            self.faults.remove(fault)
            status, body = fault.status, fault.body
            headers |= fault.headers
            answer = fault.change(answer) if fault.change else answer
        head = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": head})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode() if body is None else body})

    def _answer(self, path: str, query: dict[str, str]) -> tuple[int, Any]:
        parts = path.removeprefix("/v1.0/schools/").split("/")
        school, resource = parts[0], "/".join(parts[1:])
        if school not in self.schools or not path.startswith("/v1.0/schools/"):
            return 404, {"error": "not_found"}
        if not resource:
            return 200, {"data": self.schools[school], "meta": {}}
        if resource in self.refused:
            return 403, {"error": "permission"}
        if len(parts) == 3 and (school, parts[1]) in self.resources:
            found = [row for row in self.rows(school, parts[1]) if row["id"] == parts[2]]
            return (200, {"data": found[0]}) if found else (404, {"error": "not_found"})
        return 200, self._page(path, self.rows(school, resource), resource, query)

    def _page(self, path: str, rows: list[Row], resource: str, query: dict[str, str]) -> Any:
        after = query.get("updated_after")
        asked = {name.partition(".")[0] for name in query.get("include", "").split(",")}
        hidden = [name for name in INCLUDED.get(resource, ()) if name not in asked]
        found = [
            {name: value for name, value in row.items() if name not in hidden} if isinstance(row, dict) else row
            for row in rows
            if after is None or _changed(row) is None or _changed(row) > datetime.fromisoformat(after + "+00:00")
        ]
        size, page = min(int(query.get("per_page", 50)), self.most_a_page), int(query.get("page", 1))
        more = len(found) > page * size
        following = f"{self.url}{path.removeprefix('/v1.0')}?{urlencode({**query, 'page': page + 1})}"
        pagination = {"next": following if more else None, "previous": None, "more": more, "per_page": size,
                      "current_page": page}  # fmt: skip
        return {"data": found[(page - 1) * size : page * size], "meta": {"pagination": pagination, "includes": []}}


def stamp(when: datetime) -> Row:
    """A time as Wonde writes it."""
    return {"date": when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f"), "timezone_type": 3, "timezone": "UTC"}


def on(day: str) -> Row:
    """A day as Wonde writes it."""
    return {"date": f"{day} 00:00:00.000000", "timezone_type": 3, "timezone": "Europe/London"}


def _changed(row: Any) -> Any:
    if not isinstance(row, dict):
        return None
    said = row.get("updated_at") or row.get("deleted_at")
    try:
        return datetime.fromisoformat(said["date"] + "+00:00") if said else None
    except (TypeError, ValueError, KeyError):
        return None


@contextlib.contextmanager
def serving(wonde: Wonde) -> Iterator[Wonde]:
    """The API on a port of its own; `url` is the address to configure."""
    server = uvicorn.Server(
        uvicorn.Config(wonde, port=0, log_level="error", lifespan="off", date_header=False, server_header=False)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < deadline, "Wonde did not start"
        time.sleep(0.01)
    wonde.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1.0"
    try:
        yield wonde
    finally:
        server.should_exit = True
        thread.join(10)

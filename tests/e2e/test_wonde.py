"""A school that is reached through Wonde, as its authority meets it: `rollcall connect wonde` beside the product."""

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import school
from tests.e2e.product import ROLLCALL, Process, Product, embedded, eventually
from tests.wonde_school import SINCE, School, wonde_at
from tests.wonde_server import TOKEN, Fault, serving

TODAY = "2025-09-15"
URN, OTHER = 100001, 100002
DAYS = [f"2025-09-{day:02d}" for day in (1, 2, 3, 4, 5, 8, 9, 10, 11, 12)]
CHILDREN = 30


class Authority:
    """A product, Wonde with two fictional schools, and the connector between them."""

    def __init__(self, product: Product, folder: Path, elm: School, ash: School) -> None:
        self.product, self.folder, self.elm, self.ash = product, folder, elm, ash
        self.client = product.client()
        self.arguments = (
            "connect", "wonde", "--school", f"{elm.wonde_id}={URN}", f"{ash.wonde_id}={OTHER}", "--since", SINCE,
            "--url", product.urls["registers"], "--data", str(folder),
        )  # fmt: skip
        self.environment = {"ROLLCALL_WONDE_TOKEN": TOKEN, "ROLLCALL_WONDE_URL": elm.wonde.url}

    def connect(self, *more: str, status: int = 0) -> list[Any]:
        """One run; its reports by school."""
        done = subprocess.run(
            [ROLLCALL, *self.arguments, "--once", *more],
            env={**os.environ, **self.environment}, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == status, done.stderr
        for name in ("Given", "Family", "Parent", "example.org", "High Street", TOKEN):
            assert name not in done.stdout + done.stderr
        (line,) = done.stdout.splitlines()
        return json.loads(line)["schools"]

    def standing(self, day: str, session: str, urn: int = URN) -> dict[str, str]:
        marks = school.ok(self.client.get(f"/v1/schools/{urn}/registers/{day}/{session}"))["marks"]
        return {mark["local_id"]: mark["code"] for mark in marks}

    def told(self, urn: int = URN) -> list[tuple[str, str]]:
        """The sessions of the ledger, in its order."""
        items = school.ok(self.client.get(f"/v1/schools/{urn}/changes", params={"since": 0, "page_size": 1000}))[
            "items"
        ]
        return [(one["data"]["date"], one["data"]["session"]) for one in items if "session-marked" in one["type"]]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    folder = tmp_path_factory.mktemp("wonde")
    wonde = wonde_at(datetime(2025, 9, 12, 16, tzinfo=UTC))
    wonde.most_a_page = 50
    with serving(wonde), embedded(folder, TODAY) as product:
        running = Authority(product, folder, School(wonde, "A1", URN).open(), School(wonde, "B2", OTHER).open())
        with running.client:
            yield running


def test_a_term_is_read_killed_repeated_corrected_and_audited(authority: Authority) -> None:
    elm, ash = authority.elm, authority.ash
    children = [elm.student(number) for number in range(CHILDREN)]
    slots = [(day, session) for day in DAYS for session in ("AM", "PM")]
    records = {
        (child, *slot): elm.mark(child, *slot, "O" if child == children[0] else "/")
        for slot in slots
        for child in children
    }
    other = ash.student(1)
    ash.mark(other, *slots[0], "I")

    for urn in (URN, OTHER):
        school.put_school(authority.client, urn)
        school.put_calendar(authority.client, urn, DAYS)
    connector = Process(*authority.arguments, environment=authority.environment)
    eventually(lambda: authority.standing(*slots[0]))
    connector.kill()
    first, second = authority.connect()
    assert (first["state"], second["state"]) == ("done", "done")
    for slot in slots:
        assert authority.standing(*slot) == {child: "O" if child == children[0] else "/" for child in children}
    assert authority.standing(*slots[0], urn=OTHER) == {other: "I"}
    assert authority.told() == slots, "each register is in the ledger once"
    authority.product.audited()

    elm.wonde.now += timedelta(hours=1)
    elm.amend(records[children[0], *slots[-1]], "M", comment="Card seen")
    elm.delete("attendance/session", records[children[1], *slots[-1]], "attendance")
    elm.mark(children[2], TODAY, "AM", "7")
    elm.wonde.faults += [Fault("attendance/session", 429, {"retry-after": "0"}), Fault("B2", 401)]
    first, second = authority.connect(status=1)
    assert second["failed"] == "/v1.0/schools/B2 answered 401"
    assert first["counts"] | {"marks_corrected": 1, "marks_deleted": 1, "marks_quarantined": 1} == first["counts"]
    assert first["unmapped_codes"] == {"7": {"problem": "unknown-code", "description": "Work at home", "marks": 1}}
    assert first["read"]["tried_again"] == {"429": 1}
    last = authority.standing(*slots[-1])
    assert (last[children[0]], last.get(children[1])) == ("M", None)

    before = len(authority.told())
    assert [one["state"] for one in authority.connect()] == ["done", "done"]
    assert len(authority.told()) == before
    authority.product.audited()


def test_the_memory_holds_nobodys_name(authority: Authority) -> None:
    kept = b"".join(path.read_bytes() for path in authority.folder.glob("wonde.db*"))
    assert authority.elm.wonde_id.encode() in kept
    assert not [name for name in (b"Given", b"Family", b"Parent", b"example.org", b"Card seen") if name in kept]


def test_it_runs_again_and_again_until_it_is_told_to_end(authority: Authority) -> None:
    connector = Process(*authority.arguments, "--every", "0.1", environment=authority.environment)
    eventually(lambda: len(connector.printed()) >= 2)
    assert connector.stop() == 0
    assert all(json.loads(line)["schools"][0]["state"] == "done" for line in connector.printed())

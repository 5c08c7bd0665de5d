"""Whatever is told of a child is found in the letters that are sent, and nowhere else: not in a file of the databases
and of the broker, log, metric, address or error.
"""

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from tests.e2e import school
from tests.e2e.product import Process, embedded, eventually

TODAY, URN = "2025-10-01", 100010
DAYS = [f"2025-09-{day:02d}" for day in range(1, 31) if day not in (6, 7, 13, 14, 20, 21, 27, 28)]
UPN, UNKNOWN_UPN, NOBODYS_UPN = (school.upn(serial) for serial in (8_123_457, 8_765_432, 8_222_333))
WORDS = [
    "Hazelqxz", "Nuttqxz", "Robinqxz", "robin@qxz.example", "0121qxz", "Elmroadqxz", "B1qxz", "Courtqxz", "Auntqxz",
    "Workerqxz", "Agreedqxz", "Takerqxz", "Commentqxz", "Reasonqxz", "Amenderqxz", "Giverqxz", "Whyqxz", "Outcomeqxz",
    "Noteqxz", "Targetqxz", "Batchqxz", "Wrongqxz", UPN, UNKNOWN_UPN, NOBODYS_UPN,
]  # fmt: skip
CONTACT = {
    "name": "Robinqxz", "email": "robin@qxz.example", "phone": "0121qxz",
    "address": {"lines": ["1 Elmroadqxz"], "postcode": "B1qxz"},
    "contact_barred": {"from": "2030-01-01", "order": "Courtqxz"},
}  # fmt: skip
SAID = {"comment": "Commentqxz", "reason": "Reasonqxz", "amended_by": {"name": "Amenderqxz", "position": "Amenderqxz"}}


@dataclass
class Left:
    """What has left the process while it ran, and its folder afterwards."""

    folder: Path
    texts: dict[str, str] = field(default_factory=dict[str, str])

    def ask(self, client: httpx.Client, method: str, path: str, **more: Any) -> httpx.Response:
        """A request; of what fails everything is kept, of what succeeds where it goes on and its headers."""
        answer = client.request(method, path, **more)
        following = answer.json().get("next") if answer.is_success and answer.content[:1] == b"{" else answer.text
        self.texts[f"{method} {path} {len(self.texts)}"] = f"{following} {answer.headers} {answer.request.url}"
        return answer


def plant(client: httpx.Client, left: Left) -> str:
    """Tells registers all that there is to tell of a child; its id."""
    school.put_school(client, URN)
    school.put_calendar(client, URN, [*DAYS, "2025-10-01", "2025-10-02", "2025-10-03", "2025-10-06", "2025-10-07"])
    names = {"given_name": "Hazelqxz", "family_name": "Nuttqxz"}
    went = {"from": "2023-08-01", "to": "2025-09-02", "kind": "single", "destination": "Auntqxz"}
    rows = [
        school.pupil("1", upn=UPN, contacts=[school.contact("c", **CONTACT)], **names),
        school.pupil("2", enrolment=went, **names),
    ]
    child = school.put_roll(client, URN, rows)["1"]
    for at, day in enumerate(DAYS):
        marks = [{"local_id": "1", "code": "I" if at > 15 else "/", **SAID}, {"upn": UNKNOWN_UPN, "code": "/", **SAID}]
        for half in ("AM", "PM"):
            path = f"/v1/schools/{URN}/registers/{day}/{half}"
            school.ok(left.ask(client, "PUT", path, json={"marks": marks, "taken_by": "Takerqxz"}))
    plan = {"from": "2025-09-08", "to": None, "review_on": "2025-10-12", "agreed_by": ["Agreedqxz"]}
    school.ok(left.ask(client, "PUT", f"/v1/schools/{URN}/part-time-timetables/{child}", json={"plans": [plan]}))
    worker = {"name": "Workerqxz", "email": "robin@qxz.example", "phone": "0121qxz", "from": "2025-09-01", "to": None}
    school.ok(left.ask(client, "PUT", f"/v1/pupils/{child}/social-workers", json={"social_workers": [worker]}))
    notice = {
        "local_id": "1", "given_by": {"name": "Giverqxz", "relation": "Giverqxz"}, "channel": "telephone",
        "from": "2025-09-30", "reason": "Reasonqxz", "noted_by": "Takerqxz",
    }  # fmt: skip
    notices = f"/v1/schools/{URN}/absence-notices"
    given = school.ok(left.ask(client, "POST", notices, json=notice, headers={"Idempotency-Key": "k"}))
    school.ok(left.ask(client, "POST", f"{notices}/{given['notice_id']}/withdrawal", json={"why": "Whyqxz"}))
    line = {
        "school_urn": URN,
        "date": DAYS[0],
        "session": "AM",
        "marks": [{"upn": NOBODYS_UPN, "code": "/", "comment": "Batchqxz"}],
    }
    job = school.ok(
        left.ask(
            client, "POST", "/v1/register-batches", content=json.dumps(line) + "\n",
            headers={"Content-Type": "application/x-ndjson"},
        )
    )  # fmt: skip
    eventually(lambda: school.ok(client.get(f"/v1/jobs/{job['job_id']}"))["state"] == "done")
    return child


def blunder(client: httpx.Client, left: Left, child: str) -> None:
    """Sends what is refused: what an answer says of it must not repeat it."""
    long = "Wrongqxz" * 40
    refused: list[tuple[str, str, Any]] = [
        ("PUT", f"/v1/schools/{URN}/roll", {"pupils": "Wrongqxz"}),
        ("POST", "/v1/pupils/lookup", {"upn": NOBODYS_UPN}),
        ("POST", "/v1/pupils/lookup", {"upn": long}),
        ("PUT", f"/v1/pupils/{child}/social-workers", {"social_workers": [{"name": long, "from": "Wrongqxz"}]}),
        (
            "PUT",
            f"/v1/schools/{URN}/registers/2025-09-01/AM",
            {"marks": [{"local_id": "1", "code": 7, "comment": long}]},
        ),
        ("POST", f"/v1/schools/{URN}/absence-notices", {"upn": UNKNOWN_UPN, "given_by": {"name": long}}),
        ("POST", f"/v1/pupils/{child}/merge", {"into": "Wrongqxz", "reason": long, "by": "Wrongqxz"}),
        ("PUT", f"/v1/pupils/{child}/personal-target", {"attendance_percent": "Wrongqxz", "reason": long}),
        ("POST", "/v1/tasks/Wrong/completion", {"outcome": long}),
    ]
    for method, path, body in refused:
        assert left.ask(client, method, path, json=body).is_client_error, path
    row = school.pupil("9", given_name=long, upn="Wrongqxz")
    (answer,) = school.ok(client.put(f"/v1/schools/{URN}/roll", json={"pupils": [row]}))["results"]
    left.texts["a rejected row"] = json.dumps(answer)
    assert answer["status"] == "rejected"


def follow(client: httpx.Client, left: Left, child: str) -> None:
    """A letter goes out, a task is completed, lists are paged through."""
    sent = eventually(lambda: [one for one in letters(client, child) if one["status"] == "sent"])
    assert "Robinqxz" in client.get(f"/v1/letters/{sent[0]['letter_id']}/content").text
    (task, *_) = eventually(lambda: school.ok(client.get("/v1/tasks", params={"pupil_id": child}))["items"])
    done = {"outcome": "Outcomeqxz", "note": "Noteqxz"}
    school.ok(left.ask(client, "POST", f"/v1/tasks/{task['task_id']}/completion", json=done))
    target = {"attendance_percent": "80.00", "from": "2025-09-01", "to": None, "reason": "Targetqxz", "by": "Targetqxz"}
    school.ok(left.ask(client, "PUT", f"/v1/pupils/{child}/personal-target", json=target))
    for path in ("roll", "quarantine", "data-quality", "changes?since=0"):
        both = "&" if "?" in path else "?"
        school.ok(left.ask(client, "GET", f"/v1/schools/{URN}/{path}{both}page_size=1"))
    left.texts["changes"] = client.get(f"/v1/schools/{URN}/changes?since=0&page_size=1000").text
    left.texts["metrics"] = client.get("/metrics").text


def letters(client: httpx.Client, child: str) -> list[Any]:
    return school.ok(client.get("/v1/letters", params={"pupil_id": child}))["items"]


async def checkpoint(folder: Path) -> None:
    connection = await asyncpg.connect(json.loads((folder / "run.json").read_text())["database"])
    await connection.execute("checkpoint")
    await connection.close()


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Left:
    """A product to which all was told, stopped."""
    left = Left(tmp_path_factory.mktemp("privacy") / "data")
    more = {"ROLLCALL_LETTER_HOLD_HOURS": "0", "ROLLCALL_LOG_LEVEL": "debug"}
    with embedded(left.folder, TODAY, more) as product, product.client() as client:
        child = plant(client, left)
        blunder(client, left, child)
        follow(client, left, child)
        left.texts["audit"] = product.audited()
        rotation = Process("rotate-keys", "--data", str(left.folder))
        assert rotation.ended(60) == 0, rotation.errors
        left.texts["rotation"] = "".join(rotation.printed())
        asyncio.run(checkpoint(left.folder))
        (process,) = product.processes
    left.texts["log"] = "".join([*process.printed(), *process.errors])
    return left


def test_nothing_that_was_told_is_in_what_left_the_process(left: Left) -> None:
    assert "registers: pupil.names: 0" in left.texts["rotation"]
    assert "/v1/schools/{urn}/roll" in left.texts["log"]
    assert [(name, word) for name, text in left.texts.items() for word in WORDS if word in text] == []


def test_nothing_that_was_told_is_in_the_files_of_the_databases_and_of_the_broker(left: Left) -> None:
    files = [path for path in left.folder.rglob("*") if path.is_file() and left.folder / "letters" not in path.parents]
    assert any(path.name.endswith(".log") for path in files)
    assert any("pg_wal" in path.parts for path in files)
    found: list[tuple[str, str]] = []
    is_read = False
    for path in files:
        content = path.read_bytes()
        is_read = is_read or f"School {URN}".encode() in content
        found += [(str(path.relative_to(left.folder)), word) for word in WORDS if word.encode() in content]
    assert is_read, "what is in the clear is found"
    assert found == []
    assert any("Robinqxz" in path.read_text() for path in (left.folder / "letters").rglob("*") if path.is_file())

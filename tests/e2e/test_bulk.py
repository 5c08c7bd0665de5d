"""A batch through the whole product, which is killed in the midst of it: nothing is lost, and nothing happens twice."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import httpx

from tests.e2e.product import embedded, eventually
from tests.e2e.school import ok, pupil, put_calendar, put_roll, put_school

SCHOOLS, PUPILS, TODAY = (100001, 100002), 250, "2026-03-02"
DAYS = [f"2025-{month:02d}-{day:02d}" for month in (9, 10, 11) for day in range(1, 29)]
CODES = "////L///I///O//"


def table() -> str:
    """Every pupil's marks of every day, pupil by pupil, as an MIS exports them: AM and PM in a row."""
    rows = [
        f"{urn},{day[8:]}/{day[5:7]}/{day[:4]},{n},{CODES[(n + at) % len(CODES)]},{CODES[(n * 7 + at) % len(CODES)]}"
        for urn in SCHOOLS
        for n in range(PUPILS)
        for at, day in enumerate(DAYS)
    ]
    return "\r\n".join(["URN,Date,Admission No,AM,PM", *rows]) + "\r\n"


def test_a_batch_survives_two_kills_and_is_counted_once(tmp_path: Path) -> None:
    with embedded(tmp_path, TODAY) as product:
        with product.client() as client:
            for urn in SCHOOLS:
                put_school(client, urn)
                put_calendar(client, urn, DAYS)
                put_roll(client, urn, [pupil(str(n)) for n in range(PUPILS)])
            sent = table()
            headers = {"content-type": "text/csv", "idempotency-key": "the whole term"}
            path = ok(client.post("/v1/register-batches", content=sent.encode(), headers=headers))["links"]["self"]
        killed: list[datetime] = []
        for part in (20, 60):
            with product.client() as client:
                eventually(lambda path=path, part=part, client=client: done(client, path) >= part)
            product.processes[0].kill()
            killed.append(datetime.now(UTC))
            product.processes[0] = product.processes[0].again()
            product.processes[0].wait_ready()
        with product.client() as client:
            again = ok(client.post("/v1/register-batches", content=sent.encode(), headers=headers))
            assert again["links"]["self"] == path
            eventually(lambda: ok(client.get(path))["state"] == "done", seconds=120)
            marks = 2 * len(SCHOOLS) * PUPILS * len(DAYS)
            job = ok(client.get(path))
            assert killed[0] < killed[1] < datetime.fromisoformat(job["ended_at"])  # it was unfinished both times
            assert {status: count for status, count in job["counts"].items() if count} == {"accepted": marks}
            lines = Counter(json.loads(line)["line"] for line in client.get(f"{path}/results").iter_lines())
            assert lines == dict.fromkeys(range(2, sent.count("\n") + 1), 2)
            check_ledgers(client, job, marks)
        audited = product.audit()
        assert audited.returncode == 0, audited.stdout


def done(client: httpx.Client, path: str) -> int:
    """How many per cent of a job are done."""
    return int(ok(client.get(path))["progress"]["percent"])


def check_ledgers(client: httpx.Client, job: dict[str, list[dict[str, int]]], marks: int) -> None:
    """Each mark is in its school's ledger once, and that ends where the job says."""
    assert [one["school_urn"] for one in job["sequences"]] == list(SCHOOLS)
    told = 0
    for one in job["sequences"]:
        following: str | None = f"/v1/schools/{one['school_urn']}/changes?since=0&page_size=1000"
        last = 0
        while following:
            page = ok(client.get(following))
            entries, following = page["items"], page["next"]
            last = entries[-1]["sequence"]
            told += sum(len(entry["data"]["marks"]) for entry in entries if "session-marked" in entry["type"])
        assert last >= one["sequence"]
    assert told == marks

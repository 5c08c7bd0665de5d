"""Batches: many registers in one body, in three forms, taken by a job, by the same rules as one register at a time."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
from common.clock import Clock
from common.listen import Signal
from registers.actions import batches, bulk
from registers.actions.batches import Batches

from tests.integration.registers.conftest import OTHER, TODAY, URN, Authority, bearer, pupil

CSV, NDJSON = "text/csv", "application/x-ndjson"
PATH = "/v1/register-batches"
NOW = Clock(fixed_today=TODAY, wall=lambda: datetime(2025, 9, 15, 9, tzinfo=UTC))


async def work(authority: Authority) -> None:
    """Does all that is to be done."""
    worker = Batches(authority.database, NOW, authority.writer.wake, Signal())
    while await worker.work() is not None:
        pass


async def post(authority: Authority, body: bytes | str, kind: str = CSV, **more: Any) -> str:
    """The id of the job that a batch makes."""
    headers = {"content-type": kind} | more.pop("headers", {})
    return (await authority.ask("POST", PATH, 202, content=body, headers=headers, **more))["job_id"]


async def taken(authority: Authority, body: bytes | str, kind: str = CSV, **more: Any) -> tuple[Any, list[Any]]:
    """The job once it has ended, and its results."""
    return await ended(authority, await post(authority, body, kind, **more))


async def ended(authority: Authority, job_id: str) -> tuple[Any, list[Any]]:
    await work(authority)
    job = await authority.ask("GET", f"/v1/jobs/{job_id}")
    answer = await authority.client.get(f"/v1/jobs/{job_id}/results")
    assert answer.headers["content-type"] == NDJSON
    return job, [json.loads(line) for line in answer.text.splitlines()]


def register(code: str = "/", *local_ids: str, **more: Any) -> dict[str, Any]:
    marks = [{"local_id": local_id, "code": code} for local_id in local_ids or ("1", "2")]
    return {"school_urn": URN, "date": "2025-09-15", "session": "AM", "marks": marks} | more


def statuses(results: Sequence[Any]) -> list[str]:
    return [result["status"] for result in results]


@pytest.fixture
async def school(authority: Authority) -> Authority:
    """A school with pupils 1 to 4, and another with pupils 1 and 2."""
    await authority.school()
    await authority.roll(*(pupil(str(n)) for n in range(1, 5)))
    await authority.school(OTHER)
    await authority.roll(pupil("1"), pupil("2"), urn=OTHER)
    return authority


async def test_a_table_becomes_one_register_for_each_school_and_session(school: Authority) -> None:
    before = len(await school.changes())
    job, results = await taken(
        school,
        "URN,Date,Session,Person ID,Mark\r\n"
        f"{URN},2025-09-15,AM,1,/\r\n{OTHER},2025-09-15,AM,1,I\r\n{URN},2025-09-15,PM,1,O\r\n{URN},2025-09-15,AM,2,L\r\n",
    )
    assert job["state"] == "done"
    assert job["progress"]["percent"] == 100
    assert job["counts"] == {**dict.fromkeys(job["counts"], 0), "accepted": 4}
    assert [result["line"] for result in results] == [2, 3, 4, 5]
    assert await school.standing() == {"1": "/", "2": "L"}
    assert await school.standing("2025-09-15/PM") == {"1": "O"}
    assert await school.standing(urn=OTHER) == {"1": "I"}
    said = (await school.changes())[before:]
    assert [entry["data"]["session"] for entry in said] == ["AM", "PM"]
    assert {"school_urn": URN, "sequence": said[-1]["sequence"]} in job["sequences"]
    assert school.woken


@pytest.mark.parametrize("kind", ["application/json", NDJSON])
async def test_registers_as_json_are_taken_one_by_one(school: Authority, kind: str) -> None:
    sent = [register("/"), register("O", session="PM", taken_by="T17"), register("I", urn=OTHER, school_urn=OTHER)]
    body = json.dumps({"registers": sent}) if kind != NDJSON else "\n".join(map(json.dumps, sent)) + "\n\n"
    job, results = await taken(school, body, kind)
    assert (job["state"], job["counts"]["accepted"]) == ("done", 6)
    place = "pointer" if kind != NDJSON else "line"
    expected = ["/registers/0/marks/0", "/registers/0/marks/1"] if kind != NDJSON else [1, 1]
    assert [result[place] for result in results[:2]] == expected
    assert await school.standing() == {"1": "/", "2": "/"}
    assert await school.standing("2025-09-15/PM") == {"1": "O", "2": "O"}


async def test_one_bad_register_never_loses_the_batch(school: Authority) -> None:
    lines = [
        json.dumps(register("/", "1")),
        "this is no JSON",
        json.dumps(register("/", "2", session="MIDDAY")),
        json.dumps({**register(), "marks": [{"code": "/"}]}),
        json.dumps(register("/", "3", "3")),
        json.dumps(register("8", "4")),
        json.dumps(register("/", "1", school_urn=100777)),
        json.dumps(register("/", "4", date="1825-09-15")),
        json.dumps(register("/", "nobody")),
        json.dumps(register("/", "2")),
    ]
    job, results = await taken(school, "\n".join(lines), NDJSON)
    assert job["state"] == "done"
    told = [(result["line"], result["status"], result.get("problem", {}).get("code")) for result in results]
    assert told == [
        (1, "accepted", None),
        (2, "rejected", "malformed"),
        (3, "rejected", "invalid"),
        (4, "rejected", "no-key"),
        (5, "rejected", "duplicate-pupil"),
        (5, "rejected", "duplicate-pupil"),
        (6, "quarantined", "unknown-code"),
        (7, "rejected", "not-found"),
        (8, "rejected", "bad-date"),
        (9, "quarantined", "unknown-pupil"),
        (10, "accepted", None),
    ]
    assert job["counts"] == {
        "accepted": 2, "unchanged": 0, "corrected": 0, "quarantined": 2, "stale": 0, "rejected": 7
    }  # fmt: skip
    assert await school.standing() == {"1": "/", "2": "/"}


async def test_the_errors_come_as_a_table_with_a_line_for_each(school: Authority) -> None:
    rows = [
        f"{URN},2025-09-15,AM,1,/",
        f"{URN},2025-09-15,AM,2,=1+1",
        f"{URN},31/31/2025,AM,3,/",
        f"{URN},2025-09-15,AM",
    ]
    job, _ = await taken(school, "URN,Date,Session,Local ID,Code\n" + "\n".join(rows))
    answer = await school.client.get(job["links"]["errors"])
    assert answer.headers["content-type"].startswith("text/csv")
    found = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["line"], row["status"], row["problem"]) for row in found] == [
        ("3", "quarantined", "unknown-code"),
        ("4", "rejected", "bad-date"),
        ("5", "rejected", "no-key"),
    ]
    assert found[0]["code"] == "'=1+1"  # no formula for whoever opens it in a spreadsheet


async def test_rows_count_in_the_order_of_the_file(school: Authority) -> None:
    rows = [f"{URN},2025-09-15,AM,1,{code}" for code in "/OIM"]
    _, results = await taken(school, "URN,Date,Session,Local ID,Code\n" + "\n".join(rows))
    assert statuses(results) == ["accepted", "corrected", "corrected", "corrected"]
    assert await school.standing() == {"1": "M"}


async def test_a_pupil_named_in_two_ways_does_not_lose_the_others(school: Authority) -> None:
    upn = "H869200124007"
    await school.roll(pupil("1", upn=upn))
    rows = ["2025-09-15,AM,1,,/", "2025-09-15,AM,2,,/", f"2025-09-15,AM,,{upn},O", f"2025-09-15,AM,2,{upn},I"]
    body = "Date,Session,Local ID,UPN,Code\n" + "\n".join(rows)
    _, results = await taken(school, body, params={"school_urn": URN})
    told = [(result["line"], result["status"], result.get("problem", {}).get("code")) for result in results]
    assert told == [
        (2, "accepted", None),
        (3, "accepted", None),
        (4, "corrected", None),
        (5, "rejected", "keys-disagree"),
    ]
    assert await school.standing() == {"1": "O", "2": "/"}


async def test_am_and_pm_may_be_columns_of_one_row(school: Authority) -> None:
    body = "Date;Admission No;AM;PM;Mins Late\n15/09/2025;1;/;L;7\n15/09/2025;2;;O;\n"
    job, results = await taken(school, body, params={"school_urn": URN})
    assert [(result["session"], result["status"]) for result in results] == [
        ("AM", "accepted"), ("PM", "accepted"), ("AM", "quarantined"), ("PM", "accepted"),
    ]  # fmt: skip
    assert job["warnings"] == [
        {
            "code": "day-first-date",
            "detail": "Dates written day first (31/12/2025) were read as such; write 2025-12-31.",
            "count": 2,
            "first_line": 2,
        }
    ]
    answer = await school.ask("GET", f"/v1/schools/{URN}/registers/2025-09-15/PM")
    assert {mark["local_id"]: mark["minutes_late"] for mark in answer["marks"]} == {"1": 7, "2": None}


@pytest.mark.parametrize(("encoding", "warned"), [("utf-8", []), ("utf-8-sig", []), ("cp1252", ["windows-1252"])])
async def test_comments_arrive_whole_in_either_encoding(school: Authority, encoding: str, warned: list[str]) -> None:
    body = "URN\tDate\tSession\tLocal ID\tCode\tComments\n"
    body += f"{URN}\t2025-09-15\tAM\t1\tI\t“café” – naïve, £5\n"
    job, _ = await taken(school, body.encode(encoding))
    assert [warning["code"] for warning in job["warnings"]] == warned
    answer = await school.ask("GET", f"/v1/schools/{URN}/registers/2025-09-15/AM")
    assert answer["marks"][0]["comment"] == "“café” – naïve, £5"


async def test_a_quotation_that_is_never_closed_loses_one_line(school: Authority) -> None:
    rows = ["1,/,fine", '2,/,"never closed', '3,/,"quoted, ""as"" it\nshould be"', "4,/,"]
    body = "Local ID,Code,Comment,Date,Session\n" + "\n".join(row + ",2025-09-15,AM" for row in rows)
    _, results = await taken(school, body, params={"school_urn": URN})
    assert sorted(await school.standing()) == ["1", "3", "4"]
    assert [result["line"] for result in results if result["status"] == "rejected"] == [3]


async def test_a_dry_run_says_the_same_and_writes_nothing(school: Authority) -> None:
    await school.mark("1", "O")
    before = await school.changes()
    rows = [
        f"{URN},2025-09-15,AM,1,/",
        f"{URN},2025-09-15,AM,2,I",
        f"{URN},2025-09-15,AM,2,/",
        f"{URN},2025-09-15,AM,9,/",
    ]
    body = "URN,Date,Session,Local ID,Code\n" + "\n".join(rows)
    tried, as_if = await taken(school, body, params={"dry_run": True})
    assert (tried["dry_run"], tried["sequences"]) == (True, [])
    assert await school.changes() == before
    assert await school.standing() == {"1": "O"}
    assert not await school.quarantine()
    done, results = await taken(school, body)
    assert (tried["counts"], as_if) == (done["counts"], results)
    assert statuses(results) == ["corrected", "accepted", "corrected", "quarantined"]


@pytest.mark.parametrize("kind", ["application/json", NDJSON, CSV])
async def test_a_batch_leaves_what_the_same_registers_leave(school: Authority, kind: str) -> None:
    """Every kind of mark there is, by PUT at one school and by a batch at another with pupils of the same keys."""
    await school.roll(*(pupil(str(n)) for n in range(1, 5)), urn=OTHER)
    codes = ["/", "O", "8", "", "X", "#", "L", None, "\\", "-"]
    sent = [
        (
            day,
            half,
            version,
            [{"local_id": str((n + at) % 6), "code": codes[(n * 3 + at) % len(codes)]} for n in range(5)],
        )
        for at, (day, half, version) in enumerate(
            (day, half, version)
            for day in ("2025-09-12", "2025-09-13", "2025-09-15", "2025-09-16")
            for half in ("AM", "PM")
            for version in (None, 5, 3, None)
        )
    ]
    by_put = [await school.register(marks, f"{day}/{half}", source_version=v) for day, half, v, marks in sent]
    registers = [
        {"school_urn": OTHER, "date": day, "session": half, "source_version": v, "marks": marks}
        for day, half, v, marks in sent
    ]
    _, results = await taken(school, as_sent(registers, kind), kind)
    assert sorted(statuses(results)) == sorted(mark["status"] for answer in by_put for mark in answer["marks"])
    for slot in {f"{day}/{half}" for day, half, _, _ in sent}:
        assert await school.standing(slot, OTHER) == await school.standing(slot)
    assert sorted(await school.quarantine(OTHER)) == sorted(await school.quarantine())


def as_sent(registers: Sequence[Any], kind: str) -> str:
    """Registers in one of the three forms."""
    if kind == "application/json":
        return json.dumps({"registers": registers})
    if kind == NDJSON:
        return "\n".join(map(json.dumps, registers))
    rows = [
        f"{one['school_urn']},{one['date']},{one['session']},{one['source_version'] or ''},{mark['local_id']},"
        f"{mark['code'] or ''}"
        for one in registers
        for mark in one["marks"]
    ]
    return "\n".join(["URN,Date,Session,Source Version,Local ID,Code", *rows])


async def test_a_batch_sent_again_changes_nothing(school: Authority) -> None:
    body = json.dumps({"registers": [register("/"), register("O", session="PM")]})
    await taken(school, body, "application/json")
    before = await school.changes()
    _, results = await taken(school, body, "application/json")
    assert set(statuses(results)) == {"unchanged"}
    assert await school.changes() == before


async def test_versions_in_a_table_rank_as_those_of_registers(school: Authority) -> None:
    body = f"URN,Date,Session,Local ID,Code,Source Version\n{URN},2025-09-15,AM,1,/,7\n{URN},2025-09-15,AM,1,O,3\n"
    _, results = await taken(school, body)
    assert statuses(results) == ["accepted", "stale"]
    assert await school.standing() == {"1": "/"}


async def test_a_token_for_one_school_writes_to_that_one_only(school: Authority) -> None:
    rows = [f"{URN},2025-09-15,AM,1,/", f"{OTHER},2025-09-15,AM,1,/"]
    body = "URN,Date,Session,Local ID,Code\n" + "\n".join(rows)
    limited = bearer(schools=[URN])
    job_id = await post(school, body, headers=limited)
    _, results = await ended(school, job_id)
    assert [(result["status"], result.get("problem", {}).get("code")) for result in results] == [
        ("accepted", None),
        ("rejected", "not-found"),
    ]
    assert await school.standing(urn=OTHER) == {}
    await school.ask(
        "POST", PATH, 404, content=body, params={"school_urn": OTHER}, headers=limited | {"content-type": CSV}
    )


async def test_a_job_is_there_only_for_who_made_it_and_opens_its_schools(school: Authority) -> None:
    whole = await post(school, "URN,Date,Session,Local ID,Code\n")
    part = await post(school, "URN,Date,Session,Local ID,Code\n", headers=bearer(schools=[URN, OTHER]))
    for path in ("", "/results", "/errors.csv"):
        await school.ask("GET", f"/v1/jobs/{whole}{path}", 404, headers=bearer(subject="another"))
        await school.ask("GET", f"/v1/jobs/{whole}{path}", 404, headers=bearer(schools=[URN]))
        await school.ask("GET", f"/v1/jobs/{part}{path}", 404, headers=bearer(schools=[URN]))
    assert (await school.ask("GET", f"/v1/jobs/{part}", headers=bearer(schools=[URN, OTHER])))["job_id"] == part
    await school.ask("GET", "/v1/jobs/01890a5d-ac96-774b-bcce-b302099a8057", 404)


async def test_an_idempotency_key_names_one_job_for_one_body(school: Authority) -> None:
    body, keyed = json.dumps({"registers": [register()]}), {"idempotency-key": "monday"}
    first = await post(school, body, "application/json", headers=keyed)
    assert await post(school, body, "application/json", headers=keyed) == first
    await work(school)
    assert await post(school, body, "application/json", headers=keyed) == first
    other = json.dumps({"registers": [register("O")]})
    headers = keyed | {"content-type": "application/json"}
    problem = await school.ask("POST", PATH, 422, content=other, headers=headers)
    assert problem["errors"][0]["code"] == "other-body"
    dry = await school.ask("POST", PATH, 422, content=body, headers=headers, params={"dry_run": True})
    assert dry["errors"][0]["pointer"] == "Idempotency-Key"
    somebody = headers | bearer(subject="another")
    assert (await school.ask("POST", PATH, 202, content=body, headers=somebody))["job_id"] != first


async def test_a_key_under_a_token_for_other_schools_is_no_key_of_the_first_job(school: Authority) -> None:
    body = json.dumps({"registers": [register()]})
    keyed = {"idempotency-key": "monday", "content-type": "application/json"}
    both, one, other = ([URN, OTHER], [URN], [OTHER])
    first = (await school.ask("POST", PATH, 202, content=body, headers=keyed | bearer(schools=both)))["job_id"]
    turned = bearer(schools=reversed(both))
    assert (await school.ask("POST", PATH, 202, content=body, headers=keyed | turned))["job_id"] == first
    for token in (bearer(schools=one), bearer(schools=other), bearer()):
        problem = await school.ask("POST", PATH, 422, content=body, headers=keyed | token)
        assert problem["errors"][0]["code"] == "other-body"


async def test_the_same_key_while_the_first_is_coming_in_is_a_conflict(school: Authority) -> None:
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b'{"registers": ['
        arrived.set()
        await go_on.wait()
        yield b"]}"

    headers = {"idempotency-key": "slow", "content-type": "application/json"}
    first = asyncio.create_task(school.client.post(PATH, content=slowly(), headers=headers))
    async with asyncio.timeout(10):
        await arrived.wait()
        problem = await school.ask("POST", PATH, 409, content=b'{"registers": []}', headers=headers)
        assert problem["type"] == "/problems/under-way"
        go_on.set()
        assert (await first).status_code == 202


async def _receiving(school: Authority) -> bool:
    async with school.database.transaction() as tx:
        return await tx.fetchval("select exists (select from batch where state = 'receiving')")


async def test_a_key_is_free_again_after_a_day_and_after_a_sender_who_vanished(school: Authority) -> None:
    headers = {"idempotency-key": "again"}
    body = json.dumps({"registers": []})
    first = await post(school, body, "application/json", headers=headers)
    await execute(school, "update batch set created_at = created_at - interval '25 hours'")
    second = await post(school, body, "application/json", headers=headers)
    assert second != first
    await execute(school, "update batch set state = 'receiving', touched_at = touched_at - interval '3 minutes'")
    assert await post(school, body, "application/json", headers=headers) not in (first, second)


async def execute(school: Authority, statement: str) -> None:
    async with school.database.transaction() as tx:
        await tx.execute(statement)


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"", "application/json", 400, None),
        (b"[]", "application/json", 400, None),
        (b'{"marks": []}', "application/json", 400, None),
        (b"\xff\xfe{\x00", NDJSON, 400, None),
        (b'{"school_urn": "\xe9"}', NDJSON, 400, None),
        (b"{}", "application/xml", 415, None),
        (b"\n\n", CSV, 400, None),
        (b"Name,Mark\n", CSV, 422, "no-date"),
        (b"Date,Session,UPN,Mark\n", CSV, 422, "no-school"),
        (b"URN,Date,Session,Mark\n", CSV, 422, "no-key"),
        (b"URN,Date,UPN,Mark\n", CSV, 422, "no-session"),
        (b"URN,Date,Session,UPN\n", CSV, 422, "no-code"),
        (b"URN,Date,Session,UPN,Mark,Code\n", CSV, 422, "heading-twice"),
        (b"URN,Date,Session,UPN,Mark,AM\n", CSV, 422, "heading-twice"),
    ],
)
async def test_what_can_be_no_batch_is_refused_at_once(
    school: Authority, body: bytes, kind: str, status: int, code: str | None
) -> None:
    problem = await school.ask("POST", PATH, status, content=body, headers={"content-type": kind})
    assert [fault["code"] for fault in problem["errors"]] == ([code] if code else [])
    assert not await _receiving(school)


@pytest.mark.parametrize(
    ("body", "taken_before"),
    [
        ('{"registers": [%s', 0),
        ('{"registers": [%s]', 1),
        ('{"registers": [%s,]}', 1),
        ('{"registers": [%s %s]}', 1),
        ('{"registers": [%s], "more": 1}', 1),
        ('{"registers": [%s}', 1),
    ],
)
async def test_json_that_breaks_off_fails_and_keeps_what_it_did(
    school: Authority, body: str, taken_before: int
) -> None:
    one = json.dumps(register("/", "1"))
    job, _ = await taken(school, body.replace("%s", one), "application/json")
    assert (job["state"], job["problem"]["code"]) == ("failed", "malformed")
    assert len(await school.standing()) == taken_before


async def test_a_batch_is_taken_a_piece_at_a_time_whatever_its_form(
    school: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pieces of two marks out of ten bytes at a time: every cut there is."""
    monkeypatch.setattr(batches, "PIECE_MARKS", 2)
    monkeypatch.setattr(batches, "PIECE_BYTES", 10)
    monkeypatch.setattr(bulk, "BITE_MARKS", 1)
    days = [f"2025-09-{day:02d}" for day in (8, 9, 10, 11, 12)]
    sent = [register("/", date=day, comment='a "quoted" [list] \\') for day in days]
    table = "Date,Session,Local ID,Code,Comment\r\n"
    table += "".join(f'{day},PM,{n},O,"two\r\nlines, {day}"\r\n' for day in days for n in (1, 2))
    forms = [
        (json.dumps({"registers": sent}), "application/json", "/"),
        ("\n".join(map(json.dumps, sent)), NDJSON, "/"),
        (table, CSV, "O"),
    ]
    for body, kind, _ in forms:
        job, results = await taken(school, body, kind, params={"school_urn": URN})
        assert (job["state"], len(results)) == ("done", 10)
        assert job["counts"]["rejected"] == 0
        assert job["progress"]["bytes"] == job["progress"]["bytes_done"] == len(body.encode())
    for day in days:
        assert await school.standing(f"{day}/AM") == {"1": "/", "2": "/"}
        assert await school.standing(f"{day}/PM") == {"1": "O", "2": "O"}


async def test_two_workers_share_a_job_without_doing_anything_twice(
    school: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "PIECE_MARKS", 4)
    monkeypatch.setattr(batches, "PIECE_BYTES", 100)
    days = [day for day in range(1, 13) if day not in (6, 7)]
    rows = [f"2025-09-{day:02d},{half},{n},/" for day in days for half in ("AM", "PM") for n in range(1, 5)]
    job_id = await post(school, "Date,Session,Local ID,Code\n" + "\n".join(rows), params={"school_urn": URN})
    await asyncio.gather(*(work(school) for _ in range(3)))
    job, results = await ended(school, job_id)
    assert job["counts"]["accepted"] == len(rows) == len(results)
    assert [result["line"] for result in results] == list(range(2, len(rows) + 2))


async def test_a_worker_that_is_cut_off_leaves_nothing_half_done(
    school: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "PIECE_MARKS", 4)
    monkeypatch.setattr(batches, "PIECE_BYTES", 100)
    rows = [f"2025-09-{day:02d},AM,{n},/" for day in (8, 9, 10, 11) for n in range(1, 5)]
    job_id = await post(school, "Date,Session,Local ID,Code\n" + "\n".join(rows), params={"school_urn": URN})
    worker = Batches(school.database, NOW, school.writer.wake, Signal())
    assert (await worker.work()) is not None
    before = await school.ask("GET", f"/v1/jobs/{job_id}")
    cut = _CutOff(school)
    monkeypatch.setattr(batches.store, "move", cut.move)
    with pytest.raises(ConnectionResetError):
        await worker.work()
    monkeypatch.undo()
    assert await school.ask("GET", f"/v1/jobs/{job_id}") == before
    job, results = await ended(school, job_id)
    assert job["counts"]["accepted"] == 16 == len(results)


class _CutOff:
    """What a connection that breaks at the last statement of a piece looks like from here."""

    def __init__(self, school: Authority) -> None:
        self._school = school

    async def move(self, *_: object) -> None:
        raise ConnectionResetError


def alternating(schools: Sequence[int] = (URN, OTHER)) -> str:
    """A table of which each piece of four marks is about another school than the one before it."""
    rows = [f"{urn},2025-09-{day:02d},{half},{n},/" for day in (8, 9, 10) for half in ("AM", "PM") for urn in schools
            for n in (1, 2, 1, 2)]  # fmt: skip
    return "URN,Date,Session,Local ID,Code\n" + "\n".join(rows)


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "PIECE_MARKS", 4)
    monkeypatch.setattr(batches, "PIECE_BYTES", 200)


async def run(school: Authority, job_id: str) -> Any:
    """The job, once the background work has ended it."""
    stop = asyncio.Event()
    working = asyncio.create_task(Batches(school.database, NOW, school.writer.wake, Signal()).run(stop))
    try:
        while not working.done():
            job = await school.ask("GET", f"/v1/jobs/{job_id}")
            if job["ended_at"] is not None:
                return job
    finally:
        stop.set()
        await working
    raise AssertionError("it stopped by itself")


async def check_once(school: Authority, job: Any, schools: Sequence[int] = (URN, OTHER)) -> None:
    """The table of `alternating` was taken whole, in its order, and nothing of it twice."""
    half = 12 * len(schools)
    assert {status: count for status, count in job["counts"].items() if count} == {"accepted": half, "unchanged": half}
    _, results = await ended(school, job["job_id"])
    assert [result["line"] for result in results] == list(range(2, 2 * half + 2))
    assert await count(school, "mark") == half


@pytest.mark.usefixtures("small_pieces")
async def test_a_piece_is_decided_while_the_one_before_it_is_kept(
    school: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    take, move, two_decided = bulk.take, batches.store.move, asyncio.Event()
    decided: list[int] = []

    async def take_and_say(*what: Any) -> Any:
        taken = await take(*what)
        decided.append(1)
        if len(decided) == 2:
            two_decided.set()
        return taken

    async def move_when_two_are_decided(*what: Any) -> None:
        async with asyncio.timeout(20):
            await two_decided.wait()
        await move(*what)

    job_id = await post(school, alternating())
    monkeypatch.setattr(bulk, "take", take_and_say)
    monkeypatch.setattr(batches.store, "move", move_when_two_are_decided)
    await check_once(school, await run(school, job_id))


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("schools", [(URN, OTHER), (URN,)])
async def test_several_workers_with_pieces_ahead_do_nothing_twice(school: Authority, schools: Sequence[int]) -> None:
    """Where all pieces are about one school, none is ahead."""
    job_id = await post(school, alternating(schools))
    jobs = await asyncio.gather(*(run(school, job_id) for _ in range(3)))
    await check_once(school, jobs[0], schools)


@pytest.mark.usefixtures("small_pieces")
async def test_a_piece_ahead_is_given_up_with_the_one_before_it(
    school: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = await post(school, alternating())
    monkeypatch.setattr(batches.store, "move", _CutOff(school).move)
    with pytest.raises(ConnectionResetError):
        await run(school, job_id)
    monkeypatch.undo()
    assert await count(school, "mark") == 0
    await check_once(school, await run(school, job_id))


@pytest.mark.usefixtures("small_pieces")
async def test_a_piece_ahead_is_given_up_when_somebody_else_is_at_its_job(
    school: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold, given_up = batches.store.hold, []

    async def hold_beside_another(tx: Any, job: Any) -> Any:
        if given_up:
            return await hold(tx, job)
        async with school.database.transaction() as other:
            assert await batches.store.take(other) is not None
            given_up.append(await hold(tx, job))
        return given_up[0]

    job_id = await post(school, alternating())
    monkeypatch.setattr(batches.store, "hold", hold_beside_another)
    await check_once(school, await run(school, job_id))
    assert given_up == [None]


@pytest.mark.usefixtures("small_pieces")
async def test_a_dry_run_ahead_of_its_turn_writes_nothing(school: Authority) -> None:
    job = await run(school, await post(school, alternating(), params={"dry_run": "true"}))
    assert (job["state"], job["counts"]["rejected"], await count(school, "mark")) == ("done", 0, 0)
    assert sum(job["counts"].values()) == 48


async def test_a_job_has_started_when_its_first_piece_begins(school: Authority) -> None:
    ticking = Clock(
        fixed_today=TODAY, wall=iter(datetime(2025, 9, 15, 9, minute, tzinfo=UTC) for minute in range(9)).__next__
    )
    job_id = await post(school, alternating())
    await Batches(school.database, ticking, school.writer.wake, Signal()).work()
    job = await school.ask("GET", f"/v1/jobs/{job_id}")
    assert job["started_at"] == "2025-09-15T09:00:00Z" < job["ended_at"]


@pytest.mark.usefixtures("small_pieces")
async def test_a_value_that_can_not_be_kept_ends_its_job_and_what_was_done_before_stands(school: Authority) -> None:
    await execute(
        school,
        "create function refuse() returns trigger language plpgsql as"
        " $$ begin raise exception 'too large' using errcode = '22003'; end $$",
    )
    await execute(
        school,
        "create trigger refuse before insert on submission for each row"
        f" when (new.date = '2025-09-09' and new.urn = {OTHER}) execute function refuse()",
    )
    try:
        job = await run(school, await post(school, alternating()))
    finally:
        await execute(school, "drop function refuse cascade")
    assert (job["state"], job["problem"]["code"]) == ("failed", "refused")
    assert sum(job["counts"].values()) == 20  # four pieces on the 8th, and the other school's on the 9th
    assert await count(school, "mark") == 10


async def test_what_postgresql_refuses_in_the_midst_of_a_piece_keeps_nothing_of_the_piece(
    school: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bites behind it are being read and decided by then."""
    monkeypatch.setattr(bulk, "BITE_MARKS", 1)
    rows = [f"2025-09-{day:02d},AM,{n},/" for day in (8, 9, 10, 11, 12) for n in (1, 2)]
    body = "Date,Session,Local ID,Code\n" + "\n".join(rows)
    before = await school.changes()
    await execute(school, "alter table submission add constraint refused check (date <> '2025-09-10') not valid")
    try:
        with pytest.raises(asyncpg.CheckViolationError):
            await taken(school, body, params={"school_urn": URN})
    finally:
        await execute(school, "alter table submission drop constraint refused")
    assert await school.changes() == before
    assert await count(school, "mark") == 0
    await work(school)
    assert await count(school, "mark") == len(rows)


async def test_what_was_sent_is_let_go_and_old_jobs_are_forgotten(school: Authority) -> None:
    old = await post(school, "URN,Date,Session,Local ID,Code\n")
    await work(school)
    assert await count(school, "batch_part") == 0
    await execute(school, "update batch set ended_at = ended_at - interval '8 days'")
    recent, _ = await taken(school, f"URN,Date,Session,Local ID,Code\n{URN},2025-09-15,AM,1,/\n")
    abandoned = await post(school, "URN,Date,Session,Local ID,Code\n")
    change = "update batch set state = 'receiving', touched_at = touched_at - interval '3 minutes' where job_id = "
    await execute(school, f"{change} '{abandoned}'")
    await Batches(school.database, NOW, school.writer.wake, Signal()).tidy()
    await school.ask("GET", f"/v1/jobs/{abandoned}", 404)
    await school.ask("GET", f"/v1/jobs/{old}", 404)
    await school.ask("GET", recent["links"]["self"])


async def count(school: Authority, table: str) -> int:
    async with school.database.transaction() as tx:
        return await tx.fetchval(f"select count(*) from {table}")

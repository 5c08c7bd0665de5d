"""A simulated authority against its own statistics, DfE's real file, a school's own totals: over HTTP."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator, Sequence
from datetime import date, timedelta
from importlib.resources import files
from typing import Any

import httpx
import msgspec
import pytest
from absence_engine import api
from absence_engine.actions.reconciling import Reconciling
from common.events import Event
from common.listen import Signal
from common.security import FixedKeys, Verifier
from common.service import Service
from common.settings import Settings
from common.web.app import create_app
from joserfc.jwk import KeySet
from simulator import authority
from simulator.authority import Authority
from simulator.marks import CODES

from tests.integration.absence_engine.ledgers import CLOCK, NOW, Engine, Ledger, enrolled, pupil
from tests.integration.absence_engine.test_answers import ANN, BEN, KEY, OTHER, URN, bearer, play, school

PATH = "/v1/reconciliations"
EXPORTED, LATER = "2025-09-30T18:00:00.000Z", "2025-10-01T08:00:00.000Z"
"""When the authority's statistics were made, and when things came afterwards."""
LA = "330"


@pytest.fixture
async def client(engine: Engine) -> AsyncIterator[httpx.AsyncClient]:
    router = api.create_router(engine.database, CLOCK, engine.policies, engine.signal)
    service = Service(name="absence-engine", router=router, streams=api.STREAMS)
    keys = KeySet.import_key_set({"keys": [KEY.as_dict(private=False)]})
    app = create_app([service], Settings(database_url=""), Verifier(["us"], FixedKeys(keys)))
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://engine", headers=bearer()) as found:
        yield found


async def post(client: httpx.AsyncClient, body: Any, status: int = 201, token: Any = None, **query: Any) -> Any:
    query = {{"first": "from"}.get(name, name): value for name, value in query.items()}
    is_file = isinstance(body, bytes)
    headers = {"content-type": "text/csv" if is_file else "application/json"} | (token or {})
    content = body if is_file else json.dumps(body).encode()
    answer = await client.post(PATH, content=content, params=query, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


def at(entries: Sequence[Event], moment: str) -> list[Event]:
    return [msgspec.structs.replace(entry, time=moment) for entry in entries]


def ledgers(built: Authority) -> dict[int, Ledger]:
    """What primary and secondary schools tell of a year."""
    found = {number: Ledger(one.urn) for number, one in enumerate(built.schools) if one.phase != "special"}
    for number, ledger in found.items():
        ledger.school(LA, built.schools[number].phase)
        ledger.calendar(day.date for day in built.days)
        stays = [stay for stay in built.stays if stay.school == number]
        for stay in stays:
            kind = stay.kind
            ledger.facts(pupil(stay.pupil), built.pupils[stay.pupil].date_of_birth.isoformat())
            to = None if stay.until is None else stay.until.isoformat()
            ledger.enrol(pupil(stay.pupil), from_=max(stay.since, date(2025, 9, 1)).isoformat(), to=to, kind=kind)
        for n, day in enumerate(built.days):
            for session, half in enumerate(("AM", "PM")):
                marks = {
                    pupil(stay.pupil): CODES[built.marks.final[stay.pupil, 2 * n + session]]
                    for stay in stays
                    if stay.first <= n <= stay.last and day.date.weekday() in stay.weekdays
                }
                if marks:
                    ledger.marks(day.date, half, marks)
    return found


def of_age(built: Authority, school_number: int, youngest: date, oldest: date) -> list[int]:
    """The pupils of a school who stay all year, born between two days."""
    return [
        stay.pupil
        for stay in built.stays
        if stay.school == school_number and stay.kind == "single" and stay.first == 0 and stay.until is None
        and oldest <= built.pupils[stay.pupil].date_of_birth <= youngest
    ]  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2])
async def test_an_authoritys_own_statistics_leave_nothing_unexplained(
    engine: Engine, client: httpx.AsyncClient, seed: int
) -> None:
    built = authority.build(110, LA, 2025, seed)
    told = ledgers(built)
    for number, ledger in enumerate(told.values()):
        await engine.take(at(ledger.entries, EXPORTED), number)
    exported = await client.get(f"/v1/areas/{LA}/dfe-export", params={"academic_year": "2025-26"})
    assert exported.headers["content-type"].startswith("text/csv")
    same = await post(client, exported.content, to="2026-07-31", as_known_on=EXPORTED)
    assert {row["status"] for row in same["rows"]} == {"explained"}  # ages and the first week
    await _change(engine, built, told)
    found = await post(client, exported.content, to="2026-07-31", as_known_on=EXPORTED)
    assert [row["phase"] for row in found["rows"]] == ["Primary", "Secondary", "Total"]
    *expected, of_all = (row["coverage"]["expected_sessions"] for row in found["rows"])
    assert sum(expected) == of_all > max(expected) > 0
    reasons: set[str] = set()
    for row in found["rows"]:
        assert row["status"] == "explained", row
        assert all(not figure["unexplained"] for figure in row["figures"])
        reasons |= {reason["reason"] for figure in row["figures"] for reason in figure["reasons"] if reason["count"]}
    assert reasons == {"calendar", "age", "year-11", "joiner", "late-mark", "leaver"}
    total = {figure["figure"]: figure for figure in found["rows"][-1]["figures"]}
    by_reason = {one["reason"]: one["count"] for one in total["possible"]["reasons"]}
    assert by_reason["leaver"] > 20
    assert by_reason["joiner"] == -2
    assert total["O"]["difference"] == sum(one["count"] for one in total["O"]["reasons"])
    kept = await client.get(f"{PATH}/{found['reconciliation_id']}")
    assert kept.json() == found
    unaware = await post(client, exported.content, to="2026-07-31")
    assert unaware["rows"][-1]["status"] == "unexplained"


async def _change(engine: Engine, built: Authority, told: dict[int, Ledger]) -> None:
    """After the statistics were made: marks put right, a child who had left long before, one who had been there."""
    number = next(n for n, one in enumerate(built.schools) if one.phase == "primary")
    ledger = told[number]
    before = len(ledger.entries)
    late, leaver = of_age(built, number, date(2019, 8, 1), date(2014, 1, 1))[:2]
    for day in built.days[20:24]:
        ledger.marks(day.date, "AM", {pupil(late): "O"})
    gone = built.days[150].date
    ledger.enrol(pupil(leaver), from_="2025-09-01", to=(gone - timedelta(1)).isoformat())
    for day in built.days[150:170]:  # the others stand still, outside the stay
        ledger.marks(day.date, "AM", {pupil(leaver): None})
    ledger.facts(pupil(900_001), "2016-01-01")
    ledger.enrol(pupil(900_001), from_="2025-09-01")
    for half in ("AM", "PM"):
        ledger.marks(built.days[30].date, half, {pupil(900_001): "/"})
    await engine.take(at(ledger.entries[before:], LATER), list(told).index(number))


async def test_a_leaver_whose_marks_stand_and_one_whose_stay_is_gone(engine: Engine, client: httpx.AsyncClient) -> None:
    ledger = school(URN, ANN, BEN)
    for child in (ANN, BEN):
        ledger.facts(child, "2015-03-09")
        play(ledger, child, "/" * 30)
    await engine.take(at(ledger.entries, EXPORTED))
    sent = {"school_urn": URN, "from": "2025-09-01", "to": "2025-09-30", "possible": 60, "enrolments": 2,
            "by_code": {"/": 60}}  # fmt: skip
    assert (await post(client, sent))["rows"][0]["status"] == "equal"
    before = len(ledger.entries)
    ledger.enrol(ANN, from_="2025-09-01", to="2025-09-12")
    ledger.write(enrolled(BEN, none=True))
    await engine.take(at(ledger.entries[before:], LATER))
    (row,) = (await post(client, sent, as_known_on=EXPORTED))["rows"]
    figures = {one["figure"]: one for one in row["figures"]}
    assert row["status"] == "explained"
    assert [(one["reason"], one["count"]) for one in figures["possible"]["reasons"]] == [("leaver", 40)]
    assert [(one["reason"], one["count"]) for one in figures["enrolments"]["reasons"]] == [("leaver", 1)]


async def test_dfes_file_as_it_comes(engine: Engine, client: httpx.AsyncClient) -> None:
    ledger, other = school(URN, ANN), school(OTHER, BEN, la_code="201")
    play(ledger, ANN, "/" * 40)
    for one in (ledger, other):
        one.facts(ANN, "2015-03-09")
    await engine.take(ledger.entries)
    await engine.take(other.entries, 1)
    body = files("simulator").joinpath("dfe_attendance_ytd_2025_26.csv").read_bytes()
    found = await post(client, body)
    rows = {(row["la_code"], row["phase"]): row for row in found["rows"]}
    assert rows.keys() == {(LA, "Primary"), (LA, "Total"), ("201", "Primary"), ("201", "Total")}
    assert len(found["rows"]) + len(found["others"]) == 647
    assert {other["status"] for other in found["others"]} == {"not-ours"}
    assert found["unknown_columns"] == []
    said = {(row["old_la_code"], row["education_phase"]): row for row in csv.DictReader(io.StringIO(body.decode()))}
    figures = {one["figure"]: one for one in rows[LA, "Total"]["figures"]}
    assert figures["possible"]["theirs"] == int(said[LA, "Total"]["possible_sessions"])
    assert figures["possible"]["ours"] == 40
    assert rows[LA, "Total"]["status"] == "unexplained"
    assert figures["persistent"]["reasons"][-1]["reason"] == "suppressed"  # their rate is of another number
    assert rows["201", "Total"]["status"] == "suppressed"
    assert figures["H"]["unexplained"] == 0
    assert rows[LA, "Total"]["coverage"]["expected_sessions"] > rows[LA, "Total"]["coverage"]["registers"]
    limited = await post(client, body, token=bearer([URN]))
    assert limited["rows"] == []


async def test_stray_codes_and_dual_registration_are_reasons(engine: Engine, client: httpx.AsyncClient) -> None:
    ledger = school(URN)
    ledger.enrol(ANN, from_="2025-09-01", kind="main")
    ledger.facts(ANN, "2015-03-09")
    play(ledger, ANN, "/" * 16 + "D" * 4 + "II")
    await engine.take(ledger.entries)
    sent = {"school_urn": URN, "from": "2025-09-01", "to": "2025-09-30", "possible": 22, "attended": 16,
            "authorised": 2, "unauthorised": 0, "by_code": {"/": 16, "I": 2, "D": 4}}  # fmt: skip
    (row,) = (await post(client, sent))["rows"]
    figures = {one["figure"]: one for one in row["figures"]}
    assert row["status"] == "explained"
    assert [(one["reason"], one["count"]) for one in figures["possible"]["reasons"]] == [("dual-registration", 4)]
    stray = {**sent, "possible": 21, "authorised": 5, "by_code": {"/": 16, "I": 2, "H": 3}}
    (row,) = (await post(client, stray))["rows"]
    figures = {one["figure"]: one for one in row["figures"]}
    assert row["status"] == "explained"
    for name in ("H", "authorised", "possible"):
        assert [(one["reason"], one["count"]) for one in figures[name]["reasons"]] == [("codes", 3)]


async def in_the_background(client: httpx.AsyncClient, body: bytes, **query: Any) -> httpx.Response:
    headers = {"content-type": "text/csv", "prefer": "respond-async, wait=1"} | query.pop("token", {})
    answer = await client.post(PATH, content=body, params=query, headers=headers)
    assert answer.status_code == 202, answer.text
    assert answer.headers["preference-applied"] == "respond-async"
    job = answer.json()
    assert answer.headers["location"] == f"{PATH}/{job['reconciliation_id']}"
    assert (job["state"], job["schools_counted"], job["rows"], "asked" in job) == ("queued", 0, [], False)
    assert (await client.get(answer.headers["location"], headers=headers)).json() == job
    return answer


def worker(engine: Engine) -> Reconciling:
    return Reconciling(engine.database, CLOCK, engine.policies, Signal(), api.told)


async def test_a_file_counted_in_the_background_is_answered_as_at_once(
    engine: Engine, client: httpx.AsyncClient
) -> None:
    for n, ledger in enumerate((school(URN, ANN), school(OTHER, BEN))):
        play(ledger, (ANN, BEN)[n], "/" * 30 + "O" * 10)
        ledger.facts((ANN, BEN)[n], "2015-03-09")
        await engine.take(at(ledger.entries, EXPORTED), n)
    body = files("simulator").joinpath("dfe_attendance_ytd_2025_26.csv").read_bytes()
    asked: list[dict[str, Any]] = [{}, {"as_known_on": EXPORTED, "to": "2025-09-20"}, {"token": bearer([URN])}]
    for query in asked:
        at_once = await post(client, body, **query)
        job = await in_the_background(client, body, **query)
        assert await worker(engine).work(asyncio.Event())
        found = (await client.get(job.headers["location"])).json()
        assert found["state"] == "done"
        assert found["schools_counted"] == (0 if "token" in query else 2)
        its_own = ("reconciliation_id", "schools_counted", "created_at")
        assert {k: v for k, v in found.items() if k not in its_own} == {
            k: v for k, v in at_once.items() if k not in its_own
        }
    assert not await worker(engine).work(asyncio.Event())


async def test_a_job_that_was_cut_off_is_begun_again(engine: Engine, client: httpx.AsyncClient) -> None:
    ledger = school(URN, ANN)
    play(ledger, ANN, "/" * 40)
    await engine.take(ledger.entries)
    body = files("simulator").joinpath("dfe_attendance_ytd_2025_26.csv").read_bytes()
    job = await in_the_background(client, body)
    stop = asyncio.Event()
    stop.set()
    assert await worker(engine).work(stop)
    assert (await client.get(job.headers["location"])).json()["state"] == "queued"
    assert await worker(engine).work(asyncio.Event())
    assert (await client.get(job.headers["location"])).json()["state"] == "done"


async def test_what_a_job_may_not_be_is_said_at_once(engine: Engine, client: httpx.AsyncClient) -> None:
    headers = {"content-type": "text/csv", "prefer": "respond-async"}
    assert (await client.post(PATH, content=b"no,file\n", headers=headers)).status_code == 422
    await engine.fetch("update engine set history_from = now() returning 1")
    body = files("simulator").joinpath("dfe_attendance_ytd_2025_26.csv").read_bytes()
    refused = await client.post(PATH, content=body, params={"as_known_on": "2020-01-01T00:00:00Z"}, headers=headers)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "before-history")
    ledger = school(URN, ANN)
    await engine.take(ledger.entries)
    sent = {"school_urn": URN, "from": "2025-09-01", "to": "2025-09-30", "possible": 12}
    assert (await post(client, sent, token={"prefer": "respond-async"}))["state"] == "done"


async def test_a_schools_token_reconciles_its_own_school_alone(engine: Engine, client: httpx.AsyncClient) -> None:
    ledger = school(URN, ANN)
    ledger.facts(ANN, "2015-03-09")
    play(ledger, ANN, "/" * 10)
    await engine.take(ledger.entries)
    sent = {"school_urn": URN, "from": "2025-09-01", "to": "2025-09-30", "possible": 12}
    found = await post(client, sent, token=bearer([URN]))
    (figure,) = found["rows"][0]["figures"]
    assert (figure["difference"], figure["unexplained"], figure["reasons"]) == (2, 2, [])
    await post(client, sent, status=404, token=bearer([OTHER]))
    await post(client, {**sent, "school_urn": 999_999}, status=404)
    path = f"{PATH}/{found['reconciliation_id']}"
    assert (await client.get(path, headers=bearer([OTHER]))).status_code == 404
    assert (await client.get(path, headers=bearer([URN]))).json()["by"] == "s"
    assert (await client.get(f"/v1/areas/{LA}/dfe-export", headers=bearer([URN]))).status_code == 404
    assert (await client.get("/v1/areas/999/dfe-export")).status_code == 404
    table = b"time_period,school_urn,possible_sessions,overall_attendance,authorised_absence,unauthorised_absence\n"
    table += b"202526,100001,10,10,0,0\n202526,100002,1,1,0,0\n"
    level = await post(client, table, token=bearer([URN]), first="2025-09-01")
    assert [(row["school_urn"], row["status"]) for row in level["rows"]] == [(URN, "equal")]
    assert [other["line"] for other in level["others"]] == [3]
    far: list[dict[str, Any]] = [
        {"first": "1950-01-01", "to": "1950-01-02"}, {"first": "2150-01-01"}, {"as_known_on": NOW.isoformat()},
    ]  # fmt: skip
    for days in far:
        row = (await post(client, table, **days))["rows"][0]
        assert row["coverage"]["expected_sessions"] >= row["coverage"]["registers"] >= 0
        assert date.fromisoformat(row["from"]) <= date.fromisoformat(row["to"]) + timedelta(1)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"name,age\nx,1\n", 422, "not-dfe-file"),
        ({"school_urn": URN, "from": "2025-09-30", "to": "2025-09-01"}, 422, "before-from"),
        ({"school_urn": URN, "from": "2025-07-01", "to": "2025-09-01"}, 422, "two-years"),
        ({"school_urn": URN, "from": "2025-09-01", "to": "2025-09-02", "mood": 1}, 422, "extra-forbidden"),
        (b"x" * (4 * 1024 * 1024 + 1), 413, None),
    ],
)
async def test_what_cannot_be_reconciled_says_why(
    client: httpx.AsyncClient, body: Any, status: int, code: str | None
) -> None:
    problem = await post(client, body, status=status)
    assert problem["status"] == status
    assert [fault["code"] for fault in problem["errors"]] == ([] if code is None else [code])


async def test_small_numbers_are_not_exported(engine: Engine, client: httpx.AsyncClient) -> None:
    ledger = school(URN, ANN)
    ledger.facts(ANN, "2015-03-09")
    play(ledger, ANN, "/" * 40)
    await engine.take(ledger.entries)
    answer = await client.get(f"/v1/areas/{LA}/dfe-export", params={"academic_year": "2025-26"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["education_phase"], row["possible_sessions"], row["pa_perc"]) for row in rows] == [
        ("Primary", "c", "c"), ("Total", "c", "c"),
    ]  # fmt: skip

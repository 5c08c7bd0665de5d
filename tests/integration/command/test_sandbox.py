"""`rollcall up --sandbox`: what its magic pupils show, its clock, its beginning again."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from tests.e2e.product import ROLLCALL, Process, eventually, free_port


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sandbox") / "data"


@pytest.fixture(scope="module")
def process(folder: Path) -> Iterator[Process]:
    process = Process("up", "--sandbox", "--data", str(folder), "--port", str(free_port()))
    try:
        process.wait_ready()
        yield process
        assert process.stop() == 0
    finally:
        if process.process.poll() is None:
            process.stop()


@pytest.fixture
def vendor(process: Process) -> Iterator[httpx.Client]:
    """With a token for the client that the sandbox prints: for the schools of one of its two authorities."""
    url = process.wait_ready()
    _, name, _, secret = eventually(lambda: process.printed()[1:])[0].split()
    form = {"grant_type": "client_credentials"}
    token = httpx.post(f"{url}/oauth/token", data=form, auth=(name, secret)).json()["access_token"]
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60) as client:
        yield client
        set_clock(client, "2026-01-12")


def set_clock(vendor: httpx.Client, today: str) -> None:
    assert vendor.put("/v1/sandbox/clock", json={"today": today}).json() == {"today": today}


def pupils(vendor: httpx.Client) -> dict[str, dict[str, Any]]:
    return {pupil["name"]: pupil for pupil in vendor.get("/v1/sandbox").json()["pupils"]}


def called(vendor: httpx.Client, pupil: dict[str, Any]) -> httpx.Response:
    call = pupil["call"]
    return vendor.request(call["method"], call["path"], json=call["body"])


def test_each_magic_pupil_shows_what_it_is_there_for_and_again_after_a_beginning(vendor: httpx.Client) -> None:
    each_shows_its_outcome(vendor)
    assert called(vendor, pupils(vendor)["accepted"]).json()["marks"][0]["status"] == "unchanged"
    assert vendor.post("/v1/sandbox/reset").json() == {"state": "making", "today": "2026-01-12"}
    eventually(lambda: vendor.get("/v1/sandbox").json()["state"] == "ready")
    each_shows_its_outcome(vendor)


def each_shows_its_outcome(vendor: httpx.Client) -> None:
    for name, pupil in pupils(vendor).items():
        answer = called(vendor, pupil)
        if pupil["shows"].isdigit():
            assert answer.status_code == int(pupil["shows"]), name
        elif pupil["shows"].isupper():
            (mark,) = answer.json()["marks"]
            at_least = f"{pupil['school_urn']}:{answer.json()['sequence']}"
            episodes = vendor.get(f"/v1/pupils/{mark['pupil_id']}/episodes", params={"at_least": at_least}).json()
            crossed = [each["crossed_on"] for each in episodes["items"] if each["kind"] == pupil["shows"]]
            assert crossed == [{"date": "2026-01-12", "session": "AM"}]
        else:
            (told,) = answer.json().get("marks") or answer.json()["results"]
            assert told["status"] == pupil["shows"], name
            assert (told.get("problem") or {"code": None})["code"] == pupil["problem"], name


def test_each_magic_code_waits_with_its_problem(vendor: httpx.Client) -> None:
    upn = pupils(vendor)["corrected"]["upn"]
    for code in vendor.get("/v1/sandbox").json()["codes"]:
        sent = {"marks": [{"upn": upn, "code": code["code"]}]}
        (mark,) = vendor.put("/v1/schools/900101/registers/2026-01-12/PM", json=sent).json()["marks"]
        assert (mark["status"], mark["problem"]["code"]) == ("quarantined", code["problem"])


def test_the_clock_brings_a_day_that_was_to_come_and_takes_it_back(vendor: httpx.Client) -> None:
    pupil = pupils(vendor)["future-date"]
    assert called(vendor, pupil).json()["marks"][0]["status"] == "quarantined"

    def waits() -> bool:
        items = vendor.get("/v1/schools/900101/quarantine").json()["items"]
        return "future-date" in {item["problem"]["code"] for item in items}

    assert waits()
    set_clock(vendor, "2026-01-13")
    assert vendor.get("/v1/sandbox").json()["today"] == "2026-01-13"
    eventually(lambda: not waits())
    assert vendor.get(pupil["call"]["path"]).json()["marks"][0]["code"] == "/"
    set_clock(vendor, "2026-01-12")
    eventually(waits)


def test_the_clock_stays_within_the_year_of_its_calendars(vendor: httpx.Client) -> None:
    for day in ("2025-08-31", "2026-09-01"):
        answer = vendor.put("/v1/sandbox/clock", json={"today": day})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/today")


def test_its_own_routes_are_documented_like_all_others(vendor: httpx.Client) -> None:
    openapi = vendor.get("/openapi.json").json()
    validate(openapi)
    own = {path: methods for path, methods in openapi["paths"].items() if path.startswith("/v1/sandbox")}
    assert {path: list(methods) for path, methods in own.items()} == {
        "/v1/sandbox": ["get"],
        "/v1/sandbox/clock": ["put"],
        "/v1/sandbox/reset": ["post"],
    }
    for methods in own.values():
        for operation in methods.values():
            good = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
            content = good["content"]["application/json"]
            schema = {"components": openapi["components"], **content["schema"]}
            assert not list(Draft202012Validator(schema).iter_errors(content["example"]))


@pytest.mark.parametrize("words", [("--database", "postgresql://127.0.0.1/x"), ("--kafka", "127.0.0.1:9092")])
def test_a_sandbox_is_never_made_on_parts_that_others_may_use(tmp_path: Path, words: tuple[str, str]) -> None:
    assert "its own database and broker" in refused(tmp_path, *words)


@pytest.mark.parametrize(
    "held", ["postgres/", "letters/", "issuer.json", "clients.json", "households.json", "keys.json"]
)
def test_a_product_is_never_made_a_sandbox(tmp_path: Path, held: str) -> None:
    part = tmp_path / held
    if held.endswith("/"):
        part.mkdir()
    else:
        part.write_text("{}")
    assert "holds a product already" in refused(tmp_path)
    assert not (tmp_path / "sandbox.json").exists()
    assert part.exists()


def test_production_has_no_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_ENVIRONMENT", "production")
    assert "in production" in refused(tmp_path)


def refused(folder: Path, *words: str) -> str:
    """What the command says that does not begin."""
    done = subprocess.run(
        [ROLLCALL, "up", "--sandbox", "--data", str(folder), "--port", str(free_port()), *words],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 2
    return done.stderr

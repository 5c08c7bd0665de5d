"""The way of a mark, through HTTP: register, figures, crossing, task, letter, correction. In one process on embedded
parts, and as processes apart on a real Kafka and PostgreSQL with two of each consumer; those of the engine work, and a
third answers.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import rfc8785

from tests import servers
from tests.e2e import school
from tests.e2e.product import Product, apart, embedded, eventually

DAYS = [f"2025-09-{day:02d}" for day in range(1, 31) if day not in (6, 7, 13, 14, 20, 21, 27, 28)]
SESSIONS = [(day, half) for day in DAYS for half in ("AM", "PM")]
TODAY = "2025-10-01"
URN = 100010


@pytest.fixture(scope="module", params=["embedded", "apart"])
def product(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "embedded":
        with embedded(folder, TODAY) as running:
            yield running
    else:
        with (
            servers.postgres() as database,
            servers.kafka() as kafka,
            apart(folder, TODAY, database.url, kafka.bootstrap, parted=("absence-engine",)) as running,
        ):
            yield running


@pytest.fixture(scope="module")
def registers(product: Product) -> Iterator[httpx.Client]:
    with product.client("registers") as client:
        school.put_school(client, URN)
        school.put_calendar(client, URN, [*DAYS, "2025-10-01", "2025-10-02", "2025-10-03", "2025-10-06", "2025-10-07"])
        yield client


@pytest.fixture(scope="module")
def engine(product: Product) -> Iterator[httpx.Client]:
    with product.client("absence-engine") as client:
        yield client


@pytest.fixture(scope="module")
def casework(product: Product) -> Iterator[httpx.Client]:
    with product.client("casework") as client:
        yield client


@pytest.fixture(scope="module")
def letters(product: Product) -> Iterator[httpx.Client]:
    with product.client("notifications") as client:
        yield client


def listed(client: httpx.Client, path: str, **query: Any) -> list[Any]:
    return school.ok(client.get(path, params=query))["items"]


def play(client: httpx.Client, pupil_id: str, codes: str) -> int:
    """Posts one mark a session from the first session on; the last sequence."""
    sequence = 0
    for (day, half), code in zip(SESSIONS, codes, strict=False):
        sequence = school.put_register(client, URN, day, half, {pupil_id: code})["sequence"]
    return sequence


def test_a_firm_crossing_becomes_a_task_and_a_letter_and_a_correction_undoes_them(
    registers: httpx.Client, engine: httpx.Client, casework: httpx.Client, letters: httpx.Client, product: Product
) -> None:
    contacts = [school.contact("c1", name="Robin Parent"), school.contact("c2", name="Kim Other", do_not_contact=True)]
    pupil_id = school.put_roll(registers, URN, [school.pupil("w1", contacts=contacts)])["w1"]
    sequence = play(registers, pupil_id, "/" * 36 + "IIII")
    child = school.figures(engine, pupil_id, URN, sequence)["child"]
    assert (child["absence_percent"], child["persistent"], child["provisional"]) == ("10.00", True, False)

    (episode,) = school.episodes(engine, pupil_id, "PA")
    assert episode["state"] == "open"
    assert not episode["provisional"]
    task = eventually(lambda: listed(casework, "/v1/tasks", pupil_id=pupil_id, kind="support_review"))[0]
    assert (task["status"], task["episode_id"], task["school_urn"]) == ("open", episode["episode_id"], URN)
    letter = eventually(lambda: listed(letters, "/v1/letters", pupil_id=pupil_id))[0]
    assert (letter["status"], letter["episode_id"]) == ("queued", episode["episode_id"])
    text = letters.get(f"/v1/letters/{letter['letter_id']}/content", headers={"Accept": "text/plain"})
    assert text.status_code == 200
    assert "Robin Parent" in text.text
    assert "26 September 2025" in text.text
    page = letters.get(f"/v1/letters/{letter['letter_id']}/content", headers={"Accept": "text/html"})
    assert page.headers["content-type"].startswith("text/html")
    assert '<html lang="en' in page.text
    assert len(listed(letters, "/v1/letters", pupil_id=pupil_id)) == 1

    answer = school.put_register(registers, URN, *SESSIONS[39], {pupil_id: "V"}, taken_by="T9")
    assert answer["marks"][0]["status"] == "corrected"
    eventually(lambda: listed(casework, "/v1/tasks", pupil_id=pupil_id)[0]["status"] == "cancelled")
    eventually(lambda: listed(letters, "/v1/letters", pupil_id=pupil_id)[0]["status"] == "recalled")
    assert school.episodes(engine, pupil_id, "PA") == []

    school.put_register(registers, URN, *SESSIONS[39], {pupil_id: "I"})
    again = eventually(lambda: [t for t in listed(casework, "/v1/tasks", pupil_id=pupil_id) if t["status"] == "open"])
    assert [t["task_id"] for t in again] == [task["task_id"]]
    eventually(lambda: listed(letters, "/v1/letters", pupil_id=pupil_id)[0]["status"] == "queued")
    assert [e["episode_id"] for e in school.episodes(engine, pupil_id, "PA")] == [episode["episode_id"]]
    case = listed(casework, "/v1/cases", pupil_id=pupil_id)[0]
    timeline = school.ok(casework.get(f"/v1/cases/{case['case_id']}"))
    assert "Robin" not in str(timeline)


def test_an_explanation_can_be_checked_by_hand(registers: httpx.Client, engine: httpx.Client) -> None:
    pupil_id = school.put_roll(registers, URN, [school.pupil("w2")])["w2"]
    sequence = play(registers, pupil_id, "/" * 18 + "II")
    school.figures(engine, pupil_id, URN, sequence)
    (episode,) = school.episodes(engine, pupil_id, "PA")
    told = school.ok(engine.get(f"/v1/episodes/{episode['episode_id']}"))
    assert [(s["date"], s["session"], s["code"], s["school_urn"]) for s in told["sessions"]] == [
        (*SESSIONS[18], "I", URN), (*SESSIONS[19], "I", URN),
    ]  # fmt: skip
    hashed = {name: told[name] for name in ("kind", "sessions", "school_weeks", "formula", "policy_version")}
    assert told["hash"] == hashlib.sha256(rfc8785.dumps({"pupil_id": pupil_id, **hashed})).hexdigest()
    assert {20, 2} <= {value for value in told["formula"].values() if isinstance(value, int)}
    assert told["sentence"]


def test_a_token_for_one_school_does_not_see_another(registers: httpx.Client, product: Product) -> None:
    other = 100011
    school.put_school(registers, other)
    school.put_calendar(registers, other, DAYS)
    pupil_id = school.put_roll(registers, other, [school.pupil("w3")])["w3"]
    answer = school.put_register(registers, other, *SESSIONS[0], {pupil_id: "/"})
    with product.client("registers") as all_seeing, product.client("absence-engine") as engine_all:
        school.figures(engine_all, pupil_id, other, answer["sequence"])
        assert all_seeing.get(f"/v1/pupils/{pupil_id}/marks").status_code == 200
    for service, path in [
        ("registers", f"/v1/pupils/{pupil_id}/marks"),
        ("registers", f"/v1/schools/{other}/quarantine"),
        ("registers", f"/v1/schools/{other}/changes"),
        ("registers", f"/v1/schools/{other}/registers/2025-09-01/AM"),
        ("absence-engine", f"/v1/pupils/{pupil_id}/absence"),
        ("absence-engine", f"/v1/pupils/{pupil_id}/episodes"),
        ("absence-engine", f"/v1/schools/{other}/absence"),
    ]:
        with product.client(service, schools=[URN]) as narrow:
            refused = narrow.get(path)
            assert refused.status_code == 404, path
            assert refused.headers["content-type"] == "application/problem+json"


def test_two_unnamed_children_become_one_when_the_upn_arrives(
    registers: httpx.Client, engine: httpx.Client, product: Product
) -> None:
    other, number = 100012, school.upn(4711)
    school.put_school(registers, other)
    school.put_calendar(registers, other, DAYS)
    holder = school.put_roll(registers, URN, [school.pupil("w4", upn=number)])["w4"]
    at_other = {"from": "2025-09-08", "to": None, "kind": "subsidiary"}
    unnamed = school.put_roll(registers, other, [school.pupil("x4", enrolment=at_other)])["x4"]
    assert holder != unnamed
    first = school.put_register(registers, URN, *SESSIONS[0], {holder: "/"})
    school.put_register(registers, other, *SESSIONS[10], {unnamed: "O"})
    merged = school.ok(registers.put(f"/v1/schools/{other}/roll", json={
        "pupils": [school.pupil("x4", upn=number, enrolment=at_other)]}))  # fmt: skip
    assert merged["results"][0]["pupil_id"] == holder
    school.figures(engine, holder, URN, first["sequence"])  # the two ledgers may be read at different speeds
    child = school.figures(engine, holder, other, merged["sequence"])["child"]
    assert (child["possible"], child["absent"]) == (2, 1)
    for service, path in [
        ("registers", "/v1/pupils/{}/marks"), ("absence-engine", "/v1/pupils/{}/absence"),
        ("absence-engine", "/v1/pupils/{}/episodes"),
    ]:  # fmt: skip
        with product.client(service) as client:
            moved = client.get(path.format(unnamed), follow_redirects=False)
            assert moved.status_code == 308
            assert moved.headers["location"].endswith(path.format(holder))


def test_the_audit_finds_nothing(product: Product, registers: httpx.Client) -> None:
    assert registers.get("/v1/reference/attendance-codes").status_code == 200
    product.audited()

"""The engine over HTTP: figures, episodes, explanations, waiting."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Iterable
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
import rfc8785
from absence_engine import api
from absence_engine.actions import figures
from absence_engine.domain.counts import Counts
from common.db import Database
from common.events.registers import SchoolChanged, SchoolLa
from common.scopes import AUDIENCE
from common.security import FixedKeys, Verifier
from common.service import Service
from common.settings import Settings
from common.web.app import create_app
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from tests.integration.absence_engine.ledgers import CLOCK, POLICY, Engine, Ledger, enrolled, merged, pupil, three_kinds

KEY = ECKey.generate_key("P-256", {"kid": "k"})
DAYS = [day for n in range(61) if (day := date(2025, 9, 1) + timedelta(n)).weekday() < 5]
SESSIONS = [(day, half) for day in DAYS for half in ("AM", "PM")]
ANN, BEN, CAL = pupil(1), pupil(2), pupil(3)
URN, OTHER = 100001, 100002
ROWS_READ = """
select coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::int from pg_stat_xact_user_tables
where relname in ('child', 'enrolment', 'sheet')
"""


def bearer(schools: Iterable[int] | None = None, scope: str = "totals:read") -> dict[str, str]:
    claims: dict[str, Any] = {"iss": "us", "aud": AUDIENCE, "sub": "s", "exp": 4_000_000_000, "scope": scope}
    if schools is not None:
        claims["schools"] = list(schools)
    return {"authorization": "Bearer " + jwt.encode({"alg": "ES256", "kid": "k"}, claims, KEY)}


class Asker:
    """A client of the engine's routes."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def get(self, path: str, status: int = 200, headers: dict[str, str] | None = None, **query: Any) -> Any:
        answer = await self.client.get(path, params=query or None, headers=headers or {})
        assert answer.status_code == status, f"{path} -> {answer.status_code} {answer.text}"
        return answer.json() if answer.content else answer.headers

    async def absence(self, pupil_id: str, **query: Any) -> Any:
        return await self.get(f"/v1/pupils/{pupil_id}/absence", **query)


@pytest.fixture
async def asker(engine: Engine) -> AsyncIterator[Asker]:
    service = Service(
        name="absence-engine", router=api.create_router(engine.database, CLOCK, engine.policies, engine.signal)
    )
    keys = KeySet.import_key_set({"keys": [KEY.as_dict(private=False)]})
    app = create_app([service], Settings(database_url=""), Verifier(["us"], FixedKeys(keys)))
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://engine", headers=bearer()) as client:
        yield Asker(client)


def school(urn: int = URN, *pupil_ids: str, la_code: str = "330", **stay: Any) -> Ledger:
    ledger = Ledger(urn)
    ledger.school(la_code)
    ledger.calendar(DAYS)
    if pupil_ids:
        ledger.enrol(*pupil_ids, **({"from_": "2025-09-01"} | stay))
    return ledger


def play(ledger: Ledger, pupil_id: str, codes: str, first: int = 0) -> int:
    last = 0
    for (day, half), code in zip(SESSIONS[first:], codes, strict=False):
        last = ledger.marks(day, half, {pupil_id: code})
    return last


async def test_a_child_has_counts_rates_flags_and_freshness(engine: Engine, asker: Asker) -> None:
    ledger = school(URN, ANN)
    last = play(ledger, ANN, "/LU" + "I" * 2 + "/" * 36)
    await engine.take(ledger.entries)
    answer = await asker.absence(ANN, at_least=f"{URN}:{last}")
    assert answer["child"] == {
        "possible": 41, "attended": 38, "absent": 3, "authorised": 2, "unauthorised": 1, "late_before_close": 1,
        "late_after_close": 1, "absence_percent": "7.32", "attendance_percent": "92.68", "persistent": False,
        "severe": False, "provisional": False,
    }  # fmt: skip
    (enrolment,) = answer["enrolments"]
    assert enrolment == answer["child"] | {"school_urn": URN, "from": "2025-09-01", "to": None}
    assert answer["academic_year"] == "2025-26"
    assert answer["policy_version"] == POLICY.version
    (fresh,) = answer["freshness"]["schools"]
    assert (fresh["school_urn"], fresh["sequence"], fresh["last_register"]) == (URN, last, "2025-09-29 AM")
    early = await asker.absence(ANN, as_of="2025-09-02")
    assert (early["child"]["possible"], early["child"]["absent"], early["child"]["provisional"]) == (4, 2, True)
    before = await asker.absence(ANN, academic_year="2024-25")
    assert before["child"]["absence_percent"] is None
    assert before["enrolments"] == []


async def test_the_penalty_figure_tells_the_best_and_the_current_window(engine: Engine, asker: Asker) -> None:
    ledger = school(URN, ANN)
    play(ledger, ANN, "O" * 9 + "N" + "/" * 60)
    await engine.take(ledger.entries)
    penalty = (await asker.absence(ANN))["penalty"]
    assert (penalty["sessions_in_window"], penalty["met"], penalty["provisional"], penalty["spent"]) == (
        10,
        True,
        True,
        0,
    )
    assert penalty["window"] == {"from": "2025-09-01", "to": "2025-09-05", "school_weeks": 1}
    assert penalty["sessions"][0] == {"date": "2025-09-01", "session": "AM", "code": "O", "school_urn": URN}
    current = penalty["current"]
    assert current["window"] == {"from": "2025-09-01", "to": "2025-10-17", "school_weeks": 7}
    assert current["sessions_in_window"] == 10
    early = (await asker.absence(ANN, as_of="2025-08-31"))["penalty"]
    assert (early["window"], early["sessions"], early["current"]["window"]) == (None, [], None)


@three_kinds
async def test_an_episode_explains_itself(engine: Engine, asker: Asker) -> None:
    ledger = school(URN, ANN)
    play(ledger, ANN, "/" * 18 + "II")
    await engine.take(ledger.entries)
    listed = await asker.get(f"/v1/pupils/{ANN}/episodes")
    (episode,) = listed["items"]
    assert listed["next"] is None
    assert (episode["kind"], episode["academic_year"], episode["state"], episode["provisional"]) == (
        "PA", "2025-26", "open", True,
    )  # fmt: skip
    assert episode["crossed_on"] == {"date": "2025-09-12", "session": "PM"}
    told = await asker.get(f"/v1/episodes/{episode['episode_id']}")
    assert {name: told[name] for name in episode} == episode
    hashed = {
        name: told[name] for name in ("pupil_id", "kind", "sessions", "school_weeks", "formula", "policy_version")
    }
    assert told["hash"] == hashlib.sha256(rfc8785.dumps(hashed)).hexdigest()
    assert told["sentence"] == (
        "In the school year 2025-26, up to the afternoon of 12 September 2025, 2 of 20 possible sessions were missed: "
        "10.00%. 10% or more is persistent absence."
    )
    assert told["sequence"] == [{"school_urn": URN, "sequence": len(ledger.entries)}]
    await asker.get(f"/v1/episodes/{pupil(77)}", 404)


async def test_a_token_of_one_school_sees_its_children_whole_and_no_others(engine: Engine, asker: Asker) -> None:
    first, second = school(URN, ANN), school(OTHER, ANN, BEN)
    play(first, ANN, "O" * 10)
    play(second, BEN, "O" * 10)
    await engine.take(first.entries)
    await engine.take(second.entries, 1)
    narrow = bearer([URN])
    assert (await asker.absence(ANN, headers=narrow))["child"]["possible"] == 10
    ben = (await asker.get(f"/v1/pupils/{BEN}/episodes"))["items"][0]["episode_id"]
    ann = (await asker.get(f"/v1/pupils/{ANN}/episodes"))["items"][0]["episode_id"]
    await asker.get(f"/v1/episodes/{ann}", headers=narrow)
    for path in (
        f"/v1/pupils/{BEN}/absence", f"/v1/pupils/{BEN}/episodes", f"/v1/episodes/{ben}", "/v1/areas/330/absence",
        f"/v1/schools/{OTHER}/absence", f"/v1/pupils/{pupil(9)}/absence",
    ):  # fmt: skip
        assert (await asker.get(path, 404, headers=narrow))["type"].endswith("not-found")
    await asker.get(f"/v1/pupils/{ANN}/absence", 403, headers=bearer(scope="cases:read"))
    await asker.get(f"/v1/pupils/{ANN}/absence", 401, headers={"authorization": "Bearer x"})


async def test_a_dead_id_moves_and_keeps_its_query(engine: Engine, asker: Asker) -> None:
    ledger = school(URN, ANN, BEN)
    play(ledger, BEN, "O")
    ledger.write(merged(BEN, ANN), enrolled(BEN, none=True))
    await engine.take(ledger.entries)
    moved = await asker.client.get(f"/v1/pupils/{BEN}/absence", params={"academic_year": "2025-26"})
    assert moved.status_code == 308
    assert moved.headers["location"].endswith(f"/v1/pupils/{ANN}/absence?academic_year=2025-26")
    assert (await asker.absence(ANN))["child"]["absent"] == 1
    assert (await asker.client.get(f"/v1/pupils/{BEN}/episodes")).status_code == 308
    hidden = await asker.client.get(f"/v1/pupils/{BEN}/episodes", headers=bearer([OTHER]))
    assert hidden.status_code == 404


async def test_a_school_lists_its_enrolments_and_sums_them(engine: Engine, asker: Asker) -> None:
    ledger = school(URN, ANN, BEN, CAL)
    ledger.write(enrolled(CAL, from_="2025-09-01", to="2025-09-02"))
    play(ledger, ANN, "IIII////")
    play(ledger, BEN, "////////")
    play(ledger, CAL, "I/")
    other = school(OTHER, ANN, from_="2025-09-08")
    play(other, ANN, "OOOO", 12)
    await engine.take(ledger.entries)
    await engine.take(other.entries, 1)
    answer = await asker.get(f"/v1/schools/{URN}/absence", page_size=2)
    assert [(row["pupil_id"], row["absence_percent"]) for row in answer["items"]] == [(ANN, "50.00"), (BEN, "0.00")]
    assert (answer["school"]["absent"], answer["school"]["possible"]) == (5, 18)
    assert answer["school"]["absence_percent"] == "27.78"
    assert (answer["school"]["persistent"], answer["school"]["severe"], answer["school"]["enrolments"]) == (2, 2, 3)
    last = await asker.get(answer["next"])
    assert [(row["pupil_id"], row["to"]) for row in last["items"]] == [(CAL, "2025-09-02")]
    assert last["next"] is None
    assert last["school"] == answer["school"]
    await asker.get(f"/v1/schools/{URN}/absence", 422, cursor="e30")
    await asker.get("/v1/schools/999999/absence", 404)


async def test_a_school_and_an_area_without_children_have_no_rates(engine: Engine, asker: Asker) -> None:
    await engine.take(school(URN).entries)
    answer = await asker.get(f"/v1/schools/{URN}/absence")
    assert (answer["items"], answer["next"]) == ([], None)
    for group in (answer["school"], (await asker.get("/v1/areas/330/absence"))["children"]):
        assert (group["possible"], group["absence_percent"], group["persistent"]) == (0, None, 0)


async def test_a_return_to_a_school_is_an_enrolment_of_its_own(engine: Engine, asker: Asker) -> None:
    ledger = school(URN)
    stays = [enrolled(ANN, from_="2025-09-01", to="2025-09-01")[1]["pupils"][0].enrolments[0]]
    stays += [enrolled(ANN, from_="2025-09-03")[1]["pupils"][0].enrolments[0]]
    kind, data = enrolled(ANN)
    ledger.write((kind, {"pupils": [type(data["pupils"][0])(ANN, stays)]}))
    play(ledger, ANN, "II")
    play(ledger, ANN, "////", 4)
    await engine.take(ledger.entries)
    for answer in ((await asker.absence(ANN))["enrolments"], (await asker.get(f"/v1/schools/{URN}/absence"))["items"]):
        assert [(row["from"], row["possible"], row["absent"]) for row in answer] == [
            ("2025-09-01", 2, 2), ("2025-09-03", 4, 0),
        ]  # fmt: skip


async def test_an_area_sums_sessions_and_hides_small_numbers(engine: Engine, asker: Asker) -> None:
    many, others = [pupil(n) for n in range(10, 17)], [pupil(n) for n in range(20, 26)]
    first, second = school(URN, *many), school(OTHER, ANN, many[0], *others)
    for one in many:
        play(first, one, "I" + "/" * 3)
    play(second, ANN, "O///")
    for one in (many[0], *others):
        play(second, one, "////", 4)
    third = school(100003, BEN, la_code="333")
    play(third, BEN, "IIII")
    for partition, ledger in enumerate((first, second, third)):
        await engine.take(ledger.entries, partition)
    answer = await asker.get("/v1/areas/330/absence")
    assert (answer["schools"], answer["enrolments"]["members"], answer["children"]["members"]) == (2, 15, 14)
    assert (answer["enrolments"]["absent"], answer["enrolments"]["possible"]) == (8, 60)
    assert answer["enrolments"]["absence_percent"] == "13.33"
    assert (answer["enrolments"]["persistent"], answer["children"]["persistent"]) == (8, 8)
    assert (answer["enrolments"]["severe"], answer["enrolments"]["severe_percent"]) == (0, "0.00")
    assert set(answer["phases"]) == {"primary"}
    small = await asker.get("/v1/areas/333/absence")
    assert (small["children"]["persistent"], small["children"]["persistent_percent"]) == (None, None)
    assert small["children"]["absence_percent"] == "100.00"
    await asker.get("/v1/areas/999/absence", 404)


async def test_no_phase_of_an_area_is_told_by_what_is_left(engine: Engine, asker: Asker) -> None:
    codes = {"primary": ["I///"] * 2 + ["////"] * 9, "secondary": ["I///"] * 8 + ["////"] * 9}
    for n, (phase, its) in enumerate(codes.items()):
        ledger = Ledger(URN + n)
        ledger.school(phase=phase)
        ledger.calendar(DAYS)
        for child, of_child in enumerate(its):
            ledger.enrol(pupil(100 * n + child), from_="2025-09-01")
            play(ledger, pupil(100 * n + child), of_child)
        await engine.take(ledger.entries, n)
    area = await asker.get("/v1/areas/330/absence")
    groups = {"all": area["enrolments"], **area["phases"]}
    told = {name: group["persistent"] for name, group in groups.items() if group["persistent"] is not None}
    assert (groups["primary"]["persistent"], len(told)) == (None, 1)
    assert area["children"]["persistent"] == groups["all"]["persistent"] == 10
    by_phase = await asker.get("/v1/absence", la_code="330", academic_year="2025-26", group_by="phase")
    for item in by_phase["items"]:
        assert item["enrolments"]["persistent"] == groups[item["group"]["phase"]]["persistent"]


async def test_an_area_has_a_childs_marks_of_elsewhere_where_it_has_none_here(engine: Engine, asker: Asker) -> None:
    here, elsewhere = school(URN, ANN, from_="2025-09-03"), school(OTHER, ANN, la_code="333", to="2025-09-02")
    play(elsewhere, ANN, "OO//")
    for partition, ledger in enumerate((here, elsewhere)):
        await engine.take(ledger.entries, partition)
    area = await asker.get("/v1/areas/330/absence")
    assert (area["enrolments"]["possible"], area["children"]["possible"], area["children"]["absent"]) == (0, 4, 2)


async def test_a_new_schools_figures_read_each_of_its_rows_once(engine: Engine) -> None:
    """PostgreSQL has no statistics of a school that is just being counted: the figures must not depend on them."""
    children = [pupil(n) for n in range(600)]
    ledger = school(URN, *children)
    ledger.marks(DAYS[0], "AM", dict.fromkeys(children, "/"))
    await engine.take(ledger.entries)
    reader = await Database.open(engine.database.url)  # a process of the server that has read nothing else yet
    async with reader.transaction() as tx:
        found = await figures.school(tx, URN, 2025, engine.policies, CLOCK.today())
        read = await tx.fetchval(ROWS_READ)
    await reader.close()
    assert len(found.stays) == len(children)
    assert read < 8 * len(children), f"{read} rows read for {len(children)} children"


async def test_a_guest_has_figures_but_is_in_no_sum(engine: Engine, asker: Asker) -> None:
    ledger = school(URN, BEN)
    play(ledger, BEN, "////")
    ledger.enrol(ANN, from_="2025-09-01", kind="guest")
    play(ledger, ANN, "OO//")
    await engine.take(ledger.entries)
    answer = await asker.get(f"/v1/schools/{URN}/absence")
    assert {row["pupil_id"]: row["absent"] for row in answer["items"]} == {ANN: 2, BEN: 0}
    area = (await asker.get("/v1/areas/330/absence"))["enrolments"]
    for group in (answer["school"], area):
        assert (group["possible"], group["absent"]) == (4, 0)
    assert (await asker.absence(ANN))["child"]["absent"] == 2


async def test_a_guests_mark_loses_to_every_other_schools(engine: Engine, asker: Asker) -> None:
    host, home = school(URN), school(OTHER, ANN)
    host.enrol(ANN, from_="2024-09-01", kind="guest")
    play(host, ANN, "OOOO")
    play(home, ANN, "//")
    for partition, ledger in enumerate((host, home)):
        await engine.take(ledger.entries, partition)
    child = (await asker.absence(ANN))["child"]
    assert (child["possible"], child["absent"]) == (4, 2)


async def test_an_area_has_a_schools_sessions_while_the_school_is_its_own(engine: Engine, asker: Asker) -> None:
    ledger = school(URN, ANN)
    play(ledger, ANN, "OO//")
    moved = {"urn": URN, "name": "School", "la_code": "333", "laestab": "3331234", "phase": "primary"}
    history = [SchoolLa("330", None), SchoolLa("333", DAYS[1].isoformat())]
    ledger.write((SchoolChanged, moved | {"la_history": history}))
    await engine.take(ledger.entries)
    for la_code, absent in (("330", 2), ("333", 0)):
        area = await asker.get(f"/v1/areas/{la_code}/absence")
        assert (area["enrolments"]["possible"], area["enrolments"]["absent"]) == (2, absent)
        assert (area["schools"], area["children"]["possible"]) == (1, 4)
    later = await asker.get("/v1/areas/330/absence?academic_year=2026-27")
    assert later["schools"] == 0


async def test_at_least_waits_for_the_entry_and_no_longer(engine: Engine, asker: Asker) -> None:
    ledger = school(URN, ANN)
    await engine.take(ledger.entries)
    last = play(ledger, ANN, "I")
    began = time.monotonic()
    waiting = asyncio.create_task(asker.absence(ANN, at_least=f"{URN}:{last}"))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await engine.take(ledger.entries[-1:])
    engine.signal.set()
    assert (await waiting)["child"]["absent"] == 1
    assert time.monotonic() - began < 3


async def test_at_least_that_does_not_come_is_503_and_an_unknown_school_422(engine: Engine, asker: Asker) -> None:
    await engine.take(school(URN, ANN).entries)
    soon = {"prefer": "respond-async, wait=0"}
    late = await asker.client.get(f"/v1/pupils/{ANN}/absence", params={"at_least": f"{URN}:999"}, headers=soon)
    assert late.status_code == 503
    assert int(late.headers["retry-after"]) > 0
    await asker.get(f"/v1/pupils/{ANN}/episodes", 422, headers=soon, at_least="999999:1")
    for bad in ("x", "100001", "100001:", ":1", "100001:-1", "99999999999:1", "100001:1:1"):
        began = time.monotonic()
        await asker.get(f"/v1/schools/{URN}/absence", 422, at_least=bad)
        assert time.monotonic() - began < 3
    await asker.get("/v1/areas/330/absence", 422, at_least=[f"{URN}:1", f"{URN}:2"])
    await asker.get(f"/v1/schools/{URN}/absence", at_least=f"{URN}:1")
    await asker.get(f"/v1/pupils/{ANN}/absence", 422, academic_year="2025-27")


def test_counts_add_up() -> None:
    assert Counts(possible=3, attended=1, authorised=1, unauthorised=1).absent == 2

"""As known on, what changed since, and the history behind an explanation: over HTTP, on ledgers whose entries have
times of their own.
"""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import httpx
import msgspec
import pytest
from absence_engine import api
from absence_engine.actions.rebuild import rebuild
from absence_engine.store.grouping import sheets
from common.db import Transaction
from common.events import Event
from common.events.registers import SessionMarked
from common.security import FixedKeys, Verifier
from common.service import Service
from common.settings import Settings
from common.web.app import create_app
from joserfc.jwk import KeySet

from tests.integration.absence_engine.ledgers import CLOCK, Engine, Ledger, enrolled, merged, pupil, three_kinds
from tests.integration.absence_engine.test_answers import (
    ANN,
    BEN,
    KEY,
    OTHER,
    SESSIONS,
    URN,
    Asker,
    bearer,
    play,
    school,
)
from tests.integration.absence_engine.test_deliveries import PUPILS, batches, history, partition

START = datetime(2025, 9, 1, 8, tzinfo=UTC)
FIGURES = ("child", "enrolments", "penalty")
SPAN = ("kind", "academic_year", "state", "provisional", "crossed_on", "firm_on", "ended_on", "ended_reason")


@asynccontextmanager
async def asking(engine: Engine) -> AsyncIterator[Asker]:
    """A client of an engine's routes."""
    router = api.create_router(engine.database, CLOCK, engine.policies, engine.signal)
    keys = KeySet.import_key_set({"keys": [KEY.as_dict(private=False)]})
    service = Service(name="absence-engine", router=router)
    app = create_app([service], Settings(database_url=""), Verifier(["us"], FixedKeys(keys)))
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://engine", headers=bearer()) as client:
        yield Asker(client)


@pytest.fixture
async def asker(engine: Engine) -> AsyncIterator[Asker]:
    async with asking(engine) as client:
        yield client


def at(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def timed(entries: Sequence[Event], chance: Random | None = None) -> list[Event]:
    """The entries, an hour apart; by chance at the same moment as the one before, or a little earlier."""
    moment, found = START, list[Event]()
    for entry in entries:
        moment += timedelta(hours=1)
        if chance is not None:
            moment -= timedelta(hours=chance.choice([0, 0, 0, 1]), milliseconds=chance.choice([0, 0, 3]))
        found.append(msgspec.structs.replace(entry, time=at(moment)))
    return found


def known_by(entries: Sequence[Event], moment: str) -> list[Event]:
    """The same ledger without the marks of what had not been written by then."""
    return [
        msgspec.structs.replace(entry, data=msgspec.structs.replace(entry.data, marks=[]))
        if isinstance(entry.data, SessionMarked) and entry.time > moment
        else entry
        for entry in entries
    ]


@pytest.mark.parametrize("seed", range(3))
async def test_what_was_known_is_what_a_replay_up_to_then_says(engine: Engine, other_engine: Engine, seed: int) -> None:
    chance = Random(seed)
    ledgers = [Ledger(one.urn, timed(one.entries, chance)) for one in history(chance).values()]
    for batch in batches(chance, partition(chance, ledgers)):
        await engine.take(batch)
    moment = chance.choice(ledgers[0].entries[20:]).time
    for ledger in ledgers:
        await other_engine.take(known_by(ledger.entries, moment))
    compared = 0
    async with asking(engine) as now, asking(other_engine) as then:
        for pupil_id in PUPILS[2:]:
            known = await now.absence(pupil_id, as_known_on=moment)
            replayed = await then.absence(pupil_id)
            assert [known[name] for name in FIGURES] == [replayed[name] for name in FIGURES]
            assert datetime.fromisoformat(known["as_known_on"]) == datetime.fromisoformat(moment)
            assert "roll" in known["as_of_today"]
            compared += await same_episodes(now, then, pupil_id, moment)
        for ledger in ledgers:
            known = await now.get(f"/v1/schools/{ledger.urn}/absence", as_known_on=moment)
            replayed = await then.get(f"/v1/schools/{ledger.urn}/absence")
            assert [known[name] for name in ("school", "items")] == [replayed[name] for name in ("school", "items")]
        for by in ("school", "week", "code"):
            asked = {"school_urn": [ledger.urn for ledger in ledgers], "group_by": by, "page_size": 1000}
            known = await now.get("/v1/absence", as_known_on=moment, **asked)
            replayed = await then.get("/v1/absence", **asked)
            assert [known[name] for name in ("total", "items")] == [replayed[name] for name in ("total", "items")]
    assert compared > 3


async def same_episodes(now: Asker, then: Asker, pupil_id: str, moment: str) -> int:
    """The standing episodes of a child, with their evidence, are the same; how many."""
    listed = await now.get(f"/v1/pupils/{pupil_id}/episodes", as_known_on=moment)
    known = [one for one in listed["items"] if one["state"] != "reversed"]
    replayed = [
        one for one in (await then.get(f"/v1/pupils/{pupil_id}/episodes"))["items"] if one["state"] != "reversed"
    ]
    assert [[one[name] for name in SPAN] for one in known] == [[one[name] for name in SPAN] for one in replayed]
    for here, there in zip(known, replayed, strict=True):
        announced = await now.client.get(f"/v1/episodes/{here['episode_id']}", params={"as_known_on": moment})
        if announced.status_code == 200:
            assert announced.json()["hash"] == (await then.get(f"/v1/episodes/{there['episode_id']}"))["hash"]
    return len(known)


async def test_a_rebuild_knows_what_was_known(engine: Engine, asker: Asker) -> None:
    chance = Random(7)
    ledgers = [Ledger(one.urn, timed(one.entries, chance)) for one in history(chance).values()]
    for ledger in ledgers:
        await engine.take(ledger.entries)

    async def said() -> list[Any]:
        asked = {"since": at(START), "page_size": 1000}
        return [await asker.get(f"/v1/schools/{one.urn}/changed-marks", **asked) for one in ledgers]

    before = await said()
    assert len(before[0]["items"]) > 100
    await rebuild(engine.database)
    for batch in batches(chance, partition(chance, ledgers)):
        await engine.take(batch)
    assert await said() == before


async def corrected(engine: Engine) -> list[Event]:
    """A child that crossed at its twentieth session, until the nineteenth was put right."""
    ledger = school(URN, ANN)
    play(ledger, ANN, "/" * 18 + "OO")
    entries = timed(ledger.entries)
    await engine.take(entries)
    ledger.marks(*SESSIONS[18], {ANN: "/"})
    await engine.take(timed(ledger.entries)[-1:])
    return timed(ledger.entries)


@three_kinds
async def persistent(asker: Asker, **query: Any) -> Any:
    """The child's one episode of persistent absence."""
    listed = await asker.get(f"/v1/pupils/{ANN}/episodes", **query)
    (episode,) = (one for one in listed["items"] if one["kind"] == "PA")
    return episode


def of_kind(changed: Any, kind: str) -> Any:
    """What changed of the one episode of a kind."""
    (found,) = (one for one in changed["episodes"] if (one["after"] or one["before"])["kind"] == kind)
    return found


async def test_what_changed_is_said_mark_by_mark_with_what_that_did(engine: Engine, asker: Asker) -> None:
    entries = await corrected(engine)
    changed = await asker.get(f"/v1/pupils/{ANN}/changes", since=entries[-2].time)
    (mark,) = changed["items"]
    assert mark == {
        "date": "2025-09-12", "session": "AM", "school_urn": URN, "code_before": "O", "code_after": "/",
        "sequence": len(entries), "time": entries[-1].time.replace(".000", ""),
    }  # fmt: skip
    (year,) = changed["figures"]
    assert (year["before"]["absent"], year["after"]["absent"]) == (2, 1)
    episode = of_kind(changed, "PA")
    assert (episode["before"]["state"], episode["after"]) == ("open", None)
    nothing = await asker.get(f"/v1/pupils/{ANN}/changes", since=entries[-1].time)
    assert [nothing[name] for name in ("items", "figures", "episodes")] == [[], [], []]
    until = await asker.get(f"/v1/pupils/{ANN}/changes", since=at(START), until=entries[-2].time)
    assert [one["code_before"] for one in until["items"]] == [None] * 20
    assert of_kind(until, "PA")["before"] is None


@three_kinds
async def test_an_episode_is_what_it_was_known_as(engine: Engine, asker: Asker) -> None:
    entries = await corrected(engine)
    episode = await persistent(asker)
    path = f"/v1/episodes/{episode['episode_id']}"
    assert episode["state"] == "reversed"
    then = await persistent(asker, as_known_on=entries[-2].time)
    assert (then["episode_id"], then["state"], then["reversed_at"]) == (episode["episode_id"], "open", None)
    told = await asker.get(path, as_known_on=entries[-2].time)
    assert (told["state"], [one["code"] for one in told["sessions"]]) == ("open", ["O", "O"])
    assert told["sequence"] == [{"school_urn": URN, "sequence": len(entries) - 1}]
    assert told["hash"] == (await asker.get(path))["hash"]
    await asker.get(path, 404, as_known_on=entries[-3].time)


@three_kinds
async def test_a_reversed_episode_says_which_mark_took_it_back(engine: Engine, asker: Asker) -> None:
    entries = await corrected(engine)
    episode = await persistent(asker)
    told = await asker.get(f"/v1/episodes/{episode['episode_id']}")
    (mark,) = told["reversal"]["marks"]
    assert (mark["code_before"], mark["code_after"], mark["sequence"]) == ("O", "/", len(entries))
    assert told["reversal"]["sentence"] == (
        f"On 2 September 2025 at 09:00, entry {len(entries)} of the ledger of school {URN} changed the morning of "
        "12 September 2025 from O to /. As the marks are known since, the threshold was never crossed."
    )
    assert "history" not in told["sessions"][0]


@three_kinds
async def test_each_session_of_an_explanation_has_its_history(engine: Engine, asker: Asker) -> None:
    ledger = school(URN, ANN)
    play(ledger, ANN, "/" * 18 + "ON")
    ledger.marks(*SESSIONS[19], {ANN: None})
    ledger.marks(*SESSIONS[19], {ANN: "I"})
    entries = timed(ledger.entries)
    await engine.take(entries)
    episode = await persistent(asker)
    told = await asker.get(f"/v1/episodes/{episode['episode_id']}", history="true")
    first, last = (session["history"] for session in told["sessions"])
    assert [one["code"] for one in first] == ["O"]
    assert [(one["code"], one["sequence"]) for one in last] == [
        ("N", len(entries) - 2), (None, len(entries) - 1), ("I", len(entries)),
    ]  # fmt: skip
    assert "reversal" not in told


@three_kinds
async def test_what_no_mark_took_back_says_so(engine: Engine, asker: Asker) -> None:
    ledger = school(URN, ANN)
    play(ledger, ANN, "/" * 18 + "OO")
    ledger.facts(ANN, "2024-05-01")
    await engine.take(timed(ledger.entries)[:-1])
    await engine.take(timed(ledger.entries)[-1:])
    episode = await persistent(asker)
    told = await asker.get(f"/v1/episodes/{episode['episode_id']}")
    assert told["state"] == "reversed"
    assert (told["reversal"]["marks"], told["reversal"]["time"]) == ([], None)
    assert told["reversal"]["sentence"].startswith("No change of a mark took it back")


async def test_changed_marks_of_a_school_come_page_by_page(engine: Engine, asker: Asker) -> None:
    ledger = school(URN, *PUPILS)
    for session in SESSIONS[:3]:
        ledger.marks(*session, dict.fromkeys(PUPILS, "/"))
    ledger.marks(*SESSIONS[1], {PUPILS[2]: "O", PUPILS[5]: "I"})
    ledger.marks(*SESSIONS[1], {PUPILS[2]: "/"})
    entries = timed(ledger.entries)
    await engine.take(entries)
    path, found = f"/v1/schools/{URN}/changed-marks?since={at(START)}&page_size=7", list[Any]()
    while path:
        page = await asker.get(path)
        found += page["items"]
        path = page["next"]
    assert [one["sequence"] for one in found] == [4] * 8 + [5] * 8 + [6] * 8 + [7] * 2 + [8]
    assert len({(one["sequence"], one["pupil_id"]) for one in found}) == len(found)
    only = await asker.get(f"/v1/schools/{URN}/changed-marks", since=at(START), corrections="true")
    assert only["items"] == found[-3:]
    assert [(one["pupil_id"], one["code_before"], one["code_after"]) for one in only["items"]] == [
        (PUPILS[2], "/", "O"), (PUPILS[5], "/", "I"), (PUPILS[2], "O", "/"),
    ]  # fmt: skip


def plainly(entries: Sequence[Event]) -> list[tuple[Any, ...]]:
    """What each entry changed, mark by mark, and whether it was no first mark: in the order of their times."""
    stands: dict[tuple[str, ...], str | None] = {}
    first: set[tuple[str, ...]] = set()
    found: list[tuple[Any, ...]] = []
    for entry in entries:
        for mark in entry.data.marks if isinstance(entry.data, SessionMarked) else ():
            slot = (mark.pupil_id, entry.data.date, entry.data.session)
            before = stands.get(slot)
            if mark.code != before:
                told = (entry.sequence, *slot[1:], before, mark.code)
                found.append((entry.time, entry.sequence, slot in first, told))
                stands[slot] = mark.code
                first.add(slot)
    return sorted(found, key=lambda one: (one[0], one[1]))


@pytest.mark.parametrize("seed", range(2))
async def test_pages_of_changed_marks_are_what_the_entries_say(engine: Engine, asker: Asker, seed: int) -> None:
    chance = Random(seed)
    ledgers = [Ledger(one.urn, timed(one.entries, chance)) for one in history(chance).values()]
    for batch in batches(chance, partition(chance, ledgers)):
        await engine.take(batch)
    for ledger in ledgers:
        told = plainly(ledger.entries)
        since, until = sorted(one.time for one in chance.sample(ledger.entries, 2))
        for only in (False, True):
            query: dict[str, Any] = {"since": since, "until": until, "corrections": str(only).lower()}
            page = await asker.get(f"/v1/schools/{ledger.urn}/changed-marks", page_size=chance.choice([1, 7]), **query)
            found = page["items"]
            while page["next"]:
                page = await asker.get(page["next"])
                found += page["items"]
            expected = [one[3] for one in told if since < one[0] <= until and (one[2] or not only)]
            names = ("sequence", "date", "session", "code_before", "code_after")
            assert sorted((tuple(one[name] for name in names) for one in found), key=str) == sorted(expected, key=str)
            assert [one["sequence"] for one in found] == [one[0] for one in expected]


async def test_a_page_of_changed_marks_reads_the_years_that_it_is_of(
    engine: Engine, asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = school(URN, ANN, from_="2020-09-01")
    for year in range(2021, 2026):
        ledger.marks(date(year, 9, 8), "AM", {ANN: "O"})
    await engine.take(timed(ledger.entries))
    read: list[int] = []

    async def noting(tx: Transaction, urns: Sequence[int], year: int) -> dict[tuple[str, int], bytes]:
        read.append(year)
        return await sheets(tx, urns, year)

    monkeypatch.setattr("absence_engine.store.grouping.sheets", noting)
    page = await asker.get(f"/v1/schools/{URN}/changed-marks", since=at(START), page_size=1)
    assert [one["date"] for one in page["items"]] == ["2021-09-08"]
    assert read == [2021, 2022]  # the second tells that there is more
    page = await asker.get(page["next"])
    assert [one["date"] for one in page["items"]] == ["2022-09-08"]


async def test_a_merge_brings_the_history_along(engine: Engine, asker: Asker) -> None:
    ledger = school(URN, ANN, BEN)
    ledger.marks(*SESSIONS[0], {ANN: "O"})
    ledger.marks(*SESSIONS[1], {BEN: "O"})
    ledger.write(merged(ANN, BEN), enrolled(ANN, none=True))
    await engine.take(timed(ledger.entries))
    changed = await asker.get(f"/v1/pupils/{BEN}/changes", since=at(START))
    assert [(one["session"], one["code_after"]) for one in changed["items"]] == [("AM", "O"), ("PM", "O")]
    listed = await asker.get(f"/v1/schools/{URN}/changed-marks", since=at(START))
    assert [one["pupil_id"] for one in listed["items"]] == [BEN, BEN]
    headers = await asker.get(f"/v1/pupils/{ANN}/changes", 308, since=at(START))
    assert headers["location"].startswith(f"/v1/pupils/{BEN}/changes")


async def test_a_token_sees_the_marks_of_its_own_schools(engine: Engine, asker: Asker) -> None:
    here, there = school(URN, ANN, to="2025-09-05"), school(OTHER, ANN, from_="2025-09-06")
    play(here, ANN, "O" * 4)
    play(there, ANN, "/" * 4, first=20)
    for ledger in (here, there):
        await engine.take(timed(ledger.entries))
    own = bearer([URN])
    changed = await asker.get(f"/v1/pupils/{ANN}/changes", headers=own, since=at(START))
    assert {one["school_urn"] for one in changed["items"]} == {URN}
    assert changed["figures"][0]["after"]["possible"] == 8
    await asker.get(f"/v1/pupils/{ANN}/changes", 404, headers=bearer([999999]), since=at(START))
    await asker.get(f"/v1/schools/{OTHER}/changed-marks", 404, headers=own, since=at(START))
    await asker.get("/v1/schools/999998/changed-marks", 404, since=at(START))


async def test_a_moment_needs_its_offset_and_history(engine: Engine, asker: Asker) -> None:
    await corrected(engine)
    await asker.get(f"/v1/pupils/{ANN}/absence", 422, as_known_on="2025-09-01T08:00:00")
    await asker.get(f"/v1/pupils/{ANN}/changes", 422)
    await asker.get(f"/v1/pupils/{ANN}/changes", 422, since="0001-01-01T00:00:00+14:00", cursor="e30")
    far = await asker.get(
        f"/v1/pupils/{ANN}/changes", since="0001-01-01T00:00:00+14:00", until="9999-12-31T23:59:59-14:00"
    )
    assert len(far["items"]) == 21
    async with engine.database.transaction() as tx:
        await tx.execute("update engine set history_from = $1", START + timedelta(hours=30))
    early = await asker.get(f"/v1/pupils/{ANN}/absence", 422, as_known_on=at(START))
    assert early["errors"][0]["code"] == "before-history"
    assert (await asker.absence(ANN, as_known_on=at(START + timedelta(hours=30))))["child"]["possible"] == 20


SCRIPT = Path(__file__).parents[3] / "scripts" / "check-evidence"


def check(document: Any, folder: Path) -> int:
    """What the script says of an export."""
    file = folder / "evidence.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-I", str(SCRIPT), str(file)], check=False, stdout=subprocess.PIPE
    ).returncode


async def test_the_evidence_of_each_episode_is_counted_again(engine: Engine, asker: Asker, tmp_path: Path) -> None:
    chance = Random(11)
    ledgers = [Ledger(one.urn, timed(one.entries, chance)) for one in history(chance).values()]
    for batch in batches(chance, partition(chance, ledgers)):
        await engine.take(batch)
    states, kinds = set[str](), set[str]()
    for pupil_id in PUPILS[2:]:
        for one in (await asker.get(f"/v1/pupils/{pupil_id}/episodes"))["items"]:
            answer = await asker.client.get(f"/v1/episodes/{one['episode_id']}/evidence")
            if answer.status_code == 200 and answer.json()["reproduced"]:
                assert check(answer.json(), tmp_path) == 0
                states.add(one["state"])
                kinds.add(one["kind"])
            else:  # roll, calendar or date of birth have changed since
                assert one["state"] == "reversed"
    assert states >= {"open", "reversed"}
    assert kinds >= {"PA", "SA", "PN_10_IN_10"}


@three_kinds
async def test_the_evidence_of_a_reversed_episode_is_what_was_known_before(
    engine: Engine, asker: Asker, tmp_path: Path
) -> None:
    entries = await corrected(engine)
    episode = await persistent(asker)
    document = await asker.get(f"/v1/episodes/{episode['episode_id']}/evidence")
    assert (document["state"], document["reproduced"]) == ("reversed", True)
    assert document["as_known_on"] < entries[-1].time
    assert [one["code"] for one in document["sessions"][-2:]] == ["O", "O"]
    assert check(document, tmp_path) == 0
    document["sessions"][-2]["code"] = "/"
    assert check(document, tmp_path) == 1
    await asker.get(f"/v1/episodes/{episode['episode_id']}/evidence", 404, headers=bearer([999999]))


@pytest.mark.parametrize("seed", range(4))
async def test_the_evidence_of_what_one_batch_took_back_in_several_steps_is_what_was_announced(
    engine: Engine, asker: Asker, tmp_path: Path, seed: int
) -> None:
    chance, children = Random(seed), [pupil(n) for n in range(1, 13)]
    here, there = school(URN, *children), school(OTHER, *children[:6], kind="subsidiary")
    for n in range(40):
        for ledger, its in ((here, children), (there, children[:6])):
            half = SESSIONS[n] if ledger is here else SESSIONS[n + 40]
            ledger.marks(*half, {child: chance.choices("/IOGU", [12, 2, 3, 1, 1])[0] for child in its})
    known = {here.urn: len(here.entries), there.urn: len(there.entries)}
    for ledger, first, its in ((there, 40, children[:6]), (here, 0, children)):
        for _ in range(12):
            codes = {child: chance.choice("/D") for child in its if chance.random() < 0.6}
            ledger.marks(*SESSIONS[first + chance.randrange(40)], codes)
    entries = {ledger.urn: timed(ledger.entries, Random(seed)) for ledger in (here, there)}
    for n, urn in enumerate((URN, OTHER)):
        await engine.take(entries[urn][: known[urn]], n)
    for urn in (URN, OTHER) if seed % 2 else (OTHER, URN):
        await engine.take(entries[urn][known[urn] :], (URN, OTHER).index(urn))
    found = await engine.fetch("select episode_id::text from episode where state = 'reversed'")
    assert len(found) >= 2
    documents = [await asker.get(f"/v1/episodes/{episode_id}/evidence") for (episode_id,) in found]
    assert [one["kind"] for one in documents if not one["reproduced"]] == []
    assert check(documents[0], tmp_path) == 0


@three_kinds
async def test_evidence_of_what_the_roll_took_back_says_that_it_is_not_reproduced(engine: Engine, asker: Asker) -> None:
    ledger = school(URN, ANN)
    play(ledger, ANN, "/" * 18 + "OO")
    ledger.facts(ANN, "2024-05-01")
    for entry in timed(ledger.entries):
        await engine.take([entry])
    episode = await persistent(asker)
    answer = await asker.get(f"/v1/episodes/{episode['episode_id']}/evidence", 409)
    assert answer["type"] == "/problems/conflict"

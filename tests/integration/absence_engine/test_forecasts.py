"""What a child's year may still come to, what stands behind its figures, and what is asked of it: over HTTP."""

from typing import Any

import pytest

from tests.integration.absence_engine.ledgers import Engine, merged
from tests.integration.absence_engine.test_answers import (
    ANN,
    BEN,
    CAL,
    OTHER,
    SESSIONS,
    URN,
    Asker,
    asker,
    bearer,
    play,
    school,
)

__all__ = ["asker"]

# Of the 90 sessions of the calendar 44 lie before 1 October, which is today.
BEFORE_TODAY = sum(day.isoformat() < "2025-10-01" for day, _ in SESSIONS)


async def counted(engine: Engine, codes: str) -> None:
    ledger = school(URN, ANN)
    ledger.facts(ANN, "2014-03-09")
    play(ledger, ANN, codes)
    await engine.take(ledger.entries)


async def ask(asker: Asker, method: str, path: str, status: int = 200, **more: Any) -> Any:
    answer = await asker.client.request(method, path, **more)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_a_projection_tells_what_may_be_missed_and_how_an_episode_would_end(engine: Engine, asker: Asker) -> None:
    await counted(engine, "I" * 5 + "/" * (BEFORE_TODAY - 5))
    found = await asker.get(f"/v1/pupils/{ANN}/projection")
    left = len(SESSIONS) - BEFORE_TODAY
    assert (found["sessions_left"], found["child"]["absent"], found["child"]["possible"]) == (left, 5, BEFORE_TODAY)
    # Of 90 sessions 8 may be missed; now the rate is over the line already: 5 of 44.
    assert found["persistent"] == {"certain": False, "possible": True, "may_miss": 3, "misses_to_reach": 0}
    assert found["severe"]["misses_to_reach"] == 34
    assert (found["best_attendance_percent"], found["worst_attendance_percent"]) == ("94.44", "43.33")
    (episode,) = [one for one in found["open_episodes"] if one["kind"] == "PA"]
    # The flag is false from the 51st session on: the tenth of these ends it.
    assert (episode["attend"], episode["ended_reason"]) == (60 - BEFORE_TODAY, "recovered")
    day, half = SESSIONS[59]
    assert episode["ends_on"] == {"date": day.isoformat(), "session": half}
    before = await asker.get(f"/v1/pupils/{ANN}/projection", academic_year="2024-25")
    assert (before["sessions_left"], before["best_attendance_percent"]) == (0, None)


async def test_what_is_said_of_a_child_says_how_far_its_schools_are_counted(engine: Engine, asker: Asker) -> None:
    await counted(engine, "/" * 20)
    freshness = (await asker.absence(ANN))["freshness"]
    assert freshness["schools"][0]["coverage"] == {"expected_sessions": BEFORE_TODAY, "registers": 20}
    for path in ("projection", "patterns"):
        assert (await asker.get(f"/v1/pupils/{ANN}/{path}"))["freshness"] == freshness
    assert (await ask(asker, "POST", f"/v1/pupils/{ANN}/what-if", json={"attend": 1}))["freshness"] == freshness
    assert (await asker.get(f"/v1/schools/{URN}/patterns"))["freshness"] == freshness


async def test_what_if_changes_nothing_and_says_what_would_open_and_end(engine: Engine, asker: Asker) -> None:
    await counted(engine, "I" * 5 + "/" * (BEFORE_TODAY - 5))
    path = f"/v1/pupils/{ANN}/what-if"
    attended = await ask(asker, "POST", path, json={"attend": 16})
    assert (attended["before"]["persistent"], attended["after"]["persistent"]) == (True, False)
    assert (attended["after"]["possible"], attended["after"]["attended"]) == (60, 55)
    assert [one["kind"] for one in attended["ended"]] == ["PA"]
    missed = await ask(asker, "POST", path, json={"miss": 10})
    assert (missed["sessions"], missed["from"], missed["after"]["unauthorised"]) == (10, "2025-10-01", 10)
    assert "PN_10_IN_10" in [one["kind"] for one in missed["opened"]]
    ill = await ask(asker, "POST", path, json={"miss": 10, "code": "I"})
    assert ill["after"]["unauthorised"] == 0
    assert "PN_10_IN_10" not in [one["kind"] for one in ill["opened"]]
    many = await ask(asker, "POST", path, json={"attend": 1000})
    assert many["sessions"] == len(SESSIONS) - BEFORE_TODAY
    assert (await asker.absence(ANN))["child"]["possible"] == BEFORE_TODAY


@pytest.mark.parametrize("question", [{"miss": 10}, {"miss": 3, "code": "I"}, {"attend": 16}])
async def test_what_if_is_what_happens_when_it_comes_so(engine: Engine, asker: Asker, question: dict[str, Any]) -> None:
    ledger = school(URN, ANN)
    ledger.facts(ANN, "2014-03-09")
    play(ledger, ANN, "I" * 5 + "/" * (BEFORE_TODAY - 5))
    await engine.take(ledger.entries)
    told = await ask(asker, "POST", f"/v1/pupils/{ANN}/what-if", json=question)
    path = f"/v1/pupils/{ANN}/episodes"
    before = {one["episode_id"]: one for one in (await asker.get(path))["items"]}
    counted_before = len(ledger.entries)
    code = question.get("code", "O") if "miss" in question else "/"
    play(ledger, ANN, code * told["sessions"], first=BEFORE_TODAY)
    await engine.take(ledger.entries[counted_before:])
    figures = (await asker.absence(ANN))["child"]
    assert {name: told["after"][name] for name in figures} == figures
    after = [one for one in (await asker.get(path))["items"] if one["state"] != "reversed"]
    happened = {
        "opened": [one for one in after if one["episode_id"] not in before],
        "ended": [one for one in after if one["ended_on"] and not before.get(one["episode_id"], {}).get("ended_on")],
        "firm": [one for one in after if one["firm_on"] and not before.get(one["episode_id"], {}).get("firm_on")],
    }
    for name, ones in happened.items():
        assert sorted(one["kind"] for one in told[name]) == sorted(one["kind"] for one in ones), name


@pytest.mark.parametrize(
    ("body", "pointer", "said"),
    [
        ({}, "", "Say either `attend` or `miss`."),
        ([], "", "This must be a JSON object."),
        ({"attend": 1, "miss": 1}, "", "Say either `attend` or `miss`."),
        ({"attend": 0}, "/attend", "It must be at least 1."),
        ({"miss": 1, "code": "/"}, "/code", "It must be 'C'"),
        ({"miss": 1, "go": 1}, "/go", "There is no such member here."),
    ],
)
async def test_a_question_that_is_none_is_refused_in_our_words(
    engine: Engine, asker: Asker, body: object, pointer: str, said: str
) -> None:
    await counted(engine, "/")
    answer = await ask(asker, "POST", f"/v1/pupils/{ANN}/what-if", 422, json=body)
    (fault,) = answer["errors"]
    assert fault["pointer"] == pointer
    assert fault["detail"].startswith(said)


async def test_what_another_school_may_not_see_is_not_there(engine: Engine, asker: Asker) -> None:
    await counted(engine, "/")
    elsewhere = bearer([OTHER], scope="totals:read cases:write")
    for method, path, more in (
        ("GET", "projection", {}),
        ("POST", "what-if", {"json": {"attend": 1}}),
        ("PUT", "personal-target", {"json": TARGET}),
    ):
        await ask(asker, method, f"/v1/pupils/{ANN}/{path}", 404, headers=elsewhere, **more)
        await ask(
            asker, method, f"/v1/pupils/{CAL}/{path}", 404, headers=bearer(scope="totals:read cases:write"), **more
        )


TARGET = {"attendance_percent": "90", "from": "2025-09-01", "to": None, "reason": "Hospital", "by": "J. Field"}


async def test_a_personal_target_goes_with_the_child(engine: Engine, asker: Asker) -> None:
    await counted(engine, "M" * 4 + "O" + "/" * 15)
    path, officer = f"/v1/pupils/{ANN}/personal-target", bearer(scope="cases:write")
    assert (await asker.absence(ANN))["detail"]["personal_target"] is None
    await ask(asker, "PUT", path, 403, json=TARGET)
    await ask(asker, "PUT", path, 422, headers=officer, json=TARGET | {"to": "2025-08-31"})
    await ask(asker, "PUT", path, 422, headers=officer, json=TARGET | {"attendance_percent": "101"})
    told = await ask(asker, "PUT", path, headers=officer, json=TARGET)
    assert (told["attendance_percent"], told["from"], told["to"]) == ("90.00", "2025-09-01", None)
    detail = (await asker.absence(ANN))["detail"]
    assert detail["personal_target"] == told
    assert detail["attended_when_able_percent"] == "93.75"
    ledger = school(OTHER, BEN)
    ledger.write(merged(ANN, BEN, version=1))
    await engine.take(ledger.entries)
    assert (await asker.absence(BEN))["detail"]["personal_target"] == told


async def test_details_stand_beside_the_figures(engine: Engine, asker: Asker) -> None:
    await counted(engine, "IUI/" + "/" * 36)
    detail = (await asker.absence(ANN))["detail"]
    assert detail["by_code"] == {"/": 37, "I": 2, "U": 1}
    assert (detail["days_lost"], detail["hours_lost"]) == ("1.5", "9.75")
    assert detail["half_days"] == {"am": 1, "pm": 0}
    assert detail["physically_present"] == 38
    assert detail["compulsory_school_age"] is True
    assert detail["by_weekday"]["Monday"]["absent"] == 2
    assert detail["ever"] == {"PA": [], "SA": []}
    (counts,) = detail["dfe"]
    assert (counts["school_urn"], counts["possible"], counts["persistent"]) == (URN, 40, False)

"""The rule book's worked examples, posted as registers and read back as figures and episodes (vectors.json, A to C, E).

C15 waits for penalty notices. A20's retired codes are posted on the same weekdays of 2023. The `crossings` of section A
are flips of the flags, session by session: checked by day through `as_of`, and the first one as the episode's crossing.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e import school
from tests.e2e.product import Product, embedded, eventually

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "vectors.json").read_text())
DAYS: list[str] = VECTORS["school_days"]
BY_ID: dict[str, Any] = {vector["id"]: vector for vector in VECTORS["vectors"]}
TODAY = "2026-10-24"
MAIN, OLD, FIRST, SECOND = 100001, 100002, 100003, 100004
CODES = [v for v in BY_ID.values() if "codes" in v]
MARKS = [v for v in BY_ID.values() if v["id"][0] in "BC" and "marks" in v and v["id"] not in ("C10", "C15")]
SESSIONS = [(day, half) for day in DAYS for half in ("AM", "PM")]
RETURNS = {"E01": ["O", "G", "N", "U"] * 5, "E03": ["I", "/"] * 30}
"""Twenty sessions in a row without authorisation, and thirty of illness that are not: both call for a return."""
OLD_DAYS = [(date.fromisoformat(day) - timedelta(weeks=104)).isoformat() for day in DAYS[:30]]


@dataclass
class Posted:
    """A running product with every example in it."""

    registers: httpx.Client
    engine: httpx.Client
    pupils: dict[str, str]
    last: dict[int, int]

    def figures(self, vector_id: str, year: str = "2025-26", **query: Any) -> Any:
        self.wait()
        answer = self.engine.get(
            f"/v1/pupils/{self.pupils[vector_id]}/absence", params={"academic_year": year, **query}
        )
        return school.ok(answer)

    def wait(self) -> None:
        for urn, sequence in self.last.items():
            school.ok(
                self.engine.get(
                    f"/v1/schools/{urn}/absence",
                    params={"academic_year": "2025-26", "at_least": f"{urn}:{sequence}", "page_size": 1},
                    headers={"Prefer": "wait=30"},
                )
            )

    def post(self, urn: int, day: str, half: str, codes: dict[str, str], **more: Any) -> Any:
        answer = school.put_register(self.registers, urn, day, half, codes, **more)
        self.last[urn] = answer["sequence"]
        return answer


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with embedded(tmp_path_factory.mktemp("vectors"), TODAY) as running:
        yield running


@pytest.fixture(scope="module")
def posted(product: Product) -> Iterator[Posted]:
    with product.client("registers") as registers, product.client("absence-engine") as engine:
        state = Posted(registers, engine, {}, {})
        for urn in (MAIN, OLD, FIRST, SECOND):
            school.put_school(registers, urn)
            school.put_calendar(registers, urn, OLD_DAYS if urn == OLD else DAYS)
        main = [v["id"] for v in CODES if v["id"] != "A20"] + [v["id"] for v in MARKS] + ["B06", *RETURNS]
        roll = [school.pupil(v, date_of_birth="2020-11-10" if v == "C13" else "2014-03-09") for v in main]
        state.pupils |= school.put_roll(registers, MAIN, roll)
        state.pupils |= school.put_roll(registers, OLD, [school.pupil("A20")])
        two_schools(state)
        by_session: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
        for vector in CODES:
            if vector["id"] != "A20":
                for session, code in zip(SESSIONS, vector["codes"], strict=False):
                    by_session[session][state.pupils[vector["id"]]] = code
        for vector in MARKS:
            for day, half, code in vector["marks"]:
                by_session[day, half][state.pupils[vector["id"]]] = code
        for name, codes in {"B06": ["/"] * 18 + ["I", "I"], **RETURNS}.items():
            for session, code in zip(SESSIONS, codes, strict=False):
                by_session[session][state.pupils[name]] = code
        for (day, half), codes in sorted(by_session.items()):
            state.post(MAIN, day, half, codes)
        for n, code in enumerate(BY_ID["A20"]["codes"]):
            state.post(OLD, OLD_DAYS[n // 2], ["AM", "PM"][n % 2], {state.pupils["A20"]: code})
        yield state


def two_schools(state: Posted) -> None:
    """A23 (a mover within a year) and C10 (the same, for the penalty threshold): one UPN, two schools."""
    for n, (name, left, joined) in enumerate([("A23", DAYS[49], DAYS[50]), ("C10", "2025-11-01", "2025-11-02")]):
        at_first = {"from": "2025-09-01", "to": left, "kind": "single"}
        at_second = {"from": joined, "to": None, "kind": "single"}
        number = school.upn(900 + n)
        here = school.put_roll(state.registers, FIRST, [school.pupil(name, upn=number, enrolment=at_first)])
        there = school.put_roll(state.registers, SECOND, [school.pupil(name + "b", upn=number, enrolment=at_second)])
        assert here[name] == there[name + "b"]
        state.pupils |= here
    mover = state.pupils["A23"]
    codes = [(FIRST, "/")] * 85 + [(FIRST, "I")] * 15 + [(SECOND, "/")] * 270 + [(SECOND, "I")] * 10
    for (day, half), (urn, code) in zip(SESSIONS, codes, strict=False):
        state.post(urn, day, half, {mover: code})
    for day, half, code in BY_ID["C10"]["marks"]:
        state.post(FIRST if day < "2025-11" else SECOND, day, half, {state.pupils["C10"]: code})


def counts(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer's counts under the names that the examples use."""
    percent = {name: float(answer[name]) if answer[name] is not None else None
               for name in ("attendance_percent", "absence_percent")}  # fmt: skip
    return {
        "possible": answer["possible"], "attended": answer["attended"], "absent": answer["absent"],
        "auth": answer["authorised"], "unauth": answer["unauthorised"], "late_L": answer["late_before_close"],
        "late_U": answer["late_after_close"], "att_pct": percent["attendance_percent"],
        "abs_pct": percent["absence_percent"], "PA": answer["persistent"], "SA": answer["severe"],
    }  # fmt: skip


@pytest.mark.parametrize("vector", CODES, ids=lambda v: v["id"])
def test_totals_and_flags_are_those_of_the_rule_book(posted: Posted, vector: dict[str, Any]) -> None:
    answer = posted.figures(vector["id"], "2023-24" if vector["id"] == "A20" else "2025-26")
    expected = {key: value for key, value in vector["expected"].items() if key != "crossings"}
    assert counts(answer["child"]) == expected
    assert [counts(enrolment) for enrolment in answer["enrolments"]] == [expected]
    assert answer["child"]["provisional"] == (expected["possible"] < 40)


@pytest.mark.parametrize("vector", CODES, ids=lambda v: v["id"])
def test_flags_flip_at_the_sessions_of_the_rule_book(posted: Posted, vector: dict[str, Any]) -> None:
    days, year = (OLD_DAYS, "2023-24") if vector["id"] == "A20" else (DAYS, "2025-26")
    flags: dict[str, bool] = {"PA": False, "SA": False}
    flips = {int(flip.split("@")[1]): [] for flip in vector["expected"]["crossings"]}
    for flip in vector["expected"]["crossings"]:
        flips[int(flip.split("@")[1])].append((flip[:2], flip[2] == "+"))
    watched = sorted({(at + 1) // 2 + more for at in flips for more in (-1, 0)} - {0})
    for day_number in range(1, (max(flips, default=0) + 1) // 2 + 1):
        for at in (day_number * 2 - 1, day_number * 2):
            flags |= dict(flips.get(at, []))
        if day_number in watched:
            child = posted.figures(vector["id"], year, as_of=days[day_number - 1])["child"]
            assert {"PA": child["persistent"], "SA": child["severe"]} == flags, days[day_number - 1]


@pytest.mark.parametrize("vector", CODES, ids=lambda v: v["id"])
def test_the_first_flip_is_where_the_episode_crossed(posted: Posted, vector: dict[str, Any]) -> None:
    posted.wait()
    days = OLD_DAYS if vector["id"] == "A20" else DAYS
    for kind in ("PA", "SA"):
        flips = [int(flip.split("@")[1]) for flip in vector["expected"]["crossings"] if flip.startswith(kind + "+")]
        found = school.episodes(posted.engine, posted.pupils[vector["id"]], kind)
        expected = [{"date": days[(at - 1) // 2], "session": ["AM", "PM"][(at - 1) % 2]} for at in flips[:1]]
        assert [episode["crossed_on"] for episode in found] == expected


def test_a_mover_has_a_row_for_the_child_and_one_for_each_enrolment(posted: Posted) -> None:
    answer, expected = posted.figures("A23"), BY_ID["A23"]["expected"]
    child = answer["child"]
    assert (child["possible"], child["absent"], child["absence_percent"], child["persistent"]) == (
        380,
        25,
        "6.58",
        False,
    )
    rows = {row["school_urn"]: (float(row["absence_percent"]), row["persistent"]) for row in answer["enrolments"]}
    assert rows == {
        FIRST: (expected["A"]["abs_pct"], expected["A"]["PA"]), SECOND: (expected["B"]["abs_pct"], expected["B"]["PA"]),
    }  # fmt: skip


@pytest.mark.parametrize("vector", [*MARKS, BY_ID["C10"]], ids=lambda v: v["id"])
def test_the_ten_session_threshold_is_met_where_the_rule_book_says(posted: Posted, vector: dict[str, Any]) -> None:
    answer, expected = posted.figures(vector["id"])["penalty"], vector["expected"]
    assert (answer["sessions_in_window"], answer["met"]) == (expected["max_count"], expected["met"])
    assert len(answer["sessions"]) == expected["max_count"]
    found = school.episodes(posted.engine, posted.pupils[vector["id"]], "PN_10_IN_10")
    met_on = (
        [] if expected["met_on"] is None else [dict(zip(("date", "session"), expected["met_on"].split(), strict=True))]
    )
    assert [episode["crossed_on"] for episode in found] == met_on
    if vector["id"] == "B02":
        assert answer["provisional"]
        assert found[0]["provisional"]
    if vector["id"] == "C10":
        assert {session["school_urn"] for session in answer["sessions"]} == {FIRST, SECOND}


def test_an_amended_mark_takes_the_crossing_back(posted: Posted) -> None:
    """B06: PA at the twentieth session; its I becomes V."""
    pupil_id = posted.pupils["B06"]
    assert posted.figures("B06")["child"]["persistent"]
    before = school.episodes(posted.engine, pupil_id, "PA")
    answer = posted.post(MAIN, *SESSIONS[19], {pupil_id: "V"}, taken_by="T1")
    assert answer["marks"][0]["status"] == "corrected"
    child = posted.figures("B06")["child"]
    assert (child["possible"], child["absent"], child["absence_percent"], child["persistent"]) == (20, 1, "5.00", False)
    assert school.episodes(posted.engine, pupil_id, "PA") == []
    after = school.episodes(posted.engine, pupil_id, "PA", standing=False)
    assert [(e["episode_id"], e["state"]) for e in after] == [(before[0]["episode_id"], "reversed")]


def test_an_n_that_becomes_i_undoes_the_ten_and_one_that_becomes_o_keeps_it(posted: Posted) -> None:
    """B02, then B03 or B04: the same crossing returns under its id when N turns out to be O."""
    pupil_id = posted.pupils["B02"]
    day, half = "2025-09-19", "PM"
    posted.wait()
    first = school.episodes(posted.engine, pupil_id, "PN_10_IN_10")[0]
    assert first["provisional"]
    assert first["firm_on"] is None
    posted.post(MAIN, day, half, {pupil_id: "I"})
    posted.wait()
    assert school.episodes(posted.engine, pupil_id, "PN_10_IN_10") == []
    posted.post(MAIN, day, half, {pupil_id: "O"})
    posted.wait()
    again = school.episodes(posted.engine, pupil_id, "PN_10_IN_10")[0]
    assert (again["episode_id"], again["crossed_on"]) == (first["episode_id"], first["crossed_on"])
    assert not again["provisional"]
    assert again["firm_on"] == {"date": day, "session": half}


def session_at(place: int) -> dict[str, str]:
    """The session of a place, from 1, as the answers name it."""
    return dict(zip(("date", "session"), SESSIONS[place - 1], strict=True))


def of_kind(posted: Posted, name: str, kind: str) -> list[Any]:
    posted.wait()
    return school.episodes(posted.engine, posted.pupils[name], kind)


def test_twenty_sessions_in_a_row_without_authorisation_are_a_return(posted: Posted) -> None:
    """E01: due at the twentieth; settled once every N is; taken back and brought back by corrections."""
    expected, pupil_id = BY_ID["E01"]["expected"], posted.pupils["E01"]
    (found,) = of_kind(posted, "E01", "CONTINUOUS_10")
    assert (found["crossed_on"], found["provisional"], found["state"]) == (session_at(20), True, "open")
    explained = school.ok(posted.engine.get(f"/v1/episodes/{found['episode_id']}"))
    assert explained["formula"]["sessions"] == expected["longest_run"]
    assert explained["formula"]["late"] == RETURNS["E01"].count("U")
    for place, code in enumerate(RETURNS["E01"]):
        if code == "N":
            posted.post(MAIN, *SESSIONS[place], {pupil_id: "O"}, taken_by="T1")
    (firm,) = of_kind(posted, "E01", "CONTINUOUS_10")
    assert (firm["episode_id"], firm["firm_on"], firm["provisional"]) == (found["episode_id"], session_at(20), False)
    posted.post(MAIN, *SESSIONS[9], {pupil_id: "I"}, taken_by="T1")
    assert of_kind(posted, "E01", "CONTINUOUS_10") == []
    posted.post(MAIN, *SESSIONS[9], {pupil_id: "G"}, taken_by="T1")
    (again,) = of_kind(posted, "E01", "CONTINUOUS_10")
    assert (again["episode_id"], again["state"]) == (found["episode_id"], "open")
    posted.post(MAIN, *SESSIONS[20], {pupil_id: "/"})
    (ended,) = of_kind(posted, "E01", "CONTINUOUS_10")
    assert (ended["state"], ended["ended_on"]) == ("ended", session_at(20))
    assert of_kind(posted, "E01", "CONTINUOUS_20") == []


def test_thirty_sessions_of_illness_in_a_year_are_a_return(posted: Posted) -> None:
    """E03: due at the thirtieth, though they are not consecutive; twenty-nine are none."""
    expected, pupil_id = BY_ID["E03"]["expected"], posted.pupils["E03"]
    (found,) = of_kind(posted, "E03", "SICKNESS_15")
    assert (found["crossed_on"], found["firm_on"], found["academic_year"]) == (
        session_at(59),
        session_at(59),
        "2025-26",
    )
    sessions = school.ok(posted.engine.get(f"/v1/episodes/{found['episode_id']}"))["sessions"]
    assert (len(sessions), len(sessions) / 2) == (expected["sessions"], expected["days"])
    posted.post(MAIN, *SESSIONS[10], {pupil_id: "M"}, taken_by="T1")
    assert of_kind(posted, "E03", "SICKNESS_15") == []
    posted.post(MAIN, *SESSIONS[60], {pupil_id: "I"})
    (later,) = of_kind(posted, "E03", "SICKNESS_15")
    assert later["crossed_on"] == session_at(61)
    posted.post(MAIN, *SESSIONS[10], {pupil_id: "I"}, taken_by="T1")
    (again,) = of_kind(posted, "E03", "SICKNESS_15")
    assert (again["episode_id"], again["crossed_on"]) == (later["episode_id"], session_at(59))


def test_a_return_has_its_task_and_no_letter(posted: Posted, product: Product) -> None:
    posted.wait()
    with product.client("casework") as casework, product.client("notifications") as letters:
        for name, kind, task in (
            ("E01", "CONTINUOUS_10", "attendance_return"), ("E03", "SICKNESS_15", "sickness_return"),
        ):  # fmt: skip
            episode = of_kind(posted, name, kind)[0]["episode_id"]
            told = {"pupil_id": posted.pupils[name]}
            tasks = eventually(lambda task=task, told=told: told_of(casework, "tasks", told, kind=task, status="open"))
            assert [its["episode_id"] for its in tasks] == [episode]
            assert episode not in {letter["episode_id"] for letter in told_of(letters, "letters", told)}


def told_of(client: httpx.Client, what: str, told: dict[str, str], **more: str) -> list[Any]:
    return school.ok(client.get(f"/v1/{what}", params={**told, **more}))["items"]


def test_the_audit_agrees_with_all_of_it(posted: Posted, product: Product) -> None:
    posted.wait()
    product.audited()

"""Sums over many children, against a plain count of the same marks, one by one."""

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest
from absence_engine.domain.terms import half_term
from common.academic import year_of
from common.codes import code_table
from common.events.registers import (
    Enrolment,
    EnrolmentChanged,
    FlagSpan,
    PupilChanged,
    PupilEnrolments,
    PupilFacts,
    SchoolChanged,
)

from tests.integration.absence_engine.ledgers import POLICY, Engine, Ledger, merged, pupil
from tests.integration.absence_engine.test_answers import Asker, asker, bearer

__all__ = ["asker"]

DAYS = [
    day
    for first in (date(2025, 6, 23), date(2025, 9, 1), date(2025, 10, 20))
    for n in range(12)
    if (day := first + timedelta(n)).weekday() < 5
]
CODES = ["/"] * 14 + ["I", "I", "O", "N", "L", "U", "V", "X", "D"]
WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]


@dataclass
class Mark:
    """A mark of a living child in one of its stays, with all that it may be grouped by."""

    child: str
    stay: tuple[Any, ...]
    day: date
    session: int
    code: str
    keys: dict[str, Any]
    flags: set[str]
    born: date
    rank: tuple[Any, ...]


@dataclass
class World:
    """Schools, children and marks, and the ledgers that tell of them."""

    ledgers: dict[int, Ledger] = field(default_factory=dict)
    marks: list[Mark] = field(default_factory=list)


SCHOOLS = {
    100001: ("primary", "T-1", "North", "330"),
    100002: ("secondary", "T-1", None, "330"),
    100003: ("secondary", None, "South", "333"),
}
PRECEDENCE = {"main": 0, "single": 1, "subsidiary": 2, "guest": 3}


def world(seed: int) -> World:
    """Children at one school or two, some with two ids, each with marks of two years."""
    rng = random.Random(seed)
    found = World({urn: Ledger(urn) for urn in SCHOOLS})
    for urn, (phase, trust, locality, la_code) in SCHOOLS.items():
        facts = {"urn": urn, "name": f"School {urn}", "la_code": la_code, "laestab": f"{la_code}1234", "phase": phase}
        found.ledgers[urn].write((SchoolChanged, {**facts, "trust": trust, "locality": locality}))
        found.ledgers[urn].calendar(DAYS)
    for n in range(1, 40):
        _child(found, rng, n)
    return found


def _child(found: World, rng: random.Random, n: int) -> None:
    child, dead = pupil(2 * n), pupil(2 * n + 1)
    born = date(rng.randint(2009, 2021), rng.randint(1, 12), 1)
    group, flag_from = rng.randint(1, 11), rng.choice(DAYS)
    spans = [("CIN", flag_from), ("FSM", date(2020, 1, 1))][: rng.randint(0, 2)]
    facts = PupilFacts(
        pupil_id=child, pupil_version=1, date_of_birth=born.isoformat(), year_group=group, year_group_in="2025-26",
        flags=[], flag_spans=[FlagSpan(flag, first.isoformat(), None, "roll") for flag, first in spans],
    )  # fmt: skip
    schools = rng.sample(sorted(SCHOOLS), rng.choice([1, 1, 1, 2]))
    has_dead = rng.random() < 0.2
    for urn in schools:
        ledger = found.ledgers[urn]
        kind: Any = "single" if len(schools) == 1 else rng.choice(["main", "subsidiary", "guest"])
        stays = [Enrolment("2025-01-01", None, kind, registration_group=rng.choice(["A", "B", None]))]
        if rng.random() < 0.3:
            cut = rng.choice(DAYS[2:])
            before = (cut - timedelta(rng.randint(1, 3))).isoformat()
            stays = [Enrolment("2025-01-01", before, kind), Enrolment(cut.isoformat(), None, kind)]
        ledger.write((PupilChanged, {"pupils": [facts]}))
        ledger.write((EnrolmentChanged, {"pupils": [PupilEnrolments(child, stays)]}))
        if has_dead:
            ledger.write((EnrolmentChanged, {"pupils": [PupilEnrolments(dead, stays)]}))
        for day in DAYS:
            stay = next((s for s in stays if s.from_ <= day.isoformat() and (s.to or "9") >= day.isoformat()), None)
            for session in (0, 1):
                if stay is None or rng.random() < 0.1:
                    continue
                code = rng.choice(CODES)
                ledger.marks(day, ("AM", "PM")[session], {dead if has_dead and rng.random() < 0.5 else child: code})
                _note(found, child, urn, stay, day, session, code, group, spans, born)
        if has_dead:
            ledger.write(merged(dead, child, version=1))
            ledger.write((EnrolmentChanged, {"pupils": [PupilEnrolments(dead, [])]}))


def _note(
    found: World, child: str, urn: int, stay: Enrolment, day: date, session: int, code: str, group: int,
    spans: list[tuple[str, date]], born: date,
) -> None:  # fmt: skip
    phase, trust, locality, la_code = SCHOOLS[urn]
    keys = {
        "school": urn, "phase": phase, "trust": trust, "locality": locality, "la": la_code,
        "registration_group": stay.registration_group, "year_group": group + year_of(day) - 2025, "code": code,
        "weekday": WEEKDAYS[day.weekday()], "week": (day - timedelta(day.weekday())).isoformat(),
        "month": day.isoformat()[:7], "half_term": half_term(day), "session": ("AM", "PM")[session],
    }  # fmt: skip
    flags = {flag for flag, first in spans if first <= day}
    rank = (code == "D", PRECEDENCE[stay.kind], stay.from_, urn)
    found.marks.append(Mark(child, (child, urn, stay.from_), day, session, code, keys, flags, born, rank))


def counted(marks: list[Mark], grain: str) -> list[Mark]:
    """The marks of a grain: of a child, one for each session."""
    if grain == "enrolments":
        return [mark for mark in marks if mark.rank[1] != PRECEDENCE["guest"]]
    best: dict[tuple[Any, ...], Mark] = {}
    for mark in marks:
        at = (mark.child, mark.day, mark.session)
        if at not in best or mark.rank < best[at].rank:
            best[at] = mark
    return list(best.values())


def dfe_counts(mark: Mark) -> bool:
    """Ages 5 to 15 on 31 August; Year 11 up to the spring bank holiday."""
    year = year_of(mark.day)
    age = year - mark.born.year - ((mark.born.month, mark.born.day) > (8, 31))
    last = {2024: date(2025, 5, 26), 2025: date(2026, 5, 25)}[year]
    return 5 <= age <= 15 and (age < 15 or mark.day < last)


def plain(marks: list[Mark], grain: str, by: list[str]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The sums by group, one mark after the other."""
    units: dict[tuple[Any, ...], dict[Any, list[str]]] = defaultdict(lambda: defaultdict(list))
    for mark in marks:
        for key in _keys(mark, by):
            units[key][mark.stay if grain == "enrolments" else mark.child].append(mark.code)
    return {key: _sum(list(its.values())) for key, its in units.items()}


def _keys(mark: Mark, by: list[str]) -> Iterator[tuple[Any, ...]]:
    for flag in (mark.flags or {None}) if "flag" in by else {None}:
        yield tuple(({**mark.keys, "flag": flag})[one] for one in by)


def _sum(units: list[list[str]]) -> dict[str, Any]:
    table = code_table()
    possible = [sum(table[code].possible for code in codes) for codes in units]
    absent = [sum(table[code].absence is not None for code in codes) for codes in units]
    every = [table[code] for codes in units for code in codes]
    return {
        "possible": sum(possible),
        "absent": sum(absent),
        "unauthorised": sum(code.absence == "unauthorised" for code in every),
        "members": sum(number > 0 for number in possible),
        "persistent": sum(p > 0 and a * 10 >= p for p, a in zip(possible, absent, strict=True)),
        "severe": sum(p > 0 and a * 2 >= p for p, a in zip(possible, absent, strict=True)),
        "sessions": len(every),
    }


QUESTIONS: list[dict[str, Any]] = [
    {}, {"group_by": "school"}, {"group_by": "phase,week"}, {"group_by": "flag"}, {"group_by": "year_group,month"},
    {"group_by": "half_term,session"}, {"group_by": "trust,weekday"}, {"group_by": "school,registration_group"},
    {"flag": "CIN"}, {"flag": "FSM", "group_by": "flag"}, {"flag": "CIN", "group_by": "flag,month"},
    {"flag": "FSM", "group_by": "locality"}, {"basis": "dfe", "group_by": "phase"},
    {"basis": "dfe", "group_by": "la,year_group"}, {"kind": "main", "group_by": "school"},
    {"from": "2025-09-03", "to": "2025-10-21", "group_by": "school,month"}, {"from": "2025-09-02", "to": "2025-09-02"},
]  # fmt: skip


@pytest.fixture(params=[1, 2])
async def told(request: pytest.FixtureRequest, engine: Engine) -> World:
    found = world(request.param)
    for ledger in found.ledgers.values():
        await engine.take(ledger.entries)
    return found


async def test_sums_are_those_of_the_marks_counted_one_by_one(told: World, asker: Asker) -> None:
    for question in QUESTIONS:
        query = {"from": "2025-06-01", "to": "2026-07-31", "school_urn": sorted(SCHOOLS)} | question
        answer = await asker.get("/v1/absence", page_size=1000, **query)
        by = question["group_by"].split(",") if "group_by" in question else []
        for grain in ("enrolments",) if question.get("basis") == "dfe" else ("enrolments", "children"):
            marks = [
                mark
                for mark in counted(told.marks, grain)
                if query["from"] <= mark.day.isoformat() <= query["to"]
                and ("flag" not in question or question["flag"] in mark.flags)
                and ("kind" not in question or mark.rank[1] == PRECEDENCE[question["kind"]])
                and (question.get("basis") != "dfe" or dfe_counts(mark))
            ]
            expected = plain(marks, grain, by)
            found = {tuple(item["group"][one] for one in by): item[grain] for item in answer["items"]}
            for key in expected if by else ():
                its = {name: number for name, number in expected[key].items() if name != "sessions"}
                if any(its.values()):
                    assert {name: found[key][name] for name in its} == its, (question, grain, key)
            total = plain(marks, grain, [])[()]
            assert {name: answer["total"][grain][name] for name in total if name != "sessions"} == {
                name: number for name, number in total.items() if name != "sessions"
            }, (question, grain)


async def test_a_school_and_an_authority_have_dfes_basis_beside_the_live_one(told: World, asker: Asker) -> None:
    same = ("possible", "absent", "members", "persistent", "severe", "bands", "hours_lost")
    query: dict[str, Any] = {"academic_year": "2025-26", "basis": "dfe"}
    for urn in SCHOOLS:
        beside = await asker.get(f"/v1/schools/{urn}/absence", academic_year="2025-26")
        alone = (await asker.get("/v1/absence", school_urn=urn, **query))["total"]["enrolments"]
        assert {name: beside["dfe"][name] for name in same} == {name: alone[name] for name in same}
        assert beside["as_of"] == "2025-10-01"
    area = await asker.get("/v1/areas/330/absence", academic_year="2025-26")
    alone = (await asker.get("/v1/absence", la_code="330", **query))["total"]["enrolments"]
    assert {name: area["dfe"][name] for name in same} == {name: alone[name] for name in same}
    assert area["freshness"]["schools"] == 2
    assert area["coverage"]["expected_sessions"] == area["coverage"]["registers"] > 0


async def test_codes_have_their_sessions_children_and_share(told: World, asker: Asker) -> None:
    for by in (["code"], ["school", "code"], ["code", "week"]):
        query = {"from": "2025-08-01", "to": "2025-10-31", "school_urn": sorted(SCHOOLS)}
        answer = await asker.get("/v1/absence", page_size=1000, group_by=by, **query)
        for grain in ("enrolments", "children"):
            marks = [mark for mark in counted(told.marks, grain) if mark.day >= date(2025, 8, 1)]
            units: dict[Any, set[Any]] = defaultdict(set)
            for mark in marks:
                units[tuple(mark.keys[one] for one in by)].add(mark.stay if grain == "enrolments" else mark.child)
            found = {tuple(item["group"][one] for one in by): item[grain] for item in answer["items"]}
            assert {key: one["sessions"] for key, one in found.items() if one["sessions"]} == {
                key: sum(tuple(mark.keys[one] for one in by) == key for mark in marks) for key in units
            }
            assert {key: one["members"] for key, one in found.items() if one["members"]} == {
                key: len(its) for key, its in units.items()
            }


async def test_an_authority_has_its_schools_days_and_hides_what_is_small(told: World, asker: Asker) -> None:
    answer = await asker.get("/v1/absence", la_code="330", group_by="school", academic_year="2025-26")
    assert [item["group"]["school"] for item in answer["items"]] == [100001, 100002]
    below = POLICY.suppress_below
    for one in [answer["total"], *answer["items"]]:
        numbers = [one["enrolments"]["persistent"], one["enrolments"]["severe"], *one["enrolments"]["bands"].values()]
        assert all(number is None or number == 0 or number >= below for number in numbers)
    small = await asker.get("/v1/absence", la_code="330", group_by="school,year_group", academic_year="2025-26")
    hidden = [item for item in small["items"] if item["enrolments"].get("suppressed")]
    assert hidden
    assert all(item["enrolments"]["possible"] is None and item["children"]["members"] is None for item in hidden)
    assert answer["coverage"]["expected_sessions"] > 0
    assert answer["freshness"]["schools"] == 2


async def test_a_token_of_a_school_sees_its_own_alone(told: World, asker: Asker) -> None:
    own = bearer([100001])
    answer = await asker.get("/v1/absence", headers=own, la_code="330", group_by="school", academic_year="2025-26")
    assert [item["group"]["school"] for item in answer["items"]] == [100001]
    assert not any(item["enrolments"].get("suppressed") for item in answer["items"])
    await asker.get("/v1/absence", 404, headers=own, school_urn=100002)
    await asker.get("/v1/absence", 404, headers=own, la_code="333")
    await asker.get("/v1/absence", 404, school_urn=[100001, 999999])


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, "one-of"),
        ({"la_code": "330", "school_urn": 100001}, "one-of"),
        ({"la_code": "330", "group_by": "colour"}, "bad-group-by"),
        ({"la_code": "330", "group_by": ["week", "month", "school"]}, "bad-group-by"),
        ({"la_code": "330", "group_by": "registration_group"}, "needs-school"),
        ({"la_code": "330", "from": "2025-09-02", "to": "2025-09-01"}, "bad-days"),
        ({"la_code": "330", "from": "2001-09-02", "to": "2025-09-01"}, "too-long"),
        ({"la_code": "330", "flag": "TALL"}, "unknown-flag"),
        ({"school_urn": 2**40}, "bad-urn"),
    ],
)
async def test_what_can_not_be_answered_is_refused(asker: Asker, query: dict[str, Any], code: str) -> None:
    answer = await asker.get("/v1/absence", 422, **query)
    assert [fault["code"] for fault in answer["errors"]] == [code]


@pytest.mark.parametrize(
    ("urns", "word"), [([2**40], "2147483647"), ([0], "2147483647"), (list(range(1, 1002)), "At most 1000 URNs")]
)
async def test_what_is_wrong_with_urns_is_said(asker: Asker, urns: list[int], word: str) -> None:
    answer = await asker.get("/v1/absence", 422, school_urn=urns)
    assert [word in fault["detail"] for fault in answer["errors"]] == [True]


async def test_pages_together_are_the_whole_answer(told: World, asker: Asker) -> None:
    query = {"school_urn": 100001, "academic_year": "2025-26", "group_by": ["weekday", "year_group"]}
    whole = await asker.get("/v1/absence", page_size=1000, **query)
    found, path = [], "/v1/absence"
    page = await asker.get(path, page_size=3, **query)
    while True:
        found += page["items"]
        if page["next"] is None:
            break
        page = await asker.get(page["next"])
    assert found == whole["items"]
    assert next(item["group"]["weekday"] for item in found) == "Monday"

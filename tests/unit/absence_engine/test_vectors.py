"""The rule book's worked examples (sections A to C), rule by rule without any service."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from absence_engine.domain.counts import Counts, count, over_line, percent
from absence_engine.domain.marks import codes_at, within
from absence_engine.domain.penalty import PENALTY, penalty_figure
from absence_engine.domain.policy import policies
from absence_engine.domain.records import ChildRecord
from absence_engine.domain.spans import Child, Scope, Span, spans
from absence_engine.domain.ticks import tick_of
from common.academic import Session

from tests.unit.absence_engine.children import OTHER, PUPIL, URN, calendars, child, said, sessions, sheets, stay

BOOK = json.loads((Path(__file__).parents[2] / "data" / "vectors.json").read_text())
BY_ID: dict[str, Any] = {vector["id"]: vector for vector in BOOK["vectors"]}
DAYS = [date.fromisoformat(day) for day in BOOK["school_days"]]
OPEN = sessions(DAYS)
CALENDARS = calendars({URN: OPEN, OTHER: OPEN})
POLICY = policies()[-1]
CODES = [vector for vector in BY_ID.values() if "codes" in vector]
MARKS = [vector for vector in BY_ID.values() if vector["id"][0] in "BC" and "marks" in vector]


def told(counts: Counts) -> dict[str, Any]:
    rates = {"att_pct": percent(counts.attended, counts.possible), "abs_pct": percent(counts.absent, counts.possible)}
    return {
        "possible": counts.possible,
        "attended": counts.attended,
        "absent": counts.absent,
        "auth": counts.authorised,
        "unauth": counts.unauthorised,
        "late_L": counts.late_before_close,
        "late_U": counts.late_after_close,
        **{name: None if rate is None else float(rate) for name, rate in rates.items()},
        "PA": over_line(counts.absent, counts.possible, 10),
        "SA": over_line(counts.absent, counts.possible, 2),
    }


def all_spans(record: ChildRecord) -> list[Span]:
    one = Child.of(record)
    return spans([one], [Scope.whole(one)], CALENDARS, POLICY)[0]


@pytest.mark.parametrize("vector", CODES, ids=lambda v: v["id"])
def test_counts_and_flags_are_those_of_the_rule_book(vector: dict[str, Any]) -> None:
    record = child(dict(zip(OPEN, vector["codes"], strict=False)))
    expected = {name: value for name, value in vector["expected"].items() if name != "crossings"}
    assert told(count(Child.of(record).years[2025].codes)) == expected


@pytest.mark.parametrize("vector", CODES, ids=lambda v: v["id"])
def test_flags_flip_and_the_first_flip_crosses(vector: dict[str, Any]) -> None:
    codes = vector["codes"]
    flips: list[str] = []
    flags = {"PA": False, "SA": False}
    for n in range(1, len(codes) + 1):
        now = told(count(Child.of(child(dict(zip(OPEN, codes[:n], strict=False)))).years[2025].codes))
        for kind, flag in flags.items():
            if now[kind] != flag:
                flips.append(f"{kind}{'-' if flag else '+'}@{n}")
                flags[kind] = now[kind]
    assert flips == vector["expected"]["crossings"]
    found = all_spans(child(dict(zip(OPEN, codes, strict=False))))
    for kind in flags:
        first = [OPEN[int(flip.split("@")[1]) - 1] for flip in flips if flip.startswith(kind + "+")][:1]
        assert [span.crossed for span in found if span.kind == kind][:1] == first


@pytest.mark.parametrize("vector", MARKS, ids=lambda v: v["id"])
def test_the_threshold_is_met_where_the_rule_book_says(vector: dict[str, Any]) -> None:
    marks = {tick_of(date.fromisoformat(day), Session[half]): code for day, half, code in vector["marks"]}
    record = child(marks, born=date(2020, 11, 10) if vector["id"] == "C13" else date(2014, 3, 9))
    if vector["id"] == "C10":
        cut = tick_of(date(2025, 11, 1))
        stays = (stay(URN, to=date(2025, 10, 31)), stay(OTHER, date(2025, 11, 1)))
        before = sheets({tick: code for tick, code in marks.items() if tick < cut})
        after = sheets({tick: code for tick, code in marks.items() if tick >= cut}, OTHER)
        record = ChildRecord(PUPIL, date(2014, 3, 9), stays, (*before, *after))
    if vector["id"] == "C15":
        spent = frozenset(tick for tick, code in marks.items() if code == "G")
        record = ChildRecord(PUPIL, record.date_of_birth, record.enrolments, record.sheets, spent)
    expected = vector["expected"]
    best = penalty_figure(record, list(Child.of(record).years.values()), CALENDARS, POLICY.penalty).best
    assert best is not None
    assert (len(best.ticks), best.met) == (expected["max_count"], expected["met"])
    met_on = [said(span.crossed) for span in all_spans(record) if span.kind == PENALTY]
    assert met_on == ([] if expected["met_on"] is None else [expected["met_on"]])


def test_a_mover_has_figures_as_a_child_and_for_each_enrolment() -> None:
    codes = ["/"] * 85 + ["I"] * 15 + ["/"] * 270 + ["I"] * 10
    marks = dict(zip(OPEN, codes, strict=False))
    first, second = dict(list(marks.items())[:100]), dict(list(marks.items())[100:])
    stays = (stay(URN, to=DAYS[49]), stay(OTHER, DAYS[50]))
    record = ChildRecord(PUPIL, None, stays, (*sheets(first), *sheets(second, OTHER)))
    expected = BY_ID["A23"]["expected"]
    whole = told(count(Child.of(record).years[2025].codes))
    assert {name: whole[name] for name in expected["pupil"]} == expected["pupil"]
    given = codes_at(record, 2025)
    for stay_, name in zip(stays, "AB", strict=True):
        counted = told(count(within(given[stay_.urn], 2025, stay_)))
        assert {key: counted[key] for key in expected[name]} == expected[name]


def test_percentages_are_rounded_half_up_from_integers() -> None:
    assert percent(25, 251) == "9.96"
    assert percent(1, 16) == "6.25"
    assert percent(1, 800) == "0.13"
    assert percent(0, 5) == "0.00"
    assert percent(0, 0) is None
    assert all(percent(n, 7) is not None for n in np.arange(8).tolist())

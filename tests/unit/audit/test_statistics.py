"""The counts of a year as DfE publishes them: who is in them, and until when."""

import csv
import io
from datetime import date
from pathlib import Path

import pytest
import simulator
from audit.child import Enrolment, Kind
from audit.codes import code_table
from audit.statistics import ALL_PHASES, last_day, spring_bank_holiday, statistics, write

from tests.unit.audit.children import BY_ID, DAYS, OTHER, SCHOOL, SESSIONS, child_of, marks_of

CODES = code_table()
PHASES = {SCHOOL: "Primary", OTHER: "Secondary"}
LEAVING = date(2010, 3, 9)
"""Aged 15 on 31 August 2025."""


def test_a_mover_is_an_enrolment_of_each_school() -> None:
    stays = [Enrolment(SCHOOL, DAYS[0], DAYS[49], "single"), Enrolment(OTHER, DAYS[50], None, "single")]
    marks = marks_of("/" * 85 + "I" * 15) + marks_of("/" * 270 + "I" * 10, OTHER, SESSIONS[100:])
    found = statistics([child_of(marks, enrolments=stays)], PHASES, 2025, CODES)
    assert {phase: row["enrolments"] for phase, row in found.items()} == {
        "Primary": "1",
        "Secondary": "1",
        "Total": "2",
    }
    assert (found["Primary"]["pa_perc"], found["Secondary"]["pa_perc"]) == ("100", "0")
    assert found[ALL_PHASES]["pa_perc"] == "50"
    assert BY_ID["A23"]["expected"]["dfe_enrolment_rate"] == "1 PA enrolment of 2"
    assert found[ALL_PHASES]["possible_sessions"] == "380"


def test_attendance_and_absence_are_the_possible_sessions_whatever_the_code() -> None:
    codes = [code for code in CODES if code not in ("F", "Y")]
    row = statistics([child_of(marks_of(codes))], PHASES, 2025, CODES)["Primary"]
    counts = {name: int(value) for name, value in row.items() if value.isdigit() and not name.endswith("perc")}
    assert counts["overall_attendance"] + counts["overall_absence"] == counts["possible_sessions"]
    assert counts["authorised_absence"] + counts["unauthorised_absence"] == counts["overall_absence"]
    assert counts["present_sessions"] + counts["approved_educational_activity"] == counts["overall_attendance"]
    assert sum(value for name, value in counts.items() if name.startswith("reason_")) == counts["possible_sessions"]
    assert counts["late_sessions"] == 2


@pytest.mark.parametrize(
    ("born", "last"),
    [
        (date(2020, 8, 31), date(2026, 7, 31)),
        (date(2020, 9, 1), None),
        (date(2010, 9, 1), date(2026, 7, 31)),
        (date(2010, 8, 31), date(2026, 5, 24)),
        (date(2009, 9, 1), date(2026, 5, 24)),
        (date(2009, 8, 31), None),
        (None, None),
    ],
)
def test_those_aged_5_to_15_are_counted_the_oldest_until_the_second_half_of_the_summer_term(
    born: date | None, last: date | None
) -> None:
    assert spring_bank_holiday(2026) == date(2026, 5, 25)
    assert last_day(born, 2025) == last


@pytest.mark.parametrize(("kind", "born", "possible"), [
    ("single", date(2014, 3, 9), 380), ("guest", date(2014, 3, 9), None), ("single", date(2021, 5, 1), None),
    ("single", LEAVING, len([day for day in DAYS if day < date(2026, 5, 25)]) * 2),
])  # fmt: skip
def test_who_is_counted(kind: Kind, born: date, possible: int | None) -> None:
    child = child_of(marks_of("/" * 380), enrolments=[Enrolment(SCHOOL, DAYS[0], None, kind)], born=born)
    found = statistics([child], PHASES, 2025, CODES)
    assert found.get("Primary", {}).get("possible_sessions") == (None if possible is None else str(possible))


def test_an_enrolment_without_a_possible_session_is_none() -> None:
    assert statistics([child_of(marks_of("D#XY"))], PHASES, 2025, CODES) == {}


def test_the_file_has_the_columns_of_dfe() -> None:
    to = io.StringIO()
    write(statistics([child_of(marks_of("/I"))], PHASES, 2025, CODES).values(), 2025, "916", to)
    rows = list(csv.DictReader(io.StringIO(to.getvalue())))
    assert [(row["time_period"], row["old_la_code"], row["education_phase"]) for row in rows] == [
        ("202526", "916", "Primary"), ("202526", "916", "Total"),
    ]  # fmt: skip
    assert rows[0]["reason_i_authorised_illness"] == "1"
    with (Path(simulator.__file__).parent / "dfe_attendance_ytd_2025_26.csv").open(encoding="utf-8-sig") as published:
        assert {*rows[0]} <= {*next(csv.reader(published))}

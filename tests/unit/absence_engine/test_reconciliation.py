"""Differences from what others counted: the reasons add up, whatever they say; and DfE's table, read and written."""

from datetime import date

import numpy as np
import pytest
from absence_engine.domain import dfe_file
from absence_engine.domain.dfe_file import Counted, FileError, Theirs
from absence_engine.domain.groups import dfe_last_place
from absence_engine.domain.reconciliation import (
    STEPS,
    SUMS,
    UNITS,
    Asked,
    Figure,
    Row,
    Tally,
    compare,
    rows_of,
    steps,
)
from absence_engine.domain.records import Codes, Enrolment, Kind
from common.academic import GRID
from common.codes import code_table
from hypothesis import given
from hypothesis import strategies as st

YEAR, KNOWN = 2025, "2026-06-30T12:00:00+01:00"
TABLE = code_table()
KINDS: list[Kind] = ["single", "main", "guest"]
CODES = ["/", "\\", "L", "I", "O", "N", "D", "X", "V"]
BIRTHS = [date(2021, 8, 31), date(2015, 3, 9), date(2010, 3, 9), date(2008, 1, 1), None]
"""Four years old on 31 August 2025, ten, fifteen, older; not known."""
COUNTS = st.none() | st.integers(0, 50)


@st.composite
def grids(draw: st.DrawFn) -> Codes:
    codes = np.zeros(GRID, np.uint8)
    for place in draw(st.lists(st.integers(70, 680), max_size=30)):
        codes[place] = TABLE[draw(st.sampled_from(CODES))].number
    return codes


@st.composite
def children(draw: st.DrawFn) -> list[Row]:
    """One child's stays; what was known is what stands, with some marks changed."""
    now, changed = draw(grids()), draw(grids())
    then = np.where(changed > 0, changed, now).astype(np.uint8) if draw(st.booleans()) else changed
    days = sorted(draw(st.lists(st.dates(date(2025, 7, 1), date(2026, 7, 31)), min_size=2, max_size=4, unique=True)))
    kinds = st.sampled_from(KINDS)
    stays = [
        Enrolment(100001, days[n], days[n + 1] if n + 2 < len(days) else draw(st.sampled_from([days[n + 1], None])),
                  draw(kinds))
        for n in range(0, len(days) - 1, 2)
    ]  # fmt: skip
    return rows_of(stays, now, then, YEAR, draw(st.sampled_from(BIRTHS)), is_known=draw(st.booleans()))


@st.composite
def said(draw: st.DrawFn) -> Theirs:
    codes = {code: draw(COUNTS) for code in draw(st.lists(st.sampled_from([*CODES, "H", "J", "Y", "?"]), unique=True))}
    sums = {name: draw(COUNTS) for name in draw(st.lists(st.sampled_from([*SUMS, *UNITS]), unique=True))}
    return Theirs(sums, codes, complete=draw(st.booleans()))


def tallied(rows: list[Row], asked: Asked) -> Tally:
    return Tally.of(steps(rows, asked, np.ones(GRID, bool)), asked.one_in)


@given(
    st.lists(children(), max_size=4),
    said(),
    st.sampled_from(["live", "dfe"]),
    st.dates(date(2025, 8, 1), date(2025, 12, 1)),
    st.dates(date(2025, 12, 1), date(2026, 7, 31)),
)
def test_the_reasons_add_up_to_the_difference(
    families: list[list[Row]], theirs: Theirs, basis: str, first: date, last: date
) -> None:
    asked = Asked(YEAR, first, last, "dfe" if basis == "dfe" else "live")
    tally = tallied([row for rows in families for row in rows], asked)
    figures = compare(theirs, tally, asked, KNOWN)
    assert [one.figure for one in figures] == [*(n for n in (*SUMS, *UNITS) if n in theirs.sums), *theirs.codes]
    for one in figures:
        assert one.ours == tally.along(one.figure)[0]
        if one.theirs is None:
            assert (one.difference, one.unexplained) == (None, None)
            continue
        assert one.difference == one.theirs - one.ours
        assert one.difference == sum(reason.count for reason in one.reasons) + (one.unexplained or 0)
        assert one.expected == one.theirs - (one.unexplained or 0)
        assert all(reason.count and str(abs(reason.count)) in reason.sentence for reason in one.reasons)


@given(st.lists(children(), max_size=4))
def test_what_they_should_have_counted_is_a_plain_count_of_what_was_known(families: list[list[Row]]) -> None:
    asked = Asked(YEAR, date(2025, 9, 8), date(2026, 7, 31))
    rows = [row for rows in families for row in rows]
    possible = 0
    for row in rows:
        last = dfe_last_place(row.born, YEAR)
        for place in range((asked.first - date(YEAR, 8, 1)).days * 2, GRID):
            number = int(row.then[place] or row.gone[place])
            if last is not None and place <= last and number:
                possible += next(code.possible for code in TABLE.values() if code.number == number)
    assert tallied(rows, asked).along("possible")[-1] == possible


def of(figures: list[Figure], name: str) -> tuple[dict[str, int], int | None]:
    (found,) = (one for one in figures if one.figure == name)
    return {reason.reason: reason.count for reason in found.reasons}, found.unexplained


def child(code: str, sessions: int, first: int = 200) -> Codes:
    codes = np.zeros(GRID, np.uint8)
    codes[first : first + sessions] = TABLE[code].number
    return codes


def test_each_reason_takes_its_own_sessions() -> None:
    stay = [Enrolment(100001, date(2025, 9, 1), None, "single")]
    left = [Enrolment(100001, date(2025, 9, 1), date(2025, 11, 7), "single")]
    before, june = child("/", 3, 64), child("/", 5, 620)
    ten, four, fifteen = BIRTHS[1], BIRTHS[0], BIRTHS[2]
    nothing = np.zeros(GRID, np.uint8)

    def rows(stays: list[Enrolment], now: Codes, then: Codes, born: date | None) -> list[Row]:
        return rows_of(stays, now, then, YEAR, born, is_known=True)

    asked = Asked(YEAR, date(2025, 9, 8), date(2026, 7, 31))
    everybody = [
        *rows(stay, before + child("/", 10), before + child("/", 10), ten),
        *rows(stay, child("/", 7), child("/", 7), four),
        *rows(stay, child("/", 1) + june, child("/", 1) + june, fifteen),
        *rows(stay, child("I", 2), child("O", 2), ten),
        *rows(stay, child("/", 11), nothing, ten),
        *rows(left, nothing, child("/", 13), ten),
    ]
    theirs = Theirs({"possible": 26, "unauthorised": 2, "enrolments": 4}, {"I": 0, "H": 0})
    figures = compare(theirs, tallied(everybody, asked), asked, KNOWN)
    assert of(figures, "possible") == (
        {"calendar": -3, "age": -7, "year-11": -5, "joiner": -11, "leaver": 13}, 0,
    )  # fmt: skip
    assert of(figures, "unauthorised") == ({"late-mark": 2}, 0)
    assert of(figures, "I") == ({"late-mark": -2}, 0)
    assert of(figures, "enrolments") == ({"age": -1, "joiner": -1, "leaver": 1}, 0)
    assert {reason.reason for one in figures for reason in one.reasons} == {*STEPS}


def test_retired_codes_and_sums_that_are_not_those_of_their_parts_are_codes() -> None:
    stay = [Enrolment(100001, date(2025, 9, 1), None, "single")]
    asked = Asked(YEAR, date(2025, 8, 1), date(2026, 7, 31))
    marks = child("/", 10) + child("D", 4, 300)
    tally = tallied(rows_of(stay, marks, marks, YEAR, BIRTHS[1], is_known=False), asked)
    codes: dict[str, int | None] = {**dict.fromkeys(TABLE, 0), "/": 10, "H": 2}
    theirs = Theirs({"possible": 13, "attended": 10, "authorised": 3, "unauthorised": 0}, codes, complete=True)
    figures = compare(theirs, tally, asked, None)
    assert of(figures, "H") == ({"codes": 2}, 0)
    assert of(figures, "authorised") == of(figures, "possible") == ({"codes": 3}, 0)
    dual = Theirs({"possible": 14, "attended": 10, "authorised": 0, "unauthorised": 0}, {})
    assert of(compare(dual, tally, asked, None), "possible") == ({"dual-registration": 4}, 0)


def table(**cells: str) -> bytes:
    made = dfe_file.write([Counted("Primary", 3, {"/": 90, "I": 10}, 12, 6)], YEAR, "330").splitlines()
    names, values = (line[1:-1].split('","') for line in made)
    whole = dict(zip(names, values, strict=True)) | cells
    return (",".join(whole) + "\r\n" + ",".join(whole.values()) + "\r\n").encode("cp1252")


def test_a_table_that_is_written_is_read_again() -> None:
    (row,), unknown = dfe_file.read(table())
    assert (row.line, row.la_code, row.phase, row.year, unknown) == (2, "330", "Primary", 2025, [])
    assert row.theirs.sums == {
        "possible": 100, "attended": 90, "authorised": 10, "unauthorised": 0, "enrolments": 12, "persistent": 6,
    }  # fmt: skip
    assert {code: count for code, count in row.theirs.codes.items() if count} == {"/": 90, "I": 10}
    hidden = dfe_file.write([Counted("Special", 1, None, 3, None)], YEAR, "330")
    assert set(dfe_file.read(hidden.encode())[0][0].theirs.sums.values()) == {None}


def test_a_school_level_row_and_columns_that_are_not_known() -> None:
    (row,), unknown = dfe_file.read(table(school_urn="100001", la_name="Köln", mood="good", mood_perc="1"))
    assert (row.urn, row.name, row.level, unknown) == (100001, "Köln", "School", ["mood"])
    (by_laestab,), _ = dfe_file.read(table(school_laestab="3301234"))
    assert (by_laestab.urn, by_laestab.level) == (None, "School")


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ({"time_period": "202527"}, "202527 is no academic year"),
        ({"time_identifier": "Week"}, "Only rows of an academic year"),
        ({"possible_sessions": "many"}, "possible_sessions is no number of sessions: many."),
    ],
)
def test_a_row_that_cannot_be_read_says_why(cells: dict[str, str], problem: str) -> None:
    (row,), _ = dfe_file.read(table(**cells))
    assert problem in (row.problem or "")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "Columns are missing: time_period"),
        (b"a,a\n", "Two columns have the same name."),
        (b'time_period,"x\n', "is no CSV"),
        (b"time_period\x00", "neither UTF-8 nor"),
        (table() + b"x\n" * 30_000, "at most 30000 rows"),
        (b"x" * 101, "at most 500 columns"),
    ],
)
def test_a_file_that_is_none_says_why(body: bytes, problem: str) -> None:
    with pytest.raises(FileError, match=problem):
        dfe_file.read(body)


def test_dfes_year_begins_on_the_second_monday_of_september() -> None:
    assert [dfe_file.first_day(year).isoformat() for year in (2024, 2025, 2026, 2030)] == [
        "2024-09-09", "2025-09-08", "2026-09-14", "2030-09-09",
    ]  # fmt: skip

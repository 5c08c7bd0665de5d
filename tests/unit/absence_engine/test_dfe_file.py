"""DfE's daily-attendance table, column by column: what we write is what others read, and the other way round."""

from collections.abc import Mapping

import pytest
from absence_engine.domain import dfe_file
from absence_engine.domain.dfe_file import TOTAL, Counted, FileError, FileRow, Theirs

CODES = ["/", "\\", "L", "I", "M", "R", "S", "T", "H", "E", "C", "C1", "J1", "C2", "B", "J", "P", "V", "W", "K", "G",
         "U", "O", "N"]  # fmt: skip
COUNTS = {code: number for number, code in enumerate(CODES, start=1)} | {"F": 100, "X": 7, "D": 9}
ROW = {
    "time_period": "202526", "time_identifier": "Academic year", "geographic_level": "Local authority",
    "old_la_code": "330", "education_phase": "Primary", "total_num_schools": "3", "total_enrolments": "40",
    "enrolments": "40", "present_sessions": "6", "overall_attendance": "111", "approved_educational_activity": "105",
    "overall_absence": "289", "authorised_absence": "199", "unauthorised_absence": "90", "late_sessions": "25",
    "possible_sessions": "400", "reason_present": "3", "reason_present_am": "1", "reason_present_pm": "2",
    "reason_l_present_late_before_registers_closed": "3", "reason_i_authorised_illness": "4",
    "reason_m_authorised_medical_dental": "5", "reason_r_authorised_religious_observance": "6",
    "reason_s_authorised_study_leave": "7", "reason_t_authorised_mobile_child": "8",
    "reason_h_authorised_holiday": "9", "reason_e_authorised_excluded": "10", "reason_c_authorised_other": "11",
    "reason_c1_authorised_regulated_performance": "12", "reason_j1_authorised_interview": "13",
    "reason_c2_authorised_temp_reduced_timetable": "14", "reason_b_aea_education_off_site": "15",
    "reason_j_aea_interview": "16", "reason_p_aea_approved_sporting_activity": "17",
    "reason_v_aea_educational_visit_trip": "18", "reason_w_aea_work_experience": "19",
    "reason_k_aea_education_arranged_by_la": "20", "reason_g_unauthorised_holiday": "21",
    "reason_u_unauthorised_late_after_registers_closed": "22", "reason_o_other_unauthorised": "23",
    "reason_n_no_reason_yet": "24", "attendance_perc": "27.75", "overall_absence_perc": "72.25",
    "authorised_absence_perc": "49.75", "unauthorised_absence_perc": "22.5", "pa_perc": "17.5",
}  # fmt: skip
"""A primary phase of 40 enrolments, 7 of them persistent: every column of a row as it is written."""

DESCRIBED = 6
"""So many columns say whose and of when a row is."""


def csv_of(*rows: Mapping[str, str]) -> bytes:
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    return ("\r\n".join(lines) + "\r\n").encode()


def one(**cells: str) -> FileRow:
    (row,), _ = dfe_file.read(csv_of(ROW | cells))
    return row


def without(*columns: str) -> dict[str, str]:
    return {name: value for name, value in ROW.items() if name not in columns}


# -- written ----------------------------------------------------------------------------------------------------------


def test_a_row_has_dfes_columns_and_codes_that_it_does_not_have_are_counted_in_its_sums() -> None:
    names, values = dfe_file.write([Counted("Primary", 3, COUNTS, 40, 7)], 2025, "330").splitlines()
    cells = zip(names[1:-1].split('","'), values[1:-1].split('","'), strict=True)
    assert [*cells] == [*ROW.items()]


def test_a_number_that_may_not_be_shown_is_c_in_every_column_of_a_number() -> None:
    names, values = dfe_file.write([Counted("Special", 1, None, 3, None)], 2099, "916").splitlines()
    cells = dict(zip(names[1:-1].split('","'), values[1:-1].split('","'), strict=True))
    assert {*cells} == {*ROW}
    assert list(cells.values())[:DESCRIBED] == ["209900", "Academic year", "Local authority", "916", "Special", "1"]
    assert {*list(cells.values())[DESCRIBED:]} == {"c"}


def test_persistent_absence_may_be_hidden_alone_and_nothing_possible_has_rates_of_nought() -> None:
    written = dfe_file.write([Counted("Primary", 3, {}, 0, None), Counted("Total", 3, {}, 0, 0)], 2025, "330")
    rows = [line[1:-1].split('","') for line in written.splitlines()]
    rates = slice(rows[0].index("attendance_perc"), None)
    assert [row[rates] for row in rows[1:]] == [["0"] * 4 + ["c"], ["0"] * 5]
    assert written.count("\n") == 3
    assert "\r" not in written
    assert {row[rows[0].index("reason_present")] for row in rows[1:]} == {"0"}


# -- read -------------------------------------------------------------------------------------------------------------


def test_a_row_that_was_written_is_read_whole() -> None:
    (row,), strangers = dfe_file.read(csv_of(ROW))
    sums = {"possible": 400, "attended": 111, "authorised": 199, "unauthorised": 90, "enrolments": 40, "persistent": 7}
    theirs = Theirs(sums, {code: COUNTS[code] for code in CODES}, complete=True)
    assert row == FileRow(2, "Local authority", "", "330", None, "Primary", 2025, theirs, None, "3")
    assert strangers == []


def test_the_columns_that_dfe_has_are_known_and_all_others_are_named() -> None:
    known = [
        "time_period", "geographic_level", "country_code", "country_name", "region_code", "region_name", "new_la_code",
        "la_name", "old_la_code", "education_phase", "num_schools", "total_num_schools", "total_enrolments",
        "time_identifier", "reason_present", "school_urn", "urn", "school_name", "school_laestab", "laestab",
        "time_frame", "illness_perc",
    ]  # fmt: skip
    _, strangers = dfe_file.read(csv_of(ROW | {name: ROW.get(name, "1") for name in known} | {"mood": "", "perc_": ""}))
    assert strangers == ["mood", "perc_"]


def test_a_file_of_some_reasons_is_not_complete() -> None:
    (row,), _ = dfe_file.read(csv_of(without("reason_n_no_reason_yet")))
    assert "N" not in row.theirs.codes
    assert Theirs({}, {}).complete is False
    assert not row.theirs.complete


@pytest.mark.parametrize(
    ("cells", "urn", "level", "name"),
    [
        ({"urn": "100001"}, 100001, "School", ""),
        ({"school_urn": "100001", "urn": "100002", "school_name": "Elm", "la_name": "Here"}, 100001, "School", "Elm"),
        ({"school_urn": "", "urn": "100002"}, 100002, "School", ""),
        ({"laestab": "3301234"}, None, "School", ""),
        ({"school_laestab": "3301234"}, None, "School", ""),
        ({"la_name": "Here", "region_name": "West", "country_name": "England"}, None, "Local authority", "Here"),
        ({"region_name": " West ", "country_name": "England"}, None, "Local authority", "West"),
        ({"country_name": "England", "geographic_level": "National"}, None, "National", "England"),
    ],
)
def test_a_row_is_of_a_school_where_one_is_named_and_else_of_its_level(
    cells: dict[str, str], urn: int | None, level: str, name: str
) -> None:
    row = one(**cells)
    assert (row.urn, row.level, row.name, row.problem) == (urn, level, name, None)


def test_an_authority_is_named_by_its_old_code_or_else_its_new_one() -> None:
    assert one(new_la_code="E08000025").la_code == "330"
    assert one(old_la_code="", new_la_code="E08000025").la_code == "E08000025"
    assert one(old_la_code="", urn="1").la_code is None


def test_what_a_row_leaves_out_is_all_phases_an_authority_and_no_number_of_schools() -> None:
    bare = without("education_phase", "geographic_level", "time_identifier", "total_num_schools", "pa_perc")
    (row,), _ = dfe_file.read(csv_of(bare))
    assert (row.phase, row.level, row.schools, row.year, row.problem) == (TOTAL, "Local authority", "", 2025, None)
    assert row.theirs.sums["persistent"] is None
    assert one(total_num_schools="x" * 30).schools == "x" * 20
    assert TOTAL == "Total"


@pytest.mark.parametrize("hidden", ["c", "Z", "x", "low", ":", "", " "])
def test_a_number_that_is_hidden_is_none(hidden: str) -> None:
    row = one(possible_sessions=hidden, reason_i_authorised_illness=hidden, total_enrolments=hidden, enrolments=hidden,
              pa_perc=hidden)  # fmt: skip
    sums = row.theirs.sums
    assert [sums[name] for name in ("possible", "enrolments", "persistent")] == [None] * 3
    assert (row.theirs.codes["I"], row.problem) == (None, None)


@pytest.mark.parametrize(
    ("total", "mean", "enrolments"),
    [("40", "39", 40), ("", "39", 39), ("", "39.5", None), ("40.0", "", 40), ("-1", "", None), ("NaN", "", None),
     ("many", "7", 7), ("1e11", "", 10**11), ("1e12", "", None), ("0", "", 0), ("0", "3", 0)],
)  # fmt: skip
def test_enrolments_are_their_total_or_else_a_mean_that_is_whole(total: str, mean: str, enrolments: int | None) -> None:
    assert one(total_enrolments=total, enrolments=mean, pa_perc="").theirs.sums["enrolments"] == enrolments


@pytest.mark.parametrize(
    ("enrolments", "rate", "persistent"),
    [("40", "17.5", 7), ("40", "0", 0), ("40", "100", 40), ("40", "100.1", None), ("200", "100.5", None),
     ("40", "-2.5", None),
     ("40", "17", None), ("3", "33.3333333", 1), ("3", "33.3333", None), ("", "50", None), ("40", "?", None)],
)  # fmt: skip
def test_a_rate_is_of_so_many_enrolments_where_it_is_of_a_whole_number(
    enrolments: str, rate: str, persistent: int | None
) -> None:
    assert one(total_enrolments=enrolments, enrolments="", pa_perc=rate).theirs.sums["persistent"] == persistent


@pytest.mark.parametrize(
    ("period", "identifier", "year"),
    [("202526", "Academic year", 2025), ("202526", "ACADEMIC YEAR", 2025), ("202526", "", 2025), ("209900", "", 2099),
     ("190001", "", 1900), ("220001", "", 2200), ("189900", "", None), ("220102", "", None), ("202525", "", None),
     ("2025", "", None), ("20252", "", None), ("2025/6", "", None), ("2025267", "", None), ("202526", "Week 1", None)],
)  # fmt: skip
def test_a_row_is_of_an_academic_year(period: str, identifier: str, year: int | None) -> None:
    row = one(time_period=period, time_identifier=identifier)
    assert row.year == year
    assert row.schools == ("3" if year else "")
    if identifier.startswith("Week"):
        assert row.problem == "Only rows of an academic year, such as 202526, can be reconciled."
    assert (row.problem is None) == (year is not None)


@pytest.mark.parametrize("count", ["-1", "1.5", "٣", "²", "many", "1" * 16])
def test_a_count_is_a_whole_number_of_sessions(count: str) -> None:
    row = one(reason_i_authorised_illness=count)
    assert row.problem == f"reason_i_authorised_illness is no number of sessions: {count}."
    assert (row.line, row.level, row.name, row.phase, row.theirs) == (2, "", "", TOTAL, Theirs({}, {}))
    assert one(reason_i_authorised_illness="1" * 15).theirs.codes["I"] == int("1" * 15)


def test_a_long_text_that_is_no_count_is_cut() -> None:
    assert one(possible_sessions="x" * 90).problem == f"possible_sessions is no number of sessions: {'x' * 40}."


@pytest.mark.parametrize("urn", ["abc", "1_000", "-5", "٣", "0", "1" * 10])
def test_a_school_that_is_not_named_by_a_urn_says_so(urn: str) -> None:
    assert one(urn=urn).problem == f"{urn} is no URN."
    assert one(urn="x" * 50).problem == f"{'x' * 40} is no URN."


def test_a_row_of_another_length_than_the_header_says_so_and_an_empty_line_is_none() -> None:
    rows, _ = dfe_file.read(csv_of(ROW) + b"1,2\r\n\r\n" + csv_of(ROW).partition(b"\r\n")[2])
    assert [(row.line, row.problem) for row in rows] == [
        (2, None), (3, "The row has 2 values, and the header 46."), (5, None),
    ]  # fmt: skip


# -- what is no such file ---------------------------------------------------------------------------------------------


def test_a_file_is_utf_8_with_a_mark_or_without_or_windows_1252() -> None:
    assert [dfe_file.decoded(body) for body in (b"\xef\xbb\xbfK\xc3\xb6ln", b"K\xc3\xb6ln", b"K\xf6ln")] == ["Köln"] * 3
    for body in (b"a\x00", b"\x81"):
        with pytest.raises(FileError, match=r"^The file is neither UTF-8 nor Windows-1252 text\.$"):
            dfe_file.decoded(body)


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        (["urn"], "time_period, possible_sessions, overall_attendance, authorised_absence, unauthorised_absence"),
        (["time_period", "possible_sessions", "overall_attendance", "authorised_absence", "unauthorised_absence"],
         "old_la_code or school_urn"),
    ],
)  # fmt: skip
def test_a_table_without_the_columns_that_it_takes_says_which(names: list[str], missing: str) -> None:
    with pytest.raises(FileError, match=rf"^Columns are missing: {missing}\.$"):
        dfe_file.read(",".join(names).encode())


@pytest.mark.parametrize("column", ["old_la_code", "new_la_code", "school_urn", "urn"])
def test_any_column_that_names_a_place_will_do(column: str) -> None:
    rows, _ = dfe_file.read(csv_of(without("old_la_code") | {column: "330"}))
    assert rows[0].problem is None


def test_no_two_columns_have_one_name() -> None:
    with pytest.raises(FileError, match=r"^Two columns have the same name\.$"):
        dfe_file.read(b"urn,URN\n")


def test_names_of_columns_are_read_whatever_their_case_and_margins() -> None:
    body = csv_of({f" {name.upper()} ": value for name, value in ROW.items()})
    assert dfe_file.read(body)[0][0].theirs.complete


def test_a_table_may_have_so_many_columns_rows_and_years_and_no_more() -> None:
    wide = ROW | {f"c{n}": "" for n in range(500 - len(ROW))}
    assert dfe_file.read(csv_of(wide))[0][0].problem is None
    for header in (wide | {"one more": ""}, ROW | {"x" * 101: ""}):
        with pytest.raises(
            FileError, match=r"^A file has at most 500 columns, with names of at most 100 characters\.$"
        ):
            dfe_file.read(csv_of(header))
    assert dfe_file.read(csv_of(ROW | {"x" * 100: ""}))[0][0].problem is None
    years = [ROW | {"time_period": f"{year}{year - 1999:02d}"} for year in range(2015, 2026)]
    assert len(dfe_file.read(csv_of(*years[:10]))[0]) == 10
    with pytest.raises(FileError, match=r"^A file has at most 30000 rows and 10 academic years\.$"):
        dfe_file.read(csv_of(*years))


def test_a_table_may_have_thirty_thousand_rows() -> None:
    short = csv_of(ROW) + b"x\r\n" * 29_999
    assert len(dfe_file.read(short)[0]) == 30_000
    with pytest.raises(FileError, match="at most 30000 rows"):
        dfe_file.read(short + b"x\r\n")


def test_what_is_no_csv_is_said_with_its_line() -> None:
    with pytest.raises(FileError, match=r"^Line 2 is no CSV: .+\.$"):
        dfe_file.read(csv_of(ROW).partition(b"\r\n")[0] + b'\r\n"x"y,1\r\n')

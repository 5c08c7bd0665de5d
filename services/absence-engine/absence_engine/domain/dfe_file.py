"""DfE's daily-attendance download as a table: its columns, a file that is read, a row that is written (rule book 1a,
10; columns as in the data behind *Pupil attendance in schools*).

Counts are sessions. `enrolments` of DfE's own file is a mean over days; `total_enrolments` is the number of them.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation

REASONS: Mapping[str, str] = {
    "reason_present_am": "/",
    "reason_present_pm": "\\",
    "reason_l_present_late_before_registers_closed": "L",
    "reason_i_authorised_illness": "I",
    "reason_m_authorised_medical_dental": "M",
    "reason_r_authorised_religious_observance": "R",
    "reason_s_authorised_study_leave": "S",
    "reason_t_authorised_mobile_child": "T",
    "reason_h_authorised_holiday": "H",
    "reason_e_authorised_excluded": "E",
    "reason_c_authorised_other": "C",
    "reason_c1_authorised_regulated_performance": "C1",
    "reason_j1_authorised_interview": "J1",
    "reason_c2_authorised_temp_reduced_timetable": "C2",
    "reason_b_aea_education_off_site": "B",
    "reason_j_aea_interview": "J",
    "reason_p_aea_approved_sporting_activity": "P",
    "reason_v_aea_educational_visit_trip": "V",
    "reason_w_aea_work_experience": "W",
    "reason_k_aea_education_arranged_by_la": "K",
    "reason_g_unauthorised_holiday": "G",
    "reason_u_unauthorised_late_after_registers_closed": "U",
    "reason_o_other_unauthorised": "O",
    "reason_n_no_reason_yet": "N",
}
"""The code of each column of one reason."""
SUMS: Mapping[str, str] = {
    "possible_sessions": "possible",
    "overall_attendance": "attended",
    "authorised_absence": "authorised",
    "unauthorised_absence": "unauthorised",
}
"""Our name of each column of a sum."""
PRESENT = ("/", "\\", "L")
TOTAL = "Total"
SUPPRESSED = frozenset({"c", "z", "x", "low", ":"})
"""What stands in place of a number that DfE hides or does not have."""
URN_COLUMNS = ("school_urn", "urn")


MOST_ROWS, MOST_YEARS, MOST_COLUMNS = 30_000, 10, 500


class FileError(ValueError):
    """A file that is no such table: what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Theirs:
    """What somebody else counted, by figure (`possible`, …, `enrolments`, `persistent`) and by code; None where it is
    hidden or can't be told. `complete`: every code that they count has its column, so that sums and codes agree.
    """

    sums: Mapping[str, int | None]
    codes: Mapping[str, int | None]
    complete: bool = False


@dataclass(frozen=True, slots=True)
class FileRow:
    """A row: its line in the file (the header is 1), whose and of when it is. `problem`: why it can't be read."""

    line: int
    level: str
    name: str
    la_code: str | None
    urn: int | None
    phase: str
    year: int | None
    theirs: Theirs
    problem: str | None = None
    schools: str = ""


def first_day(year: int) -> date:
    """The first day of DfE's series of an academic year (rule book 3, early-year behaviour): the second Monday in
    September, as it has been in the years that are known.
    """
    second = date(year, 9, 8)
    return second + timedelta(-second.weekday() % 7)


def decoded(body: bytes) -> str:
    """A file's text: UTF-8, with a mark of byte order or without, or Windows-1252. FileError for neither."""
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            text = body.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise FileError("The file is neither UTF-8 nor Windows-1252 text.")


def read(body: bytes) -> tuple[list[FileRow], list[str]]:
    """The rows of a file, and its columns that we do not know; FileError for what is no such file."""
    lines = csv.reader(io.StringIO(decoded(body), newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in next(lines, list[str]())]
        _check_header(header)
        rows = [
            _row(lines.line_num, dict(zip(header, values, strict=True)))
            if len(values) == len(header)
            else _unread(lines.line_num, f"The row has {len(values)} values, and the header {len(header)}.")
            for values in lines
            if values
        ]
    except csv.Error as error:
        raise FileError(f"Line {lines.line_num} is no CSV: {error}.") from None
    if len(rows) > MOST_ROWS or len({row.year for row in rows}) > MOST_YEARS:
        raise FileError(f"A file has at most {MOST_ROWS} rows and {MOST_YEARS} academic years.")
    return rows, [name for name in header if name not in KNOWN and not name.endswith("_perc")]


def _check_header(header: Sequence[str]) -> None:
    if len(header) > MOST_COLUMNS or any(len(name) > 100 for name in header):
        raise FileError(f"A file has at most {MOST_COLUMNS} columns, with names of at most 100 characters.")
    if len(set(header)) < len(header):
        raise FileError("Two columns have the same name.")
    missing = [name for name in ("time_period", *SUMS) if name not in header]
    if not {"old_la_code", "new_la_code", *URN_COLUMNS} & {*header}:
        missing.append("old_la_code or school_urn")
    if missing:
        raise FileError(f"Columns are missing: {', '.join(missing)}.")


def _unread(line: int, problem: str) -> FileRow:
    return FileRow(line, "", "", None, None, TOTAL, None, Theirs({}, {}), problem)


def _row(line: int, cells: Mapping[str, str]) -> FileRow:
    values = {name: value.strip() for name, value in cells.items()}
    urn = next((values[name] for name in URN_COLUMNS if values.get(name)), "")
    is_school = any(values.get(name) for name in (*URN_COLUMNS, "school_laestab", "laestab"))
    level = "School" if is_school else values.get("geographic_level", "Local authority")
    try:
        theirs = _theirs(values)
        year = _year(values["time_period"], values.get("time_identifier", ""))
        number = _urn(urn)
    except ValueError as error:
        return _unread(line, str(error))
    return FileRow(
        line=line,
        level=level,
        name=next((values[n] for n in ("school_name", "la_name", "region_name", "country_name") if values.get(n)), ""),
        la_code=values.get("old_la_code") or values.get("new_la_code") or None,
        urn=number,
        phase=values.get("education_phase") or TOTAL,
        year=year,
        theirs=theirs,
        schools=values.get("total_num_schools", "")[:20],
    )


def _urn(text: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        raise ValueError(f"{text[:40]} is no URN.")
    return int(text)


def _year(period: str, identifier: str) -> int:
    if identifier.lower() not in ("", "academic year") or len(period) != 6 or not period.isdecimal():
        raise ValueError("Only rows of an academic year, such as 202526, can be reconciled.")
    year = int(period[:4])
    if not 1900 <= year <= 2200 or (year + 1) % 100 != int(period[4:]):
        raise ValueError(f"{period} is no academic year such as 202526.")
    return year


def _theirs(values: Mapping[str, str]) -> Theirs:
    sums = {name: _count(column, values[column]) for column, name in SUMS.items()}
    codes = {code: _count(column, values[column]) for column, code in REASONS.items() if column in values}
    total = _whole(values, "total_enrolments")
    enrolments = _whole(values, "enrolments") if total is None else total
    sums["enrolments"] = enrolments
    sums["persistent"] = _persistent(values.get("pa_perc", ""), enrolments)
    return Theirs(sums, codes, complete=len(codes) == len(REASONS))


def _count(column: str, text: str) -> int | None:
    if text.lower() in SUPPRESSED or not text:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 15:
        raise ValueError(f"{column} is no number of sessions: {text[:40]}.")
    return int(text)


def _decimal(text: str) -> Decimal | None:
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found) < 10**12 else None


def _whole(values: Mapping[str, str], column: str) -> int | None:
    found = _decimal(values.get(column, ""))
    return None if found is None or found != int(found) or found < 0 else int(found)


def _persistent(percent: str, enrolments: int | None) -> int | None:
    """How many enrolments a rate is of; None where it is of another number than that of the file."""
    rate = _decimal(percent)
    if rate is None or enrolments is None or not 0 <= rate <= 100:
        return None
    found = rate * enrolments / 100
    return int(found.to_integral_value()) if abs(found - found.to_integral_value()) < Decimal("0.000001") else None


@dataclass(frozen=True, slots=True)
class Counted:
    """Our counts of a phase on DfE's basis; None for a number that is too small to be shown."""

    phase: str
    schools: int
    codes: Mapping[str, int] | None
    enrolments: int
    persistent: int | None


COUNTS = ("enrolments", "present_sessions", "overall_attendance", "approved_educational_activity", "overall_absence",
          "authorised_absence", "unauthorised_absence", "late_sessions", "possible_sessions")  # fmt: skip
DESCRIBING = ("time_period", "geographic_level", "country_code", "country_name", "region_code", "region_name",
              "new_la_code", "la_name", "old_la_code", "education_phase", "num_schools", "total_num_schools",
              "total_enrolments", "time_identifier", "reason_present", "school_urn", "urn", "school_name",
              "school_laestab", "laestab", "time_frame")  # fmt: skip
KNOWN = frozenset({*COUNTS, *DESCRIBING, *REASONS})
AUTHORISED = tuple(code for column, code in REASONS.items() if "_authorised_" in column)
UNAUTHORISED = ("G", "U", "O", "N")


def write(rows: Iterable[Counted], year: int, la_code: str) -> str:
    """The rows as DfE's table."""
    made = [_written(row, year, la_code) for row in rows]
    to = io.StringIO()
    table = csv.DictWriter(to, list(made[0]), quoting=csv.QUOTE_ALL, lineterminator="\n")
    table.writeheader()
    table.writerows(made)
    return to.getvalue()


def _written(row: Counted, year: int, la_code: str) -> dict[str, str]:
    described = {
        "time_period": f"{year}{(year + 1) % 100:02d}",
        "time_identifier": "Academic year",
        "geographic_level": "Local authority",
        "old_la_code": la_code,
        "education_phase": row.phase,
        "total_num_schools": str(row.schools),
    }
    rates = ("attendance_perc", "overall_absence_perc", "authorised_absence_perc", "unauthorised_absence_perc")
    if row.codes is None:
        hidden = ("total_enrolments", *COUNTS, "reason_present", *REASONS, *rates, "pa_perc")
        return described | dict.fromkeys(hidden, "c")
    sums = _sums(row.codes) | {"enrolments": row.enrolments}
    shares = [sums[name] for name in ("overall_attendance", "overall_absence", "authorised_absence",
                                      "unauthorised_absence")]  # fmt: skip
    return {
        **described,
        "total_enrolments": str(row.enrolments),
        **{name: str(sums[name]) for name in COUNTS},
        "reason_present": str(row.codes.get("/", 0) + row.codes.get("\\", 0)),
        **{column: str(row.codes.get(code, 0)) for column, code in REASONS.items()},
        **{name: _percent(part, sums["possible_sessions"]) for name, part in zip(rates, shares, strict=True)},
        "pa_perc": "c" if row.persistent is None else _percent(row.persistent, row.enrolments),
    }


def _sums(codes: Mapping[str, int]) -> dict[str, int]:
    def of(some: Iterable[str]) -> int:
        return sum(codes.get(code, 0) for code in some)

    present, authorised, unauthorised = of(PRESENT), of((*AUTHORISED, "F")), of(UNAUTHORISED)
    activity = of(("B", "J", "K", "P", "V", "W"))
    return {
        "present_sessions": present,
        "overall_attendance": present + activity,
        "approved_educational_activity": activity,
        "overall_absence": authorised + unauthorised,
        "authorised_absence": authorised,
        "unauthorised_absence": unauthorised,
        "late_sessions": of(("L", "U")),
        "possible_sessions": present + activity + authorised + unauthorised,
    }


def _percent(part: int, whole: int) -> str:
    return str(Decimal(100 * part) / whole) if whole else "0"

"""A year's marks as DfE publishes them: a row of counts for each phase, and one for all (rule book 3.1-3.15).

Enrolments are counted, not children: each stay with what its own school marked. In it are those aged 5 to 15 on 31
August; of those aged 15, who leave, the sessions before the second half of the summer term. A guest is on another
school's books. An enrolment without a possible session is left out.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import TextIO

from audit.child import Child, Enrolment, Mark, birthday, year_of
from audit.codes import Code
from audit.figures import reaches, totals

REASONS = {
    "reason_present_am": "/", "reason_present_pm": "\\", "reason_l_present_late_before_registers_closed": "L",
    "reason_i_authorised_illness": "I", "reason_m_authorised_medical_dental": "M",
    "reason_r_authorised_religious_observance": "R", "reason_s_authorised_study_leave": "S",
    "reason_t_authorised_mobile_child": "T", "reason_h_authorised_holiday": "H", "reason_e_authorised_excluded": "E",
    "reason_c_authorised_other": "C", "reason_c1_authorised_regulated_performance": "C1",
    "reason_j1_authorised_interview": "J1", "reason_c2_authorised_temp_reduced_timetable": "C2",
    "reason_b_aea_education_off_site": "B", "reason_j_aea_interview": "J",
    "reason_p_aea_approved_sporting_activity": "P", "reason_v_aea_educational_visit_trip": "V",
    "reason_w_aea_work_experience": "W", "reason_k_aea_education_arranged_by_la": "K",
    "reason_g_unauthorised_holiday": "G", "reason_u_unauthorised_late_after_registers_closed": "U",
    "reason_o_other_unauthorised": "O", "reason_n_no_reason_yet": "N",
}  # fmt: skip
"""DfE's columns of single codes."""
PRESENT = ("/", "\\", "L")
OLDEST, YOUNGEST = 15, 5
ALL_PHASES = "Total"


def spring_bank_holiday(year: int) -> date:
    """The last Monday in May: with it begins the second half of the summer term (rule book 8.4)."""
    day = date(year, 5, 31)
    return day - timedelta(days=day.weekday())


def last_day(born: date | None, year: int) -> date | None:
    """The last day of an academic year that is counted for somebody; None where none is."""
    if born is None:
        return None
    age = year - born.year - (birthday(born, year - born.year) > date(year, 8, 31))
    if not YOUNGEST <= age <= OLDEST:
        return None
    return date(year + 1, 7, 31) if age < OLDEST else spring_bank_holiday(year + 1) - timedelta(days=1)


def counted_marks(child: Child, stay: Enrolment, year: int) -> list[Mark]:
    """The marks of a stay that are counted."""
    last = last_day(child.date_of_birth, year)
    if last is None or stay.kind == "guest":
        return []
    own = [mark for mark in child.marks if mark.urn == stay.urn and stay.covers(mark.day)]
    return [mark for mark in own if year_of(mark.day) == year and mark.day <= last]


def statistics(
    children: Iterable[Child], phases: Mapping[int, str], year: int, codes: dict[str, Code]
) -> dict[str, dict[str, str]]:
    """By phase, and for all of them, a row as DfE writes it. `phases`: by URN."""
    sums: dict[str, Counter[str]] = {}
    for child in children:
        for stay in child.enrolments:
            marks = counted_marks(child, stay, year)
            own = totals(marks, codes)
            if own.possible == 0:
                continue
            by_code = Counter(mark.code for mark in marks)
            counts = Counter({column: by_code[code] for column, code in REASONS.items()})
            present = sum(by_code[code] for code in PRESENT)
            counts += Counter(
                enrolments=1,
                possible_sessions=own.possible,
                present_sessions=present,
                overall_attendance=own.attended,
                approved_educational_activity=own.attended - present,
                overall_absence=own.absent,
                authorised_absence=own.authorised,
                unauthorised_absence=own.unauthorised,
                late_sessions=own.late_before_close + own.late_after_close,
                persistent=reaches(own.absent, own.possible, 1, 10),
            )
            for phase in (phases[stay.urn], ALL_PHASES):
                sums.setdefault(phase, Counter()).update(counts)
    return {phase: _row(phase, found) for phase, found in sums.items()}


def _row(phase: str, found: Counter[str]) -> dict[str, str]:
    counts = {
        name: str(found[name])
        for name in (
            "enrolments", "present_sessions", "overall_attendance", "approved_educational_activity", "overall_absence",
            "authorised_absence", "unauthorised_absence", "late_sessions", "possible_sessions", *REASONS,
        )
    }  # fmt: skip
    possible = found["possible_sessions"]
    return {
        "education_phase": phase,
        **counts,
        "attendance_perc": _percent(found["overall_attendance"], possible),
        "overall_absence_perc": _percent(found["overall_absence"], possible),
        "pa_perc": _percent(found["persistent"], found["enrolments"]),
    }


def _percent(part: int, whole: int) -> str:
    return str(Decimal(100 * part) / whole)


def write(rows: Iterable[Mapping[str, str]], year: int, la_code: str, to: TextIO) -> None:
    """The rows as a file."""
    described = [
        {
            "time_period": f"{year}{(year + 1) % 100:02d}",
            "geographic_level": "Local authority",
            "old_la_code": la_code,
            **row,
        }
        for row in rows
    ]
    table = csv.DictWriter(to, list(described[0]) if described else [], quoting=csv.QUOTE_ALL, lineterminator="\n")
    table.writeheader()
    table.writerows(described)

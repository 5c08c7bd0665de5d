"""The Department for Education's figures for one local authority, by phase (rule book 10, series B).

`dfe_attendance_ytd_2025_26.csv` counts sessions by code; `figures` turns a row into shares of possible sessions. The
file has no severe absence, so that comes from the full-year statistics of 2024/25 (rule book 10a, series A).
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

PHASES = ("primary", "secondary", "special")
ENGLAND = "England"

# The codes that DfE counts inside possible sessions, with its column for each. Retired codes (H, J) are left out: a
# school's system that still sends them would be a fault, not a pattern.
COLUMNS: Mapping[str, str] = {
    "/": "reason_present",
    "L": "reason_l_present_late_before_registers_closed",
    "B": "reason_b_aea_education_off_site",
    "V": "reason_v_aea_educational_visit_trip",
    "W": "reason_w_aea_work_experience",
    "P": "reason_p_aea_approved_sporting_activity",
    "K": "reason_k_aea_education_arranged_by_la",
    "I": "reason_i_authorised_illness",
    "M": "reason_m_authorised_medical_dental",
    "C": "reason_c_authorised_other",
    "C1": "reason_c1_authorised_regulated_performance",
    "C2": "reason_c2_authorised_temp_reduced_timetable",
    "E": "reason_e_authorised_excluded",
    "R": "reason_r_authorised_religious_observance",
    "S": "reason_s_authorised_study_leave",
    "T": "reason_t_authorised_mobile_child",
    "J1": "reason_j1_authorised_interview",
    "G": "reason_g_unauthorised_holiday",
    "O": "reason_o_other_unauthorised",
    "U": "reason_u_unauthorised_late_after_registers_closed",
    "N": "reason_n_no_reason_yet",
}

# Severely absent pupils in percent, 2024/25, primary, secondary and special (rule book 10a).
SEVERE: Mapping[str, tuple[float, float, float]] = {
    "330": (1.22, 3.52, 8.60),
    "333": (1.03, 3.48, 6.15),
    "869": (0.79, 4.16, 4.77),
    "916": (0.93, 3.83, 5.44),
    ENGLAND: (0.93, 3.88, 6.91),
}


@dataclass(frozen=True, slots=True)
class PhaseFigures:
    """One phase of one authority; rates and shares are fractions of possible sessions, or of pupils."""

    phase: str
    schools: float
    pupils: float
    shares: Mapping[str, float]  # by code; together 1
    absence: float
    persistent: float
    severe: float


@dataclass(frozen=True, slots=True)
class AuthorityFigures:
    """One local authority's row of the file for each of its phases."""

    la_code: str
    name: str
    phases: Mapping[str, PhaseFigures]


@cache
def authorities() -> Mapping[str, AuthorityFigures]:
    """Every local authority that has all three phases in the file, by its three-digit code."""
    rows: dict[str, dict[str, dict[str, str]]] = {}
    text = files("simulator").joinpath("dfe_attendance_ytd_2025_26.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        if row["geographic_level"] == "Local authority":
            rows.setdefault(row["old_la_code"], {})[row["education_phase"].lower()] = row
    return {
        code: AuthorityFigures(
            code, by_phase["primary"]["la_name"], {p: _figures(code, p, by_phase[p]) for p in PHASES}
        )
        for code, by_phase in rows.items()
        if all(phase in by_phase and by_phase[phase]["pa_perc"] for phase in PHASES)
    }


def authority_figures(la_code: str) -> AuthorityFigures:
    """The figures of one authority; KeyError for a code that the file does not hold."""
    return authorities()[la_code]


def _figures(la_code: str, phase: str, row: Mapping[str, str]) -> PhaseFigures:
    counts = {code: float(row[column] or 0) for code, column in COLUMNS.items()}
    possible = sum(counts.values())
    severe = SEVERE.get(la_code, SEVERE[ENGLAND])[PHASES.index(phase)]
    return PhaseFigures(
        phase=phase,
        schools=float(row["num_schools"]),
        pupils=float(row["total_enrolments"]),
        shares={code: count / possible for code, count in counts.items()},
        absence=float(row["overall_absence_perc"]) / 100,
        persistent=float(row["pa_perc"]) / 100,
        severe=severe / 100,
    )

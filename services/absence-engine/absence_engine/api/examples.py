"""Answers as the API's documentation shows them: a fictional child with four absences in forty sessions."""

from typing import Any

PUPIL_ID = "0b0c6d3e-6d0b-4d4e-9a2e-2f6f0d9d8a11"
URN = 100001
YEAR = "2025-26"
POLICY = "england-2024.1"
SESSION: dict[str, Any] = {"date": "2025-09-30", "session": "PM", "code": "I", "school_urn": URN}
FRESHNESS: dict[str, Any] = {
    "schools": [
        {
            "school_urn": URN,
            "sequence": 812,
            "last_register": "2025-09-30 PM",
            "coverage": {"expected_sessions": 40, "registers": 40},
        }
    ]
}

COUNTS: dict[str, Any] = {
    "possible": 40,
    "attended": 36,
    "absent": 4,
    "authorised": 4,
    "unauthorised": 0,
    "late_before_close": 0,
    "late_after_close": 0,
    "absence_percent": "10.00",
    "attendance_percent": "90.00",
}
FIGURES: dict[str, Any] = {**COUNTS, "persistent": True, "severe": False, "provisional": False}
SUM: dict[str, Any] = {
    **COUNTS,
    "authorised_percent": "10.00",
    "unauthorised_percent": "0.00",
    "days_lost": "2.0",
    "hours_lost": "13.00",
    "members": 1,
    "persistent": 1,
    "severe": 0,
    "persistent_percent": "100.00",
    "severe_percent": "0.00",
    "bands": {"good": 0, "satisfactory": 0, "below-satisfactory": 0, "persistent": 1, "severe": 0},
}
SEEN: dict[str, Any] = {
    "schools": 1,
    "oldest": {"school_urn": URN, "last_register": "2025-09-30 PM"},
    "recalculating": [],
}
STAY: dict[str, Any] = {**FIGURES, "school_urn": URN, "from": "2025-09-01", "to": None}
NO_WINDOW: dict[str, Any] = {
    "sessions_in_window": 0,
    "met": False,
    "provisional": False,
    "spent": 0,
    "window": None,
    "sessions": [],
}
CURRENT: dict[str, Any] = {**NO_WINDOW, "window": {"from": "2025-09-01", "to": "2025-10-03", "school_weeks": 5}}
BANDED: dict[str, Any] = {**FIGURES, "band": "persistent"}
OUTLOOK: dict[str, Any] = {"certain": False, "possible": True, "may_miss": 33, "misses_to_reach": 0}
PROJECTION: dict[str, Any] = {
    "pupil_id": PUPIL_ID,
    "academic_year": YEAR,
    "policy_version": POLICY,
    "as_of": "2025-10-01",
    "child": FIGURES,
    "sessions_left": 340,
    "best_attendance_percent": "98.95",
    "worst_attendance_percent": "9.47",
    "persistent": OUTLOOK,
    "severe": {**OUTLOOK, "may_miss": 185, "misses_to_reach": 32},
    "open_episodes": [
        {
            "kind": "PA",
            "academic_year": YEAR,
            "crossed_on": {"date": "2025-09-30", "session": "PM"},
            "provisional": False,
            "attend": 10,
            "ends_on": {"date": "2025-10-07", "session": "PM"},
            "ended_reason": "recovered",
        }
    ],
    "freshness": FRESHNESS,
}
WHAT_IF: dict[str, Any] = {
    "pupil_id": PUPIL_ID,
    "academic_year": YEAR,
    "policy_version": POLICY,
    "as_of": "2025-10-01",
    "sessions": 20,
    "from": "2025-10-01",
    "to": "2025-10-14",
    "before": BANDED,
    "after": {
        **BANDED,
        "possible": 60,
        "attended": 56,
        "absence_percent": "6.67",
        "attendance_percent": "93.33",
        "persistent": False,
        "band": "below-satisfactory",
    },
    "opened": [],
    "firm": [],
    "ended": [
        {
            "kind": "PA",
            "academic_year": YEAR,
            "crossed_on": {"date": "2025-09-30", "session": "PM"},
            "firm_on": {"date": "2025-09-30", "session": "PM"},
            "ended_on": {"date": "2025-10-07", "session": "PM"},
            "ended_reason": "recovered",
        }
    ],
    "freshness": FRESHNESS,
}
TARGET_SENT: dict[str, Any] = {
    "attendance_percent": "90.00",
    "from": "2025-09-01",
    "to": "2026-07-31",
    "reason": "Hospital appointment every fortnight",
    "by": "J. Field, attendance officer",
}
TARGET: dict[str, Any] = {**TARGET_SENT, "said_at": "2025-10-01T09:00:00Z"}
DETAIL: dict[str, Any] = {
    "band": "persistent",
    "days_lost": "2.0",
    "hours_lost": "13.00",
    "by_code": {"/": 18, "\\": 18, "I": 4},
    "by_weekday": {
        name: {**COUNTS, "possible": 8, "attended": 8, "absent": 0, "authorised": 0, "absence_percent": "0.00"}
        | {"attendance_percent": "100.00"}
        for name in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
    },
    "half_days": {"am": 0, "pm": 0},
    "physically_present": 36,
    "attended_when_able_percent": "100.00",
    "compulsory_school_age": True,
    "ever": {"PA": [YEAR], "SA": []},
    "dfe": [{**STAY}],
    "personal_target": TARGET,
}
PUPIL: dict[str, Any] = {
    "pupil_id": PUPIL_ID,
    "academic_year": YEAR,
    "as_of": None,
    "policy_version": POLICY,
    "child": FIGURES,
    "enrolments": [STAY],
    "penalty": {**NO_WINDOW, "current": CURRENT},
    "detail": DETAIL,
    "freshness": FRESHNESS,
}
SCHOOL: dict[str, Any] = {
    "school_urn": URN,
    "academic_year": YEAR,
    "policy_version": POLICY,
    "school": {**COUNTS, "enrolments": 1, "persistent": 1, "severe": 0},
    "dfe": SUM,
    "as_of": "2025-10-01",
    "items": [{**STAY, "pupil_id": PUPIL_ID}],
    "next": None,
    "freshness": FRESHNESS,
}
GROUP: dict[str, Any] = {
    **COUNTS,
    "members": 1,
    "persistent": None,
    "severe": 0,
    "persistent_percent": None,
    "severe_percent": "0.00",
}
AREA: dict[str, Any] = {
    "la_code": "330",
    "academic_year": YEAR,
    "policy_version": POLICY,
    "schools": 1,
    "enrolments": GROUP,
    "phases": {"primary": GROUP},
    "children": GROUP,
    "dfe": {**SUM, "persistent": None, "persistent_percent": None, "bands": {}},
    "as_of": "2025-10-01",
    "coverage": {"expected_sessions": 40, "registers": 40},
    "freshness": SEEN,
}
ANSWER: dict[str, Any] = {
    "from": "2025-09-01",
    "to": "2025-09-30",
    "basis": "live",
    "group_by": ["month"],
    "policy_version": POLICY,
    "as_of": "2025-10-01",
    "total": {"enrolments": SUM, "children": SUM},
    "items": [{"group": {"month": "2025-09"}, "enrolments": SUM, "children": SUM}],
    "next": None,
    "coverage": {"expected_sessions": 40, "registers": 40},
    "freshness": SEEN,
}
EPISODE: dict[str, Any] = {
    "episode_id": "c8a8f0b1-33fb-5b5c-8d39-6f4f3f2f2d10",
    "kind": "PA",
    "academic_year": YEAR,
    "state": "open",
    "provisional": False,
    "crossed_on": {"date": "2025-09-30", "session": "PM"},
    "firm_on": {"date": "2025-09-30", "session": "PM"},
    "ended_on": None,
    "ended_reason": None,
    "reversed_at": None,
}
STANDING: dict[str, Any] = {
    "pupil_id": PUPIL_ID,
    "academic_year": YEAR,
    "policy_version": POLICY,
    "child": BANDED,
    "sessions_left": 340,
    "persistent": OUTLOOK,
    "severe": PROJECTION["severe"],
}
WORK_ITEM: dict[str, Any] = {**EPISODE, "pupil_id": PUPIL_ID, "school_urn": URN, "standing": STANDING}
WORKLIST: dict[str, Any] = {
    "items": [WORK_ITEM],
    "next": None,
    "as_of": "2025-09-30",
    "coverage": {"expected_sessions": 40, "registers": 40},
    "freshness": SEEN,
}
AT_RISK: dict[str, Any] = {"items": [STANDING], "next": None, "as_of": "2025-09-30", "freshness": FRESHNESS}
EXPLAINED: dict[str, Any] = {
    **EPISODE,
    "pupil_id": PUPIL_ID,
    "school_urn": URN,
    "sentence": "In the school year 2025-26, up to the afternoon of 30 September 2025, 4 of 40 possible sessions were "
    "missed: 10.00%. 10% or more is persistent absence.",
    "sessions": [SESSION],
    "school_weeks": [],
    "formula": {"absent": 4, "possible": 40, "one_in": 10, "comparison": "absent * 10 >= possible"},
    "policy_version": POLICY,
    "sequence": [{"school_urn": URN, "sequence": 812}],
    "hash": "9f2c8a4d0f0c4f4e8f9d1c2b3a495867f6e5d4c3b2a1908f7e6d5c4b3a291807",
}

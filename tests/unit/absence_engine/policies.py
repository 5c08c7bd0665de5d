"""Policies for the tests of the rules."""

import json
from typing import Any

from absence_engine.domain.policy import Policy, policies, read, written

from tests.unit.absence_engine.children import OTHER, URN


def changed(policy: Policy, **thresholds: dict[str, Any]) -> Policy:
    """A policy with some fields of its thresholds changed."""
    document = json.loads(json.dumps(written(policy)))
    for kind, fields in thresholds.items():
        document["thresholds"][kind] |= fields
    return read(document)


SHIPPED = policies()[-1]

FULL = changed(SHIPPED, SCHOOL_TARGET={"targets": {str(URN): "93.5", str(OTHER): "88"}})
"""As shipped, with targets of the two schools."""

SMALL = changed(
    FULL,
    AT_RISK={"part": 2, "of": 30, "recovery_sessions": 3, "minimum_possible": 8},
    SCHOOL_TARGET={"targets": {str(OTHER): "90.25"}, "minimum_possible": 1, "recovery_sessions": 1},
    CIN_CP_95={"flags": ["CLA"], "minimum_possible": 5, "recovery_sessions": 4},
    PN_10_IN_10={"sessions": 4, "reading": "school_days", "days": 12},
    PUNCTUALITY={"sessions": 3, "weeks": 2},
    CONTINUOUS_10={"sessions": 3},
    CONTINUOUS_20={"sessions": 6},
    UNEXPLAINED={"sessions": 2},
    SICKNESS_15={"sessions": 4},
)
"""Numbers so low that every kind comes and goes within a term, and the other reading of a window."""

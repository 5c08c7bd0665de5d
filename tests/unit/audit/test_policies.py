"""Which version of a policy an episode names: the one since which its kind has been as it is."""

from datetime import date
from typing import Any

import pytest
from audit.policies import Policies
from audit.policy import Policy, policy_of

WINDOW = {"rule": "window", "sessions": 10, "codes": ["G", "O"], "reading": "school_days", "weeks": 10, "days": 50}
TODAY = date(2026, 11, 2)


def version(number: int, **changed: Any) -> Policy:
    thresholds = {"PN_10_IN_10": {**WINDOW, **changed}}
    return policy_of({"version": f"v{number}", "valid_from": f"2025-0{number}-01", "thresholds": thresholds})


def named(*versions: Policy) -> str:
    return Policies(TODAY, versions).held(None, TODAY).named_by("PN_10_IN_10")


def test_a_kind_that_stays_as_it_is_names_the_version_that_brought_it():
    assert named(version(1), version(2)) == "v1"


@pytest.mark.parametrize(
    "changed", [{"sessions": 9}, {"days": 40}, {"weeks": 8}, {"codes": ["O", "G"]}, {"unsettled_codes": ["O"]}]
)
def test_whatever_is_said_otherwise_of_a_kind_makes_it_another(changed: dict[str, Any]):
    """Even what has no effect, like the weeks of a window that is counted by days: the engine goes by what is said."""
    assert named(version(1), version(2, **changed)) == "v2"

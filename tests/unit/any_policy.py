"""Policy documents with random numbers, every kind of threshold in them, as both implementations read them.

Numbers are mostly small, so that every edge is near; some are those that ship.
"""

from collections.abc import Callable, Sequence
from typing import Any

Choose = Callable[[Sequence[Any]], Any]
"""Picks one of some: at random, or as hypothesis draws."""

UNAUTHORISED = ["G", "N", "O", "U"]
SOCIAL_CARE = ["CIN", "CP", "CLA", "YOUTH_JUSTICE"]
BOOLEANS = [False, True]
OPTIONAL = ("AT_RISK", "BELOW_95", "SCHOOL_TARGET", "CIN_CP_95", "PUNCTUALITY", "CONTINUOUS_10", "CONTINUOUS_20",
            "UNEXPLAINED", "SICKNESS_15")  # fmt: skip
"""The kinds that a policy may leave out."""


def any_policy(choose: Choose, urns: Sequence[int], version: str = "random") -> dict[str, Any]:
    """A document with nearly all kinds; `urns`: schools that may have a target."""
    thresholds = {
        "PA": {**_rate(choose), "part": 1, "of": choose([2, 4, 5, 10, 20])},
        "SA": {**_rate(choose), "part": 1, "of": choose([1, 2, 3])},
        "PN_10_IN_10": _window(choose, UNAUTHORISED, ["N"]),
        "AT_RISK": {**_rate(choose), **_line(choose)},
        "BELOW_95": {**_rate(choose), **_line(choose)},
        "SCHOOL_TARGET": {**_rate(choose), "strict": choose(BOOLEANS), "targets": _targets(choose, urns)},
        "CIN_CP_95": {**_rate(choose), **_line(choose), "flags": ["CIN", "CP"]},
        "PUNCTUALITY": _window(choose, ["L", "U"], []),
        "CONTINUOUS_10": _run(choose, UNAUTHORISED),
        "CONTINUOUS_20": _run(choose, ["G", "N", "O"]),
        "UNEXPLAINED": {**_run(choose, ["N", "O"]), "flags": choose([SOCIAL_CARE, ["CLA"]])},
        "SICKNESS_15": {
            "rule": "tally", "sessions": choose([1, 2, 3, 5, 30]), "codes": choose([["I"], ["I", "M"]]),
            "compulsory_age": choose(BOOLEANS),
        },
    }  # fmt: skip
    left_out = choose([None, None, *OPTIONAL])
    return {
        "version": version,
        "valid_from": "2024-08-19",
        "thresholds": {kind: said for kind, said in thresholds.items() if kind != left_out},
    }


def _rate(choose: Choose) -> dict[str, Any]:
    return {
        "rule": "rate",
        "minimum_possible": choose([1, 4, 8, 40]),
        "recovery_sessions": choose([1, 2, 3, 10]),
    }


def _line(choose: Choose) -> dict[str, Any]:
    part, of = choose([(1, 20), (1, 4), (1, 2), (2, 7), (3, 10), (1, 1)])
    return {"part": part, "of": of, "strict": choose(BOOLEANS)}


def _targets(choose: Choose, urns: Sequence[int]) -> dict[str, str]:
    return {str(urn): target for urn in urns if (target := choose([None, "96.5", "75", "50.00", "66.67", "100"]))}


def _window(choose: Choose, codes: list[str], unsettled: list[str]) -> dict[str, Any]:
    said = {
        "rule": "window",
        "sessions": choose([1, 2, 3, 5, 10]),
        "weeks": choose([1, 2, 3, 10]),
        "codes": codes,
        "unsettled_codes": choose([unsettled, []]),
        "compulsory_age": choose(BOOLEANS),
        "spendable": choose(BOOLEANS),
    }
    days = choose([None, None, 1, 2, 5, 50])
    return said if days is None else {**said, "reading": "school_days", "days": days}


def _run(choose: Choose, codes: list[str]) -> dict[str, Any]:
    return {
        "rule": "run",
        "sessions": choose([1, 2, 3, 5, 20]),
        "codes": codes,
        "unsettled_codes": choose([["N"], []]),
        "compulsory_age": choose(BOOLEANS),
    }

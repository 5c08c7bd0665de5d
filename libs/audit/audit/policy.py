"""The thresholds, read as the data file that ships with the absence engine (rule book 12: all of them policy
settings).
"""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from audit.codes import data_file


@dataclass(frozen=True)
class Policy:
    """One dated set of thresholds.

    `one_in`: by kind (PA, SA), a rate is over its line when absent * one_in >= possible. `minimum_possible`: sessions
    before that is firm. `recovery_sessions`: possible sessions in a row below the line that end an episode.
    `penalty_sessions` within `school_weeks` are the ten in ten; those with a code of `unsettled` keep it provisional.
    """

    version: str
    valid_from: date
    one_in: dict[str, int]
    minimum_possible: int
    recovery_sessions: int
    penalty_sessions: int
    school_weeks: int
    unsettled: tuple[str, ...]


def _policy(text: str) -> Policy:
    said: dict[str, Any] = json.loads(text)
    return Policy(
        version=said["version"],
        valid_from=date.fromisoformat(said["valid_from"]),
        one_in={kind: rate["one_in"] for kind, rate in said["rates"].items()},
        minimum_possible=said["minimum_possible"],
        recovery_sessions=said["recovery_sessions"],
        penalty_sessions=said["penalty"]["sessions"],
        school_weeks=said["penalty"]["school_weeks"],
        unsettled=tuple(said["penalty"]["unsettled_codes"]),
    )


def policy_files() -> list[Path]:
    """The data files, one per version."""
    return sorted(data_file("absence_engine", "policies").glob("*.json"))


def policy_on(day: date) -> Policy:
    """The set in force on a day; before the first of them, the first."""
    every = sorted((_policy(path.read_text(encoding="utf-8")) for path in policy_files()), key=lambda p: p.valid_from)
    in_force = [policy for policy in every if policy.valid_from <= day]
    return in_force[-1] if in_force else every[0]

"""The numbers behind the rules, as dated data (invariant 9): `absence_engine/policies/*.json`, one file per version."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

import msgspec
from common.codes import code_table


@dataclass(frozen=True, slots=True)
class Rate:
    """A line that an absence rate crosses: true when absent * `one_in` >= possible (rule book 3.5, 3.6, 12.8)."""

    one_in: int


@dataclass(frozen=True, slots=True)
class Penalty:
    """`sessions` unauthorised ones within `school_weeks` (4.1); with an unsettled code among them it is provisional
    (12.1).
    """

    sessions: int
    school_weeks: int
    unsettled_codes: tuple[str, ...]

    def unsettled_numbers(self) -> tuple[int, ...]:
        return tuple(code_table()[code].number for code in self.unsettled_codes)


@dataclass(frozen=True, slots=True)
class Policy:
    """One dated set of numbers."""

    version: str
    valid_from: date
    source: str
    rates: Mapping[str, Rate]
    minimum_possible: int  # possible sessions before a rate is firm (12.7)
    recovery_sessions: int  # possible sessions in a row below the line that end an episode
    penalty: Penalty
    suppress_below: int  # numbers of children under this are not shown for an area


@cache
def policies() -> tuple[Policy, ...]:
    """Every version that is shipped, oldest first."""
    folder = files("absence_engine").joinpath("policies")
    found = [
        msgspec.json.decode(file.read_bytes(), type=Policy) for file in folder.iterdir() if file.name.endswith(".json")
    ]
    return tuple(sorted(found, key=lambda policy: policy.valid_from))


def policy_on(day: date) -> Policy:
    """The policy in force on a day; before the first of them, the first."""
    in_force = [policy for policy in policies() if policy.valid_from <= day]
    return in_force[-1] if in_force else policies()[0]

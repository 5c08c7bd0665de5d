"""The thresholds as data: the policy documents that ship with the absence engine, and those of single authorities.

Rule book 12: all of them policy settings, dated. A document names its thresholds by kind; each follows one of four
rules (`rate`, `window`, `run`, `tally`), which `episodes` tells. `stages`: the task that a kind calls for.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from audit.codes import data_file

RATE, WINDOW, RUN, TALLY = "rate", "window", "run", "tally"
SCHOOL_DAYS = "school_days"
"""The reading of a window by days; the other is by school weeks (rule book 12.2)."""


@dataclass(frozen=True)
class Threshold:
    """One kind's threshold.

    `flags`: the child has one of them on the session's date; none named, none asked for. `compulsory_age`: only
    sessions inside it. Rates: `part` of `of` sessions missed, or more than that if `strict`; or `targets`, attendance
    in hundredths of a percent by URN. Windows, runs and tallies: `sessions` with one of `codes`, those of `unsettled`
    not settled yet; a window is `weeks` school weeks, or `days` where `by_days`: it says both, and of both it is told
    whether a threshold is as it was. `spendable`: an issued notice takes its sessions out.
    """

    kind: str
    rule: str
    flags: tuple[str, ...] = ()
    compulsory_age: bool = False
    part: int = 0
    of: int = 0
    strict: bool = False
    targets: dict[int, int] | None = None
    minimum_possible: int = 0
    recovery_sessions: int = 0
    sessions: int = 0
    codes: tuple[str, ...] = ()
    unsettled: tuple[str, ...] = ()
    weeks: int = 0
    days: int = 0
    by_days: bool = False
    spendable: bool = False

    @property
    def length(self) -> int:
        """How many weeks or days a window has."""
        return self.days if self.by_days else self.weeks


@dataclass(frozen=True)
class Stage:
    """The task that an episode of a kind calls for: once it is firm, or at once."""

    task: str
    while_provisional: bool = False
    due_open_days: int = 0


@dataclass(frozen=True)
class Policy:
    """One dated set of thresholds, by kind, and the tasks that they call for. `since`: the version from which on a kind
    has been as it is, where that was an earlier one.
    """

    version: str
    valid_from: date
    thresholds: dict[str, Threshold] = field(default_factory=dict)
    stages: dict[str, Stage] = field(default_factory=dict)
    since: dict[str, str] = field(default_factory=dict, compare=False)

    def named_by(self, kind: str) -> str:
        """The version that an episode of a kind names."""
        return self.since.get(kind, self.version)


def policy_of(said: dict[str, Any]) -> Policy:
    """A policy document, read."""
    return Policy(
        version=said["version"],
        valid_from=date.fromisoformat(said["valid_from"]),
        thresholds={kind: _threshold(kind, one) for kind, one in said["thresholds"].items()},
        stages={
            kind: Stage(one["task"], one.get("while_provisional", False), one["due_open_days"])
            for kind, one in said.get("stages", {}).items()
        },
    )


def _threshold(kind: str, said: dict[str, Any]) -> Threshold:
    targets: dict[str, str] | None = said.get("targets")
    return Threshold(
        kind=kind,
        rule=said["rule"],
        flags=tuple(said.get("flags", ())),
        compulsory_age=said.get("compulsory_age", False),
        part=said.get("part", 0),
        of=said.get("of", 0),
        strict=said.get("strict", False),
        targets=None if targets is None else {int(urn): int(Decimal(rate) * 100) for urn, rate in targets.items()},
        minimum_possible=said.get("minimum_possible", 0),
        recovery_sessions=said.get("recovery_sessions", 0),
        sessions=said.get("sessions", 0),
        codes=tuple(said.get("codes", ())),
        unsettled=tuple(said.get("unsettled_codes", ())),
        weeks=said.get("weeks", 0),
        days=said.get("days", 0),
        by_days=said.get("reading") == SCHOOL_DAYS,
        spendable=said.get("spendable", False),
    )


def policy_files() -> list[Path]:
    """The data files, one per version."""
    return sorted(data_file("absence_engine", "policies").glob("*.json"))


@cache
def shipped() -> tuple[Policy, ...]:
    """The versions that ship, in the order in which they come into force; of one day, the higher version last."""
    said = [policy_of(json.loads(path.read_text(encoding="utf-8"))) for path in policy_files()]
    return tuple(sorted(said, key=in_order))


def in_order(policy: Policy) -> tuple[date, list[tuple[int, str]]]:
    """What versions are sorted by: the day, then the version, numbers in it by their size."""
    parts = re.split(r"(\d+)", policy.version)
    return policy.valid_from, [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


def in_force(policies: tuple[Policy, ...], day: date) -> Policy | None:
    """Of versions in order, the one in force on a day; None before the first."""
    begun = [policy for policy in policies if policy.valid_from <= day]
    return begun[-1] if begun else None


def policy_on(day: date) -> Policy:
    """The shipped version in force on a day; before the first of them, the first."""
    return in_force(shipped(), day) or shipped()[0]

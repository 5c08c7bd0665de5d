"""Which crossing needs which task, and how soon (invariant 9: rules are dated data, in `policy.json` beside this
file).
"""

from datetime import date
from functools import cache
from importlib.resources import files

import msgspec


class EpisodeRule(msgspec.Struct, frozen=True):
    """The task of an episode kind, due on the `open_days`-th open day after the day it opens."""

    task: str
    open_days: int
    while_provisional: bool


class LetterRule(msgspec.Struct, frozen=True):
    """The task that something about a letter needs."""

    task: str
    open_days: int


class LetterRules(msgspec.Struct, frozen=True):
    """`overtaken`: its reason went after it had reached `sending`. `failed`: nobody knows whether it left. `withheld`:
    its recipient can't or may not be written to.
    """

    overtaken: LetterRule
    failed: LetterRule
    withheld: LetterRule


class ReasonRule(msgspec.Struct, frozen=True):
    """The task that an N needs which is not settled; due when the N is overdue, or, where no calendar says when that
    is, on the `open_days`-th day from Monday to Friday.
    """

    task: str
    open_days: int


class Policy(msgspec.Struct, frozen=True):
    """The rules in force from `valid_from` on, until the next set; episode kinds that are not listed need no task."""

    valid_from: date
    episodes: dict[str, EpisodeRule]
    letters: LetterRules
    reasons: ReasonRule
    outcomes: tuple[str, ...]

    def rule_of(self, kind: str, told: EpisodeRule | None) -> EpisodeRule | None:
        """The task of an episode: what the policy of its authority says, as its event has `told`, or else this."""
        return told or self.episodes.get(kind)


@cache
def policies() -> tuple[Policy, ...]:
    """Every set of rules, oldest first."""
    text = files("casework.domain").joinpath("policy.json").read_bytes()
    return tuple(sorted(msgspec.json.decode(text, type=list[Policy]), key=lambda policy: policy.valid_from))


def policy_on(day: date) -> Policy:
    """The rules in force on a day; the oldest set for days before all of them."""
    in_force = [policy for policy in policies() if policy.valid_from <= day]
    return in_force[-1] if in_force else policies()[0]


@cache
def outcomes() -> frozenset[str]:
    """Every word for an outcome that any policy knows."""
    return frozenset(word for policy in policies() for word in policy.outcomes)

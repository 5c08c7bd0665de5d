"""Which crossing writes which letter (invariant 9: rules are dated data, in `policy.json` beside this file)."""

from datetime import date
from functools import cache
from importlib.resources import files

import msgspec


class LetterRule(msgspec.Struct, frozen=True):
    """The letter of an episode kind; none is made while an episode of a kind in `displaced_by` is firm in the same
    year.
    """

    letter: str
    template_version: str
    displaced_by: tuple[str, ...]


class Policy(msgspec.Struct, frozen=True):
    """The rules in force from `valid_from` on, until the next set; episode kinds that are not listed write no
    letter.
    """

    valid_from: date
    letters: dict[str, LetterRule]


@cache
def policies() -> tuple[Policy, ...]:
    """Every set of rules, oldest first."""
    text = files("notifications.domain").joinpath("policy.json").read_bytes()
    return tuple(sorted(msgspec.json.decode(text, type=list[Policy]), key=lambda policy: policy.valid_from))


def policy_on(day: date) -> Policy:
    """The rules in force on a day; the oldest set for days before all of them."""
    in_force = [policy for policy in policies() if policy.valid_from <= day]
    return in_force[-1] if in_force else policies()[0]

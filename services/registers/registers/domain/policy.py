"""What the school is chased for, what its parents are expected to tell, and when (invariant 9: rules are dated data, in
`chase.json` beside this file).
"""

from datetime import date, time
from functools import cache
from importlib.resources import files

import msgspec


class ReasonRule(msgspec.Struct, frozen=True):
    """When a mark N is asked about, and when it is late: on the n-th school day after the day of the session (2.5,
    2.6).
    """

    due_day: int
    overdue_day: int


class Closes(msgspec.Struct, frozen=True, rename={"morning": "AM", "afternoon": "PM"}):
    """When registers close at a school that has not said so, in London."""

    morning: time
    afternoon: time


class RegisterRule(msgspec.Struct, frozen=True):
    """When a register is missed: `grace_minutes` after it closes, unless `taken_percent` of the pupils who are
    expected have a mark (fewer are marks that were known beforehand). Sessions of the last `look_back_days` are looked
    at.
    """

    closes: Closes
    grace_minutes: int
    taken_percent: int
    look_back_days: int


class NoticeRule(msgspec.Struct, frozen=True):
    """What a parent has to tell: absences with these codes, those that nobody knew of beforehand, and until when (`by`,
    in London, at a school that has not said when its registers close). A run of absence is followed back for
    `look_back_days`.
    """

    by: Closes
    codes: frozenset[str]
    look_back_days: int


class Policy(msgspec.Struct, frozen=True):
    """The rules in force from `valid_from` on, until the next set."""

    valid_from: date
    reasons: ReasonRule
    registers: RegisterRule
    notices: NoticeRule


@cache
def policies() -> tuple[Policy, ...]:
    """Every set of rules, oldest first."""
    text = files("registers.domain").joinpath("chase.json").read_bytes()
    return tuple(sorted(msgspec.json.decode(text, type=list[Policy]), key=lambda policy: policy.valid_from))


def policy_on(day: date) -> Policy:
    """The rules in force on a day; the oldest set for days before all of them."""
    in_force = [policy for policy in policies() if policy.valid_from <= day]
    return in_force[-1] if in_force else policies()[0]

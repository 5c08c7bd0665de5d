"""The rules that a threshold may be of. Each kind of threshold is always of the same, so that its episodes are
comparable from one policy to the next (`docs/decisions/thresholds.md`).

    Rate      a share of the possible sessions of a year
    Window    so many sessions within so many school weeks
    Run       so many possible sessions in a row
    Tally     so many sessions in a year
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Literal

import msgspec
import numpy as np
import numpy.typing as npt
from common.codes import code_table
from msgspec import Meta

CodeFlags = npt.NDArray[np.bool_]
"""By code number (256): whether a code is one of some."""

Count = Annotated[int, Meta(ge=1, le=1000)]
Percent = Annotated[str, Meta(pattern=r"^(\d{1,2}(\.\d{1,2})?|100(\.0{1,2})?)$")]
Word = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]*$", max_length=60)]

WHOLE = 10_000
"""Basis points in one."""


def numbers_of(codes: tuple[str, ...]) -> CodeFlags:
    """Which code numbers these codes have."""
    found = np.zeros(256, bool)
    found[[code_table()[code].number for code in codes]] = True
    return found


def basis_points(percent: str) -> int:
    """A percentage with up to two decimals in hundredths of a per cent."""
    whole, _, decimals = percent.partition(".")
    return int(whole) * 100 + int(decimals.ljust(2, "0"))


class Rule(msgspec.Struct, frozen=True, dict=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="rule"):
    """What a threshold asks of sessions."""


class Rate(Rule, frozen=True, kw_only=True, tag="rate"):
    """A line that the absence of a year crosses: absent * `of` >= possible * `part`, or > when it is `strict` (rule
    book 3.5, 3.6, 12.8).

    With `flags`, only on days on which the child has one of them. With `targets`, the line is, instead, the attendance
    (per cent) that is the target of the school whose mark it is, by URN. A span is firm from the
    `minimum_possible`-th possible session on (12.7), and ended by `recovery_sessions` possible ones in a row off the
    line.
    """

    part: Annotated[int, Meta(ge=0, le=1000)] = 0
    of: Annotated[int, Meta(ge=0, le=10_000)] = 0
    strict: bool = False
    flags: tuple[str, ...] = ()
    targets: dict[str, Percent] | None = None
    minimum_possible: Count
    recovery_sessions: Count

    @property
    def one_in(self) -> int:
        """The line as one session in so many; only where `part` is 1."""
        assert self.part == 1
        return self.of

    @cached_property
    def target_points(self) -> Mapping[int, int]:
        """The targets in basis points, by URN."""
        return {int(urn): basis_points(target) for urn, target in (self.targets or {}).items()}


class Coded(Rule, frozen=True, kw_only=True):
    """A rule that counts sessions with some codes; those with an unsettled one leave it provisional (12.1)."""

    sessions: Count
    codes: Annotated[tuple[str, ...], Meta(min_length=1)]
    unsettled_codes: tuple[str, ...] = ()
    compulsory_age: bool

    @cached_property
    def counts(self) -> CodeFlags:
        """By code number, whether it counts."""
        return numbers_of(self.codes)

    @cached_property
    def numbers(self) -> frozenset[int]:
        """The numbers of the codes that count."""
        return frozenset(code_table()[code].number for code in self.codes)

    @cached_property
    def settled(self) -> CodeFlags:
        """By code number, whether it counts for good."""
        return self.counts & ~numbers_of(self.unsettled_codes)


class Window(Coded, frozen=True, kw_only=True, tag="window"):
    """`sessions` within `weeks` school weeks or, by the other reading of 12.2, within `days` planned school days.
    `spendable`: those that an issued notice has used up are out (12.4).
    """

    weeks: Annotated[int, Meta(ge=1, le=60)]
    reading: Literal["school_weeks", "school_days"] = "school_weeks"
    days: Annotated[int, Meta(ge=1, le=300)] = 0
    spendable: bool


class Run(Coded, frozen=True, kw_only=True, tag="run"):
    """`sessions` possible ones in a row (12.12); with `flags`, on days on which the child has one of them."""

    flags: tuple[str, ...] = ()


class Tally(Coded, frozen=True, kw_only=True, tag="tally"):
    """`sessions` in one academic year."""


Threshold = Rate | Window | Run | Tally

PENALTY = "PN_10_IN_10"

RULES: Mapping[str, type[Threshold]] = {
    "AT_RISK": Rate,
    "BELOW_95": Rate,
    "SCHOOL_TARGET": Rate,
    "CIN_CP_95": Rate,
    "PA": Rate,
    "SA": Rate,
    PENALTY: Window,
    "PUNCTUALITY": Window,
    "CONTINUOUS_10": Run,
    "CONTINUOUS_20": Run,
    "UNEXPLAINED": Run,
    "SICKNESS_15": Tally,
}
"""Every kind of threshold, and its rule."""


class Band(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A range of attendance, down to where the next begins: `attendance_from` a percentage (inclusive), or
    `attendance_above` it. The bounds of persistent and severe absence are of the second sort: an attendance of exactly
    90% is an absence of 10%.
    """

    name: Word
    attendance_from: Percent | None = None
    attendance_above: Percent | None = None

    def holds(self, attended: int, possible: int) -> bool:
        """Whether so much attendance reaches this band, or a higher one."""
        if self.attendance_above is not None:
            return attended * WHOLE > possible * basis_points(self.attendance_above)
        return attended * WHOLE >= possible * basis_points(self.attendance_from or "0")


class Stage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The task that a crossing needs, due on the n-th open day after the day it opens."""

    task: Word
    due_open_days: Annotated[int, Meta(ge=1, le=20)]
    while_provisional: bool = False

"""Numbers of children too small to be shown, and what would tell them by subtraction.

A table of numbers, a row for each group, the last row for all of them. A number from 1 to below a bound is hidden; and
where one number alone is hidden of a sum whose other numbers are shown, the smallest of those goes too, as often as it
takes. In the first column stand the members of a group: where they are hidden, the whole row is.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from common.codes import code_table

from absence_engine.domain.groups import CODE, Key
from absence_engine.domain.policy import Policy
from absence_engine.domain.sums import Divided, Sum
from absence_engine.domain.thresholds import WHOLE, basis_points

LINES = ("persistent", "severe")

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class Equation(NamedTuple):
    """That one column, or row, is the sum of others."""

    total: int
    parts: Sequence[int]


class Hidden(NamedTuple):
    """The names of the numbers that are not shown, of all and of each group: `members`, `persistent`, `severe`,
    `bands/…`. Where `members` is not, nothing is.
    """

    of_total: frozenset[str]
    of_groups: Mapping[tuple[Key, ...], frozenset[str]]


NOTHING = Hidden(frozenset(), {})


def what_is_hidden(sums: Mapping[str, Divided], by: Sequence[str], policy: Policy) -> dict[str, Hidden]:
    """What is not shown of sums, by grain. The grains are nearly equal: what one hides, the other does."""
    keys = sorted({key for divided in sums.values() for key in divided.groups}, key=str)
    names = ("members",) if CODE in by else ("members", *LINES, *(f"bands/{band.name}" for band in policy.bands))
    numbers = {
        grain: np.array(
            [*(_numbers(divided.groups.get(key), len(names)) for key in keys), _numbers(divided.total, len(names))]
        )
        for grain, divided in sums.items()
    }
    columns = [] if CODE in by else _of_bands(policy)
    rows = _of_groups(keys, by)
    found = np.zeros((len(keys) + 1, len(names)), bool)
    for _ in range(2 * len(sums)):
        for its in numbers.values():
            found = hidden(its, policy.suppress_below, columns, rows, found)
    its_names = [frozenset(name for name, is_hidden in zip(names, row, strict=True) if is_hidden) for row in found]
    told = Hidden(its_names[-1], {key: of for key, of in zip(keys, its_names, strict=False) if of})
    return dict.fromkeys(sums, told)


def _numbers(one: Sum | None, width: int) -> list[int]:
    return [0] * width if one is None else [one.members, *one.over, *one.bands][:width]


def _of_bands(policy: Policy) -> list[Equation]:
    """That the bands add up to all members, and those beyond a line to those who are over it, where a band begins
    there.
    """
    first = 1 + len(LINES)
    bands = policy.bands
    found = [Equation(0, range(first, first + len(bands)))] if bands else []
    for line, kind in enumerate(("PA", "SA"), start=1):
        bound = WHOLE - WHOLE // policy.rates[kind].one_in
        for place, band in enumerate(bands[:-1], start=1):
            if band.attendance_above is not None and basis_points(band.attendance_above) == bound:
                found.append(Equation(line, range(first + place, first + len(bands))))
    return found


def _of_groups(keys: Sequence[tuple[Key, ...]], by: Sequence[str]) -> list[Equation]:
    """That the groups add up to all: not those of flags, which overlap. Codes add up to what they count as."""
    if "flag" in by or not keys:
        return []
    if CODE not in by:
        return [Equation(len(keys), range(len(keys)))]
    sorts: dict[tuple[object, ...], list[int]] = {}
    for row, key in enumerate(keys):
        code = code_table()[str(key[list(by).index(CODE)])]
        if code.possible:
            sorts.setdefault(("of all", code.absence), []).append(row)
            sorts.setdefault(tuple(value for one, value in zip(by, key, strict=True) if one != CODE), []).append(row)
    return [Equation(len(keys), rows) for rows in sorts.values()]


def hidden(
    numbers: Ints,
    below: int,
    columns: Sequence[Equation],
    rows: Sequence[Equation],
    already: Flags | None = None,
) -> Flags:
    """Which of (groups, columns) numbers are not shown. `columns` hold in every row, `rows` in every column."""
    found = (numbers > 0) & (numbers < below)
    if already is not None:
        found |= already
    while True:
        before = found.copy()
        found[found[:, 0]] = True
        for equation in columns:
            _complete(numbers, found, equation)
        for equation in rows:
            _complete(numbers.T, found.T, equation)
        if (found == before).all():
            return found


def _complete(numbers: Ints, found: Flags, equation: Equation) -> None:
    """Hides one number more in each row where one alone of an equation is hidden: the smallest part above 0, or else
    the total, or else any part.
    """
    parts = np.array(equation.parts)
    alone = np.flatnonzero(found[:, parts].sum(axis=1) + found[:, equation.total] == 1)
    for row in alone.tolist():
        shown = parts[~found[row, parts]]
        above = shown[numbers[row, shown] > 0]
        if len(above):
            found[row, above[numbers[row, above].argmin()]] = True
        elif not found[row, equation.total]:
            found[row, equation.total] = True
        else:
            found[row, shown[:1]] = True

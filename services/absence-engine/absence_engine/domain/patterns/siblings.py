"""Absences that siblings share: two children of a household who are away at the same times, and more often so than by
chance (`docs/decisions/patterns.md`).

Only days count that were possible for both. An absence is a stretch of such days that a child missed, whole or in part.
Shared are absences, not days: an illness of a week that both caught is one.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from absence_engine.domain.marks import YearMarks
from absence_engine.domain.patterns.find import ABSENT, POSSIBLE, Flags, Pattern, rarely
from absence_engine.domain.patterns.kept import Shown
from absence_engine.domain.patterns.rules import Often
from absence_engine.domain.ticks import year_start

KIND = "sibling_synchronous"
OF_THE_SIBLING = frozenset({"sibling_missed", "possible"})
"""The integers that tell of the sibling's own marks."""


def shared(marks: YearMarks, siblings: Iterable[tuple[str, YearMarks]], rule: Often) -> Iterator[Pattern]:
    """The patterns of a child's year with each of its siblings (id and marks of the same year), in their order; `what`
    is the sibling's id, the sessions are the child's own.
    """
    possible, missed = _days(POSSIBLE[marks.codes]), _days(ABSENT[marks.codes])
    if int(missed.sum()) < rule.least:
        return
    for sibling_id, other in siblings:
        common = np.flatnonzero(possible & _days(POSSIBLE[other.codes]))
        own, others = missed[common], _days(ABSENT[other.codes])[common]
        both = own & others
        times = min(_stretches(own, both), _stretches(others, both))
        total, absent, beside = len(common), int(own.sum()), int(others.sum())
        if times < rule.least or times * total < rule.times * absent * beside:
            continue
        if rarely(total, beside, absent, times, rule.one_in):
            on = np.zeros(len(possible), bool)
            on[common[both]] = True
            numbers = {
                "shared": times,
                "shared_days": int(both.sum()),
                "missed": absent,
                "sibling_missed": beside,
                "possible": total,
            }
            ticks = np.flatnonzero(ABSENT[marks.codes] & on.repeat(2)) + year_start(marks.year)
            yield Pattern(KIND, sibling_id, tuple(ticks.tolist()), numbers)


def hidden(shown: Shown) -> Shown:
    """A pattern for whoever may not see the sibling: who it is, and what its marks come to, is left out."""
    numbers = {name: value for name, value in shown.numbers.items() if name not in OF_THE_SIBLING}
    return shown._replace(what="", sentence=without_sibling(numbers), numbers=numbers)


def without_sibling(n: dict[str, int]) -> str:
    """What may be said to whoever may not see the sibling."""
    return (
        f"Absences are shared with a sibling: on {n['shared_days']} of the {n['missed']} days that the child missed, "
        f"whole or in part, a sibling was absent as well, in {n['shared']} separate absences."
    )


def _days(sessions: Flags) -> Flags:
    halves = sessions.reshape(-1, 2)
    return halves[:, 0] | halves[:, 1]


def _stretches(missed: Flags, both: Flags) -> int:
    """How many stretches of missed days have a day that both missed."""
    begins = np.cumsum(np.diff(missed.astype(np.int8), prepend=0) == 1)
    return len(np.unique(begins[both]))

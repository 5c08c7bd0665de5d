"""What some marks can have changed: which years' rates and tallies, which windows and runs. All else is not looked at.

The answer may name too much, never too little: an evaluation of what is named is the same as one of everything
(`tests/unit/absence_engine/test_what_a_mark_can_change.py`).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from common.academic import GRID

from absence_engine.domain.counted import POSSIBLE
from absence_engine.domain.flags import times
from absence_engine.domain.in_force import Holds
from absence_engine.domain.marks import joined, last_marked
from absence_engine.domain.policy import Policy
from absence_engine.domain.rates import leaves_spans, lines_of
from absence_engine.domain.records import ChildRecord, Sheet, SheetKey
from absence_engine.domain.spans import Scope
from absence_engine.domain.thresholds import Coded, Run, Window
from absence_engine.domain.ticks import NEVER, week_of, year_start

_POSSIBLE = frozenset(POSSIBLE.nonzero()[0].tolist())

NO_MARKS = bytes(GRID)


class Stands(NamedTuple):
    """As much of a standing episode as says whether a mark can touch it."""

    kind: str
    year: int | None
    is_open: bool
    by_year_end: bool
    firm: bool


class _Marked(NamedTuple):
    """What changed of a child: code numbers as they were and as they are, of the sessions whose marks changed (0: no
    mark); the earliest of them; the child's last marked session, as it was and as it is (0: none).
    """

    changes: Collection[tuple[int, int]]
    since: int
    last_before: int
    last: int

    @property
    def behind_all(self) -> bool:
        """Whether marks were only added behind all others."""
        return self.since > self.last_before


def reach(
    record: ChildRecord,
    before: Mapping[SheetKey, bytes],
    places: Mapping[SheetKey, Sequence[int]],
    standing: Sequence[Stands],
    holds: Holds,
) -> Scope | None:
    """What marks can have changed; None where that may be all. `record` is the child as it is; `before` are the codes
    of its changed sheets as they were, and `places` where they changed.

    Where two sheets tell of one session, a mark's removal may show another's: then it may be all.
    """
    old = [sheet._replace(codes=before.get(sheet[:3], sheet.codes)) for sheet in record.sheets]
    years: set[int] = set()
    for year in {key[2] for key in before}:
        was, now = _of_year(year, old), _of_year(year, record.sheets)
        if was is None or now is None:
            return None
        changed = [place for key, its in places.items() if key[2] == year for place in its]
        if _changes_year(record, year, was, now, changed, standing, holds(year)):
            years.add(year)
        if NO_MARKS in (was, now):  # an earlier year is over now, or no longer
            years |= _earlier_years(standing)
    marked = _Marked(
        changes={
            (before[key][place], sheet.codes[place])
            for sheet in record.sheets
            if (key := sheet[:3]) in places
            for place in places[key]
        },
        since=min((year_start(key[2]) + place for key, its in places.items() for place in its), default=NEVER),
        last_before=last_marked(old) or 0,
        last=last_marked(record.sheets) or 0,
    )
    return Scope(frozenset(years), _kinds_changed(record, marked, standing, holds(None)))


def _of_year(year: int, sheets: Sequence[Sheet]) -> bytes | None:
    """A child's codes of a year (see `joined`)."""
    return joined([sheet for sheet in sheets if sheet.year == year])


def _changes_year(
    record: ChildRecord,
    year: int,
    before: bytes,
    after: bytes,
    places: Sequence[int],
    standing: Iterable[Stands],
    policy: Policy,
) -> bool:
    """Whether the rates or tallies of a year may have changed; `before` and `after` are the codes that count for the
    child, `places` where they differ.
    """
    of_year = [episode for episode in standing if episode.year == year]
    if any(episode.by_year_end for episode in of_year):
        return True
    lines = lines_of(record, year, policy)
    open_spans = {episode.kind: episode.firm for episode in of_year if episode.is_open}
    if lines is None or not leaves_spans(before, after, places, open_spans, lines, year):
        return True
    changed = {before[place] for place in places} | {after[place] for place in places}
    for kind, rule in policy.tallies.items():
        if not rule.numbers.isdisjoint(changed) and (_stand(of_year, kind) or _held([after], rule)):
            return True
    return False


def _kinds_changed(record: ChildRecord, marked: _Marked, standing: Sequence[Stands], policy: Policy) -> frozenset[str]:
    """The windows and runs that may have changed."""
    windows = {kind for kind, rule in policy.windows.items() if _changes_window(kind, record, marked, standing, rule)}
    runs = {kind for kind, rule in policy.runs.items() if _changes_run(kind, record, marked, standing, rule)}
    return frozenset(windows | runs)


def _changes_window(kind: str, record: ChildRecord, marked: _Marked, standing: Sequence[Stands], rule: Window) -> bool:
    stand = _stand(standing, kind)
    if any(before in rule.numbers or after in rule.numbers for before, after in marked.changes):
        return bool(stand) or _held((sheet.codes for sheet in record.sheets), rule)
    last_before, last = (_unit(tick, rule) for tick in (marked.last_before, marked.last))
    if last > last_before:  # a week became complete under an open span
        return any(episode.is_open for episode in stand)
    return last < last_before and bool(stand)


def _unit(tick: int, rule: Window) -> int:
    return tick // 2 if rule.reading == "school_days" else week_of(tick)


def _changes_run(kind: str, record: ChildRecord, marked: _Marked, standing: Sequence[Stands], rule: Run) -> bool:
    changes, stand = marked.changes, _stand(standing, kind)
    longer = any(after in rule.numbers for _, after in changes)
    if not stand:  # only what counts, or what no longer breaks, can make a run long enough
        joins = any(before in _POSSIBLE and after not in _POSSIBLE for before, after in changes)
        if not (longer or joins) or (rule.flags and not times(record.flags, rule.flags)):
            return False
        return _held((sheet.codes for sheet in record.sheets), rule)
    if marked.behind_all and not longer and not any(episode.is_open for episode in stand):
        return False
    return longer or any(
        before in rule.numbers or (before in _POSSIBLE) != (after in _POSSIBLE) for before, after in changes
    )


def _stand(standing: Iterable[Stands], kind: str) -> list[Stands]:
    return [episode for episode in standing if episode.kind == kind]


def _held(sheets: Iterable[bytes], rule: Coded) -> bool:
    """Whether a child has as many sessions with the rule's codes as it takes."""
    return sum(codes.count(number) for codes in sheets for number in rule.numbers) >= rule.sessions


def _earlier_years(standing: Iterable[Stands]) -> set[int]:
    """The years that may end, or no longer, when a later one has its first mark or loses its last."""
    return {
        episode.year for episode in standing if episode.year is not None and (episode.is_open or episode.by_year_end)
    }

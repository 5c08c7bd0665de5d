"""PA and SA: from where to where an absence rate is over its line (rule book 3.5, 3.6, 12.7, 12.17, 12.21).

After each possible session of a year a *flag* says whether the rate is over the line. A span opens at the first session
inside compulsory school age at which the flag is true; it ends at the tenth possible session in a row at which it is
false (policy), so that flips do not become events; then the next may open. It is firm from the first session on, at or
after the 40th possible one (policy), at which the flag is true while it is open. When the year is over, an open span
ends at the child's last possible session of the year.

Only possible sessions count as sessions here: a mark that is not one changes no rate.

Many children at once: the possible sessions of all rows stand behind one another in flat arrays, row after row. A run
is a stretch of equal flags in one row. A *long* run (false, ten or more) ends what is open; between two long runs at
most one span opens. So each row start and each long run begins a *stretch*, and a stretch has at most one span.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from common.codes import code_table

from absence_engine.domain.policy import Policy
from absence_engine.domain.records import Codes
from absence_engine.domain.thresholds import Rate

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_POSSIBLE, _ABSENT = 1, 2


def _kind_table() -> npt.NDArray[np.uint8]:
    table = np.zeros(256, np.uint8)
    for code in code_table().values():
        table[code.number] = (_ABSENT if code.absence else _POSSIBLE) if code.possible else 0
    return table


_KIND = _kind_table()  # 0 not possible, 1 attended, 2 absent
_KIND_BYTES = _KIND.tobytes()


@dataclass(frozen=True, slots=True)
class RateRows:
    """The rows to look at: (n, 732) codes; where compulsory age begins and ends on each grid (places, inclusive, may
    lie outside it); whether the child has a mark in a later year.
    """

    codes: Codes
    opens_from: Ints
    opens_to: Ints
    year_over: Flags


@dataclass(frozen=True, slots=True)
class RateSpans:
    """Spans in order of row and time, arrays of equal length; places on the row's grid, -1 where there is none."""

    row: Ints
    crossed: Ints
    firm: Ints
    ended: Ints
    by_year_end: Flags

    def each(self) -> Iterator[tuple[int, int, int, int, bool]]:
        """The spans one by one."""
        columns = (self.row, self.crossed, self.firm, self.ended, self.by_year_end)
        return zip(*(column.tolist() for column in columns), strict=True)


@dataclass(frozen=True, slots=True)
class _Sessions:
    """The possible sessions of all rows, flat."""

    row: Ints
    place: Ints
    nth: Ints  # of the row, from 1: the possible sessions so far
    missed: Ints  # the absences so far
    row_start: Flags  # whether it is its row's first


def rate_spans(rows: RateRows, policy: Policy) -> dict[str, RateSpans]:
    """The spans of each rate of the policy (`PA`, `SA`), for all rows."""
    sessions = _possible_sessions(rows.codes)
    found: dict[str, RateSpans] = {}
    for kind, rate in policy.rates.items():
        flag = sessions.missed * rate.one_in >= sessions.nth
        found[kind] = _spans(*_only_rows_with(flag, sessions), rows, rate)
    return found


def _possible_sessions(codes: Codes) -> _Sessions:
    kinds = _KIND[codes]
    possible = kinds != 0
    row, place = np.nonzero(possible)
    per_row = np.count_nonzero(possible, axis=1)
    starts = np.repeat(np.cumsum(per_row) - per_row, per_row)
    at = np.arange(len(row))
    absent = kinds[possible] == _ABSENT
    so_far = np.cumsum(absent)
    before_row = so_far[starts] - absent[starts]
    return _Sessions(row, place, at - starts + 1, so_far - before_row, at == starts)


def _only_rows_with(flag: Flags, sessions: _Sessions) -> tuple[Flags, _Sessions]:
    """Leaves out the rows in which the flag is never true: most of them."""
    starts = np.flatnonzero(sessions.row_start)
    if not len(starts):
        return flag, sessions
    keep = np.repeat(np.logical_or.reduceat(flag, starts), np.diff(starts, append=len(flag)))
    s = sessions
    return flag[keep], _Sessions(s.row[keep], s.place[keep], s.nth[keep], s.missed[keep], s.row_start[keep])


def _spans(flag: Flags, sessions: _Sessions, rows: RateRows, rate: Rate) -> RateSpans:
    none = np.empty(0, np.int64)
    if not len(flag):
        return RateSpans(none, none, none, none, none.astype(bool))
    begins = sessions.row_start.copy()
    begins[1:] |= flag[1:] != flag[:-1]
    run = np.flatnonzero(begins)  # where each run begins
    length = np.diff(run, append=len(flag))
    is_long = ~flag[run] & (length >= rate.recovery_sessions)
    stretch_begins = is_long | sessions.row_start[run]
    stretch = np.repeat(np.cumsum(stretch_begins) - 1, length)  # of each session

    opened = _openings(flag, stretch, sessions, rows)
    firm = _first_firm(opened, flag & (sessions.nth >= rate.minimum_possible), stretch)
    ended = _recoveries(opened, stretch, run[stretch_begins], is_long[stretch_begins], sessions.row, rate)

    row = sessions.row[opened]
    by_year_end = (ended < 0) & rows.year_over[row]
    last_of_row = np.searchsorted(sessions.row, row, "right") - 1
    ended = np.where(by_year_end, last_of_row, ended)
    place = np.append(sessions.place, -1)  # so that index -1 says -1
    return RateSpans(row, place[opened], place[firm], place[ended], by_year_end)


def _openings(flag: Flags, stretch: Ints, sessions: _Sessions, rows: RateRows) -> Ints:
    """The first session of each stretch that has a true flag and lies inside compulsory age."""
    row, place = sessions.row, sessions.place
    may_open = np.flatnonzero(flag & (place >= rows.opens_from[row]) & (place <= rows.opens_to[row]))
    return may_open[np.diff(stretch[may_open], prepend=-1) != 0]


def _first_firm(opened: Ints, is_firm: Flags, stretch: Ints) -> Ints:
    """From each opening on, the first firm session of its stretch, or -1."""
    firm = np.append(np.flatnonzero(is_firm), -1)
    found = firm[np.searchsorted(firm[:-1], opened)]
    return np.where((found >= 0) & (stretch[found] == stretch[opened]), found, -1)


def _recoveries(opened: Ints, stretch: Ints, begins: Ints, is_long: Flags, row: Ints, rate: Rate) -> Ints:
    """For each opening the session of its recovery, the tenth of the long run that follows; -1 without one."""
    after = np.append(begins, -1)[stretch[opened] + 1]
    long_after = np.append(is_long, False)[stretch[opened] + 1]
    recovered = long_after & (row[after] == row[opened])
    return np.where(recovered, after + rate.recovery_sessions - 1, -1)


def leaves_spans(
    before: bytes, after: bytes, places: Sequence[int], open_spans: Mapping[str, bool], policy: Policy
) -> bool:
    """Whether marks that changed at some places of a year surely leave its spans as they are: the usual case, found
    without looking at every session. `open_spans`: the kinds of the spans that are open, and whether each is firm.

    It is so when marks were only added behind all others, and the flag of each rate is, whatever the order of what was
    added, false in all of the new sessions where nothing is open, true where a span is.
    """
    if len(before.rstrip(b"\0")) > min(places):
        return False
    kinds = before.translate(_KIND_BYTES)
    absent_before = kinds.count(_ABSENT)
    possible_before = kinds.count(_POSSIBLE) + absent_before
    added = [int(_KIND_BYTES[after[place]]) for place in places]
    absent, possible = absent_before + added.count(_ABSENT), possible_before + len(added) - added.count(0)
    for kind, rate in policy.rates.items():
        firm = open_spans.get(kind)
        if firm is None:
            undisturbed = absent * rate.one_in <= possible_before
        else:
            stays = absent_before * rate.one_in >= possible
            undisturbed = stays and (firm or possible < rate.minimum_possible)
        if not undisturbed and possible > possible_before:
            return False
    return True

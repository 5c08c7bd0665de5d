"""Rates: from where to where an absence rate is over its line (rule book 3.5, 3.6, 12.7, 12.17, 12.21). AT_RISK,
BELOW_95, SCHOOL_TARGET, CIN_CP_95, PA, SA.

After each possible session of a year a *flag* says whether the rate is over the line; for some kinds also whether the
child has a flag of social care on that day, or what the target of the session's school is. A span opens at the first
session inside compulsory school age at which the flag is true; it ends at the tenth possible session in a row at which
it is false (policy), so that flips do not become events; then the next may open. It is firm from the first session on,
at or after the 40th possible one (policy), at which the flag is true while it is open. When the year is over, an open
span ends at the child's last possible session of the year.

Only possible sessions count as sessions here: a mark that is not one changes no rate.

Many children at once: the possible sessions of all rows stand behind one another in flat arrays, row after row. A run
is a stretch of equal flags in one row. A *long* run (false, ten or more) ends what is open; between two long runs at
most one span opens. So each row start and each long run begins a *stretch*, and a stretch has at most one span.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from common.codes import code_table

from absence_engine.domain.flags import times
from absence_engine.domain.policy import Policy
from absence_engine.domain.records import ChildRecord, Codes
from absence_engine.domain.thresholds import WHOLE, Rate
from absence_engine.domain.ticks import year_start

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

    def only(self, rows: Sequence[int]) -> "RateRows":
        return RateRows(self.codes[rows], self.opens_from[rows], self.opens_to[rows], self.year_over[rows])


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


def rate_spans(rows: RateRows, rates: Mapping[str, Rate]) -> dict[str, RateSpans]:
    """The spans of some rates that ask for nothing but absence, for all rows."""
    sessions = _possible_sessions(rows.codes)
    return {kind: _spans_of(sessions, rows, rate, _over(rate, sessions)) for kind, rate in rates.items()}


def flagged_spans(rows: RateRows, rate: Rate, has_flag: Flags) -> RateSpans:
    """The spans of a rate of flagged children; `has_flag`: (n, 732), the sessions on which they are."""
    sessions = _possible_sessions(rows.codes)
    return _spans_of(sessions, rows, rate, _over(rate, sessions) & has_flag[sessions.row, sessions.place])


def target_spans(rows: RateRows, rate: Rate, targets: Ints) -> RateSpans:
    """The spans of a rate below schools' targets; `targets`: (n, 732), that of each session's school in basis points
    of attendance, -1 without one.
    """
    sessions = _possible_sessions(rows.codes)
    target = targets[sessions.row, sessions.place]
    missed, line = sessions.missed * WHOLE, sessions.nth * (WHOLE - target)
    over = missed > line if rate.strict else missed >= line
    return _spans_of(sessions, rows, rate, over & (target >= 0))


def _over(rate: Rate, sessions: _Sessions) -> Flags:
    missed, line = sessions.missed * rate.of, sessions.nth * rate.part
    return missed > line if rate.strict else missed >= line


def _spans_of(sessions: _Sessions, rows: RateRows, rate: Rate, flag: Flags) -> RateSpans:
    return _spans(*_only_rows_with(flag, sessions), rows, rate)


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


class Line(NamedTuple):
    """A rate as it is for one child in one year: `part` of `of`, or more if it is `strict`. `times`: only then, from
    tick to tick; None: always.
    """

    kind: str
    rate: Rate
    part: int
    of: int
    times: Sequence[tuple[int, int]] | None

    def is_over(self, absent: int, possible: int, tick: int) -> bool:
        """Whether a session finds the rate over the line."""
        missed, line = absent * self.of, possible * self.part
        over = missed > line if self.rate.strict else missed >= line
        return over and (self.times is None or any(first <= tick <= last for first, last in self.times))


def lines_of(record: ChildRecord, year: int, policy: Policy) -> list[Line] | None:
    """The rates that can be over their line for a child in a year; None where that is not the same all year."""
    found: list[Line] = []
    for kind, rate in policy.rates.items():
        part, of, its_times = rate.part, rate.of, None
        if rate.targets is not None:
            targets = {rate.target_points.get(sheet.urn) for sheet in record.sheets if sheet.year == year}
            target = targets.pop() if targets else None
            if targets:
                return None
            if target is None:
                continue
            part, of = WHOLE - target, WHOLE
        if rate.flags and not (its_times := times(record.flags, rate.flags)):
            continue
        found.append(Line(kind, rate, part, of, its_times))
    return found


def leaves_spans(
    before: bytes,
    after: bytes,
    places: Iterable[int],
    open_spans: Mapping[str, bool],
    lines: Iterable[Line],
    year: int,
) -> bool:
    """Whether marks that changed at some places of a year surely leave its spans as they are: the usual case, found
    without looking at every session. `open_spans`: the kinds of the spans that are open, and whether each is firm.

    It is so when marks were only added behind all others, and no session of them finds a rate over its line where
    nothing is open; and where a span is, none makes it firm, and none is the tenth in a row off the line.
    """
    stripped, in_order = before.rstrip(b"\0"), sorted(places)
    if len(stripped) > in_order[0]:
        return False
    kinds = stripped.translate(_KIND_BYTES)
    start = year_start(year)
    added = [(start + place, kind == _ABSENT) for place in in_order if (kind := _KIND_BYTES[after[place]])]
    absent = kinds.count(_ABSENT)
    possible = kinds.count(_POSSIBLE) + absent
    return not added or all(
        _opens_nothing(line, absent, possible, added)
        if (firm := open_spans.get(line.kind)) is None
        else _keeps(line, firm, kinds, start, absent, possible, added)
        for line in lines
    )


def _opens_nothing(line: Line, absent: int, possible: int, added: Sequence[tuple[int, bool]]) -> bool:
    """Whether no added session (tick, absent) finds the rate over the line."""
    if (absent + len(added)) * line.of <= possible * line.part:
        return True
    for tick, missed in added:
        absent, possible = absent + missed, possible + 1
        if line.is_over(absent, possible, tick):
            return False
    return True


def _keeps(
    line: Line, firm: bool, kinds: bytes, start: int, absent: int, possible: int, added: Sequence[tuple[int, bool]]
) -> bool:
    """Whether added sessions (tick, absent) leave an open span open, and as firm as it was."""
    rate, off = line.rate, _off_the_line(line, kinds, start, absent, possible)
    for tick, missed in added:
        absent, possible = absent + missed, possible + 1
        over = line.is_over(absent, possible, tick)
        off = 0 if over else off + 1
        if off == rate.recovery_sessions or (over and not firm and possible >= rate.minimum_possible):
            return False
    return True


def _off_the_line(line: Line, kinds: bytes, start: int, absent: int, possible: int) -> int:
    """How many possible sessions in a row, at the end of what there is, are off the line."""
    off = 0
    for place in range(len(kinds) - 1, -1, -1):
        if kinds[place]:
            if line.is_over(absent, possible, start + place):
                break
            off, possible, absent = off + 1, possible - 1, absent - (kinds[place] == _ABSENT)
    return off

"""The mark that counts for a child in each session (rule book 12.9), and what is asked of it.

Each school's mark counts in its own enrolment. For the child one counts: marks other than D compete, and the school of
the main enrolment wins, then single, then subsidiary, then guest; then the earlier start, then the lower URN. A D loses
to all others. The enrolment is the one that covers the day.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from common.academic import GRID
from common.codes import code_table

from absence_engine.domain.records import ChildRecord, Codes, Enrolment, Sheet, Ticks
from absence_engine.domain.ticks import tick_of, year_start

DUAL = code_table()["D"].number
PRECEDENCE = {"main": 0, "single": 1, "subsidiary": 2, "guest": 3}
_UNENROLLED = 1 << 20  # a school without an enrolment on the day comes after all that have one
_DUAL_HANDICAP = 1 << 24
_NO_MARK = 1 << 28

Schools = npt.NDArray[np.int64]
"""The URN behind each session of a grid: (732,)."""


class YearMarks(NamedTuple):
    """What counts for a child in one academic year: the codes, and the school of each (a number when it is always
    one).
    """

    year: int
    codes: Codes
    schools: int | Schools

    def school_at(self, place: int) -> int:
        return self.schools if isinstance(self.schools, int) else int(self.schools[place])


def child_years(child: ChildRecord) -> dict[int, YearMarks]:
    """What counts for a child, by academic year, in the order of years."""
    by_year: dict[int, list[Sheet]] = {}
    for sheet in child.sheets:
        by_year.setdefault(sheet.year, []).append(sheet)
    return {year: child_year(year, sheets, child) for year, sheets in sorted(by_year.items())}


def child_year(year: int, sheets: Sequence[Sheet], child: ChildRecord) -> YearMarks:
    """What counts for a child in one year, from all its sheets of that year."""
    if len(sheets) == 1:
        return YearMarks(year, np.frombuffer(sheets[0].codes, np.uint8), sheets[0].urn)
    at_school = school_years(sheets, child.pupil_id)
    if len(at_school) == 1:
        ((urn, codes),) = at_school.items()
        return YearMarks(year, codes, urn)
    urns = np.array(sorted(at_school), np.int64)
    codes = np.stack([at_school[int(urn)] for urn in urns])
    rank = np.stack([_ranks(int(urn), year, child.enrolments) for urn in urns])
    rank[codes == DUAL] += _DUAL_HANDICAP
    rank[codes == 0] = _NO_MARK
    winner = rank.argmin(axis=0)  # of equals the first: the lower URN
    return YearMarks(year, codes[winner, np.arange(GRID)], urns[winner])


def school_years(sheets: Iterable[Sheet], pupil_id: str) -> dict[int, Codes]:
    """The sheets of one year by school. Registers lets one id of a child have a session's mark at a school; while it
    still moves from one id to another, the living id's goes first, then the lower id's.
    """
    found: dict[int, Codes] = {}
    for sheet in sorted(sheets, key=lambda sheet: (sheet.pupil_id != pupil_id, sheet.pupil_id)):
        codes = np.frombuffer(sheet.codes, np.uint8)
        before = found.get(sheet.urn)
        found[sheet.urn] = codes if before is None else np.where(before == 0, codes, before)
    return found


def joined(sheets: Sequence[Sheet]) -> bytes | None:
    """The codes of all sheets of one year together, where no two tell of one session; None where two do."""
    if len(sheets) == 1:
        return sheets[0].codes
    codes = np.frombuffer(b"".join([sheet.codes for sheet in sheets]), np.uint8).reshape(len(sheets), GRID)
    if (np.count_nonzero(codes, axis=0) > 1).any():
        return None
    return codes.max(axis=0).tobytes()


def _ranks(urn: int, year: int, enrolments: Sequence[Enrolment]) -> npt.NDArray[np.int64]:
    """How a school's marks rank in each session of a year: (732,), lower first; the URN itself is the caller's to
    add.
    """
    order = sorted({(PRECEDENCE[stay.kind], stay.from_) for stay in enrolments})
    ranks = np.full(GRID, _UNENROLLED, np.int64)
    start = year_start(year)
    for stay in enrolments:
        if stay.urn == urn:
            first, last = max(stay.first - start, 0), min(stay.last - start, GRID - 1)
            within = ranks[first : last + 1] if first <= last else ranks[:0]
            np.minimum(within, order.index((PRECEDENCE[stay.kind], stay.from_)), out=within)
    return ranks


def marked_ticks(years: Iterable[YearMarks]) -> Ticks:
    """Every session in which a mark stands, whatever its code; ascending when the years are."""
    parts = [np.flatnonzero(marks.codes) + year_start(marks.year) for marks in years]
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


def last_marked(sheets: Iterable[Sheet]) -> int | None:
    """The child's last session with a standing mark, or None."""
    last = [year_start(s.year) + len(stripped) - 1 for s in sheets if (stripped := s.codes.rstrip(b"\0"))]
    return max(last, default=None)


def up_to(child: ChildRecord, day: date) -> ChildRecord:
    """The child as if no mark after a day had been made."""
    end = tick_of(day, 1)
    sheets: list[Sheet] = []
    for sheet in child.sheets:
        kept = min(max(end + 1 - year_start(sheet.year), 0), GRID)
        sheets.append(sheet._replace(codes=sheet.codes[:kept].ljust(GRID, b"\0")))
    return child._replace(sheets=tuple(sheets))


def codes_at(child: ChildRecord, year: int) -> dict[int, Codes]:
    """What each school gave a child in a year, by URN: what counts for the enrolments there."""
    return school_years([sheet for sheet in child.sheets if sheet.year == year], child.pupil_id)


def within(codes: Codes, year: int, stay: Enrolment) -> Codes:
    """The marks of one stay: those of its days."""
    start = year_start(year)
    kept = np.zeros(GRID, np.uint8)
    inside = slice(max(stay.first - start, 0), max(stay.last + 1 - start, 0))
    kept[inside] = codes[inside]
    return kept


def touches_year(stay: Enrolment, year: int) -> bool:
    """Whether some day of a stay lies in an academic year."""
    return stay.first < year_start(year + 1) and stay.last >= year_start(year)

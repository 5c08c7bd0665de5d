"""Why somebody else counts otherwise: from our live figures, step by step, to what they should have counted.

A step takes sessions out, or puts others in, for one reason; what a figure changes by in a step is that reason's
share. So theirs - ours = the sum of the shares + what is left unexplained, for every figure, whatever it counts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from common.academic import GRID, year_name
from common.codes import code_table

from absence_engine.domain.counts import CODES, FIGURES, figure_table
from absence_engine.domain.dfe_file import Theirs
from absence_engine.domain.groups import Basis, dfe_last_place
from absence_engine.domain.records import GUEST, Codes, Enrolment
from absence_engine.domain.ticks import year_start

Ints = npt.NDArray[np.int64]

STEPS = ("calendar", "age", "year-11", "joiner", "late-mark", "leaver")
"""The reasons in the order in which they are taken: a session that two would take out goes with the first."""
SUMS = ("possible", "attended", "authorised", "unauthorised")
UNITS = ("enrolments", "persistent")


@dataclass(frozen=True, slots=True)
class Asked:
    """What they count: the sessions of an academic year from a day to another, on DfE's basis or whatever the age.

    `one_in`: persistent is who misses at least one in so many.
    """

    year: int
    first: date
    last: date
    basis: Basis = "dfe"
    one_in: int = 10

    @property
    def places(self) -> npt.NDArray[np.bool_]:
        """(732,): the places of the year's grid on these days."""
        start, places = date(self.year, 8, 1), np.arange(GRID)
        return (places >= (self.first - start).days * 2) & (places <= (self.last - start).days * 2 + 1)


class Row(NamedTuple):
    """A stay in a year: the codes of its days that stand, those that were known at their moment, and those known then
    that lie outside every stay by now.
    """

    now: Codes
    then: Codes
    gone: Codes
    born: date | None


def rows_of(
    stays: Sequence[Enrolment], now: Codes, then: Codes, year: int, born: date | None, *, is_known: bool
) -> list[Row]:
    """A child's stays at a school in a year. What was known outside all of them goes with the stay before it; where
    there is no stay any more, it is one of its own. Guests are on another school's books. `is_known`: a moment is
    asked about, so that what lies outside was counted then.
    """
    places = [_places(stay, year) for stay in stays]
    covered = np.zeros(GRID, bool)
    for first, last in places:
        covered[first : last + 1] = True
    gone: Codes = np.where(covered, 0, then).astype(np.uint8) if is_known else np.zeros(GRID, np.uint8)
    own = sorted(place for place, stay in zip(places, stays, strict=True) if stay.kind != GUEST)
    if not own:
        nothing = np.zeros(GRID, np.uint8)
        return [] if stays or not gone.any() else [Row(nothing, nothing, gone, born)]
    begins = [0, *(first for first, _ in own[1:]), GRID]
    return [
        Row(_part(now, *place), _part(then, *place), _part(gone, begins[n], begins[n + 1] - 1), born)
        for n, place in enumerate(own)
    ]


def _places(stay: Enrolment, year: int) -> tuple[int, int]:
    start = year_start(year)
    return max(stay.first - start, 0), max(stay.last - start, -1)


def _part(codes: Codes, first: int, last: int) -> Codes:
    kept = np.zeros(GRID, np.uint8)
    kept[first : last + 1] = codes[first : last + 1]
    return kept


def steps(rows: Sequence[Row], asked: Asked, places: npt.NDArray[np.bool_]) -> Ints:
    """(7, n, 64): how often each code stands in each row, live and after each of STEPS; `places` (732,) are those that
    count at all.
    """
    now, then, gone = (np.array([row[side] for row in rows]).reshape(-1, GRID) * places for side in (0, 1, 2))
    upto = [GRID - 1 if asked.basis == "live" else dfe_last_place(row.born, asked.year) for row in rows]
    last = np.array([-1 if place is None else place for place in upto]).reshape(-1, 1)
    of_age = np.broadcast_to(last >= 0, now.shape)
    in_time, in_days = np.arange(GRID) <= last, np.broadcast_to(asked.places, now.shape)
    counted = in_days & of_age & in_time
    was_known = (then * counted).any(axis=1, keepdims=True)
    after = [
        now,
        now * in_days,
        now * (in_days & of_age),
        now * counted,
        now * (counted & was_known),
        then * counted,
        (then + gone) * counted,
    ]
    return np.stack([_histogram(codes) for codes in after])


def _histogram(codes: npt.NDArray[np.integer]) -> Ints:
    numbers = codes.astype(np.intp) + np.arange(len(codes), dtype=np.intp)[:, None] * CODES
    return np.bincount(numbers.ravel(), minlength=len(codes) * CODES).reshape(len(codes), CODES)


@dataclass(slots=True)
class Tally:
    """What a group's rows come to, live and after each step: (7, 64) sessions by code, (7, 2) UNITS."""

    sessions: Ints
    units: Ints
    schools: int = 0

    @classmethod
    def empty(cls) -> "Tally":
        return cls(np.zeros((len(STEPS) + 1, CODES), np.int64), np.zeros((len(STEPS) + 1, len(UNITS)), np.int64))

    @classmethod
    def of(cls, counted: Ints, one_in: int) -> "Tally":
        """Of one school, from `steps`."""
        figures = counted @ figure_table()
        possible, absent = figures[..., 0], figures[..., 2] + figures[..., 3]
        persistent = (possible > 0) & (absent * one_in >= possible)
        sessions = counted.sum(axis=1)
        sessions[:, 0] = 0
        return cls(sessions, np.stack([(possible > 0).sum(axis=1), persistent.sum(axis=1)], axis=1), 1)

    def add(self, other: "Tally") -> None:
        self.sessions += other.sessions
        self.units += other.units
        self.schools += other.schools

    def along(self, figure: str) -> list[int]:
        """A figure (one of SUMS or UNITS, or a code) live and after each step."""
        if figure in UNITS:
            return self.units[:, UNITS.index(figure)].tolist()
        if figure in SUMS:
            return (self.sessions @ figure_table()[:, FIGURES.index(figure)]).tolist()
        code = code_table().get(figure)
        return [0] * len(self.sessions) if code is None else self.sessions[:, code.number].tolist()

    def of_codes(self) -> dict[str, int]:
        """By code, how many sessions they should have counted."""
        return {code.code: int(self.sessions[-1, code.number]) for code in code_table().values()}


@dataclass(frozen=True, slots=True)
class Reason:
    """A share of a difference, and what it is."""

    reason: str
    count: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of both sides. `expected`: what they should have counted, as far as we can tell. Hidden: theirs, what
    differs and what is left are None.
    """

    figure: str
    unit: str
    theirs: int | None
    ours: int
    expected: int
    difference: int | None
    reasons: tuple[Reason, ...]
    unexplained: int | None


def compare(theirs: Theirs, tally: Tally, asked: Asked, known: str | None) -> list[Figure]:
    """Every figure that they tell, and every code that either side has, with the reasons of each difference."""
    shares = _shares_of_codes(theirs, tally, asked)
    named = {name: theirs.sums[name] for name in (*SUMS, *UNITS) if name in theirs.sums} | dict(theirs.codes)
    words = _words(asked, known)
    return [_figure(name, said, tally.along(name), shares.get(name, {}), words) for name, said in named.items()]


def is_retired(code: str, year: int) -> bool:
    """Whether a code is none of an academic year: unknown, or retired before September."""
    known = code_table().get(code)
    return known is None or (known.valid_to is not None and known.valid_to < date(year, 9, 1))


def _shares_of_codes(theirs: Theirs, tally: Tally, asked: Asked) -> dict[str, dict[str, int]]:
    """What codes that we do not take, and sums that are not those of their own parts, do to each figure."""
    stray = {
        code: count - tally.along(code)[-1]
        for code, count in theirs.codes.items()
        if count is not None and is_retired(code, asked.year)
    }
    found = {code: {"codes": count} for code, count in stray.items()}
    groups = {
        "attended": [code for code, one in code_table().items() if one.attended],
        "authorised": [code for code, one in code_table().items() if one.absence == "authorised"],
        "unauthorised": [code for code, one in code_table().items() if one.absence == "unauthorised"],
    }
    for name, codes in groups.items():
        said = theirs.sums.get(name)
        of_codes = [theirs.codes.get(code, 0) for code in codes]
        rest = (
            said - sum(filter(None, of_codes)) if theirs.complete and said is not None and None not in of_codes else 0
        )
        found[name] = {"codes": sum(stray.get(code, 0) for code in codes) + rest}
    found["possible"] = _share_of_possible(theirs, tally, sum(found[name]["codes"] for name in groups))
    return found


def _share_of_possible(theirs: Theirs, tally: Tally, of_parts: int) -> dict[str, int]:
    parts = [theirs.sums.get(name) for name in SUMS]
    told = [part for part in parts if part is not None]
    rest = told[0] - sum(told[1:]) if len(told) == len(SUMS) else 0
    dual = theirs.codes.get("D")
    if rest == (tally.along("D")[-1] if dual is None else dual):
        return {"codes": of_parts, "dual-registration": rest}
    return {"codes": of_parts + rest}


def _figure(
    name: str, theirs: int | None, along: Sequence[int], shares: Mapping[str, int], words: Mapping[str, str]
) -> Figure:
    counts = {step: after - before for step, before, after in zip(STEPS, along, along[1:], strict=False)}
    if theirs is not None:
        counts |= shares
    unit = "enrolments" if name in UNITS else "sessions"
    reasons = [
        Reason(reason, count, f"{abs(count)} {'more' if count > 0 else 'fewer'} {unit} there: {words[reason]}.")
        for reason, count in counts.items()
        if count
    ]
    if theirs is None:
        reasons.append(Reason("suppressed", 0, "Their number is hidden, or can't be told from what they show."))
    difference = None if theirs is None else theirs - along[0]
    unexplained = None if difference is None else difference - sum(counts.values())
    return Figure(
        name, unit, theirs, along[0], along[-1] + sum(shares.values()), difference, tuple(reasons), unexplained
    )


def _words(asked: Asked, known: str | None) -> dict[str, str]:
    """What each reason is, to be put behind how many sessions or enrolments it is of."""
    return {
        "calendar": f"they count from {asked.first} to {asked.last}, we all of {year_name(asked.year)}",
        "age": "they count who was 5 to 15 on 31 August, and nobody whose date of birth is not known",
        "year-11": "of those aged 15 on 31 August nothing counts from the spring bank holiday on",
        "joiner": f"nothing was known of these enrolments by {known}",
        "late-mark": f"marks that came, were corrected or were taken back after {known}",
        "leaver": f"marks known by {known} of days on which, as we know by now, the child was not on the roll",
        "codes": "codes that are retired or unknown, or that are in their sum and in none of its parts",
        "dual-registration": "they count D, at the other school of a dual registration, as possible",
    }


def unexplained(figures: Iterable[Figure]) -> bool:
    """Whether something is left that no reason explains."""
    return any(figure.unexplained for figure in figures)

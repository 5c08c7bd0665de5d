"""Every mark of a phase's year: what finally stands, what was first posted, and when it was put right.

Absences come from `absence`. Here the attended sessions get their codes, schools their trips and closures, and a part
of the absences is first posted as N and settled later, as the rule book's correction behaviour (10c) has it: about 2%
of possible sessions start as N; 0.17% are still N after two weeks, 0.10% after ten; and a quarter of them turn out to
be no absence at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator import absence, season
from simulator.calendar import SchoolDay
from simulator.dfe import PhaseFigures

CODES = ("/", "\\", "L", "B", "V", "W", "P", "K", *absence.ABSENT, "D", "Y1", "Y3", "Y4", "Y7")
NUMBER = {code: number for number, code in enumerate(CODES)}
NOT_CORRECTED = -1

Numbers = NDArray[np.uint8]

# Outside possible sessions, as a share of them (rule book 10c): transport not provided, and any other unavoidable
# cause, for a pupil; part of the premises closed, for a class; the whole school closed.
_PUPIL_CAUSES = {
    "primary": {"Y1": 0.0002, "Y7": 0.0008},
    "secondary": {"Y1": 0.0002, "Y7": 0.0008},
    "special": {"Y1": 0.0041, "Y7": 0.0008},
}
_CLASS_CLOSED = 0.0002
_SCHOOL_CLOSED = 0.0004

_LATE_SPREAD = 0.6  # shape of the gamma distribution of how often a pupil is late
_LATE_BY_SESSION = (1.7, 0.3)  # most are late in the morning
_WORK_EXPERIENCE_YEARS = (10, 11)
_STUDY_LEAVE_YEAR = 11
_STUDY_LEAVE_FROM = 0.75  # of the year's sessions

_RUNS_FIRST_N = 0.45
_PRESENT_FIRST_N = 0.005
_SOON = ((1, 0.49), (2, 0.26), (3, 0.11), (4, 0.05), (5, 0.03))  # school days until settled
_LATE_SETTLED = (6, 120)


@dataclass(frozen=True, slots=True)
class Pupils:
    """The pupils of one phase; arrays of one length."""

    rate: NDArray[np.float64]
    year_group: NDArray[np.intp]
    room: NDArray[np.intp]  # a class; dense from 0
    school: NDArray[np.intp]  # dense from 0


@dataclass(frozen=True, slots=True)
class Marks:
    """Numbers of CODES, each of shape (pupils, sessions), the mornings at even places."""

    final: Numbers
    first: Numbers
    settled: NDArray[np.int16]  # school day on which `first` becomes `final`, or NOT_CORRECTED


def year_of_marks(pupils: Pupils, figures: PhaseFigures, days: Sequence[SchoolDay], rng: np.random.Generator) -> Marks:
    """All marks of one phase in the year; the same for the same generator state."""
    single_share = sum(figures.shares[code] for code in absence.SINGLE) / figures.absence
    in_runs, singly = absence.missed(pupils.rate, season.day_factors(days), min(single_share, 1.0), rng)
    final = _attended(pupils, figures, len(days), rng)
    runs = absence.runs_of(in_runs)
    study_leave = (pupils.year_group[runs.pupil] == _STUDY_LEAVE_YEAR) & (
        runs.start >= _STUDY_LEAVE_FROM * 2 * len(days)
    )
    reason = absence.reasons(runs, pupils.rate, {"S": study_leave}, figures.shares, rng)
    run, pupil, session = runs.sessions
    final[pupil, session] = np.array([NUMBER[code] for code in absence.RUNS], dtype=np.uint8)[reason[run]]
    drawn = absence.single_reasons(int(singly.sum()), figures.shares, rng)
    final[singly] = np.array([NUMBER[code] for code in absence.SINGLE], dtype=np.uint8)[drawn]
    _close(final, pupils, figures.phase, rng)
    first, settled = _first_posted(final, runs, rng)
    return Marks(final, first, settled)


def _attended(pupils: Pupils, figures: PhaseFigures, days: int, rng: np.random.Generator) -> Numbers:
    """What each session would be if nobody were absent."""
    count = len(pupils.rate)
    share = {code: figures.shares[code] / (1 - figures.absence) for code in ("L", "B", "V", "W", "P", "K")}
    codes = np.empty((count, 2 * days), dtype=np.uint8)
    codes[:, 0::2], codes[:, 1::2] = NUMBER["/"], NUMBER["\\"]
    late = rng.gamma(_LATE_SPREAD, 1 / _LATE_SPREAD, count) * share["L"]
    chance = np.minimum(late[:, None] * np.tile(_LATE_BY_SESSION, days), 0.9).astype(np.float32)
    codes[rng.random(codes.shape, dtype=np.float32) < chance] = NUMBER["L"]
    older = np.isin(pupils.year_group, _WORK_EXPERIENCE_YEARS)
    experience = np.where(older, share["W"] / max(older.mean(), 1e-9), 0.0)
    for code, chances in (("B", share["B"]), ("P", share["P"]), ("K", share["K"]), ("W", experience[:, None])):
        codes[_whole_days(rng.random((count, days), dtype=np.float32) < chances)] = NUMBER[code]
    rooms = int(pupils.room.max(initial=-1)) + 1
    codes[_whole_days((rng.random((rooms, days)) < share["V"])[pupils.room])] = NUMBER["V"]
    return codes


def _close(codes: Numbers, pupils: Pupils, phase: str, rng: np.random.Generator) -> None:
    """Writes the sessions that were not possible over what would have been."""
    count, days = len(codes), codes.shape[1] // 2
    for code, chance in _PUPIL_CAUSES[phase].items():
        codes[_whole_days(rng.random((count, days), dtype=np.float32) < chance)] = NUMBER[code]
    for code, chance, of in (("Y3", _CLASS_CLOSED, pupils.room), ("Y4", _SCHOOL_CLOSED, pupils.school)):
        groups = int(of.max(initial=-1)) + 1
        codes[_whole_days((rng.random((groups, days)) < chance)[of])] = NUMBER[code]


def _first_posted(final: Numbers, runs: absence.Runs, rng: np.random.Generator) -> tuple[Numbers, NDArray[np.int16]]:
    """What the registers said when they were taken, and the school day on which each was put right."""
    settled = np.full(final.shape, NOT_CORRECTED, dtype=np.int16)
    unexplained = rng.random(len(runs.pupil)) < _RUNS_FIRST_N
    explained_on = runs.start // 2 + _days_until_settled(len(runs.pupil), rng)
    run, pupil, session = runs.sessions
    before = unexplained[run] & (session // 2 < explained_on[run])
    settled[pupil[before], session[before]] = explained_on[run[before]]
    attended = np.isin(final, [NUMBER[code] for code in ("/", "\\", "L")])
    overlooked = attended & (rng.random(final.shape, dtype=np.float32) < _PRESENT_FIRST_N)
    settled[overlooked] = (np.nonzero(overlooked)[1] // 2) + rng.integers(0, 2, int(overlooked.sum()))
    absent = np.isin(final, [NUMBER[code] for code in absence.RUNS if code != "N"])
    settled[~(absent | attended)] = NOT_CORRECTED
    return np.where(settled == NOT_CORRECTED, final, np.uint8(NUMBER["N"])), settled


def _days_until_settled(count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    lags, chances = zip(*_SOON, strict=True)
    least, most = np.log(_LATE_SETTLED)
    late = np.exp(rng.uniform(least, most, count)).astype(np.intp)
    place = np.searchsorted(np.cumsum(chances), rng.random(count))
    return np.where(place < len(lags), np.array([*lags, 0])[place], late)


def _whole_days(days: absence.Mask) -> absence.Mask:
    return np.repeat(days, 2, axis=1)

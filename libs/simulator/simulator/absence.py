"""Which sessions a pupil misses, and why: runs of whole days, and single sessions for an appointment or a late arrival.

A pupil misses exactly the share of the year that `propensity` says. Which sessions they are is decided by a score for
each session: a smooth random line (so that absence comes in runs of days), more on Fridays and towards the end of a
term (`season`), and a little for the single session. The highest-scoring sessions are the missed ones.

Every run then gets one reason. How well a reason fits a run (a holiday is long, an exclusion is not a morning) is a
table of preferences; weights before it are found so that each code comes to its share in the authority's figures.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

SINGLE = ("M", "J1", "U")  # a session, not a run
RUNS = ("I", "C", "C1", "C2", "E", "R", "S", "T", "G", "O", "N")
ABSENT = (*SINGLE, *RUNS)

# How far a day's chance to be missed reaches into the days after it.
_REACH = np.array([1.0, 0.9, 0.6, 0.3])
_SESSION_NOISE = 0.08
# How much of the score the logarithm of a day's level is worth; found by trying, so that Fridays and last weeks come
# out right.
_STEP = 0.72
_ROUNDS = 25
_LONG = 6  # sessions


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs of missed sessions, in the order of pupils and then sessions; one element each."""

    pupil: NDArray[np.intp]
    start: NDArray[np.intp]  # session, from 0
    length: NDArray[np.intp]  # sessions

    @property
    def sessions(self) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
        """For every missed session its run, its pupil and its place in the year."""
        run = np.repeat(np.arange(len(self.pupil)), self.length)
        within = np.arange(len(run)) - np.repeat(np.cumsum(self.length) - self.length, self.length)
        return run, self.pupil[run], self.start[run] + within


def missed(
    rate: NDArray[np.float64], factors: NDArray[np.float64], single_share: float, rng: np.random.Generator
) -> tuple[Mask, Mask]:
    """The sessions missed in runs and those missed singly, each of shape (pupils, sessions); no session is in both.

    `rate` is each pupil's share of the year, `factors` the days' levels, `single_share` the part of absence that is
    single.
    """
    pupils, days = len(rate), len(factors)
    sessions = 2 * days
    total = np.rint(rate * sessions).astype(np.intp)
    singles = rng.binomial(total, single_share)
    score = np.repeat(_smooth(pupils, days, rng) + np.log(factors).astype(np.float32) * _STEP, 2, axis=1)
    score += rng.standard_normal(score.shape, dtype=np.float32) * _SESSION_NOISE
    in_runs = _highest(score, total - singles)
    score = rng.random(score.shape, dtype=np.float32)
    score[in_runs] = -1.0
    return in_runs, _highest(score, singles)


def runs_of(missed_in_runs: Mask) -> Runs:
    """The runs of consecutive missed sessions; a weekend or a holiday does not break one."""
    edge = np.zeros((len(missed_in_runs), 1), dtype=np.int8)
    change = np.diff(missed_in_runs.astype(np.int8), axis=1, prepend=edge, append=edge)
    pupil, start = np.nonzero(change == 1)
    _, end = np.nonzero(change == -1)
    return Runs(pupil, start, end - start)


def reasons(
    runs: Runs,
    rate: NDArray[np.float64],
    allowed: Mapping[str, Mask],
    shares: Mapping[str, float],
    rng: np.random.Generator,
) -> NDArray[np.intp]:
    """One reason for each run, as its place in RUNS, so that the missed sessions have the codes in the proportions of
    `shares`.

    `allowed` says for some codes in which runs they may be; the others may be in any.
    """
    fit = _preferences(runs, rate[runs.pupil])
    for code, where in allowed.items():
        fit[:, RUNS.index(code)] *= where
    wanted = np.array([shares[code] for code in RUNS])
    wanted = wanted / wanted.sum() * runs.length.sum()
    weight, chance = wanted, fit
    for _ in range(_ROUNDS):
        chance = fit * weight
        chance /= chance.sum(axis=1, keepdims=True)
        have = runs.length @ chance
        weight = weight * np.where(have > 0, wanted / np.maximum(have, 1e-9), 0.0)
    drawn = (np.cumsum(chance, axis=1) < rng.random((len(chance), 1))).sum(axis=1)
    return np.minimum(drawn, len(RUNS) - 1)


def single_reasons(count: int, shares: Mapping[str, float], rng: np.random.Generator) -> NDArray[np.intp]:
    """A reason for each single missed session, as its place in SINGLE."""
    weight = np.array([shares[code] for code in SINGLE])
    return rng.choice(len(SINGLE), size=count, p=weight / weight.sum())


def _smooth(pupils: int, days: int, rng: np.random.Generator) -> NDArray[np.float32]:
    noise = rng.standard_normal((pupils, days + len(_REACH) - 1), dtype=np.float32)
    reach = (_REACH / np.sqrt((_REACH**2).sum())).astype(np.float32)
    line = np.zeros((pupils, days), dtype=np.float32)
    for back, weight in enumerate(reach):
        line += weight * noise[:, len(_REACH) - 1 - back : len(_REACH) - 1 - back + days]
    return line


def _highest(score: NDArray[np.floating[Any]], count: NDArray[np.intp]) -> Mask:
    """In each row, the `count` highest."""
    rows, width = score.shape
    ordered = np.sort(score, axis=1)
    threshold = ordered[np.arange(rows), np.minimum(width - count, width - 1)]
    return (score >= threshold[:, None]) & (count > 0)[:, None]


def _preferences(runs: Runs, rate: NDArray[np.float64]) -> NDArray[np.float64]:
    """How well each reason of RUNS fits each run: shape (runs, reasons); the scale of a column does not matter."""
    length, long = runs.length, runs.length >= _LONG
    often = rate > 0.15
    columns = {
        "I": np.where(length <= 2 * _LONG, 1.0, 0.4) * np.where(rate > 0.3, 0.6, 1.0),
        "C": np.ones(len(length)),
        "C1": np.where(long, 2.0, 1.0),
        "C2": np.where(often, 6.0, 0.1),
        "E": np.where((length >= 2) & (length <= 10), 1.0, 0.1) * np.where(often, 3.0, 1.0),
        "R": np.where(length <= 2, 1.0, 0.05),
        "S": np.ones(len(length)),
        "T": np.where(often, 2.0, 1.0),
        "G": np.where(long, 6.0, 0.3) * np.where(rate > 0.3, 0.2, 1.0),
        "O": (rate / 0.07) ** 0.7,
        "N": np.ones(len(length)),
    }
    return np.column_stack([columns[code] for code in RUNS])

"""How much of the year each pupil misses: the bands of rule book 10d, bent to the authority's own figures.

The bands are England's (2022/23, by phase). Three things are then made the authority's own: the share of severely
absent pupils, the share of persistently absent ones, and, by a tilt between the bands below and above that line, the
absence rate.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from simulator.dfe import PhaseFigures

# Lower bounds of the bands, and their upper end.
EDGES = np.array([0.0, 0.05, 0.10, 0.15, 0.20, 0.25, 0.50, 1.0])
PERSISTENT_FROM = 2  # index of the band that starts at 10%
SEVERE = 6  # index of the band 50% and more

# Percent of pupils in each band (rule book 10d).
BANDS: Mapping[str, Sequence[float]] = {
    "primary": (56.1, 27.7, 9.2, 3.2, 1.4, 1.7, 0.75),
    "secondary": (46.3, 27.2, 11.0, 4.8, 2.6, 4.8, 3.40),
    "special": (35.3, 26.4, 13.6, 7.1, 4.0, 7.4, 6.24),
}
BANDS_ALL = np.array([51.4, 27.4, 10.1, 4.0, 2.0, 3.2, 2.03])
BANDS_FSM = np.array([34.8, 28.7, 14.8, 7.2, 3.9, 6.7, 3.78])
BANDS_SEN = np.array([40.3, 27.5, 12.7, 5.9, 3.3, 6.1, 4.35])
SHARE_FSM = 0.257
SHARE_SEN = 0.19

# Within a band more pupils lie low than high: the place within it is a uniform draw to this power.
_LEAN = 1.3
# Rounding to whole sessions must not carry a pupil over an edge.
_MARGIN = 0.002
_STEEPEST = 6.0
_STEPS = 40


def band_shares(figures: PhaseFigures) -> NDArray[np.float64]:
    """The shares of pupils in the seven bands that give the authority's persistent, severe and overall absence."""
    low, high = -_STEEPEST, _STEEPEST
    for _ in range(_STEPS):
        tilt = (low + high) / 2
        mean = float((_tilted(figures, tilt) * _band_means()).sum())
        low, high = (low, tilt) if mean > figures.absence else (tilt, high)
    return _tilted(figures, (low + high) / 2)


def rates(figures: PhaseFigures, pupils: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Each pupil's absence rate over a whole year, in random order: shape (pupils,), from 0 to 1.

    Drawn one from each of `pupils` equal slices of the distribution, so that a small authority has the right rates too.
    """
    place = (np.arange(pupils) + rng.random(pupils)) / max(pupils, 1)
    bounds = np.concatenate([[0.0], np.cumsum(band_shares(figures))])
    bounds[-1] = 1.0
    band = np.clip(np.searchsorted(bounds, place, side="right") - 1, 0, SEVERE)
    within = (place - bounds[band]) / (bounds[band + 1] - bounds[band])
    low, high = EDGES[band] + _MARGIN, EDGES[band + 1] - _MARGIN
    drawn = low + (high - low) * within**_LEAN
    rng.shuffle(drawn)
    return drawn


def bands_of(rate: NDArray[np.float64]) -> NDArray[np.intp]:
    """The band of each rate: 0 to 6."""
    return np.clip(np.searchsorted(EDGES, rate, side="right") - 1, 0, SEVERE)


def chance_given_band(group: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """How likely a pupil of each band belongs to a group, from the group's own bands and its share of all pupils."""
    return np.clip(share * group / BANDS_ALL, 0, 1)


def _band_means() -> NDArray[np.float64]:
    low, high = EDGES[:-1] + _MARGIN, EDGES[1:] - _MARGIN
    return low + (high - low) / (_LEAN + 1)


def _tilted(figures: PhaseFigures, tilt: float) -> NDArray[np.float64]:
    """England's bands, those above times exp(tilt) for each step up, scaled to the authority's groups."""
    shares = np.array(BANDS[figures.phase]) * np.exp(tilt * np.arange(SEVERE + 1))
    shares[:PERSISTENT_FROM] *= (1 - figures.persistent) / shares[:PERSISTENT_FROM].sum()
    shares[PERSISTENT_FROM:SEVERE] *= (figures.persistent - figures.severe) / shares[PERSISTENT_FROM:SEVERE].sum()
    shares[SEVERE] = figures.severe
    return shares

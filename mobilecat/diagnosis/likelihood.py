"""How well hypotheses explain what was seen, in one number that can be compared between them.

−2 log likelihood, the noise unknown. A pair's residuals are Gaussian; an observed box without a
partner may lie anywhere in the picture. So a hypothesis that explains four of five boxes well can
beat one that explains all five badly, and a second bug must gain more than the noise gives.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mobilecat.diagnosis.facts import REFERENCE_PX
from mobilecat.geometry.affine import F64

MOST_NOISE = 7.5
"""Boxes scatter by at most so many times the noise that was taken: more is not explained."""
_ANYWHERE = float(np.log(REFERENCE_PX**2 / (2 * np.pi)))
_LOST = 6.0  # a true box without a partner: one in twenty is lost


@dataclass(frozen=True, eq=False)
class Fit:
    """Candidates held to what was seen. Shapes: (C,).

    misfit: −2 log likelihood, less a constant. squares: of the pairs that count, px². numbers: how
    many numbers those pairs tell. kept: how many pairs. rms_px, sigma_px: the latter not below the
    noise that was taken.
    """

    misfit: F64
    squares: F64
    numbers: F64
    kept: npt.NDArray[np.int64]
    limit: F64

    @property
    def rms_px(self) -> F64:
        rms: F64 = np.sqrt(self.squares / np.maximum(self.numbers, 1.0))
        return rms


def outliers_of(pairs: int) -> int:
    """Return how many of so many pairs may be no pairs at all: every fourth at most."""
    return pairs // 4


def fitted(
    squares: F64, known: F64, prior: F64, pairs: int, noise_px: float, most: float = MOST_NOISE
) -> Fit:
    """Return how well candidates explain the pairs.

    squares, known, prior: (C, n), px² and numbers of each pair, infinite where there is no partner,
    and its price. pairs: how many there could be. most: times the noise that boxes may scatter.
    """
    order = np.argsort(squares / known, axis=1)
    by = np.take_along_axis(squares, order, axis=1)
    limits = np.take_along_axis(squares / known, order, axis=1)
    rss = np.cumsum(by, axis=1)
    numbers = np.cumsum(np.take_along_axis(known, order, axis=1), axis=1)
    priced = np.cumsum(np.take_along_axis(prior, order, axis=1), axis=1)
    count = len(squares)
    best = Fit(
        np.full(count, np.inf),
        np.full(count, np.inf),
        np.ones(count),
        np.zeros(count, dtype=np.int64),
        np.zeros(count),
    )
    low, high = noise_px**2, (most * noise_px) ** 2
    for m in range(max(1, pairs - outliers_of(pairs)), pairs + 1):
        if m > by.shape[1]:
            break
        s, c = rss[:, m - 1], numbers[:, m - 1]
        variance = np.clip(np.where(np.isfinite(s), s, 0.0) / c, low, high)
        misfit = s / variance + c * (np.log(variance) - _ANYWHERE)
        misfit = misfit + priced[:, m - 1] + _LOST * (pairs - m)
        better = misfit < best.misfit
        best = Fit(
            np.where(better, misfit, best.misfit),
            np.where(better, s, best.squares),
            np.where(better, c, best.numbers),
            np.where(better, m, best.kept),
            np.where(better, limits[:, m - 1], best.limit),
        )
    return best

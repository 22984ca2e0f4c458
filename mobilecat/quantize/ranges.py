"""From what was counted to a range: pure functions, one a method of `[quantize]`.

minmax keeps every value and lets one outlier widen every step. percentile cuts a share off each
end. mse weighs both: rounding moves a value by step²/12, squared and on average, saturation by its
distance from the end (arXiv 1511.06488).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mobilecat.quantize.histogram import Histogram

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Range:
    """The values from `low` to `high`, in the tensor's own unit; low ≤ high, both finite."""

    low: float
    high: float

    def __or__(self, other: Range) -> Range:
        """Return the range that holds both."""
        return Range(min(self.low, other.low), max(self.high, other.high))

    @property
    def span(self) -> float:
        return self.high - self.low


@dataclass(frozen=True, eq=False)
class Seen:
    """What one value of a graph was seen to be, over all pictures.

    range: by the method of `[quantize]`, of the whole tensor. lows, highs: [C], the least and the
    largest along `axis`, whatever the method: 1 for tensors of four dimensions and more, else the
    last; None for a tensor without dimensions.
    """

    range: Range
    lows: Floats
    highs: Floats
    axis: int | None

    @property
    def whole(self) -> Range:
        """All that was seen, whatever the method."""
        return Range(float(self.lows.min()), float(self.highs.max()))


Ranges = Mapping[str, Seen]
"""By the values' names in the graph that was run."""

Method = Callable[[Histogram], Range]


def minmax(seen: Histogram) -> Range:
    """Return all that was seen."""
    return Range(seen.low, seen.high)


def percentile(seen: Histogram, percent: float) -> Range:
    """Return what is left where 100 − `percent` of the values are cut off at each end."""
    total = int(seen.counts.sum())
    if not total or seen.high <= seen.low:
        return minmax(seen)
    share = total * (100 - percent) / 100
    upward, downward = np.cumsum(seen.counts), np.cumsum(seen.counts[::-1])
    edges = seen.edges
    first = int(np.argmax(upward > share))
    last = len(seen.counts) - int(np.argmax(downward > share))
    return Range(float(edges[first]), float(edges[max(last, first + 1)]))


_TRIED = 100
"""Widths tried, as shares of all that was seen."""


def mse(seen: Histogram, levels: int = 256) -> Range:
    """Return the range whose `levels` steps move what was seen least, squared and on average.

    Both ends are drawn in together, in proportion, and zero stays inside where it was.
    """
    if not seen.counts.any() or seen.high <= seen.low:
        return minmax(seen)
    x, weights = seen.middles, seen.counts / seen.counts.sum()
    inner = (min(seen.low, 0.0), max(seen.high, 0.0))
    best, least = minmax(seen), np.inf
    for share in np.linspace(1.0, 1.0 / _TRIED, _TRIED):
        low, high = inner[0] * share, inner[1] * share
        step = (high - low) / (levels - 1)
        beyond = x - np.clip(x, low, high)
        error = float((weights * np.where(beyond != 0, beyond**2, step**2 / 12)).sum())
        if error < least:
            best, least = Range(float(max(low, seen.low)), float(min(high, seen.high))), error
    return best

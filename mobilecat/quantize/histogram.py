"""Values counted as they come, in bins between bounds that are known before: nothing is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

BINS = 2048
Array = npt.NDArray[Any]


@dataclass
class Histogram:
    """Counts of values in `BINS` equal bins from `low` to `high`, which both belong to it.

    What lies outside is counted at the nearest end; what is not finite is left out.
    """

    low: float
    high: float
    counts: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))

    @property
    def edges(self) -> npt.NDArray[np.float64]:
        """The bins' edges, [BINS + 1]."""
        return np.linspace(self.low, self.high, len(self.counts) + 1)

    @property
    def middles(self) -> npt.NDArray[np.float64]:
        edges = self.edges
        return np.asarray((edges[:-1] + edges[1:]) / 2)

    def add(self, values: Array) -> None:
        """Count `values`, of any shape."""
        flat = values.reshape(-1)
        if not np.isfinite(flat.sum(dtype=np.float64)):
            flat = flat[np.isfinite(flat)]
        span = self.high - self.low
        if span <= 0:
            self.counts[0] += flat.size
            return
        bins = len(self.counts)
        at = (flat - np.float32(self.low)) * np.float32(bins / span)
        place = np.clip(at, 0, bins - 1).astype(np.int32)
        self.counts += np.bincount(place, minlength=bins)

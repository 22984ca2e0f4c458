"""Ranges as arrays, and back: what the cache keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mobilecat.quantize.histogram import Array
from mobilecat.quantize.ranges import Range, Ranges, Seen

_NO_AXIS = -1


def arrays_from_ranges(ranges: Ranges) -> dict[str, Array]:
    """Return the arrays that `ranges_from_arrays` reads: a row a value, channels end to end."""
    seen = list(ranges.values())
    return {
        "names": np.array(list(ranges), np.str_),
        "ranges": np.array([(s.range.low, s.range.high) for s in seen]).reshape(-1, 2),
        "axes": np.array([_NO_AXIS if s.axis is None else s.axis for s in seen], np.int64),
        "sizes": np.array([s.lows.size for s in seen], np.int64),
        "lows": np.concatenate([s.lows for s in seen]) if seen else np.zeros(0),
        "highs": np.concatenate([s.highs for s in seen]) if seen else np.zeros(0),
    }


def ranges_from_arrays(arrays: Mapping[str, Any]) -> Ranges:
    """Return the ranges that `arrays_from_ranges` wrote."""
    ends = np.cumsum(arrays["sizes"])
    lows, highs = (np.split(arrays[key], ends[:-1]) for key in ("lows", "highs"))
    return {
        str(name): Seen(Range(float(low), float(high)), a, b, None if axis < 0 else int(axis))
        for name, (low, high), a, b, axis in zip(
            arrays["names"], arrays["ranges"], lows, highs, arrays["axes"], strict=False
        )
    }

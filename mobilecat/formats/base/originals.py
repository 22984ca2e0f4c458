"""What float16 weights were rounded from.

A float16 file is the source's network with each weight rounded once. With the weights as they were
before that rounding, the file's own program must give what the source gives, to float32's rounding:
what is left then is a fault of the program. A value is exchanged only for one that rounds to it,
each by itself, so that no fault larger than half a unit in a weight's last place can hide.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mobilecat.graph import Array

HALF_A_STEP = 0.52
"""A value between two halves may have gone to the other one: it was folded in float64 and rounded
once, where its original was rounded to float32 first. So it may after noise of 1e-6."""


class Originals:
    """What float16 constants stand for, by name where it fits, else by their very bytes.

    exchanged, kept: how many were found, and how many stay as they are stored.
    """

    def __init__(self, originals: Iterable[tuple[str, Array]]) -> None:
        self._named: dict[str, list[Array]] = {}
        self._alike: dict[bytes, Array] = {}
        self.exchanged = self.kept = 0
        for name, values in originals:
            wide = np.asarray(values, np.float32)
            self._named.setdefault(name, []).append(wide)
            self._alike.setdefault(_rounded(wide), wide)

    def __call__(self, name: str, stored: Array) -> Array:
        key = stored.tobytes()
        fitting = [a for a in self._named.get(name, []) if _rounds_to(a, stored)]
        found = fitting[0] if fitting else self._alike.get(key)
        if found is None:
            self.kept += 1
            return stored
        self.exchanged += 1
        return found.reshape(stored.shape)


def _rounds_to(wide: Array, stored: Array) -> bool:
    """Return whether `stored` is `wide` rounded, ties either way."""
    if wide.size != stored.size:
        return False
    flat, half = wide.reshape(-1), stored.reshape(-1)
    with np.errstate(over="ignore", invalid="ignore"):
        other = np.flatnonzero(flat.astype(np.float16).view(np.uint16) != half.view(np.uint16))
        if not other.size:
            return True
        step = np.spacing(np.abs(half[other])).astype(np.float64)
        off = np.abs(flat[other].astype(np.float64) - half[other].astype(np.float64))
        return bool((off <= HALF_A_STEP * step).all())


def _rounded(wide: Array) -> bytes:
    with np.errstate(over="ignore"):
        return wide.astype(np.float16).tobytes()

"""What weights were rounded from: float16 ones, and those that are packed smaller still.

A float16 file is the source's network with each weight rounded once. With the weights as they were
before that rounding, the file's own program must give what the source gives, to float32's rounding:
what is left then is a fault of the program. A value is exchanged only for one that rounds to it,
each by itself, so that no fault larger than half a unit in a weight's last place can hide. Of
packed weights it is the whole tensor: every original rounds to the very integer, or is nearest to
the very entry of its palette, that is shipped, under the scale that is shipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from mobilecat.graph import Array

OF_MEAN = 0.15
"""How far a palette's entry may be from the mean of its originals, in their spread."""
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

    def named(self, name: str) -> Sequence[Array]:
        """Return what goes by a name."""
        return self._named.get(name, [])

    def packed(
        self, name: str, dense: Array, low: Array, high: Array, entry: Array | None
    ) -> Array:
        """Return what packed weights were rounded from: all of them, or `dense` as it is.

        low, high: between which an original lies that would have been rounded to `dense`. entry:
        which entry of which palette each one is; an entry is about the mean of those it stands for.
        """
        same = [a for many in self._named.values() for a in many if a.size == dense.size]
        for wide in [*self._named.get(name, []), *same]:
            if wide.size != dense.size:
                continue
            found = wide.reshape(dense.shape)
            inside = bool(((found >= low) & (found <= high)).all())
            if inside and (entry is None or _within(found, dense, entry)):
                self.exchanged += 1
                return found
        self.kept += 1
        return dense

    def __call__(self, name: str, stored: Array) -> Array:
        key = stored.tobytes()
        fitting = [a for a in self._named.get(name, []) if _rounds_to(a, stored)]
        found = fitting[0] if fitting else self._alike.get(key)
        if found is None:
            self.kept += 1
            return stored
        self.exchanged += 1
        return found.reshape(stored.shape)


def _within(wide: Array, dense: Array, entry: Array) -> bool:
    """Return whether each entry is about the mean of the originals that it stands for, as k-means
    leaves it: the rounds may end a little before that, and the entry is rounded itself."""
    places, values = entry.reshape(-1), wide.reshape(-1).astype(np.float64)
    size = int(places.max()) + 1
    low, high, held = np.full(size, np.inf), np.full(size, -np.inf), np.zeros(size)
    np.minimum.at(low, places, values)
    np.maximum.at(high, places, values)
    held[places] = dense.reshape(-1)
    used = np.isfinite(low)
    count = np.bincount(places, minlength=size)[used]
    mean = np.bincount(places, values, minlength=size)[used] / count
    slack = OF_MEAN * (high - low)[used] + 1e-3 * np.abs(held[used]) + 1e-9
    return bool((np.abs(held[used] - mean) <= slack).all())


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

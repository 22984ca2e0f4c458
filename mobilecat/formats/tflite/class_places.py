"""A scale for each class, so that one suppression that knows no classes keeps them apart.

The usual trick moves each class's boxes by class · 4096, which costs the low bits of their
coordinates: an IoU near the threshold then falls on either side. Multiplying by powers of two
costs nothing: x by 2^a and y by 2^b change no bit of an IoU, since every difference, product and
quotient in it is the same but for its exponent. Classes differ by at least `step` in a or in b.

Take a box B and a box A of another class, and let B's be the larger scale in x (y is the same).
A reaches no further than M, the largest coordinate of the picture, and in B's units no further
than ρ = M · 2^-step from x = 0. So A covers at most 2ρ of B's width, and IoU(A, B) ≤ 2ρ / width
where B meets that band at all. It stays at half the threshold or below unless all of B lies within
`margin` · M = 4ρ / threshold of x = 0: some 0.006 px at a picture's left edge, for 80 classes, a
threshold of 0.45 and pictures of 700 px. Such a splinter is set aside, as a box without area is:
it suppresses nothing, and nothing suppresses it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from mobilecat.graph import Array

FAR = 20
"""Coordinates reach to 2^FAR px; what lies beyond overlaps nothing."""
_LEAST_AREA = 16  # areas down to 2^-16 px² keep every bit in any place
_SCALES = (-104, 105)  # a + FAR stays below 2^126; 2^-22 px is still a normal float
_NORMAL = 6 - 126  # an area's exponent with room for an intersection of 1/64 of it
_AREAS = (_NORMAL + _LEAST_AREA, 127 - 3 - 2 * FAR)  # of a + b
_STEPS = range(64, 15, -1)
_MARGIN = 2.0**-14


@dataclass(frozen=True)
class Places:
    """scales: [C,2] float32, what x and y of a class's boxes are multiplied by.

    aside: the same for boxes set aside; above every other in x, or equal there and above in y, so
    that boxes at x, y ≥ 1 px meet nothing. margin: see above, as a share of the largest coordinate.
    least_area: px²; a box with less counts as one without area, since its bits would be lost.
    """

    scales: Array
    aside: tuple[float, float]
    margin: float
    least_area: float


@cache
def places_of(classes: int, iou_threshold: float) -> Places | None:
    """Return a place a class; None where float32 has not as many at this threshold."""
    for step in _STEPS:
        margin = 2.0 ** (2 - step) / iou_threshold if iou_threshold > 0 else np.inf
        found = _grid(step)
        if margin <= _MARGIN and len(found) > classes:
            aside = max(found)
            others = (p for p in found if p != aside)
            chosen = sorted(others, key=lambda p: (abs(sum(p)), abs(p[0]), p))[:classes]
            scales = np.exp2(np.array(chosen, np.float64)).astype(np.float32)
            least = 2.0 ** (_NORMAL - min(0, *map(sum, chosen)))
            return Places(scales, (2.0 ** aside[0], 2.0 ** aside[1]), margin, least)
    return None


def _grid(step: int) -> list[tuple[int, int]]:
    """Return every pair of exponents `step` apart whose areas float32 holds."""
    low, high = _SCALES
    count = (high - low) // step + 1
    first = (low + high - (count - 1) * step) // 2
    one = [first + i * step for i in range(count)]
    return [(a, b) for a in one for b in one if _AREAS[0] <= a + b <= _AREAS[1]]


def groups_of(classes: int, iou_threshold: float) -> tuple[tuple[range, Places | None], ...]:
    """Return the classes of each call, as few calls as there can be: one up to 90 classes at the
    usual thresholds, one a class at a threshold of 0, at which whatever touches is suppressed."""
    for calls in range(1, classes):
        size = -(-classes // calls)
        places = places_of(size, iou_threshold)
        if places is not None:
            starts = range(0, classes, size)
            return tuple((range(s, min(s + size, classes)), places) for s in starts)
    return tuple((range(c, c + 1), None) for c in range(classes))


def keeps_apart(scales: Array, iou_threshold: float) -> bool:
    """Whether a table [C,2] of scales, of our making or not, keeps each two classes apart."""
    found = np.asarray(scales, np.float64)
    mantissas, exponents = np.frexp(found)
    if not (np.isfinite(found).all() and (mantissas == 0.5).all()) or iou_threshold <= 0:
        return False
    gaps = np.abs(exponents[:, None] - exponents[None]).max(-1)
    gaps[np.diag_indices(len(gaps))] = _STEPS.start
    return bool(2.0 ** (2 - gaps.min()) / iou_threshold <= _MARGIN)

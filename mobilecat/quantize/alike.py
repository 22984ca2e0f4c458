"""Calibration pictures that are nearly one and the same: they count, and show nothing more."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mobilecat.errors import MobileCatError
from mobilecat.pictures.reading import read_picture

SIDE = 16
NEAR = 4.0
"""Of 255: the mean difference of two thumbnails below which two pictures are alike."""
MOST = 500
"""Pictures that are looked at: the first so many."""


def kinds_of(pictures: Sequence[Path]) -> int:
    """Return how many pictures there are, those that are alike counted once.

    By thumbnails of 16×16 in grey: copies, other formats and near crops of one picture are alike.
    """
    kept: list[np.ndarray] = []
    for path in pictures[:MOST]:
        try:
            small = read_picture(path).convert("L").resize((SIDE, SIDE))
        except MobileCatError:
            return len(pictures)  # who reads it next says so
        values = np.asarray(small, np.float32)
        if all(float(np.abs(values - k).mean()) > NEAR for k in kept):
            kept.append(values)
    return len(kept) + max(0, len(pictures) - MOST)

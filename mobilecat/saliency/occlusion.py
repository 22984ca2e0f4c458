"""Occlusion (Zeiler and Fergus, 2014): how much a score falls where a patch hides the picture.

Nothing of a model is needed but its results, so it is the same for every artifact and engine.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mobilecat.graph import Array
from mobilecat.saliency.cam import Floats, scaled

CELLS = 14
"""Places of the patch along the longer side."""
PATCH = 1 / 7
"""Of the longer side: the patch's. Half of each neighbour's place is hidden too."""


def occlusion_map(
    pixels: Array, score: Callable[[Array], float], progress: Callable[[str], None] = lambda _: None
) -> Floats:
    """Return how much `score` falls where a grey patch lies. Shapes: (H, W, C) uint8 → (h, w).

    score: of a picture of that shape. Positions: the patch's centres, evenly over the picture.
    """
    h, w = pixels.shape[:2]
    longer = max(h, w)
    rows, columns = (max(2, round(CELLS * side / longer)) for side in (h, w))
    half = PATCH * longer / 2
    grey = np.rint(pixels.reshape(-1, pixels.shape[2]).mean(0)).astype(np.uint8)
    whole = score(pixels)
    drops = np.zeros((rows, columns))
    for i in range(rows):
        progress(f"hiding row {i + 1} of {rows}")
        for j in range(columns):
            y, x = (i + 0.5) * h / rows, (j + 0.5) * w / columns
            hidden = pixels.copy()
            top, left = max(0, round(y - half)), max(0, round(x - half))
            hidden[top : round(y + half), left : round(x + half)] = grey
            drops[i, j] = whole - score(hidden)
    return scaled(np.maximum(drops, 0))

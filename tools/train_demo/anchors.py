"""The detector's anchors."""

from __future__ import annotations

import numpy as np

# Faces are about square: each grid has squares of two sizes, relative to the input.
GRIDS = ((14, (0.11, 0.17)), (7, (0.25, 0.36)), (4, (0.50, 0.66)), (2, (0.82, 1.0)))


def anchors() -> np.ndarray:
    """Return [N,4] centre y, x, height, width in 0..1: grid, row, column, size."""
    rows = []
    for cells, sides in GRIDS:
        line, column = np.divmod(np.arange(cells * cells), cells)
        centres = (np.stack([line, column], axis=1) + 0.5) / cells
        for centre in centres:
            rows += [[*centre, side, side] for side in sides]
    return np.array(rows, dtype=np.float32)

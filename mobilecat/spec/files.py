"""Files that a spec names in place of a value."""

from __future__ import annotations

import json
from pathlib import Path


def labels_from_file(path: Path) -> list[str]:
    """Return the non-empty lines; OSError or ValueError where it is no text."""
    return [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]


def anchors_from_file(path: Path) -> list[list[float]]:
    """Return the rows of an .npy or .json file [N,4]; OSError or ValueError where it is not one."""
    import numpy as np

    if path.suffix == ".npy":
        found = np.load(path, allow_pickle=False)
    else:
        found = np.array(json.loads(path.read_text("utf-8")))
    if found.ndim != 2 or found.shape[1] != 4 or found.dtype.kind not in "fiu" or not len(found):
        raise ValueError(f"holds {found.dtype} {list(found.shape)}, expected numbers [N, 4]")
    if not np.isfinite(found).all():
        raise ValueError("holds values that are not finite")
    rows: list[list[float]] = found.astype(np.float64).tolist()
    return rows

"""Files that a spec names in place of a value, and which kind of spec a file is."""

from __future__ import annotations

from pathlib import Path, PurePath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from mobilecat.disk import read_json, read_text, toml_from_text
from mobilecat.value import unsafe_path

if TYPE_CHECKING:
    from mobilecat.disk.arrays import Array

_LABELS = 1 << 20
"""Bytes: a thousand names are a hundredth of it."""
_ROWS = 1 << 20


def is_cascade(path: Path) -> bool:
    """Return whether the file at `path` is TOML with a `[cascade]` table."""
    try:
        return path.suffix == ".toml" and "cascade" in toml_from_text(read_text(path))
    except (OSError, ValueError):
        return False  # whoever reads it as an ordinary spec says what is wrong


def labels_from_file(path: Path) -> list[str]:
    """Return the non-empty lines; OSError or ValueError where it is no text."""
    return [line.strip() for line in read_text(path, _LABELS).split("\n") if line.strip()]


def anchors_from_file(path: Path) -> list[list[float]]:
    """Return the rows of an .npy or .json file [N,4]; OSError or ValueError where it is not one."""
    import numpy as np

    from mobilecat.disk.arrays import read_array

    found = read_array(path) if path.suffix == ".npy" else _rows(read_json(path))
    if found.ndim != 2 or found.shape[1] != 4 or found.dtype.kind not in "fiu" or not len(found):
        raise ValueError(f"holds {found.dtype} {list(found.shape)}, expected numbers [N, 4]")
    if not np.isfinite(found).all():
        raise ValueError("holds values that are not finite")
    if len(found) > _ROWS:
        raise ValueError(f"holds {len(found)} rows, more than {_ROWS}")
    rows: list[list[float]] = found.astype(np.float64).tolist()
    return rows


def _rows(value: Any) -> Array:
    import numpy as np

    try:
        return np.array(value)
    except (OverflowError, TypeError, RecursionError) as e:
        raise ValueError(f"holds no rows of numbers: {e}") from e


def require_beside(name: str) -> None:
    """Raise ValueError where a spec names a file that no spec has a reason to read: what it holds
    goes into the artifact. `..` is one, as several specs may share their labels."""
    if why := unsafe_path(name):
        raise ValueError(f"its name {why}")
    path = PurePath(name)
    if path.is_absolute() or PureWindowsPath(name).drive:
        raise ValueError("its name is absolute; name it from the spec's folder")
    if any(part.startswith((".", "~")) and part != ".." for part in path.parts):
        raise ValueError("it is hidden")

"""Arrays that a stranger wrote (.npy, .npz): no pickles, and no more memory than the file fills.

https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html describes both.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

MOST_BYTES = 8 << 30
"""Of one file, unpacked."""
_SUFFIX = ".npy"
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_array(path: Path) -> Array:
    """Return the array in a .npy file. Errors: OSError; ValueError for what is none."""
    with path.open("rb") as file:
        return _array(file, path.stat().st_size)


def read_arrays(path: Path) -> dict[str, Array]:
    """Return the arrays in an .npz file by name. Errors: OSError; ValueError for what is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if sum(p.file_size for p in parts) > MOST_BYTES:
                raise ValueError(f"unpacks to more than {MOST_BYTES:,} bytes")
            found: dict[str, Array] = {}
            for part in parts:
                if not part.filename.endswith(_SUFFIX):
                    raise ValueError(f"{part.filename!r} is no array")
                with archive.open(part) as file:
                    found[part.filename.removesuffix(_SUFFIX)] = _array(file, part.file_size)
            return found
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as e:
        raise ValueError(f"not an .npz of arrays: {e}") from e


def _array(file: IO[bytes], size: int) -> Array:
    version = np.lib.format.read_magic(file)  # type: ignore[no-untyped-call]
    if version not in _HEADERS:
        raise ValueError(f"version {version} of the format is not read")
    try:
        shape, fortran, dtype = _HEADERS[version](file)  # type: ignore[no-untyped-call]
    except (RecursionError, MemoryError, SyntaxError, TypeError, OverflowError) as e:
        raise ValueError(f"its header cannot be read: {type(e).__name__}") from e
    if dtype.hasobject:
        raise ValueError("holds Python objects, which are not read")
    if any(side < 0 for side in shape) or len(shape) > 32:
        raise ValueError(f"has no shape: {list(shape)[:8]}")
    count = math.prod(shape)
    data = file.read(size) if count * dtype.itemsize <= size else b""
    if len(data) != count * dtype.itemsize:
        raise ValueError(f"says {list(shape)} of {dtype}, which is not what follows")
    flat = np.frombuffer(data, dtype) if count else np.zeros(0, dtype)
    array: Array = flat.reshape(shape, order="F" if fortran else "C").copy()
    return array

"""Where a resize reads: sampling positions per axis, shared by ML Programs and NeuralNetworks.

Source: the notes on `resize_bilinear` in coremltools' MIL ops (iOS15 `image_resizing`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecat.formats.coreml.runtime.errors import refused
from mobilecat.formats.coreml.runtime.graph import Graph, Val

Array = npt.NDArray[Any]

MODES = ("DEFAULT", "STRICT_ALIGN_CORNERS", "ALIGN_CORNERS", "UNALIGN_CORNERS", "OFFSET_CORNERS")
# the modes that onnxruntime's Resize knows by another name
_ONNX = {
    "DEFAULT": "asymmetric",
    "STRICT_ALIGN_CORNERS": "align_corners",
    "ALIGN_CORNERS": "align_corners",
    "UNALIGN_CORNERS": "half_pixel",
}


def positions(mode: str, size: int, out: int) -> Array:
    """Return the `out` positions read along an axis of `size` pixels, 0 = first pixel's centre."""
    i = np.arange(out, dtype=np.float64)
    if mode == "ALIGN_CORNERS" and out == 1:
        at = np.array([(size - 1) / 2])
    elif mode in ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS"):
        at = i * ((size - 1) / max(out - 1, 1))
    elif mode == "DEFAULT":
        at = i * (size / out)
    elif mode == "OFFSET_CORNERS":
        at = (i + 0.5) * (max(1, size - 1) / out)
    elif mode == "UNALIGN_CORNERS":
        at = (i + 0.5) * (size / out) - 0.5
    else:
        raise refused(f"sampling mode {mode!r} is unknown")
    return np.asarray(np.clip(at, 0, size - 1))


def weights(at: Array, size: int) -> Array:
    """Return the [len(at), size] matrix that interpolates linearly at positions `at`."""
    distance = np.abs(at[:, None] - np.arange(size)[None, :])
    tent: Array = np.maximum(0, 1 - distance).astype(np.float32)
    return tent


def resize_linear(g: Graph, x: Val, mode: str, height: int, width: int) -> Val:
    """Return `x` with its last two axes interpolated to height × width."""
    h, w = x.shape[-2:]
    single = mode == "ALIGN_CORNERS" and 1 in (height, width)
    if (h, w) == (height, width) and mode != "OFFSET_CORNERS":
        return g("Identity", x)
    if mode in _ONNX and not single:
        return _resize(g, x, height, width, mode="linear", at=_ONNX[mode])
    rows = g.const(weights(positions(mode, h, height), h))
    columns = g.const(weights(positions(mode, w, width), w).T)
    return g("MatMul", g("MatMul", rows, x), columns)


def resize_nearest(g: Graph, x: Val, rows: Array, columns: Array) -> Val:
    """Return `x` with the pixels at `rows` and `columns` of its last two axes."""
    h, w = x.shape[-2:]
    height, width = len(rows), len(columns)
    if _repeats(rows, h) and _repeats(columns, w):
        return _resize(g, x, height, width, mode="nearest", at="asymmetric")
    y = g("Gather", x, rows.astype(np.int64), axis=x.rank - 2)
    return g("Gather", y, columns.astype(np.int64), axis=x.rank - 1)


def _repeats(index: Array, size: int) -> bool:
    factor, rest = divmod(len(index), size)
    return rest == 0 and factor > 0 and bool((index == np.arange(len(index)) // factor).all())


def _resize(g: Graph, x: Val, height: int, width: int, *, mode: str, at: str) -> Val:
    shape = list(x.shape)
    flat = x if x.rank == 4 else g("Reshape", x, np.array([1, -1, *shape[-2:]]))
    sizes = np.array([*flat.shape[:2], height, width])
    y: Val = g(
        "Resize",
        flat,
        None,
        None,
        sizes,
        mode=mode,
        coordinate_transformation_mode=at,
        nearest_mode="floor",
    )
    return y if x.rank == 4 else g("Reshape", y, np.array([*shape[:-2], height, width]))

"""Where a resize reads: source index for each destination index, and the same as a coordinate map.

| convention    | source index of destination k     | as a map of edge coordinates (s = in/out) |
|---------------|-----------------------------------|-------------------------------------------|
| half-pixel    | (k + .5)·s − .5                   | X = x/s                                   |
| legacy        | k·s                               | X = x/s + .5·(1 − 1/s)                    |
| align-corners | k·(in − 1)/(out − 1)              | X = .5 + (x − .5)·(out − 1)/(in − 1)      |
| offset        | (k + .5)·max(1, in − 1)/out       | MIL OFFSET_CORNERS                        |

Source: coremltools' MIL reference (resize_bilinear), onnx Resize, tf.raw_ops.ResizeBilinear.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from mobilecat.errors import Problem
from mobilecat.geometry.affine import F64, Affine, GeometryError, SizeLike, whole_size

Convention = Literal["half-pixel", "legacy", "align-corners", "align-corners-center", "offset"]
CONVENTIONS: tuple[Convention, ...] = get_args(Convention)

# "align-corners-center" differs from "align-corners" only where one pixel is asked for: it reads
# the middle, the other reads pixel 0.
MIL_RESIZE_BILINEAR: dict[str, Convention] = {
    "DEFAULT": "legacy",
    "STRICT_ALIGN_CORNERS": "align-corners",
    "ALIGN_CORNERS": "align-corners-center",
    "UNALIGN_CORNERS": "half-pixel",
    "OFFSET_CORNERS": "offset",
}
MIL_UPSAMPLE_BILINEAR: dict[bool, Convention] = {True: "align-corners", False: "half-pixel"}
ONNX_RESIZE: dict[str, Convention] = {
    "half_pixel": "half-pixel",
    "asymmetric": "legacy",
    "align_corners": "align-corners",
}
# (align_corners, half_pixel_centers); both together are refused by TFLite
TFLITE_RESIZE_BILINEAR: dict[tuple[bool, bool], Convention] = {
    (False, True): "half-pixel",
    (False, False): "legacy",
    (True, False): "align-corners",
}


def _index_map(n_in: int, n_out: int, convention: Convention) -> tuple[float, float]:
    """Return (step, first): source index = step·k + first, before clamping."""
    if convention not in CONVENTIONS:
        raise GeometryError(
            "Unknown resize convention",
            [Problem(f"{convention!r}", fix=f"one of {', '.join(CONVENTIONS)}")],
        )
    if n_in < 1 or n_out < 1:
        raise GeometryError("A resize needs pixels", [Problem(f"{n_in} to {n_out}")])
    s = n_in / n_out
    if convention == "half-pixel":
        return s, 0.5 * s - 0.5
    if convention == "legacy":
        return s, 0.0
    if convention == "offset":
        delta = max(1, n_in - 1) / n_out
        return delta, 0.5 * delta
    if n_out == 1:
        return 0.0, (n_in - 1) / 2 if convention == "align-corners-center" else 0.0
    return (n_in - 1) / (n_out - 1), 0.0


def source_indices(n_in: int, n_out: int, convention: Convention, clamp: bool = True) -> F64:
    """Return the fractional source index of every destination index. Shapes: (n_out,).

    clamp: keep them within [0, n_in − 1], as every engine does before it reads.
    """
    step, first = _index_map(n_in, n_out, convention)
    indices: F64 = step * np.arange(n_out, dtype=np.float64) + first
    return np.minimum(np.maximum(indices, 0.0), n_in - 1.0) if clamp else indices


def resized_from_source(src_wh: SizeLike, dst_wh: SizeLike, convention: Convention) -> Affine:
    """Return the map that a resize applies to coordinates, both pixel edges with top-left origin.

    Errors: GeometryError where every destination pixel reads one source pixel (1 pixel aligned).
    """
    axes = []
    for n_in, n_out in zip(whole_size(src_wh), whole_size(dst_wh), strict=True):
        step, first = _index_map(n_in, n_out, convention)
        if step == 0.0:
            raise GeometryError(
                "This resize has no coordinate map",
                [Problem(f"{n_in} to {n_out} pixels, {convention}: one pixel is read")],
            )
        # centres: source k·step + first + .5 ↔ destination k + .5
        axes.append((1 / step, 0.5 - (first + 0.5) / step))
    return Affine.scale_then_move(axes[0][0], axes[1][0], axes[0][1], axes[1][1])

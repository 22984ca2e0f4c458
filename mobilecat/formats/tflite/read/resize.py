"""Pictures of another size."""

from __future__ import annotations

import numpy as np

from mobilecat.formats.tflite.read.op import Call, First, Given, Refused, reads


def _resized(call: Call, transform: str, **how: str) -> Given:
    size = call.ints(1, "size")
    if len(size) != 2 or min(size) < 1 or call.rank(0) != 4:
        raise Refused(f"a size {size} for {list(call.shape(0))}")
    batch, _, _, channels = call.shape(0)
    sizes = np.array([batch, channels, *size], np.int64)
    y = call.g.op(
        "Resize", call.first(0), None, None, sizes,
        coordinate_transformation_mode=transform, **how,
    )  # fmt: skip
    return First(y)


def _transform(call: Call) -> str:
    if call.option("alignCorners"):
        return "align_corners"
    return "half_pixel" if call.option("halfPixelCenters") else "asymmetric"


@reads("RESIZE_BILINEAR")
def read_bilinear(call: Call) -> Given:
    return _resized(call, _transform(call), mode="linear")


@reads("RESIZE_NEAREST_NEIGHBOR")
def read_nearest(call: Call) -> Given:
    """Which source pixel: round(x · scale) with aligned corners, else floor((x + ½) · scale) or
    floor(x · scale).
    Source: https://github.com/google-ai-edge/LiteRT/blob/main/tflite/kernels/internal/reference/resize_nearest_neighbor.h
    """
    transform = _transform(call)
    # At half pixels ONNX takes ½ off again, so that floor is its rounding, up at a half.
    rounded = "floor" if transform == "asymmetric" else "round_prefer_ceil"
    return _resized(call, transform, mode="nearest", nearest_mode=rounded)

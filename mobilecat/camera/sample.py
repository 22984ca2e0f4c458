"""Pixels through an affine map: bilinear with half-pixel centres, averaged where it shrinks.

No phone's resampler is documented, so this is none of them: geometry is exact, values are close.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecat.camera.color import U8, to_bytes
from mobilecat.geometry.affine import F64, Affine
from mobilecat.geometry.assumptions import Upsampling
from mobilecat.geometry.boxes import clip_xyxy
from mobilecat.geometry.sampling import source_indices

MAX_SUPERSAMPLING = 8


def _bilinear(pixels: F64, points_xy: F64, fill: float, within: F64) -> F64:
    """Return values at edge coordinates; `fill` outside `within`. (h,w,C), (...,2) → (...,C)."""
    h, w = pixels.shape[:2]
    x, y = points_xy[..., 0], points_xy[..., 1]
    inside = (x >= within[0]) & (x <= within[2]) & (y >= within[1]) & (y <= within[3])
    fx, fy = np.clip(x - 0.5, 0, w - 1), np.clip(y - 0.5, 0, h - 1)
    x0, y0 = np.floor(fx).astype(np.int64), np.floor(fy).astype(np.int64)
    x1, y1 = np.minimum(x0 + 1, w - 1), np.minimum(y0 + 1, h - 1)
    ax, ay = (fx - x0)[..., None], (fy - y0)[..., None]
    top = pixels[y0, x0] * (1 - ax) + pixels[y0, x1] * ax
    low = pixels[y1, x0] * (1 - ax) + pixels[y1, x1] * ax
    values: F64 = np.where(inside[..., None], top * (1 - ay) + low * ay, fill)
    return values


def _shrink(dst_from_src: Affine) -> int:
    """Return how many source pixels one destination pixel spans, at the most, in whole steps."""
    back = dst_from_src.inverse()
    span = max(math.hypot(back.a, back.c), math.hypot(back.b, back.d))
    return min(MAX_SUPERSAMPLING, max(1, math.ceil(span - 1e-9)))


def render(
    pixels: npt.NDArray[Any],
    dst_from_src: Affine,
    dst_wh: tuple[int, int],
    fill: float = 0.0,
    antialias: bool = True,
    within_xyxy: npt.ArrayLike | None = None,
) -> U8:
    """Return the picture drawn through `dst_from_src`, `fill` where it does not reach.

    antialias: average a grid of samples in each destination pixel, as many as it spans in the
    source; without it one sample is taken, as OpenCV's INTER_LINEAR does.
    within_xyxy: the part of the source that may be seen, in its pixels; None for all of it.
    Shapes: (h, w, C) → (dst h, dst w, C) uint8.
    """
    source = pixels.astype(np.float64)
    src_h, src_w = pixels.shape[:2]
    within = clip_xyxy((0, 0, src_w, src_h) if within_xyxy is None else within_xyxy, (src_w, src_h))
    src_from_dst = dst_from_src.inverse()
    n = _shrink(dst_from_src) if antialias else 1
    total = np.zeros((dst_wh[1], dst_wh[0], pixels.shape[2]))
    for i in range(n):
        for j in range(n):
            x, y = np.meshgrid(
                np.arange(dst_wh[0]) + (i + 0.5) / n, np.arange(dst_wh[1]) + (j + 0.5) / n
            )
            total += _bilinear(source, src_from_dst.points(np.stack([x, y], axis=-1)), fill, within)
    return to_bytes(total / (n * n))


def enlarge_plane(plane: npt.NDArray[np.uint8], wh: tuple[int, int], how: Upsampling) -> F64:
    """Return a half-size chroma plane at full size. (⌈h/2⌉, ⌈w/2⌉, C) → (h, w, C) float64.

    linear takes chroma as sited in the middle of its 2×2 block.
    """
    w, h = wh
    samples = plane.astype(np.float64)
    if how == "nearest":
        doubled: F64 = samples[np.arange(h)[:, None] // 2, np.arange(w)[None, :] // 2]
        return doubled
    for axis, n_out in ((0, h), (1, w)):
        n_in = samples.shape[axis]
        index = source_indices(n_in, 2 * n_in, "half-pixel")[:n_out]
        low = np.floor(index).astype(np.int64)
        high = np.minimum(low + 1, n_in - 1)
        shape = (-1, 1, 1) if axis == 0 else (1, -1, 1)
        share = (index - low).reshape(shape)
        samples = samples.take(low, axis) * (1 - share) + samples.take(high, axis) * share
    return samples

"""Pixels through an upright map: bilinear with half-pixel centres, averaged where it shrinks.

No phone's resampler is documented, so this is none of them: geometry is exact, values are close.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecat.camera.color import U8, to_bytes
from mobilecat.errors import Problem
from mobilecat.geometry.affine import F64, Affine, GeometryError
from mobilecat.geometry.assumptions import Upsampling
from mobilecat.geometry.boxes import clip_xyxy
from mobilecat.geometry.sampling import source_indices

BLOCK = 1 << 15
"""Values that are summed at a time, so that they stay in the processor's cache."""


@dataclass(frozen=True)
class _Axis:
    """How one axis of the result reads one axis of the source: coordinate = scale·p + offset."""

    scale: float
    offset: float
    low: float
    high: float
    length: int

    def sampled(self, pixels: npt.NDArray[Any], antialias: bool) -> tuple[F64, F64]:
        """Return sums along axis 0, and the share of each destination pixel that was inside.

        Shapes: (n, …) → (length, …), (length,).
        """
        steps = max(1, math.ceil(abs(self.scale) - 1e-9)) if antialias else 1
        last = len(pixels) - 1
        inside = np.zeros(self.length)
        reads = []
        for i in range(steps):
            at = self.scale * (np.arange(self.length) + (i + 0.5) / steps) + self.offset
            seen = ((at >= self.low) & (at <= self.high)) / steps
            place = np.clip(at - 0.5, 0, last)
            first = np.floor(place).astype(np.int64)
            share = place - first
            reads.append((first, seen * (1 - share)))
            reads.append((np.minimum(first + 1, last), seen * share))
            inside += seen
        rows = np.ascontiguousarray(pixels).reshape(len(pixels), -1)
        total = np.zeros((self.length, rows.shape[1]))
        height = max(1, BLOCK // rows.shape[1])
        for top in range(0, self.length, height):
            block = slice(top, top + height)
            for index, weight in reads:
                total[block] += rows[index[block]] * weight[block, None]
        return total.reshape(self.length, *pixels.shape[1:]), inside


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
    Errors: GeometryError for a map that turns by anything but quarters.
    """
    h, w = pixels.shape[:2]
    x1, y1, x2, y2 = clip_xyxy((0, 0, w, h) if within_xyxy is None else within_xyxy, (w, h))
    back = dst_from_src.inverse()
    if back.b == back.c == 0:
        across = _Axis(back.a, back.tx, x1, x2, dst_wh[0])
        down = _Axis(back.d, back.ty, y1, y2, dst_wh[1])
    elif back.a == back.d == 0:  # a quarter turn: the result's columns read the source's rows
        pixels = pixels.swapaxes(0, 1)
        across = _Axis(back.c, back.ty, y1, y2, dst_wh[0])
        down = _Axis(back.b, back.tx, x1, x2, dst_wh[1])
    else:
        raise GeometryError(
            "Only upright maps and quarter turns can be drawn", [Problem(f"{dst_from_src}")]
        )
    rows, seen_down = down.sampled(pixels, antialias)
    columns, seen_across = across.sampled(rows.swapaxes(0, 1), antialias)
    seen = (seen_across[:, None] * seen_down[None, :])[..., None]
    return np.ascontiguousarray(to_bytes(columns + fill * (1 - seen)).swapaxes(0, 1))


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

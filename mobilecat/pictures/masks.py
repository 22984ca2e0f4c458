"""Masks of detections: a grid each, and where in the picture its pixels lie.

Frame: mask pixel (column i, row j) covers [i, i+1] × [j, j+1] of the grid, which covers the model
input; `image_from_mask` leads from there through the letterbox to the upright picture, on pixel
edges as everywhere. A picture's pixel belongs to a mask where the mask pixel that its centre falls
into is surer than SURE.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecat.geometry.affine import Affine

Flags = npt.NDArray[np.bool_]
Values = npt.NDArray[np.float32]

SURE = 0.5
"""A pixel that is surer than this is the object's."""
_MOST = 1 << 26
"""Pixels that masks read from a file may have in all."""


@dataclass(frozen=True)
class Masks:
    """values: (n,h,w), how sure each pixel is, 0..1; image_from_mask: as the module says."""

    values: Values
    image_from_mask: Affine

    def __len__(self) -> int:
        return len(self.values)

    @property
    def grid_wh(self) -> tuple[int, int]:
        return self.values.shape[2], self.values.shape[1]

    @property
    def flags(self) -> Flags:
        """(n,h,w): which pixels are the object's."""
        return np.asarray(self.values > SURE)

    def placed(self, to: Affine) -> Masks:
        """Return the same in the frame that `to` leads to."""
        return Masks(self.values, to @ self.image_from_mask)

    def __getitem__(self, rows: Sequence[int] | npt.NDArray[np.int64]) -> Masks:
        return Masks(self.values[np.asarray(rows, np.int64)], self.image_from_mask)

    def on_picture(self, i: int, size_wh: tuple[int, int]) -> Flags:
        """Return which pixels of a picture are object i's, (H,W)."""
        width, height = size_wh
        mask_from_image = self.image_from_mask.inverse()
        column, row = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
        at = mask_from_image.points(np.stack([column, row], axis=-1))
        cells = np.floor(at).astype(np.int64)
        (cols, rows), wh = (cells[..., 0], cells[..., 1]), self.grid_wh
        inside = (cols >= 0) & (cols < wh[0]) & (rows >= 0) & (rows < wh[1])
        held = (self.values[i] > SURE)[np.clip(rows, 0, wh[1] - 1), np.clip(cols, 0, wh[0] - 1)]
        return np.asarray(inside & held)

    def area(self, i: int) -> float:
        """Return how many pixels of the picture mask i covers, the grid's cells counted whole."""
        a = self.image_from_mask
        return float(np.count_nonzero(self.values[i] > SURE)) * abs(a.a * a.d - a.b * a.c)

    def told(self, i: int) -> dict[str, Any]:
        """Return mask i as COCO's run lengths (columns first, beginning with what is not its), with
        `image_from_mask`, a, b, tx, c, d, ty."""
        flat = (self.values[i] > SURE).reshape(-1, order="F")
        edges = np.flatnonzero(np.diff(flat)) + 1
        counts = np.diff(np.concatenate([[0], edges, [len(flat)]])).tolist()
        if len(flat) and flat[0]:
            counts = [0, *counts]
        a = self.image_from_mask
        height, width = self.values.shape[1:]
        numbers = [round(v, 9) for v in (a.a, a.b, a.tx, a.c, a.d, a.ty)]
        return {"size": [height, width], "counts": counts, "image_from_mask": numbers}


def model_from_mask(model_wh: tuple[int, int], grid_wh: tuple[int, int]) -> Affine:
    """Return the map from mask pixels to pixels of the model input, which the grid covers."""
    return Affine.scale_then_move(model_wh[0] / grid_wh[0], model_wh[1] / grid_wh[1])


def read_masks(told: Sequence[Mapping[str, Any]]) -> Masks:
    """Return what `Masks.told` wrote, all of one grid; ValueError for what it never writes."""
    first = told[0]
    height, width = (int(v) for v in first["size"])
    if min(height, width) < 1 or len(told) * height * width > _MOST:
        raise ValueError(f"masks of {width}×{height} are none that a phone could hold")
    values = np.zeros((len(told), height * width), np.float32)
    for row, one in zip(values, told, strict=True):
        if [one[k] for k in ("size", "image_from_mask")] != [
            first[k] for k in ("size", "image_from_mask")
        ]:
            raise ValueError("masks of one result have one grid")
        ends = np.cumsum(np.asarray(one["counts"], np.int64))
        if (np.diff(ends, prepend=0) < 0).any() or (ends[-1] if ends.size else 0) != row.size:
            raise ValueError(f"the run lengths of a mask do not make {width}×{height}")
        for start, end in zip(ends[0::2], ends[1::2], strict=False):
            row[start:end] = 1
    made = values.reshape(len(told), width, height).transpose(0, 2, 1)
    return Masks(np.ascontiguousarray(made), Affine(*map(float, first["image_from_mask"])))


def off_by(expected: Masks, got: Masks, i: int, j: int, near: float) -> float:
    """Return 1 − IoU of two masks of one grid; pixels that are `near` to SURE in either may be
    either's. 0 where both are empty."""
    e, g = expected.values[i] > SURE, got.values[j] > SURE
    unsure = np.minimum(*(np.abs(m.values[k] - SURE) for m, k in ((expected, i), (got, j)))) <= near
    union = int(np.count_nonzero(e | g))
    return np.count_nonzero((e != g) & ~unsure) / union if union else 0.0

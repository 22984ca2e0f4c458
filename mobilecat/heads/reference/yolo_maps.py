"""Raw maps of YOLOv3 and YOLOv5 in numpy: one anchor of one cell at a time, as Darknet counts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mobilecat.graph import Array
from mobilecat.heads.base import Candidates
from mobilecat.heads.reference.arrays import Arrays, from_centres, sigmoid

STANDARD = [
    [(10, 13), (16, 30), (33, 23)],
    [(30, 61), (62, 45), (59, 119)],
    [(116, 90), (156, 198), (373, 326)],
]
# t, cell, stride, anchor → centre, size; all of them [...,2]
Formula = Callable[[Array, Array, int, Array], tuple[Array, Array]]


def decode_maps(
    anchors: object, outputs: Arrays, size_wh: tuple[int, int], formula: Formula
) -> Candidates:
    boxes: list[Array] = []
    scores: list[Array] = []
    maps = sorted((_map(raw, size_wh) for raw in outputs.values() if raw.ndim > 3), key=_stride)
    for (stride, raw, channels_first), sides in zip(maps, anchors or STANDARD, strict=True):  # type: ignore[call-overload]
        for_anchor = _by_anchor(raw, channels_first, np.array(sides, dtype=np.float64))
        block = []
        for side, t in for_anchor:
            rows, cols, _ = t.shape
            cell = np.stack(np.meshgrid(np.arange(cols), np.arange(rows)), axis=-1)
            centre, size = formula(t[..., :4], cell, stride, side)
            xyxy = from_centres(*np.moveaxis(centre, -1, 0), *np.moveaxis(size, -1, 0))[0]
            block.append(
                (xyxy, (sigmoid(t[..., 4:5]) * sigmoid(t[..., 5:])).reshape(len(xyxy), -1))
            )
        axis = 0 if channels_first else 1
        for found, part in zip((boxes, scores), zip(*block, strict=True), strict=True):
            stacked = np.stack(part, axis=axis)
            found.append(stacked.reshape(-1, stacked.shape[-1]))
    return Candidates(np.concatenate(boxes)[None], np.concatenate(scores)[None])


def _stride(found: tuple[int, Array, bool]) -> int:
    return found[0]


def _map(raw: Array, size_wh: tuple[int, int]) -> tuple[int, Array, bool]:
    """Return stride, the map without its batch, and whether anchors come before cells."""
    raw = raw.astype(np.float64)
    if raw.ndim == 5 or raw.shape[0] == 1:
        raw = raw[0]
    for at in (raw.ndim - 2, 0) if raw.ndim == 3 else (1, 0):
        rows, cols = raw.shape[at : at + 2]
        if size_wh[0] * rows == size_wh[1] * cols and size_wh[0] % cols == 0:
            return size_wh[0] // cols, raw, at > 0
    raise ValueError(f"{raw.shape} is no map of {size_wh}")


def _by_anchor(raw: Array, channels_first: bool, sides: Array) -> list[tuple[Array, Array]]:
    """Return each anchor's (width, height) with its predictions [rows, columns, 5+C]."""
    count = len(sides)
    if raw.ndim == 3 and channels_first:
        parts = [part.transpose(1, 2, 0) for part in np.split(raw, count, axis=0)]
    elif raw.ndim == 3:
        parts = np.split(raw, count, axis=2)
    else:
        parts = [raw[k] if channels_first else raw[:, :, k] for k in range(count)]
    return list(zip(sides, parts, strict=True))

"""What each pixel belongs to, in numpy, pixel by pixel."""

from __future__ import annotations

import numpy as np

from mobilecat.graph import Array
from mobilecat.heads.base import Candidates
from mobilecat.heads.reference.arrays import Arrays, pick
from mobilecat.spec.heads import SegmentsHead


def decode(spec: SegmentsHead, outputs: Arrays, size_wh: tuple[int, int]) -> Candidates:
    name = pick(outputs, spec.output, lambda a: _planes(a, spec, size_wh) is not None)
    planes = _planes(outputs[name], spec, size_wh)
    assert planes is not None
    width, height = size_wh
    is_map = spec.form == "map" or (spec.form is None and outputs[name].ndim == 3)
    if is_map:
        rows, columns = _nearest(planes.shape[1], height), _nearest(planes.shape[2], width)
        found = planes[0][rows][:, columns].astype(np.int64)
        classes = spec.classes or 0
    else:
        drawn = np.stack([_drawn(plane, size_wh, spec.upsample) for plane in planes])
        classes = max(2, len(drawn))
        found = drawn.argmax(axis=0)
        if len(drawn) == 1:
            found = (drawn[0] > (spec.threshold or 0)).astype(np.int64)
    boxes, scores = np.zeros((classes, 4)), np.zeros((classes, classes))
    for k in range(classes):
        y, x = np.nonzero(found == k)
        if len(x):
            boxes[k] = x.min(), y.min(), x.max() + 1, y.max() + 1
            scores[k, k] = len(x) / found.size
    return Candidates(boxes[None], scores[None], maps={"class_map": found[None].astype(np.float64)})


def _planes(array: Array, spec: SegmentsHead, size_wh: tuple[int, int]) -> Array | None:
    """Return [C,h,w] of an output that can be one; None of another."""
    if array.ndim not in (3, 4) or len(array) != 1:
        return None
    values = array.astype(np.float64)
    ways = {"NCHW": values[0] if array.ndim == 4 else values}
    if array.ndim == 4:
        ways["NHWC"] = np.moveaxis(values[0], -1, 0)
    off = {}
    for layout, planes in ways.items():
        rows, columns = planes.shape[1:]
        missing = abs(rows - columns * size_wh[1] / size_wh[0])
        known = spec.layout in (None, layout) and min(rows, columns) > 1
        if known and missing < 1 and columns <= size_wh[0]:
            off[layout] = missing
    return ways[min(off, key=off.__getitem__)] if off else None


def _nearest(cells: int, side: int) -> Array:
    at = (np.arange(side) + 0.5) * cells / side - 0.5
    return np.clip(np.ceil(at - 0.5), 0, cells - 1).astype(np.int64)


def _drawn(plane: Array, size_wh: tuple[int, int], how: str) -> Array:
    """Bilinear, one axis after the other."""
    for axis, side in ((0, size_wh[1]), (1, size_wh[0])):
        cells = plane.shape[axis]
        if how == "align-corners":
            at = np.arange(side) * (cells - 1) / max(side - 1, 1)
        else:
            at = np.clip((np.arange(side) + 0.5) * cells / side - 0.5, 0, cells - 1)
        low = np.minimum(np.floor(at).astype(np.int64), cells - 1)
        high = np.minimum(low + 1, cells - 1)
        shape = (-1, 1) if axis == 0 else (1, -1)
        share = (at - low).reshape(shape)
        plane = plane.take(low, axis) * (1 - share) + plane.take(high, axis) * share
    return plane

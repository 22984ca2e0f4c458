"""One heat map a point, in numpy, point by point."""

from __future__ import annotations

import math

import numpy as np

from mobilecat.graph import Array
from mobilecat.heads.base import Candidates
from mobilecat.heads.reference.arrays import Arrays, pick, sigmoid
from mobilecat.heads.reference.landmarks import of_points
from mobilecat.spec.heads import HeatmapHead


def decode(spec: HeatmapHead, outputs: Arrays, size_wh: tuple[int, int]) -> Candidates:
    name = pick(outputs, spec.output, lambda a: a.ndim == 4 and bool(_layout(a, spec, size_wh)))
    maps = outputs[name][0].astype(np.float64)
    if _layout(outputs[name], spec, size_wh) == "NHWC":
        maps = np.moveaxis(maps, -1, 0)
    if spec.activation == "sigmoid":
        maps = sigmoid(maps)
    found, scores = [], []
    for one in maps:
        x, y, score = _soft(one, spec.beta) if spec.method == "soft-argmax" else _peak(one, spec)
        rows, columns = one.shape
        found.append((_px(x, spec.grid, columns, size_wh[0]), _px(y, spec.grid, rows, size_wh[1])))
        scores.append(score)
    return of_points(np.array(found), np.array(scores))


def _layout(array: Array, spec: HeatmapHead, size_wh: tuple[int, int]) -> str:
    for layout, (rows, columns) in (("NCHW", array.shape[2:]), ("NHWC", array.shape[1:3])):
        same = math.isclose(size_wh[0] / columns, size_wh[1] / rows) and columns <= size_wh[0]
        if spec.layout in (None, layout) and same and min(rows, columns) > 1:
            return layout
    return ""


def _px(cell: float, grid: str, cells: int, side: int) -> float:
    if grid == "stride":
        return cell * side / cells
    if grid == "half-pixel":
        return (cell + 0.5) * side / cells
    return cell * (side - 1) / (cells - 1)


def _soft(heat: Array, beta: float) -> tuple[float, float, float]:
    e = np.exp(beta * (heat - heat.max()))
    share = e / e.sum()
    rows, columns = np.indices(heat.shape)
    return float((share * columns).sum()), float((share * rows).sum()), float(share.max())


def _peak(heat: Array, spec: HeatmapHead) -> tuple[float, float, float]:
    y, x = (int(v) for v in np.unravel_index(heat.argmax(), heat.shape))
    score = float(heat[y, x])
    if spec.method == "argmax":
        return x, y, score
    if score <= 0:
        return 0.0, 0.0, score
    refine = _quarter if spec.method == "quarter" else _dark
    dx, dy = refine(heat, x, y, spec.kernel)
    return x + dx, y + dy, score


def _quarter(heat: Array, x: int, y: int, _: int) -> tuple[float, float]:
    h, w = heat.shape
    if not (1 < x < w - 1 and 1 < y < h - 1):
        return 0.0, 0.0
    across, down = heat[y, x + 1] - heat[y, x - 1], heat[y + 1, x] - heat[y - 1, x]
    return 0.25 * float(np.sign(across)), 0.25 * float(np.sign(down))


def _dark(heat: Array, x: int, y: int, side: int) -> tuple[float, float]:
    h, w = heat.shape
    if not (1 < x < w - 2 and 1 < y < h - 2):
        return 0.0, 0.0
    blurred = _blurred(heat, side)
    top = blurred.max()
    blurred = blurred * heat.max() / top if top >= 1e-10 else blurred * heat.max()
    logs = np.log(np.maximum(blurred, 1e-10))

    def at(dx: int, dy: int) -> float:
        return float(logs[y + dy, x + dx])

    gradient = np.array([at(1, 0) - at(-1, 0), at(0, 1) - at(0, -1)]) / 2
    xx = (at(2, 0) - 2 * at(0, 0) + at(-2, 0)) / 4
    yy = (at(0, 2) - 2 * at(0, 0) + at(0, -2)) / 4
    xy = (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / 4
    if xx * yy - xy * xy == 0:
        return 0.0, 0.0
    dx, dy = -np.linalg.solve([[xx, xy], [xy, yy]], gradient)
    return float(dx), float(dy)


def _blurred(heat: Array, side: int) -> Array:
    """A Gaussian of `side` cells, 0 around the map; OpenCV's weights for σ = 0."""
    fixed = {
        3: (1, 2, 1),
        5: (1, 4, 6, 4, 1),
        7: (2, 7, 14, 18, 14, 7, 2),
        9: (4, 13, 30, 51, 60, 51, 30, 13, 4),
    }
    if side in fixed:
        weights = np.array(fixed[side]) / sum(fixed[side])
    else:
        sigma = 0.15 * (side - 1) + 0.5
        distance = np.arange(side) - (side - 1) / 2
        weights = np.exp(-(distance**2) / (2 * sigma * sigma))
        weights /= weights.sum()
    framed = np.pad(heat, side)
    rows = np.array([np.convolve(row, weights, "same") for row in framed])
    both = np.array([np.convolve(column, weights, "same") for column in rows.T]).T
    return both[side:-side, side:-side]

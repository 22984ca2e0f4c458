"""End-to-end YOLOs in numpy."""

from __future__ import annotations

import numpy as np

from mobilecat.graph import Array
from mobilecat.heads.base import ANCHORS, Candidates
from mobilecat.heads.reference.arrays import Arrays, from_centres, sigmoid, softmax
from mobilecat.spec.heads import End2EndHead


def decode(spec: End2EndHead, outputs: Arrays, size_wh: tuple[int, int]) -> Candidates:
    given = {k: v for k, v in outputs.items() if k != ANCHORS}
    if spec.form == "maps" or (spec.form is None and any(v.ndim == 4 for v in given.values())):
        return _maps(spec, [v for v in given.values() if v.ndim == 4], size_wh)
    array = given[spec.output] if spec.output else next(v for v in given.values() if v.ndim == 3)
    table = array[0].astype(np.float64)
    unit = np.array([*size_wh, *size_wh]) if spec.units == "normalised" else np.ones(4)
    if spec.form == "rows" or (spec.form is None and table.shape[1] == 6):
        return _rows(table, unit, spec.classes or 1, spec.points or 0)
    table = table.T if table.shape[0] < table.shape[1] else table
    scores = sigmoid(table[:, 4:]) if spec.activation == "sigmoid" else table[:, 4:]
    box = table[:, :4] * unit
    if spec.format == "xyxy":
        return Candidates(_turned_right(box), scores[None])
    cx, cy, w, h = box.T
    return Candidates(from_centres(cx, cy, np.maximum(w, 0), np.maximum(h, 0)), scores[None])


def _rows(table: Array, unit: Array, classes: int, points: int) -> Candidates:
    scores = np.zeros((1, len(table), classes))
    for i, row in enumerate(table):
        if row[5] in range(classes):
            scores[0, i, int(row[5])] = row[4]
    carried = {}
    if points:
        behind = table[:, 6:].reshape(len(table), points, -1)
        carried["landmarks"] = (behind[..., :2] * unit[:2]).reshape(1, len(table), -1)
        if behind.shape[2] == 3:
            carried["landmark_scores"] = behind[None, ..., 2]
    return Candidates(_turned_right(table[:, :4] * unit), scores, carried)


def _turned_right(box: Array) -> Array:
    """Return [1,N,4]; where x2 < x1 or y2 < y1 they become equal."""
    x1, y1, x2, y2 = box.T
    return np.stack([x1, y1, np.maximum(x1, x2), np.maximum(y1, y2)], axis=1)[None]


def _maps(spec: End2EndHead, maps: list[Array], size_wh: tuple[int, int]) -> Candidates:
    """Largest map first; where two have one size, the first holds the sides."""
    boxes, scores = [], []
    for size in sorted({m.shape[2:] for m in maps}, reverse=True):
        parts = [m[0].astype(np.float64) for m in maps if m.shape[2:] == size]
        if len(parts) == 1:
            whole = parts[0]
            bins = spec.bins or (len(whole) - (spec.classes or 0)) // 4
            parts = [whole[: 4 * bins], whole[4 * bins :]]
        sides, logits = parts
        stride = size_wh[0] / size[1]
        distances = sides.reshape(4, -1, *size)
        if len(sides) == 4:
            left, top, right, bottom = np.maximum(distances[:, 0], 0)
        else:
            weights = softmax(np.moveaxis(distances, 1, -1))
            left, top, right, bottom = weights @ np.arange(distances.shape[1])
        y, x = np.indices(size) + 0.5
        box = np.stack([x - left, y - top, x + right, y + bottom], axis=-1) * stride
        boxes.append(box.reshape(-1, 4))
        scores.append(sigmoid(logits).reshape(len(logits), -1).T)
    return Candidates(np.concatenate(boxes)[None], np.concatenate(scores)[None])

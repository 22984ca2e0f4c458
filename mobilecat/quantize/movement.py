"""How far detections move when a network is rounded: one number, from candidates before NMS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from mobilecat.graph import Array

Floats = npt.NDArray[np.float64]
Values = Mapping[str, Array]
"""What one picture gives, by the values' names."""
SURE = 0.25
"""A candidate with this score before or after counts; in each picture its best one does anyway."""


def movement(before: Sequence[Values], after: Sequence[Values]) -> float:
    """Return how far what is found moves, 0 for not at all.

    before, after: a picture's values each. Where they are candidates (`boxes` [1,N,4], xyxy, and
    `scores` [1,N,C], in the names): the change of its scores, 1 − IoU of its box, and the distance
    of its points beside the box's size, of every candidate that one of both is sure of, weighted
    with its score. Of a picture's N rows nothing is matched: row i stays row i. Otherwise the root
    mean square of what changed, beside that of the values about their mean.
    """
    parts = [_of_picture(a, b) for a, b in zip(before, after, strict=True)]
    weight = sum(w for _, w in parts)
    return sum(m * w for m, w in parts) / weight if weight > 0 else 0.0


def sureness(values: Values) -> float:
    """Return how much a picture shows: the sum of its candidates' best scores, where sure."""
    name = _named(values, "scores")
    if name is None:
        return 0.0
    best = _rows(values[name]).max(axis=1)
    return float(best[best >= SURE].sum())


def _of_picture(before: Values, after: Values) -> tuple[float, float]:
    boxes, scores = (_named(before, kind) for kind in ("boxes", "scores"))
    if boxes is None or scores is None:
        return _relative(before, after), 1.0
    a, b = (_rows(v[scores]) for v in (before, after))
    best = np.maximum(a.max(axis=1), b.max(axis=1))
    sure = best >= SURE
    sure[int(np.argmax(best))] = True
    weights = np.clip(best[sure], 1e-6, 1.0)
    old, new = (_rows(v[boxes])[sure] for v in (before, after))
    moved = np.abs(a - b)[sure].max(axis=1) + 1 - _iou(old, new)
    if (points := _named(before, "landmarks")) is not None:
        moved += _distance(_rows(before[points])[sure], _rows(after[points])[sure], old)
    return float((moved * weights).sum() / weights.sum()), float(weights.sum())


def _named(values: Values, kind: str) -> str | None:
    fits = [n for n, v in values.items() if kind in n.rsplit("/", 1)[-1] and v.ndim == 3]
    return fits[0] if len(fits) == 1 else None


def _rows(values: Array) -> Floats:
    return np.nan_to_num(values.reshape(values.shape[-2:]).astype(np.float64))


def _iou(a: Floats, b: Floats) -> Floats:
    """Return the IoU of boxes row by row, 0 where both are empty."""
    low, high = np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    sizes = [np.clip(x[:, 2:] - x[:, :2], 0, None).prod(axis=1) for x in (a, b)]
    whole = sizes[0] + sizes[1] - shared
    return np.asarray(np.where(whole > 0, shared / np.maximum(whole, 1e-12), 0.0))


def _distance(a: Floats, b: Floats, boxes: Floats) -> Floats:
    """Return the mean distance of points beside the square root of the box's area, 1 at most."""
    size = np.sqrt(np.clip(boxes[:, 2:] - boxes[:, :2], 1e-6, None).prod(axis=1))
    apart = np.linalg.norm((a - b).reshape(len(a), -1, 2), axis=2).mean(axis=1)
    return np.asarray(np.minimum(apart / size, 1.0))


def _relative(before: Values, after: Values) -> float:
    moved, size = 0.0, 0.0
    for name, old in before.items():
        a, b = old.astype(np.float64), after[name].astype(np.float64)
        scale = float(((a - a.mean()) ** 2).mean()) or float((a**2).mean()) or 1.0
        moved += float(np.nan_to_num((a - b) ** 2).mean()) / scale
        size += 1
    return float(np.sqrt(moved / max(size, 1.0)))

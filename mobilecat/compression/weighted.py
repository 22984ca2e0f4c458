"""How far candidates move, where it matters: at detections, and at what becomes one.

A score of 0.9 that falls to 0.6 counts, and so does one of 0.02 that rises to 0.5; background that
stays background does not, however much its boxes jump.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mobilecat.graph import Array

_TINY = 1e-9


def moved(reference: Mapping[str, Array], found: Mapping[str, Array]) -> float:
    """Return the mean move of a picture's candidates, each weighted by its score, squared.

    Both have `boxes` [1,N,4] xyxy, `scores` [1,N,C] and row values [1,N,D], as `Candidates` has
    them. A candidate's move is |Δscore| + (1 − IoU) + the mean distance of its landmarks in sides
    of its box + of other row values |Δ| against their largest. Its weight is the higher of its two
    best scores, squared; where there are no scores, 1. What is not finite moves by 10.
    """
    a, b = _floats(reference), _floats(found)
    n = a["boxes"].shape[1] if "boxes" in a else next(iter(a.values())).shape[1]
    weight, each = np.ones(n), np.zeros(n)
    if "scores" in a:
        weight = np.maximum(_best(a["scores"]), _best(b["scores"])) ** 2
        each += np.abs(a["scores"] - b["scores"])[0].max(axis=1, initial=0)
    side = np.ones(n)
    if "boxes" in a:
        each += 1 - _iou(a["boxes"][0], b["boxes"][0])
        wide = a["boxes"][0][:, 2:] - a["boxes"][0][:, :2]
        side = np.sqrt(np.maximum(wide[:, 0] * wide[:, 1], 1.0))
    for name in a.keys() - {"scores", "boxes"}:
        one, other = (x[name].reshape(n, -1) for x in (a, b))
        if name == "landmarks":
            apart = np.linalg.norm((one - other).reshape(n, -1, 2), axis=2).mean(axis=1) / side
        else:
            apart = np.abs(one - other).mean(axis=1) / max(float(np.abs(one).max(initial=0)), _TINY)
        each += apart
    each = np.where(np.isfinite(each), each, 10.0)
    return float((weight * each).sum() / max(float(weight.sum()), _TINY))


def _floats(values: Mapping[str, Array]) -> dict[str, Array]:
    return {name: np.asarray(v, np.float64) for name, v in values.items()}


def _best(scores: Array) -> Array:
    best = scores[0].max(axis=1, initial=0)
    return np.asarray(np.where(np.isfinite(best), best, 1.0))


def _iou(a: Array, b: Array) -> Array:
    """Return the overlap of each box with its twin, [N]; 1 for two that are the same point."""
    low, high = np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])
    inside = np.prod(np.maximum(high - low, 0), axis=1)
    areas = [np.prod(np.maximum(x[:, 2:] - x[:, :2], 0), axis=1) for x in (a, b)]
    union = areas[0] + areas[1] - inside
    same = (a == b).all(axis=1)
    return np.asarray(np.where(same, 1.0, inside / np.maximum(union, _TINY)))

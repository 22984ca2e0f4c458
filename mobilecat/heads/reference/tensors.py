"""The tensor contract of decoded candidates: what is kept of them, in padded rows."""

from __future__ import annotations

import math

import numpy as np

from mobilecat.errors import ArtifactError, Problem
from mobilecat.graph import Array
from mobilecat.heads.base import Candidates
from mobilecat.heads.reference.selection import select
from mobilecat.rows import rows_among
from mobilecat.spec import NmsSpec


def tensors_from_candidates(found: Candidates, nms: NmsSpec) -> dict[str, Array]:
    """Return the tensor contract: K rows, zero from `count` on.

    Shapes: boxes [1,N,4] xyxy, scores [1,N,C], row values [1,N,D], or as their contract has them.
    Errors: ArtifactError for shapes that contradict each other.
    """
    items = _require_shapes(found)
    found = best_candidates(found, nms.candidates)
    boxes, scores = found.boxes, found.scores
    angles = found.rows["angles"][0] if "angles" in found.rows else None
    kept, classes, best = select(boxes[0], scores[0], nms, angles)
    n, k = len(kept), nms.max_detections
    out = {
        "boxes": np.zeros((1, k, 4), np.float32),
        "scores": np.zeros((1, k), np.float32),
        "class_ids": np.zeros((1, k), np.int32),
        "count": np.array([n], np.int32),
    }
    out["boxes"][0, :n] = boxes[0][kept]
    out["scores"][0, :n] = best
    out["class_ids"][0, :n] = classes
    for name, item in items.items():
        out[name] = np.zeros((1, k, *item), np.float32)
        out[name][0, :n] = found.rows[name][0][kept].reshape(n, *item)
    return out | {name: value.astype(np.float32) for name, value in found.maps.items()}


def best_candidates(found: Candidates, most: int | None) -> Candidates:
    """Return the `most` candidates of the best score, best first, ties by rising index; or all."""
    if most is None or most >= found.scores.shape[1]:
        return found
    order = np.argsort(-found.scores[0].max(axis=1), kind="stable")[:most]
    kept = {name: value[:, order] for name, value in found.all.items()}
    return Candidates(kept.pop("boxes"), kept.pop("scores"), kept, found.maps)


def _require_shapes(found: Candidates) -> dict[str, tuple[int, ...]]:
    """Return the shape of one row of each row value."""
    boxes, scores = found.boxes, found.scores
    n = boxes.shape[1] if boxes.ndim == 3 else -1
    fits = boxes.shape == (1, n, 4) and scores.ndim == 3 and scores.shape[:2] == (1, n)
    items = {}
    for row in rows_among(found.rows):
        values = found.rows[row.name]
        fits &= values.ndim > 2 and values.shape[:2] == (1, n)
        try:
            items[row.name] = row.item(math.prod(values.shape[2:]))
        except ValueError:
            fits = False
    if fits and scores.shape[2]:
        return items
    given = ", ".join(f"{name} {value.shape}" for name, value in found.all.items())
    fix = "expected [1, N, 4], [1, N, classes], and [1, N, D] of every other; landmarks of 2·L"
    raise ArtifactError("The candidates contradict the contract", [Problem(given, fix=fix)])

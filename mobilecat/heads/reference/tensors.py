"""The tensor contract of decoded candidates: what is left after suppression, in padded rows."""

from __future__ import annotations

import numpy as np

from mobilecat.errors import ArtifactError, Problem
from mobilecat.graph import Array
from mobilecat.heads.reference.nms import suppress
from mobilecat.spec import NmsSpec


def tensors_from_candidates(
    boxes: Array, scores: Array, landmarks: Array | None, nms: NmsSpec
) -> dict[str, Array]:
    """Return the tensor contract: K rows, zero from `count` on.

    Shapes: boxes [1,N,4] xyxy, scores [1,N,C], landmarks [1,N,2L] or [1,N,L,2].
    Errors: ArtifactError for shapes that contradict each other.
    """
    _require_shapes(boxes, scores, landmarks)
    kept = suppress(
        boxes[0],
        scores[0],
        nms.score_threshold,
        nms.iou_threshold,
        nms.max_detections,
        nms.per_class,
    )
    n, k = len(kept), nms.max_detections
    out = {
        "boxes": np.zeros((1, k, 4), np.float32),
        "scores": np.zeros((1, k), np.float32),
        "class_ids": np.zeros((1, k), np.int32),
        "count": np.array([n], np.int32),
    }
    out["boxes"][0, :n] = boxes[0][kept]
    out["scores"][0, :n] = scores[0][kept].max(axis=1, initial=0)
    out["class_ids"][0, :n] = scores[0][kept].argmax(axis=1)
    if landmarks is not None:
        points = landmarks[0].size // max(1, 2 * len(landmarks[0]))
        out["landmarks"] = np.zeros((1, k, points, 2), np.float32)
        out["landmarks"][0, :n] = landmarks[0][kept].reshape(n, points, 2)
    return out


def _require_shapes(boxes: Array, scores: Array, landmarks: Array | None) -> None:
    n = boxes.shape[1] if boxes.ndim == 3 else -1
    fits = boxes.shape == (1, n, 4) and scores.ndim == 3 and scores.shape[:2] == (1, n)
    marked = landmarks is None or (
        landmarks.ndim > 2 and landmarks.shape[:2] == (1, n) and landmarks[:, :1].size % 2 == 0
    )
    if fits and scores.shape[2] and marked:
        return
    given = f"boxes {boxes.shape}, scores {scores.shape}"
    given += "" if landmarks is None else f", landmarks {landmarks.shape}"
    fix = "expected [1, N, 4], [1, N, classes], [1, N, 2·L]"
    raise ArtifactError("The candidates contradict the contract", [Problem(given, fix=fix)])

"""`mobilecat::NMS` as Core ML's own non-maximum suppression."""

from __future__ import annotations

import numpy as np

from mobilecat.formats.coreml.lower.lowering import LOWERINGS, Node
from mobilecat.formats.coreml.lower.mil import Var, cast, mb


@LOWERINGS.op("mobilecat::NMS")
def lower_nms(n: Node) -> list[Var]:
    """Keep the best boxes: static [1, K, …] outputs, zero from row `count` on.

    Shapes: boxes [1, N, 4] xyxy, scores [1, N, C] → boxes [1, K, 4], scores, class_ids and
    indices [1, K], count [1].

    MIL returns the single best box where nothing passes the threshold, so rows are counted here:
    a row is valid if its index is not padding and its score is above the threshold. The boxes are
    gathered, not converted back from centre and size, so they keep every bit.
    """
    boxes, scores = n.x(0), n.x(1)
    limit = np.float32(n.attr("score_threshold", 0.0))
    indices, kept_scores = _suppress(n, _centre_size(boxes), scores, limit)

    best = mb.reduce_max(x=kept_scores, axes=[-1], keep_dims=True)  # [1, K, 1]
    above = mb.greater(x=mb.squeeze(x=best, axes=[2]), y=limit)
    valid = mb.logical_and(x=above, y=mb.greater_equal(x=indices, y=np.int32(0)))
    picks = mb.select(cond=valid, a=indices, b=_zeros_like(indices, np.int32))

    rows = mb.gather(x=boxes, indices=mb.squeeze(x=picks, axes=[0]), axis=1)
    wide = mb.expand_dims(x=valid, axes=[2])
    classes = _first_maximum(kept_scores, best)
    return [
        mb.select(cond=wide, a=rows, b=_zeros_like(rows, np.float32)),
        mb.select(cond=valid, a=mb.squeeze(x=best, axes=[2]), b=_zeros_like(picks, np.float32)),
        mb.select(cond=valid, a=classes, b=_zeros_like(picks, np.int32)),
        picks,
        mb.reduce_sum(x=cast(valid, "int32"), axes=[1], keep_dims=False),
    ]


def _zeros_like(x: Var, dtype: type[np.generic]) -> np.ndarray:
    return np.zeros([int(d) for d in x.shape], dtype)


def _centre_size(boxes: Var) -> Var:
    """xyxy → cxcywh, the form that MIL suppresses."""
    corner = mb.slice_by_index(x=boxes, begin=[0, 0, 0], end=[1, boxes.shape[1], 2])
    opposite = mb.slice_by_index(x=boxes, begin=[0, 0, 2], end=[1, boxes.shape[1], 4])
    centre = mb.mul(x=mb.add(x=corner, y=opposite), y=np.float32(0.5))
    return mb.concat(values=[centre, mb.sub(x=opposite, y=corner)], axis=2)


def _suppress(n: Node, boxes: Var, scores: Var, limit: np.float32) -> tuple[Var, Var]:
    """Return indices [1, K] padded with −1, and the scores [1, K, C] of those boxes.

    From iOS 17 on the op has the boxes in its last axis and no score threshold. Boxes below the
    threshold then come last, where they suppress nothing, and the caller masks them.
    """
    options = {
        "iou_threshold": np.float32(n.attr("iou_threshold", 0.5)),
        "max_boxes": int(n.attr("max_detections", 100)),
        "per_class_suppression": bool(n.attr("per_class", 0)),
    }
    if n.build.ios < 17:
        _, kept, indices, _ = mb.non_maximum_suppression(
            boxes=boxes, scores=scores, score_threshold=limit, **options
        )
        return indices, kept
    perm = [0, 2, 1]
    _, kept, indices = mb.non_maximum_suppression(
        boxes=mb.transpose(x=boxes, perm=perm), scores=mb.transpose(x=scores, perm=perm), **options
    )
    return indices, mb.transpose(x=kept, perm=perm)


def _first_maximum(scores: Var, best: Var) -> Var:
    """Return the first argmax of the last axis [1, K]; MIL's own does not say which of equals."""
    count = int(scores.shape[2])
    countdown = np.arange(count, 0, -1, dtype=np.int32).reshape(1, 1, count)
    is_best = cast(mb.equal(x=scores, y=best), "int32")
    return mb.sub(
        x=np.int32(count),
        y=mb.reduce_max(x=mb.mul(x=is_best, y=countdown), axes=[2], keep_dims=False),
    )

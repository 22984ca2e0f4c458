"""Non-maximum suppression inside a program, as iOS 15 and as iOS 17 lay it out."""

from __future__ import annotations

import numpy as np

from mobilecat.formats.coreml.runtime.graph import BOOL, INT32, Graph, Val
from mobilecat.formats.coreml.runtime.mil.op import Op
from mobilecat.formats.coreml.runtime.mil.table import mil_op


@mil_op("non_maximum_suppression", moves=True)
def onnx_from_non_maximum_suppression(op: Op) -> tuple[Val, ...]:
    """Greedy suppression of what overlaps a better box by more than iou_threshold.

    A box's score is its best class. Kept are scores strictly above the threshold; ties go to the
    lower index. Where nothing survives, Core ML returns the single best box all the same.
    """
    boxes, scores = op["boxes"], op["scores"]
    last = op.opset >= 17  # [n, 4, B] and [n, K, B], no threshold, no count
    if boxes.rank != 3 or scores.rank != 3:
        raise op.broken(f"boxes have rank {boxes.rank}, scores {scores.rank}")
    if last:
        boxes = op.g("Transpose", boxes, perm=[0, 2, 1])
        scores = op.g("Transpose", scores, perm=[0, 2, 1])
    keep = op.integer("max_boxes")
    if keep < 1:
        raise op.broken(f"max_boxes is {keep}")
    found = suppress(
        op.g,
        boxes,
        scores,
        iou_threshold=op.number("iou_threshold"),
        score_threshold=None if last else op.number("score_threshold"),
        max_boxes=keep,
        per_class=op.flag("per_class_suppression", False),
    )
    if not last:
        return found
    return (
        op.g("Transpose", found[0], perm=[0, 2, 1]),
        op.g("Transpose", found[1], perm=[0, 2, 1]),
        found[2],
    )


def suppress(
    g: Graph,
    boxes: Val,
    scores: Val,
    *,
    iou_threshold: float,
    score_threshold: float | None,
    max_boxes: int,
    per_class: bool,
) -> tuple[Val, Val, Val, Val]:
    """Return boxes [n,M,4], scores [n,M,K], indices [n,M], counts [n]; padded with 0, 0, −1.

    boxes: [n,B,4], centre x, centre y, width, height. scores: [n,B,K].
    """
    n, count, classes = scores.shape
    if boxes.shape != (n, count, 4) or not count or not classes:
        from mobilecat.formats.coreml.runtime.errors import malformed

        raise malformed(f"boxes {boxes.shape} do not fit scores {scores.shape}", g.where)
    if g.calls_nms and n == 1:
        return _called(g, boxes, scores, iou_threshold, score_threshold, max_boxes, per_class)
    best = g("ReduceMax", scores, np.array([2]), keepdims=0)  # [n, B]
    lowest = np.float32(np.finfo(np.float32).min)
    if per_class and classes > 1:
        mine = g("Unsqueeze", g("ArgMax", scores, axis=2, keepdims=0), np.array([1]))
        here = g("Equal", mine, np.arange(classes)[None, :, None])
        lanes = g("Where", here, g("Unsqueeze", best, np.array([1])), g.const(lowest))
    else:
        lanes = g("Unsqueeze", best, np.array([1]))
    # a lane's other boxes hold the lowest float; a real threshold lies above it
    threshold = max(np.float32(-3e38 if score_threshold is None else score_threshold), lowest)
    chosen = g(
        "NonMaxSuppression",
        boxes,
        lanes,
        np.array(min(max_boxes, count)),
        np.array(min(max(iou_threshold, 0.0), 1.0), np.float32),
        np.array(threshold, np.float32),
        center_point_box=1,
    )  # [kept, 3]: batch, lane, box
    spots = g("Gather", chosen, np.array([0, 2]), axis=1)
    ones = g("ConstantOfShape", g("Shape", g("Gather", chosen, np.array(0), axis=1)))
    ones = g("Add", ones, g.const(np.float32(1)))
    kept = g("ScatterND", g.const(np.zeros((n, count), np.float32)), spots, ones)
    first = g("ArgMax", best, axis=1, keepdims=1)
    fallback = g("Equal", first, np.arange(count)[None, :])
    none = g("Equal", g("ReduceMax", kept, np.array([1]), keepdims=1), g.const(np.float32(0)))
    kept = g("Or", g("Cast", kept, to=BOOL), g("And", none, fallback))
    # all kept boxes, best first: a kept lowest score must still beat what was dropped
    order_by = g("Where", kept, best, g.const(np.float32(-np.inf)))
    size = min(max_boxes, count)
    _, index = g.several(2, "TopK", order_by, np.array([size]), axis=1)
    alive = g("GatherElements", kept, index, axis=1)  # [n, size]
    mask, spot = g("Unsqueeze", alive, np.array([2])), g("Unsqueeze", index, np.array([2]))
    zero = g.const(np.float32(0))
    picked = [g("Where", mask, g("GatherND", v, spot, batch_dims=1), zero) for v in (boxes, scores)]
    numbers = g("Where", alive, index, np.array(-1))
    pad = max_boxes - size
    if pad:
        picked = [g("Pad", v, np.array([0, 0, 0, 0, pad, 0])) for v in picked]
        numbers = g("Pad", numbers, np.array([0, 0, 0, pad]), np.array(-1))
    totals = g("ReduceSum", g("Cast", alive, to=INT32), np.array([1]), keepdims=0)
    return picked[0], picked[1], g("Cast", numbers, to=INT32), totals


def _called(
    g: Graph,
    boxes: Val,
    scores: Val,
    iou_threshold: float,
    score_threshold: float | None,
    max_boxes: int,
    per_class: bool,
) -> tuple[Val, Val, Val, Val]:
    """The same with the suppression as a node of its own, on corners; one picture."""
    centre = g("Slice", boxes, np.array([0]), np.array([2]), np.array([2]))
    half = g("Mul", g("Slice", boxes, np.array([2]), np.array([4]), np.array([2])), _f32(0.5))
    corners = g("Concat", g("Sub", centre, half), g("Add", centre, half), axis=2)
    least = -3e38 if score_threshold is None else score_threshold
    found, total = g.nms(
        corners,
        scores,
        max_boxes,
        {
            "score_threshold": least,
            "iou_threshold": min(max(iou_threshold, 0.0), 1.0),
            "per_class": int(per_class),
        },
    )
    best = g("ReduceMax", scores, np.array([2]), keepdims=0)
    single = g("Cast", g("ArgMax", best, axis=1, keepdims=1), to=INT32)  # [1, 1]
    ranks = np.arange(max_boxes, dtype=np.int32)[None]
    none = g("And", g("Equal", total, np.zeros(1, np.int32)), ranks == 0)
    index = g("Where", none, single, found)
    count = g("Max", total, np.ones(1, np.int32))
    alive = g("Less", ranks, count)
    rows, mask = g("Squeeze", index, np.array([0])), g("Unsqueeze", alive, np.array([2]))
    zero = g.const(np.float32(0))
    picked = [g("Where", mask, g("Gather", v, rows, axis=1), zero) for v in (boxes, scores)]
    numbers = g("Where", alive, index, np.array(-1, np.int32))
    return picked[0], picked[1], numbers, count


def _f32(value: float) -> np.ndarray[tuple[()], np.dtype[np.float32]]:
    return np.array(value, np.float32)

"""`mobilecat::NMS` → NON_MAX_SUPPRESSION_V4, with the meaning of `mobilecat.bake.nms`, to the bit.

What the kernel does otherwise, measured in LiteRT 2.3 and read in its source, and the answer here:

* it suppresses at IoU ≥ threshold, not above it → the next float above the threshold;
* equal scores come in no order → boxes are sorted first, and compete with their rank as score;
* a kept box is put back into the queue and drops out only because it overlaps itself. One without
  area does not, and is kept over and over → such boxes are moved to places of their own. For the
  same reason a threshold of 1, at which nothing is suppressed, does without the kernel;
* it knows no classes → boxes are scaled by class, by powers of two, which changes no bit of an IoU
  and leaves boxes of two classes next to no overlap (`tflite.class_places`): one call.

Source: https://github.com/google-ai-edge/LiteRT/blob/main/tflite/kernels/internal/reference/non_max_suppression.h
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from mobilecat.formats.tflite.class_places import FAR, Places, groups_of
from mobilecat.formats.tflite.lower.lowering import FLOAT, Build, Node, lowers
from mobilecat.formats.tflite.lower.reduce import INT32, reduce_over
from mobilecat.formats.tflite.lower.shape import concat
from mobilecat.formats.tflite.program import Tensor
from mobilecat.graph import Array, attr

_FAR = 1e16  # px; beyond a tenth of this a box counts as overlapping nothing


def _problem(node: ir.Node) -> str | None:
    iou, count = attr(node, "iou_threshold", 0.5), attr(node, "max_detections", 1)
    if not 0 <= iou <= 1:
        return f"iou_threshold {iou} is not within 0 and 1"
    return None if count >= 1 else f"max_detections {count} is below 1"


@lowers("mobilecat::NMS", natively=FLOAT | {"int32"}, check=_problem)
def lower_nms(n: Node) -> None:
    build, ew = n.build, n.build.ew
    _, count, classes = n.shape(1)
    kept = n.attr("max_detections", 1)
    iou, threshold = np.float32(n.attr("iou_threshold", 0.5)), n.attr("score_threshold", 0.0)

    boxes = build.reshape(n.logical(0), (count, 4))
    best, ids = _best_class(build, build.reshape(n.logical(1), (count, classes)))
    # NaN is above nothing, so it sorts with what is out already.
    scores = _where(build, ew("GREATER", best, threshold, dtype=np.bool_), best, threshold)
    scores, order = _sorted(build, scores)
    ranks = np.arange(count, 0, -1, dtype=np.float32)
    keys = _where(build, ew("GREATER", scores, threshold, dtype=np.bool_), ranks, 0.0)

    rows = build.op("GATHER", [boxes, order], boxes.shape, axis=0)
    if iou >= 1:
        found, total = _first(build, keys, kept)
    elif ids is None or not n.attr("per_class", 0):
        found, total = _suppressed(build, _sound(build, rows, order), keys, kept, iou)
    else:
        sorted_ids = build.op("GATHER", [ids, order], ids.shape, axis=0)
        found, total = _per_class(build, rows, order, keys, sorted_ids, classes, kept, iou)

    valid = ew("LESS", np.arange(kept, dtype=np.int32), total, dtype=np.bool_)
    indices = _where(build, valid, build.op("GATHER", [order, found], (kept,), axis=0), 0)
    n.put(build.reshape(indices, (1, kept)), i=3)
    n.put(build.reshape(total, (1,)), i=4)
    if n.wants(0):
        rows = build.op("GATHER", [boxes, indices], (kept, 4), axis=0)
        rows = _where(build, build.reshape(valid, (kept, 1)), rows, 0.0)
        n.put(build.reshape(rows, (1, kept, 4)), i=0)
    for i, values in ((1, best), (2, ids)):
        if n.wants(i):
            n.put(build.reshape(_picked(build, values, indices, valid), (1, kept)), i=i)


def _picked(build: Build, values: Tensor | None, indices: Tensor, valid: Tensor) -> Tensor:
    """Return the kept rows' values, zero where there is none; no values at all are all zero."""
    if values is None:
        return build.ew("MUL", indices, 0)
    return _where(build, valid, build.op("GATHER", [values, indices], indices.shape, axis=0), 0)


def _where(build: Build, condition: Tensor, a: Tensor | Array, b: Tensor | Array | float) -> Tensor:
    dtype = a.dtype
    a, b = build.tensor(a, dtype), build.tensor(b, dtype)
    shape = np.broadcast_shapes(condition.shape, a.shape, b.shape)
    return build.op("SELECT_V2", [condition, a, b], shape, dtype)


def _best_class(build: Build, scores: Tensor) -> tuple[Tensor, Tensor | None]:
    """Return each box's score and class; no class tensor where there is only one."""
    count, classes = scores.shape
    if classes == 1:
        return build.reshape(scores, (count,)), None
    best = reduce_over(build, "REDUCE_MAX", scores, [1], keep=False)
    axis = np.array(1, np.int32)
    ids = build.op("ARG_MAX", [scores, axis], (count,), np.int32, outputType=INT32)
    return best, ids


def _sorted(build: Build, scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return the scores in falling order and where they came from; TOPK_V2 keeps ties in order."""
    values = Tensor("topk_v2", scores.shape, scores.dtype)
    order = Tensor("topk_v2_indices", scores.shape, np.dtype(np.int32))
    count = build.tensor(np.array(scores.size, np.int32), np.int32)
    build.program.add("TOPK_V2", [scores, count], [values, order])
    return values, order


def _aside(build: Build, order: Tensor, start: Array) -> Tensor:
    """Return [N,4], a place of its own for each box: `start`, moved by twice its width a box.

    Worked out from `order`, where they came from: as constants, places were a third of YuNet's int8
    file.
    """
    step = 2 * (start[2] - start[0]) * np.array([1, 0, 1, 0])
    at = build.reshape(build.cast(order, np.float32), (order.size, 1))
    moved = build.ew("MUL", at, step.astype(np.float32))
    return build.ew("ADD", moved, start.astype(np.float32))


def _sound(build: Build, boxes: Tensor, order: Tensor) -> Tensor:
    """Return the boxes; those with no area, or no finite one, lie where nothing else is."""
    ew, count = build.ew, boxes.shape[0]
    axis = np.array(1, np.int32)
    x1, y1, x2, y2 = build.ops("SPLIT", [axis, boxes], [(count, 1)] * 4, boxes.dtype, numSplits=4)
    area = ew("ABS", ew("MUL", ew("SUB", x2, x1), ew("SUB", y2, y1)))
    near = ew(
        "LESS",
        reduce_over(build, "REDUCE_MAX", ew("ABS", boxes), [1]),
        _FAR / 10,
        dtype=np.bool_,
    )
    sound = ew("LOGICAL_AND", near, ew("GREATER", area, 0.0, dtype=np.bool_))
    return _where(build, sound, boxes, _aside(build, order, np.array([1, 0, 2, 1]) * _FAR))


def _suppressed(
    build: Build, boxes: Tensor, keys: Tensor, kept: int, iou: np.float32
) -> tuple[Tensor, Tensor]:
    """Return the rows kept, [kept] int32 padded with 0, and how many there are, a scalar."""
    found = Tensor("non_max_suppression_v4", (kept,), np.dtype(np.int32))
    total = Tensor("non_max_suppression_v4_count", (), np.dtype(np.int32))
    operands = [
        boxes,
        keys,
        build.tensor(np.array(kept, np.int32), np.int32),
        build.tensor(np.nextafter(iou, np.float32(2)), np.float32),
        build.tensor(0.5, np.float32),
    ]
    build.program.add("NON_MAX_SUPPRESSION_V4", operands, [found, total])
    return found, total


def _first(build: Build, keys: Tensor, kept: int) -> tuple[Tensor, Tensor]:
    """Return the first rows as they are, for a threshold at which nothing is suppressed."""
    rows = np.minimum(np.arange(kept), keys.size - 1).astype(np.int32)
    return build.tensor(rows, np.int32), _count(build, keys, kept)


def _count(build: Build, keys: Tensor, kept: int) -> Tensor:
    held = build.cast(build.ew("GREATER", keys, 0.0, dtype=np.bool_), np.int32)
    return build.ew("MINIMUM", reduce_over(build, "SUM", held, [0], keep=False), kept)


def _per_class(
    build: Build,
    boxes: Tensor,
    order: Tensor,
    keys: Tensor,
    ids: Tensor,
    classes: int,
    kept: int,
    iou: np.float32,
) -> tuple[Tensor, Tensor]:
    """Suppress each class by itself: in one call, or in as many as float32 has room for."""
    groups = groups_of(classes, float(iou))
    places = groups[0][1]
    if places is None:
        boxes = _sound(build, boxes, order)
    else:
        boxes = _placed(build, boxes, order, keys, ids, classes, places)
    if len(groups) == 1:
        return _suppressed(build, boxes, keys, kept, iou)
    row = build.reshape(ids, (1, ids.size))
    first, last = (np.array([end(g) for g, _ in groups], np.int32)[:, None] for end in (min, max))
    own = build.ew(
        "LOGICAL_AND",
        build.ew("GREATER_EQUAL", row, first, dtype=np.bool_),
        build.ew("LESS_EQUAL", row, last, dtype=np.bool_),
    )
    group_keys = _where(build, own, build.reshape(keys, (1, keys.size)), 0.0)
    rows = build.ops(
        "UNPACK", [group_keys], [keys.shape] * len(groups), keys.dtype, num=len(groups), axis=0
    )
    return _best_of(build, keys, [_suppressed(build, boxes, r, kept, iou) for r in rows], kept)


def _placed(
    build: Build,
    boxes: Tensor,
    order: Tensor,
    keys: Tensor,
    ids: Tensor,
    classes: int,
    places: Places,
) -> Tensor:
    """Return the boxes [N,4] in the places of their classes; what has none there lies aside."""
    ew, count, sides = build.ew, boxes.shape[0], [(boxes.shape[0], 1)] * 4
    axis = np.array(1, np.int32)
    table = np.tile(places.scales[np.arange(classes) % len(places.scales)], 2)
    scales = build.op("GATHER", [build.tensor(table, np.float32), ids], boxes.shape, axis=0)
    scaled = ew("MUL", boxes, scales)

    x1, y1, x2, y2 = build.ops("SPLIT", [axis, boxes], sides, boxes.dtype, numSplits=4)
    area = ew("ABS", ew("MUL", ew("SUB", x2, x1), ew("SUB", y2, y1)))
    reaches = ew("ABS", boxes)
    x1, y1, x2, y2 = build.ops("SPLIT", [axis, reaches], sides, boxes.dtype, numSplits=4)
    reach_x, reach_y = ew("MAXIMUM", x1, x2), ew("MAXIMUM", y1, y2)
    largest = ew("MAXIMUM", reach_x, reach_y)
    near = ew("LESS", largest, 2.0**FAR, dtype=np.bool_)
    competes = ew("GREATER", build.reshape(keys, (count, 1)), 0.0, dtype=np.bool_)
    seen = _where(build, ew("LOGICAL_AND", near, competes), largest, 0.0)
    edge = ew("MUL", reduce_over(build, "REDUCE_MAX", seen, [0]), places.margin)
    whole = ew("GREATER_EQUAL", ew("MINIMUM", reach_x, reach_y), edge, dtype=np.bool_)
    sound = ew("LOGICAL_AND", whole, ew("GREATER", area, places.least_area, dtype=np.bool_))
    aside = _aside(build, order, np.array([1, 1, 2, 2]) * [*places.aside, *places.aside])
    return _where(build, ew("LOGICAL_AND", near, sound), scaled, aside)


def _best_of(
    build: Build, keys: Tensor, results: list[tuple[Tensor, Tensor]], kept: int
) -> tuple[Tensor, Tensor]:
    """Return the best rows of several suppressions, by their keys."""
    found = concat(build, [f for f, _ in results], 0)
    totals = concat(build, [build.reshape(t, (1,)) for _, t in results], 0)
    places = np.arange(kept, dtype=np.int32)[None, :]
    held = build.ew("LESS", places, build.reshape(totals, (len(results), 1)), dtype=np.bool_)
    found_keys = build.op("GATHER", [keys, found], found.shape, axis=0)
    found_keys = _where(build, build.reshape(held, found.shape), found_keys, 0.0)
    best = Tensor("topk_v2", (kept,), keys.dtype)
    order = Tensor("topk_v2_indices", (kept,), np.dtype(np.int32))
    count = build.tensor(np.array(kept, np.int32), np.int32)
    build.program.add("TOPK_V2", [found_keys, count], [best, order])
    return build.op("GATHER", [found, order], (kept,), axis=0), _count(build, best, kept)

"""Selection without suppression, in ops that every target has.

`best`    a row is of its best class (the first of equals), its score that maximum
`pairs`   every row with every class: pair n·C + c, of row n, with the score of class c

Kept: score strictly above score_threshold, at most K = max_detections, by falling score, ties by
rising row or pair. Outputs as those of `mobilecat::NMS` (`mobilecat.bake.nms`): boxes [1,K,4],
scores [1,K], class_ids, indices [1,K] int32, count [1]; rows from count on are zero.

The K best pairs lie in the K best rows, so that with many rows those are found first: of N·C
numbers none is compared but for the maximum of its row. For a pair that K rows come before has K
pairs before it, the best of each. They are put into their own order again, so that of equal pairs
the first still comes first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from mobilecat.graph import shape_of
from mobilecat.graph.builder import Builder, rename
from mobilecat.heads import ops
from mobilecat.spec import NmsSpec


@dataclass(frozen=True)
class _Chosen:
    """[M] each, M = what there is, K at most: scores float32, rows and classes int64."""

    scores: ir.Value
    rows: ir.Value
    classes: ir.Value


def bake_ranked(
    build: Builder, boxes: ir.Value, scores: ir.Value, nms: NmsSpec, counted: bool = True
) -> dict[str, ir.Value]:
    """Append the selection; return boxes, scores, class_ids, indices, count by name.

    counted: without, neither indices nor count are there, and no value bears an output's name.
    """
    _, n, classes = shape_of(scores)
    k, op = nms.max_detections, build.op
    flat = ops.reshape(build, "rows_of_scores", scores, n, classes)
    if nms.selection == "pairs" and classes > 1:
        top = _pairs(build, flat, n, classes, k)
        there = min(n * classes, k)
    else:
        top = _best(build, flat, n, classes, k)
        there = min(n, k)
    valid = op("Greater", "above", top.scores, ops.f32(nms.score_threshold))
    zero, no_id = ops.f32(0), np.array(0, dtype=np.int64)
    kept_scores = op("Where", "kept_scores", valid, top.scores, zero)
    kept_ids = op("Where", "kept_ids", valid, top.classes, no_id)
    kept_rows = op("Where", "kept_rows", valid, top.rows, no_id)
    wide = ops.reshape(build, "above_rows", valid, 1, there, 1)
    gathered = op("Gather", "gathered_boxes", boxes, kept_rows, axis=1)
    kept_boxes = op("Where", "kept_boxes", wide, gathered, zero)
    found = {
        "boxes": _padded(build, "boxes", kept_boxes, (1, there, 4), k),
        "scores": _row(build, "scores", kept_scores, there, k),
        "class_ids": _row(build, "class_ids", kept_ids, there, k, True),
    }
    if counted:
        number = op("Cast", "one_each", valid, to=int(ir.DataType.INT32))
        found["count"] = op("ReduceSum", "count", number, ops.ints(0), keepdims=1)
        for name, value in found.items():
            rename(value, name)
        found["indices"] = _row(build, "indices", kept_rows, there, k, True)
        found["indices"].shape = ir.Shape((1, k))
    return found


def as_candidates(
    build: Builder, boxes: ir.Value, scores: ir.Value, nms: NmsSpec
) -> tuple[ir.Value, ir.Value]:
    """Return what is kept as candidates, boxes [1,K,4] and scores [1,K,C], for an end that has an
    NMS of its own: one class a row, and 0 for the others and for rows that hold nothing."""
    k, classes = nms.max_detections, shape_of(scores)[2]
    kept = bake_ranked(build, boxes, scores, nms, counted=False)
    ids = ops.reshape(build, "ids_column", kept["class_ids"], 1, k, 1)
    own = build.op("Equal", "own_class", ids, np.arange(classes, dtype=np.int32)[None, None])
    column = ops.reshape(build, "score_column", kept["scores"], 1, k, 1)
    rows = build.op("Where", "scores_of_rows_kept", own, column, ops.f32(0))
    for value, shape in ((kept["boxes"], (1, k, 4)), (rows, (1, k, classes))):
        value.shape = ir.Shape(shape)
        value.type = ir.TensorType(ir.DataType.FLOAT)
    return kept["boxes"], rows


def _best(build: Builder, flat: ir.Value, n: int, classes: int, k: int) -> _Chosen:
    best = build.op("ReduceMax", "best", flat, ops.ints(1), keepdims=0)
    scores, rows = _top(build, "top", best, min(n, k))
    if classes == 1:
        return _Chosen(scores, rows, build.op("Sub", "only_class", rows, rows))
    ids = build.op("ArgMax", "ids", flat, axis=1, keepdims=0)
    return _Chosen(scores, rows, build.op("Gather", "classes", ids, rows, axis=0))


def _pairs(build: Builder, flat: ir.Value, n: int, classes: int, k: int) -> _Chosen:
    op = build.op
    first = None
    if n > k:
        best = op("ReduceMax", "best", flat, ops.ints(1), keepdims=0)
        _, rows = _top(build, "best_rows", best, k)
        first, _ = _top(build, "rows_in_order", rows, k, largest=0)
        flat, n = op("Gather", "scores_of_rows", flat, first, axis=0), k
    every = ops.reshape(build, "pairs", flat, n * classes)
    scores, pairs = _top(build, "top", every, min(n * classes, k))
    number = np.array(classes, dtype=np.int64)
    places = op("Div", "places", pairs, number)
    ids = op("Mod", "classes", pairs, number)
    rows = places if first is None else op("Gather", "rows_of_pairs", first, places, axis=0)
    return _Chosen(scores, rows, ids)


def _top(
    build: Builder, name: str, values: ir.Value, k: int, largest: int = 1
) -> tuple[ir.Value, ir.Value]:
    """Return the k first in order, and where they were; ONNX: of equals the lower index first."""
    made = build.ops("TopK", name, 2, values, ops.ints(k), axis=0, largest=largest, sorted=1)
    return made[0], made[1]


def _row(
    build: Builder, name: str, values: ir.Value, there: int, k: int, whole: bool = False
) -> ir.Value:
    if whole:
        values = build.op("Cast", f"{name}_int32", values, to=int(ir.DataType.INT32))
    row = ops.reshape(build, f"{name}_row", values, 1, there)
    return _padded(build, name, row, (1, there), k, np.int32 if whole else np.float32)


def _padded(
    build: Builder,
    name: str,
    value: ir.Value,
    shape: tuple[int, ...],
    k: int,
    dtype: type[np.generic] = np.float32,
) -> ir.Value:
    if shape[1] == k:
        return value
    rest = np.zeros((1, k - shape[1], *shape[2:]), dtype)
    return build.op("Concat", f"{name}_padded", value, rest, axis=1)

"""How a graph ends behind a decoded head: what an NMS outside needs, or the results."""

from __future__ import annotations

from typing import Literal

import numpy as np
import onnx_ir as ir

from mobilecat.bake.nms import bake_nms, gather_rows
from mobilecat.bake.ranked import as_candidates, bake_ranked
from mobilecat.graph import shape_of
from mobilecat.graph.builder import Builder, rename
from mobilecat.heads import Candidates, EncodedAnchors, Finish, Head, ops
from mobilecat.rows import CANDIDATE, ROWS, rows_among
from mobilecat.spec import NmsSpec

CONFIDENCE, COORDINATES = "confidence", "coordinates"
ENCODINGS, PREDICTIONS = "box_encodings", "class_predictions"
PROBABILITIES = "class_probabilities"
CANDIDATES = ("candidate_boxes", "candidate_scores", *(row.candidate for row in ROWS.values()))
SMALLEST = 1e-25  # a side of 0 has no logarithm; a box of this one has no area in float32

Ending = Literal["tensor", "candidates", "vision", "detection", "classifier"]
"""tensor: boxes, scores, class_ids, row values and maps (`mobilecat.rows`) and count, after NMS.

The others stop before an NMS that the target or the app adds itself:
candidates: candidate_boxes [1,N,4] xyxy, candidate_scores [1,N,C], candidate_landmarks [1,N,2·L]
and other row values, as `Candidates` has them.
vision: confidence [N,C] and coordinates [N,4], centre x, y, width, height in 0..1 with the origin
at the top left.
detection: box_encodings [1,N,4], ty, tx, th, tw against `Baked.anchors`, and class_predictions
[1,N,C] without background: the inputs of TFLite_Detection_PostProcess. SSD keeps its own encodings
and anchors; other heads encode their boxes against unit anchors.
classifier: class_probabilities [1,C] of the one row that a classifier has.
Where the spec selects without suppression, `vision` and `detection` get the rows selected, N = K.
"""


def best_candidates(end: Builder, decoded: Candidates, most: int | None) -> Candidates:
    """Return the `most` candidates of the best score, best first, ties by rising index; or all."""
    n = shape_of(decoded.boxes)[1]
    if most is None or most >= n:
        return decoded
    best = end.op("ReduceMax", "score", decoded.scores, ops.ints(2), keepdims=0)
    _, order = end.ops("TopK", "order", 2, best, ops.ints(most), axis=1)
    flat = end.op("Reshape", "rows", order, ops.ints(most))
    found = {}
    for name, value in decoded.all.items():
        found[name] = end.op("Gather", f"of_{name}", value, flat, axis=1)
        found[name].shape = ir.Shape((1, most, *shape_of(value)[2:]))
        found[name].type = ir.TensorType(ir.DataType.FLOAT)
    boxes, scores = found.pop("boxes"), found.pop("scores")
    return Candidates(boxes, scores, found, decoded.maps)


def suppressed(
    end: Builder, decoded: Candidates, nms: NmsSpec, finish: Finish | None = None
) -> list[ir.Value]:
    # No suppression in a file knows turned boxes: the app's results have this form.
    turned = "angles" in decoded.rows
    select = bake_nms if nms.selection == "nms" and not turned else bake_ranked
    kept = select(end, decoded.boxes, decoded.scores, nms)
    outputs = [kept["boxes"], kept["scores"], kept["class_ids"]]
    rows = {
        row.name: gather_rows(end, f"{row.name}_rows", decoded.rows[row.name], kept)
        for row in rows_among(decoded.rows)
    }
    left = Candidates(kept["boxes"], kept["scores"], rows, decoded.maps)
    made = finish(end, left) if finish else _maps(end, decoded)
    for row in rows_among(rows):
        if row.becomes not in made:
            item = row.item(shape_of(decoded.rows[row.name])[2])
            outputs.append(_in_contract(end, row.name, rows[row.name], nms.max_detections, item))
    outputs += [rename(value, name) for name, value in made.items()]
    return [*outputs, kept["count"]]


def selected(end: Builder, decoded: Candidates, nms: NmsSpec | None) -> Candidates:
    """Return the candidates that an NMS outside shall get: all, or those selected without one."""
    if nms is None or nms.selection == "nms":
        return decoded
    boxes, scores = as_candidates(end, decoded.boxes, decoded.scores, nms)
    return Candidates(boxes, scores)


def one_result(end: Builder, decoded: Candidates) -> list[ir.Value]:
    """Return the tensor contract of a head without suppression: one row, always counted."""
    boxes = rename(ops.reshape(end, "boxes", decoded.boxes, 1, 1, 4), "boxes")
    best = end.op("ReduceMax", "scores", decoded.scores, ops.ints(2), keepdims=0)
    scores = rename(best, "scores")
    if shape_of(decoded.scores)[2] > 1:
        ids = end.op("ArgMax", "ids", decoded.scores, axis=2, keepdims=0)
    else:  # always 0, without an operator that delegates refuse
        ids = end.op("Less", "ids", end.op("Mul", "score_square", scores, scores), ops.f32(-1))
    class_ids = rename(end.op("Cast", "class_ids", ids, to=int(ir.DataType.INT32)), "class_ids")
    outputs = [boxes, scores, class_ids]
    for row in rows_among(decoded.rows):
        value = decoded.rows[row.name]
        outputs.append(_in_contract(end, row.name, value, 1, row.item(shape_of(value)[2])))
    # Always true, and computed, since targets take no constant for an output.
    flat = ops.reshape(end, "flat_score", scores, 1)
    there = end.op("Less", "there", ops.f32(-1), end.op("Mul", "square", flat, flat))
    return [*outputs, rename(end.op("Cast", "count", there, to=int(ir.DataType.INT32)), "count")]


def candidates(end: Builder, decoded: Candidates) -> list[ir.Value]:
    """Return what was decoded, under names of its own."""
    found = {f"{CANDIDATE}{name}": value for name, value in decoded.all.items()}
    named = [rename(end.op("Identity", name, value), name) for name, value in found.items()]
    return [*named, *(rename(value, name) for name, value in _maps(end, decoded).items())]


def _maps(end: Builder, decoded: Candidates) -> dict[str, ir.Value]:
    return {name: end.op("Identity", name, value) for name, value in decoded.maps.items()}


def classifier(end: Builder, decoded: Candidates) -> list[ir.Value]:
    classes = shape_of(decoded.scores)[2]
    return [rename(ops.reshape(end, PROBABILITIES, decoded.scores, 1, classes), PROBABILITIES)]


def vision(end: Builder, decoded: Candidates, size_wh: tuple[int, int]) -> list[ir.Value]:
    _, n, classes = shape_of(decoded.scores)
    confidence = ops.reshape(end, CONFIDENCE, decoded.scores, n, classes)
    rows = end.op("Concat", "rows", *_centre_and_size(end, decoded, size_wh), axis=-1)
    coordinates = ops.reshape(end, COORDINATES, rows, n, 4)
    return [rename(confidence, CONFIDENCE), rename(coordinates, COORDINATES)]


def detection(
    end: Builder, decoded: Candidates, size_wh: tuple[int, int]
) -> tuple[list[ir.Value], EncodedAnchors]:
    """Return encodings against anchors of the whole picture: centre y, x, log height, log width."""
    _, n, classes = shape_of(decoded.scores)
    centre, size = _centre_and_size(end, decoded, size_wh)
    sound = end.op("Clip", "sound_size", size, ops.f32(SMALLEST))
    logs = end.op("Log", "log_size", sound)
    yx = ops.swapped(end, "centre", centre)
    encodings = end.op("Concat", ENCODINGS, yx, ops.swapped(end, "log_size", logs), axis=-1)
    unit = np.tile(np.array([0, 0, 1, 1], dtype=np.float32), (n, 1))
    predictions = ops.reshape(end, PREDICTIONS, decoded.scores, 1, n, classes)
    outputs = [rename(encodings, ENCODINGS), rename(predictions, PREDICTIONS)]
    return outputs, EncodedAnchors(unit, (1.0, 1.0, 1.0, 1.0))


def native_detection(
    end: Builder, encodings: ir.Value, scores: ir.Value, head: Head
) -> list[ir.Value]:
    """Return what SSD has already; reshaped, since a graph output may be the network's own."""
    boxes = ops.reshape(end, ENCODINGS, encodings, 1, -1, 4)
    predictions = ops.reshape(end, PREDICTIONS, scores, 1, -1, head.classes)
    return [rename(boxes, ENCODINGS), rename(predictions, PREDICTIONS)]


def _centre_and_size(
    end: Builder, decoded: Candidates, size_wh: tuple[int, int]
) -> tuple[ir.Value, ir.Value]:
    """Return centre x, y and width, height [1,N,2] in 0..1."""
    low, high = ops.split(end, "corner", decoded.boxes, 2, 2)
    both = end.op("Add", "both", low, high)
    centre = end.op("Mul", "centre", both, ops.f32([0.5 / side for side in size_wh]))
    span = end.op("Sub", "span", high, low)
    return centre, end.op("Mul", "size", span, ops.f32([1 / side for side in size_wh]))


def _in_contract(
    end: Builder, name: str, rows: ir.Value, k: int, item: tuple[int, ...]
) -> ir.Value:
    """Return [1,K,D] in the contract's shape and under its name."""
    return rename(ops.reshape(end, name, rows, 1, k, *item), name)

"""Frozen network + spec → frozen graph from picture to detections."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Literal

import numpy as np
import onnx_ir as ir

from mobilecat.bake.builder import Builder, infer_shapes, rename
from mobilecat.bake.nms import bake_nms, gather_rows
from mobilecat.bake.preprocessing import IMAGE, Form, bake_preprocessing
from mobilecat.errors import ModelError, Problem
from mobilecat.graph import Array, shape_of
from mobilecat.heads import ANCHORS, Candidates, Head, graph_head, ops
from mobilecat.spec import NmsSpec, RawHead, Spec

CONFIDENCE, COORDINATES = "confidence", "coordinates"
RESERVED = (
    *(IMAGE, "boxes", "scores", "class_ids", "landmarks", "count"),
    *(CONFIDENCE, COORDINATES),
)

Ending = Literal["tensor", "vision"]
"""How the graph ends behind a decoded head.

tensor: boxes, scores, class_ids, landmarks, count, after NMS.
vision: confidence [N,C] and coordinates [N,4], centre x, y, width, height in 0..1 with the origin
at the top left, before an NMS that the target adds itself.
"""


@dataclass(frozen=True)
class Baked:
    """A graph ready to be lowered.

    image: name of the picture input, or None where the graph takes the network's own tensors.
    raw: the network's own outputs, by name; still values of the graph, no longer its outputs where
        a head decodes them.
    candidates: decoded boxes, scores, landmarks before NMS, by name.
    exact_nodes: the nodes that compute pixel coordinates, which need float32 (float16 has steps of
        0.5 above 512).
    settled: what was inferred, in words.
    """

    model: ir.Model
    image: str | None
    raw: tuple[str, ...]
    candidates: tuple[str, ...]
    exact_nodes: frozenset[str]
    settled: tuple[str, ...]


def bake(network: ir.Model, spec: Spec, form: Form, ending: Ending = "tensor") -> Baked:
    """Return a baked copy of `network`; `network` stays as it is.

    Errors: ModelError where picture, head, labels or landmark names do not fit the network, or the
    head has landmarks, which `vision` cannot carry.
    """
    model = network.clone()
    anchors = _anchors_in(model)
    raw = {v.name or "": v for v in model.graph.outputs}
    head = _settle(spec, model, anchors)
    if head is not None and ending == "vision":
        _require_vision(spec, head)
    if head is not None:
        _free_names(model, raw)
    image = None
    if spec.input is not None:
        bake_preprocessing(model, spec.input, form)
        image = IMAGE
    candidates: tuple[str, ...] = ()
    exact: list[str] = []
    settled: tuple[str, ...] = ()
    if head is not None and spec.input is not None:
        model.graph.outputs.clear()
        candidates, exact = _decode(model, head, raw, spec, ending)
        settled = (head.settled, *_nms_words(spec))
        raw = {name: raw[name] for name in head.raw}
    model.graph.sort()
    model = infer_shapes(model)
    return Baked(model, image, tuple(raw), candidates, frozenset(exact), settled)


def _anchors_in(model: ir.Model) -> Array | None:
    text = model.metadata_props.get(ANCHORS)
    if text is None:
        return None
    try:
        rows: Array = np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4")
        return rows.reshape(-1, 4)
    except ValueError as e:
        raise ModelError(
            "The model's anchors cannot be read", [Problem(str(e), f"metadata {ANCHORS!r}")]
        ) from e


def _settle(spec: Spec, model: ir.Model, anchors: Array | None) -> Head | None:
    if isinstance(spec.head, RawHead) or spec.input is None:
        return None
    shapes = {v.name or "": shape_of(v) for v in model.graph.outputs}
    head = graph_head(spec.head, shapes, spec.input.size, anchors)
    problems = []
    if spec.labels and len(spec.labels) != head.classes:
        problems.append(
            Problem(f"{len(spec.labels)} labels, but the head has {head.classes} classes", "labels")
        )
    if spec.landmarks and len(spec.landmarks) != head.points:
        problems.append(
            Problem(
                f"{len(spec.landmarks)} names, but the head has {head.points} points", "landmarks"
            )
        )
    if problems:
        raise ModelError("The spec's names do not fit the model", problems)
    return head


def _free_names(model: ir.Model, raw: dict[str, ir.Value]) -> None:
    """Keep the names of baked inputs and outputs free: the network's own values step aside."""
    for node in model.graph:
        for value in node.outputs:
            if value.name in RESERVED and value.name not in raw:
                value.name = f"{value.name}__network"
    for name, value in raw.items():
        if name in RESERVED:
            value.name = f"{name}__network"


def _require_vision(spec: Spec, head: Head) -> None:
    problems = []
    if head.points:
        problems.append(Problem(f"the head has {head.points} landmarks, which it cannot carry"))
    if not spec.head.suppressed:
        problems.append(Problem("it ends in an NMS, which this head does without"))
    if problems:
        raise ModelError('contract "vision" does not fit the head; use "tensor"', problems)


def _nms_words(spec: Spec) -> tuple[str, ...]:
    nms, family = spec.effective_nms, spec.head.family_nms
    if nms is None or not family:
        return ()
    known = ", ".join(f"{key} {value}" for key, value in family.items())
    return (f"nms defaults of {spec.head.kind}: {known}; baked {nms}",)


def _decode(
    model: ir.Model, head: Head, raw: dict[str, ir.Value], spec: Spec, ending: Ending
) -> tuple[tuple[str, ...], list[str]]:
    """Write decode and ending; return the candidates' names, and the nodes that need float32."""
    build = Builder(model, "decode")
    decoded = head.decode(build, {name: raw[name] for name in head.raw})
    # The NMS call's shapes follow from its inputs'.
    for value, shape in zip(decoded, _candidate_shapes(decoded, head, model), strict=True):
        if value is not None:
            value.shape = ir.Shape(shape)
    nms = spec.effective_nms
    if ending == "vision":
        assert spec.input is not None
        end = Builder(model, "vision")
        outputs = _vision(end, decoded, spec.input.size)
    elif nms is None:
        end = Builder(model, "result")
        outputs = _one_result(end, decoded, head)
    else:
        end = Builder(model, "nms")
        outputs = _suppressed(end, decoded, head, nms)
    model.graph.outputs.extend(outputs)
    names = tuple(v.name for v in decoded if v is not None)
    return names, build.node_names + end.node_names


def _suppressed(end: Builder, decoded: Candidates, head: Head, nms: NmsSpec) -> list[ir.Value]:
    kept = bake_nms(end, decoded.boxes, decoded.scores, nms)
    outputs = [kept["boxes"], kept["scores"], kept["class_ids"]]
    if decoded.landmarks is not None:
        rows = gather_rows(end, "landmarks_rows", decoded.landmarks, kept)
        outputs.append(_landmarks(end, rows, nms.max_detections, head.points))
    return [*outputs, kept["count"]]


def _one_result(end: Builder, decoded: Candidates, head: Head) -> list[ir.Value]:
    """Return the tensor contract of a head without suppression: one row, always counted."""
    boxes = rename(ops.reshape(end, "boxes", decoded.boxes, 1, 1, 4), "boxes")
    best = end.op("ReduceMax", "scores", decoded.scores, ops.ints(2), keepdims=0)
    scores = rename(best, "scores")
    ids = end.op("ArgMax", "ids", decoded.scores, axis=2, keepdims=0)
    class_ids = rename(end.op("Cast", "class_ids", ids, to=int(ir.DataType.INT32)), "class_ids")
    outputs = [boxes, scores, class_ids]
    if decoded.landmarks is not None:
        outputs.append(_landmarks(end, decoded.landmarks, 1, head.points))
    # Always true, and computed, since targets take no constant for an output.
    flat = ops.reshape(end, "flat_score", scores, 1)
    there = end.op("Less", "there", ops.f32(-1), end.op("Mul", "square", flat, flat))
    return [*outputs, rename(end.op("Cast", "count", there, to=int(ir.DataType.INT32)), "count")]


def _landmarks(end: Builder, rows: ir.Value, k: int, points: int) -> ir.Value:
    return rename(ops.reshape(end, "landmarks", rows, 1, k, points, 2), "landmarks")


def _vision(end: Builder, decoded: Candidates, size_wh: tuple[int, int]) -> list[ir.Value]:
    _, n, classes = shape_of(decoded.scores)
    confidence = ops.reshape(end, CONFIDENCE, decoded.scores, n, classes)
    low, high = ops.split(end, "corner", decoded.boxes, 2, 2)
    both = end.op("Add", "both", low, high)
    centre = end.op("Mul", "centre", both, ops.f32([0.5 / side for side in size_wh]))
    span = end.op("Sub", "span", high, low)
    size = end.op("Mul", "size", span, ops.f32([1 / side for side in size_wh]))
    rows = end.op("Concat", "rows", centre, size, axis=-1)
    coordinates = ops.reshape(end, COORDINATES, rows, n, 4)
    return [rename(confidence, CONFIDENCE), rename(coordinates, COORDINATES)]


def _candidate_shapes(decoded: Candidates, head: Head, model: ir.Model) -> list[tuple[int, ...]]:
    infer_shapes(model)
    n = shape_of(decoded.boxes)[1]
    return [(1, n, 4), (1, n, head.classes), (1, n, 2 * head.points)]

"""Frozen network + spec → frozen graph from picture to detections."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from mobilecat.bake.builder import Builder, infer_shapes, rename
from mobilecat.bake.nms import bake_nms, gather_rows
from mobilecat.bake.preprocessing import IMAGE, Form, bake_preprocessing
from mobilecat.errors import ModelError, Problem
from mobilecat.graph import shape_of
from mobilecat.heads import Head, graph_head
from mobilecat.spec import NmsSpec, RawHead, Spec

RESERVED = (IMAGE, "boxes", "scores", "class_ids", "landmarks", "count")


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


def bake(network: ir.Model, spec: Spec, form: Form) -> Baked:
    """Return a baked copy of `network`; `network` stays as it is.

    Errors: ModelError where picture, head, labels or landmark names do not fit the network.
    """
    model = network.clone()
    raw = {v.name or "": v for v in model.graph.outputs}
    head = _settle(spec, model)
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
        nms = spec.effective_nms or NmsSpec()
        candidates, exact = _decode_and_suppress(model, head, raw, nms)
        settled = (head.settled,)
        raw = {name: raw[name] for name in head.raw}
    model.graph.sort()
    model = infer_shapes(model)
    return Baked(model, image, tuple(raw), candidates, frozenset(exact), settled)


def _settle(spec: Spec, model: ir.Model) -> Head | None:
    if isinstance(spec.head, RawHead) or spec.input is None:
        return None
    shapes = {v.name or "": shape_of(v) for v in model.graph.outputs}
    head = graph_head(spec.head, shapes, spec.input.size)
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


def _decode_and_suppress(
    model: ir.Model, head: Head, raw: dict[str, ir.Value], nms: NmsSpec
) -> tuple[tuple[str, ...], list[str]]:
    model.graph.outputs.clear()
    build = Builder(model, "decode")
    decoded = head.decode(build, {name: raw[name] for name in head.raw})
    # The NMS call's shapes follow from its inputs'.
    for value, shape in zip(decoded, _candidate_shapes(decoded, head, model), strict=True):
        if value is not None:
            value.shape = ir.Shape(shape)
    end = Builder(model, "nms")
    kept = bake_nms(end, decoded.boxes, decoded.scores, nms)
    outputs = [kept["boxes"], kept["scores"], kept["class_ids"]]
    if decoded.landmarks is not None:
        rows = gather_rows(end, "landmarks_rows", decoded.landmarks, kept)
        lm_shape = [1, nms.max_detections, head.points, 2]
        outputs.append(
            rename(
                end.op("Reshape", "landmarks", rows, np.array(lm_shape, dtype=np.int64)),
                "landmarks",
            )
        )
    model.graph.outputs.extend([*outputs, kept["count"]])
    names = tuple(v.name for v in decoded if v is not None)
    return names, build.node_names + end.node_names


def _candidate_shapes(
    decoded: tuple[ir.Value, ...], head: Head, model: ir.Model
) -> list[tuple[int, ...]]:
    infer_shapes(model)
    n = shape_of(decoded[0])[1]
    return [(1, n, 4), (1, n, head.classes), (1, n, 2 * head.points)]

"""Frozen network + spec → frozen graph from picture to detections."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import onnx_ir as ir

from mobilecat.bake.belief import contradictions
from mobilecat.bake.endings import (
    CANDIDATES,
    CONFIDENCE,
    COORDINATES,
    ENCODINGS,
    PREDICTIONS,
    PROBABILITIES,
    Ending,
    best_candidates,
    candidates,
    classifier,
    detection,
    native_detection,
    one_result,
    selected,
    suppressed,
    vision,
)
from mobilecat.bake.preprocessing import IMAGE, Form, bake_preprocessing
from mobilecat.errors import ModelError, Problem
from mobilecat.graph import shape_of
from mobilecat.graph.anchors import anchors_from_metadata
from mobilecat.graph.builder import Builder, infer_shapes
from mobilecat.graph.declared import declared
from mobilecat.heads import NETWORKS_OWN, Candidates, EncodedAnchors, Head, graph_head
from mobilecat.rows import MAPS, ROWS
from mobilecat.spec import RawHead, Spec

if TYPE_CHECKING:
    from mobilecat.quantize import Calibration

RESERVED = (
    *(IMAGE, "boxes", "scores", "class_ids", *ROWS, *MAPS, "count"),
    *(CONFIDENCE, COORDINATES, ENCODINGS, PREDICTIONS, PROBABILITIES),
    *(*CANDIDATES, "settled"),
)


@dataclass(frozen=True)
class Baked:
    """A graph ready to be lowered.

    image: name of the picture input, or None where the graph takes the network's own tensors.
    raw: the network's own outputs, by their names in the graph: `boxes__network` where the contract
        takes the name `boxes`. Where a head decodes them they are no longer its outputs.
    candidates: decoded boxes, scores and row values before NMS, by name.
    exact_nodes: the nodes that compute pixel coordinates, which need float32 (float16 has steps of
        0.5 above 512).
    settled: what was inferred, in words.
    anchors: what the encodings of the `detection` ending stand for.
    calibration: what says how large its values become; set for targets that are `calibrated`.
    """

    model: ir.Model
    image: str | None
    raw: tuple[str, ...]
    candidates: tuple[str, ...]
    exact_nodes: frozenset[str]
    settled: tuple[str, ...]
    anchors: EncodedAnchors | None = None
    calibration: Calibration | None = field(default=None, compare=False)


def bake(network: ir.Model, spec: Spec, form: Form, ending: Ending = "tensor") -> Baked:
    """Return a baked copy of `network`; `network` stays as it is.

    Errors: ModelError where picture, head, labels or landmark names do not fit the network, where
    the file says of itself that it is another, or the head has row values such as landmarks, which
    only the ending `tensor` can carry.
    """
    model = network.clone()
    raw = {v.name or "": v for v in model.graph.outputs}
    head = _settle(spec, model)
    if head is not None and ending not in ("tensor", "candidates"):
        _require_plain_boxes(spec, head, ending)
    if head is not None:
        _free_names(model, raw)
    image = None
    if spec.input is not None:
        bake_preprocessing(model, spec.input, form)
        image = IMAGE
    decoded: tuple[str, ...] = ()
    exact: list[str] = []
    settled: tuple[str, ...] = ()
    encoded: EncodedAnchors | None = None
    if head is not None and spec.input is not None:
        model.graph.outputs.clear()
        decoded, exact, encoded = _decode(model, head, raw, spec, ending)
        settled = (head.settled, *_nms_words(spec))
        raw = {raw[name].name or "": raw[name] for name in head.raw}
    model.graph.sort()
    if image is not None or head is not None:  # else it is the network, whose shapes are known
        model = infer_shapes(model)
    return Baked(model, image, tuple(raw), decoded, frozenset(exact), settled, encoded)


def head_of(spec: Spec, model: ir.Model) -> Head | None:
    """Return the spec's head settled for a network; None where it has none.

    Errors: ModelError where the network's outputs do not fit.
    """
    if isinstance(spec.head, RawHead) or spec.input is None:
        return None
    shapes = {v.name or "": shape_of(v) for v in model.graph.outputs}
    anchors = anchors_from_metadata(model.metadata_props)
    return graph_head(spec.head, shapes, spec.input.size, anchors)


def _settle(spec: Spec, model: ir.Model) -> Head | None:
    head = head_of(spec, model)
    if head is None:
        return None
    against = contradictions(spec, head, declared(model.metadata_props))
    if against:
        raise ModelError("The head fits the network by its shapes only", against)
    problems = []
    if spec.labels and len(spec.labels) != head.classes:
        problems.append(
            Problem(
                f"{len(spec.labels)} labels, but the head has {head.classes} classes",
                "labels",
                "one label a class, in the network's order, the background left out",
            )
        )
    if spec.landmarks and len(spec.landmarks) != head.points:
        problems.append(
            Problem(
                f"{len(spec.landmarks)} names, but the head has {head.points} points",
                "landmarks",
                "one name a point, in the network's order",
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
                value.name = f"{value.name}{NETWORKS_OWN}"
    for name, value in raw.items():
        if name in RESERVED:
            value.name = f"{name}{NETWORKS_OWN}"


def _require_plain_boxes(spec: Spec, head: Head, ending: Ending) -> None:
    problems = []
    if head.points:
        problems.append(Problem(f"the head has {head.points} landmarks, which it cannot carry"))
    if others := [name.replace("_", " ") for name in head.carries]:
        problems.append(Problem(f"the head has {', '.join(others)}, which it cannot carry"))
    if not spec.head.suppressed:
        problems.append(Problem("it ends in an NMS, which this head does without"))
    if problems:
        raise ModelError(f'contract "{ending}" does not fit the head; use "tensor"', problems)


def _nms_words(spec: Spec) -> tuple[str, ...]:
    nms, family = spec.effective_nms, spec.head.own_nms(spec.head.__dict__)
    if nms is None or not family:
        return ()
    known = ", ".join(f"{key} {value}" for key, value in family.items())
    return (f"nms defaults of {spec.head.kind}: {known}; baked {nms}",)


def _decode(
    model: ir.Model, head: Head, raw: dict[str, ir.Value], spec: Spec, ending: Ending
) -> tuple[tuple[str, ...], list[str], EncodedAnchors | None]:
    """Write decode and ending; return candidates, nodes that need float32, and anchors."""
    assert spec.input is not None
    build = Builder(model, "decode")
    mine = {name: _as_float32(build, raw[name]) for name in head.raw}
    nms = spec.effective_nms
    if ending == "detection" and head.native is not None and nms and nms.selection == "nms":
        written = head.native.write(build, mine)
        end = Builder(model, "detection")
        model.graph.outputs.extend(native_detection(end, *written, head))
        return (), build.node_names + end.node_names, head.native.anchors
    decoded = head.decode(build, mine)
    # The NMS call's shapes follow from its inputs'.
    for name, shape in _candidate_shapes(decoded, head, model).items():
        decoded.all[name].shape = ir.Shape(shape)
    names = tuple(v.name for v in decoded.all.values())
    if nms is not None:
        best = Builder(model, "best")
        decoded = best_candidates(best, decoded, nms.candidates)
        build.node_names += best.node_names
    encoded = None
    if ending == "vision":
        end = Builder(model, "vision")
        outputs = vision(end, selected(end, decoded, nms), spec.input.size)
    elif ending == "detection":
        end = Builder(model, "detection")
        outputs, encoded = detection(end, selected(end, decoded, nms), spec.input.size)
    elif ending == "classifier":
        end = Builder(model, "classifier")
        outputs = classifier(end, decoded)
    elif ending == "candidates":
        end = Builder(model, "candidates")
        outputs = candidates(end, decoded)
    elif nms is None:
        end = Builder(model, "result")
        outputs = one_result(end, decoded)
    else:
        end = Builder(model, "nms")
        outputs = suppressed(end, decoded, nms, head.finish)
    model.graph.outputs.extend(outputs)
    return names, build.node_names + end.node_names, encoded


def _as_float32(build: Builder, value: ir.Value) -> ir.Value:
    """Return an output of a float16 network as a decode computes it."""
    if value.dtype in (None, ir.DataType.FLOAT):
        return value
    return build.op("Cast", f"{value.name}__float", value, to=int(ir.DataType.FLOAT))


def _candidate_shapes(
    decoded: Candidates, head: Head, model: ir.Model
) -> dict[str, tuple[int, ...]]:
    infer_shapes(model)
    n = shape_of(decoded.boxes)[1]
    widths = {"boxes": 4, "scores": head.classes, "landmarks": 2 * head.points}
    return {k: (1, n, widths.get(k) or shape_of(v)[2]) for k, v in decoded.all.items()}

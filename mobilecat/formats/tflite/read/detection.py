"""`TFLite_Detection_PostProcess` at the end of a graph: decode and suppression of an SSD, as TF's
converter writes them. The network ends before it; what it says is kept, as a spec says it.

Source: https://github.com/google-ai-edge/LiteRT/blob/main/tflite/kernels/detection_postprocess.cc
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mobilecat.errors import ModelError, Problem
from mobilecat.formats.tflite.read.file import Graph, Operator, Tensor
from mobilecat.formats.tflite.read.flexbuffer import unpacked
from mobilecat.graph import Array

CODE = "TFLite_Detection_PostProcess"
_SCALES = ("y_scale", "x_scale", "h_scale", "w_scale")


@dataclass(frozen=True)
class Detection:
    """outputs: the tensors of box encodings [1,N,4] and class scores [1,N,C]. anchors: [N,4] centre
    y, x, height, width, in 0..1 of the input. head, nms: keys of a spec. notes: for the user."""

    outputs: tuple[int, int]
    anchors: Array
    head: Mapping[str, Any]
    nms: Mapping[str, Any]
    notes: tuple[str, ...]


def detection_end(graph: Graph) -> Detection | None:
    """Return what the operator at the graph's end says; None where the graph ends in anything else.

    Errors: ModelError where its anchors or settings are missing or contradict each other.
    """
    found = [op for op in graph.ops if op.custom and op.code == CODE]
    if len(found) != 1 or not set(graph.outputs) <= set(found[0].outputs):
        return None
    op = found[0]
    if len(op.inputs) != 3 or min(op.inputs) < 0:
        raise _contradiction("it has not three inputs")
    settings = unpacked(op.packed)
    boxes, scores, anchors = (graph.tensors[i] for i in op.inputs)
    rows = _rows(anchors)
    if boxes.shape != (1, len(rows), 4) or scores.shape[:2] != (1, len(rows)):
        raise _contradiction(
            f"{len(rows)} anchors, encodings {list(boxes.shape)}, scores {list(scores.shape)}"
        )
    scales = [_number(settings, name) for name in _SCALES]
    classes, columns = int(_number(settings, "num_classes")), scores.shape[2]
    if columns - classes not in (0, 1) or min(scales) <= 0:
        raise _contradiction(f"{classes} classes, {columns} columns of scores, scales {scales}")
    before, activation = _before_sigmoid(graph, op.inputs[1])
    head = {"activation": activation, "background": columns > classes, "scales": scales}
    regular = bool(settings.get("use_regular_nms", False))
    nms = {
        "score_threshold": _number(settings, "nms_score_threshold"),
        "iou_threshold": _number(settings, "nms_iou_threshold"),
        "max_detections": int(_number(settings, "max_detections")),
        "per_class": regular,
    }
    return Detection((op.inputs[0], before), rows, head, nms, _notes(op, rows, head, nms, classes))


def _notes(
    op: Operator, rows: Array, head: Mapping[str, Any], nms: Mapping[str, Any], classes: int
) -> tuple[str, ...]:
    said = ", ".join(f"{k} {v:.6g}" for k, v in nms.items() if not isinstance(v, bool))
    apart = "class by class" if nms["per_class"] else "over all classes"
    return (
        f"the file ends in {op.code}: the network ends before it, and {len(rows):,} anchors of it "
        f'are taken for head "ssd" ({classes} class{"es" if classes > 1 else ""}'
        f"{' and the background' if head['background'] else ''}, scores "
        f"{'before their sigmoid' if head['activation'] == 'sigmoid' else 'as they are'}, "
        f"encodings / {[float(f'{s:g}') for s in head['scales']]})",
        f"its suppression, {apart}: {said}: `mobilecat init` writes them into [nms]",
    )


def _rows(anchors: Tensor) -> Array:
    if anchors.data is None or len(anchors.shape) != 2 or anchors.shape[1] != 4:
        raise _contradiction(f"its anchors are {list(anchors.shape)}, and no constant of [N, 4]")
    rows = anchors.real(anchors.data) if anchors.quantised else anchors.data.astype(np.float32)
    if not np.isfinite(rows).all():
        raise _contradiction("its anchors are no numbers")
    return rows


def _number(settings: Mapping[str, Any], name: str) -> float:
    value = settings.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
        raise _contradiction(f"its setting {name} is {value!r}")
    return float(f"{value:.7g}")


def _before_sigmoid(graph: Graph, scores: int) -> tuple[int, str]:
    """Return the tensor that a head reads, and what is still to be applied to it."""
    makers = {o: op for op in graph.ops for o in op.outputs}
    op = makers.get(scores)
    if op is not None and op.code == "LOGISTIC" and not op.custom:
        return op.inputs[0], "sigmoid"
    return scores, "none"


def _contradiction(what: str) -> ModelError:
    fix = "name outputs before it: [import] outputs"
    return ModelError(f"{CODE} in this file cannot be read", [Problem(what, CODE, fix)])

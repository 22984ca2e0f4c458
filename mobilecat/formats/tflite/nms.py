"""What a .tflite file says of its NMS; read from the file alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mobilecat.disk import mapped
from mobilecat.formats.base.nms import Found, nothing
from mobilecat.formats.tflite.class_places import keeps_apart
from mobilecat.graph import Array

_POSTPROCESS = b"TFLite_Detection_PostProcess"


def written(path: Path) -> Found:
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    from mobilecat.formats.tflite.read.file import shared_tflite

    model = shared_tflite(mapped(path), str(path))
    graph, found = model.subgraphs[0], nothing()

    def code(op: Any) -> int:
        c = model.operatorCodes[op.opcodeIndex]
        return int(max(c.builtinCode, c.deprecatedBuiltinCode))

    def scalar(tensor: int, dtype: str) -> float | None:
        data = model.buffers[graph.tensors[tensor].buffer].data
        if data is None or len(data) != 4:
            return None
        return float(np.frombuffer(bytes(bytearray(data)), dtype)[0])

    suppressions = [
        op for op in graph.operators if code(op) == BuiltinOperator.NON_MAX_SUPPRESSION_V4
    ]
    makers = {int(t): op for op in graph.operators for t in op.outputs}
    if suppressions:  # the kernel knows no classes: boxes are scaled by class, or calls are many
        scales = _scales(model, suppressions[0], makers)
        calls, iou = len(suppressions), scalar(int(suppressions[0].inputs[3]), "<f4") or 0.0
        apart = scales is None or keeps_apart(scales[: -(-len(scales) // calls)], iou)
        found["per_class"].add(float(apart and (scales is not None or calls > 1)))
    for op in graph.operators:
        if model.operatorCodes[op.opcodeIndex].customCode == _POSTPROCESS:
            _postprocess(op, found)
        if code(op) != BuiltinOperator.NON_MAX_SUPPRESSION_V4:
            continue
        for place, dtype, name in ((3, "<f4", "iou_threshold"), (2, "<i4", "max_detections")):
            value = scalar(int(op.inputs[place]), dtype)
            if value is not None:
                found[name].add(value)
        for above in _upstream(int(op.inputs[1]), makers):
            if code(above) == BuiltinOperator.GREATER:
                value = scalar(int(above.inputs[1]), "<f4")
                if value is not None:
                    found["score_threshold"].add(value)
            if code(above) == BuiltinOperator.TOPK_V2:
                break
    return found


def _scales(model: Any, suppression: Any, makers: dict[int, Any]) -> Array | None:
    """Return what boxes are multiplied by, [C,2], or None where it is nothing of their class's."""
    graph, tensor = model.subgraphs[0], int(suppression.inputs[0])
    for place in (1, 1, 0):  # SELECT_V2's sound boxes, MUL's factor, GATHER's table
        op = makers.get(tensor)
        if op is None or len(op.inputs) <= place:
            return None
        tensor = int(op.inputs[place])
    shape = tuple(int(d) for d in graph.tensors[tensor].shape)
    data = model.buffers[graph.tensors[tensor].buffer].data
    if len(shape) != 2 or shape[1] != 4 or data is None or len(data) != 16 * shape[0]:
        return None
    return np.frombuffer(bytes(bytearray(data)), "<f4").reshape(shape)[:, :2]


def _postprocess(op: Any, found: Found) -> None:
    """Read the operator's options; with an IoU of 1 it only passes on what was suppressed before.

    Its score test is ≥: the next float above the threshold is written.
    """
    from mobilecat.formats.tflite.read.flexbuffer import unpacked

    options = unpacked(bytes(bytearray(op.customOptions)))
    if float(options["nms_iou_threshold"]) >= 1:
        return
    found["iou_threshold"].add(float(options["nms_iou_threshold"]))
    found["score_threshold"].add(float(options["nms_score_threshold"]))
    found["max_detections"].add(float(options["max_detections"]))


def _upstream(tensor: int, makers: dict[int, Any]) -> Iterator[Any]:
    """Yield the ops behind a tensor, nearest first, and none twice."""
    todo, seen = [tensor], set()
    while todo:
        at = todo.pop(0)
        op = makers.get(at)
        if op is None or id(op) in seen:
            continue
        seen.add(id(op))
        yield op
        todo += [int(i) for i in op.inputs if i >= 0]

"""What an artifact's file says of its NMS, held to the contract: thresholds that no picture tries.

A picture shows a wrong threshold only where a box lies between the two; the file always does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mobilecat.bundle import ArtifactRecord
from mobilecat.compare.compare import Check, passed
from mobilecat.errors import MobileCatError
from mobilecat.spec import NmsSpec

NAME = "nms as written"
Found = dict[str, set[float]]
_POSTPROCESS = b"TFLite_Detection_PostProcess"
_CLOSE = 1e-6  # float32 rounds, and TFLite's IoU is the next float above


def check_nms(
    path: Path, record: ArtifactRecord, nms: NmsSpec | None, classes: int = 1
) -> list[Check]:
    """Return a check of what the artifact's file says of its NMS; none where the contract has none.

    classes: how many there are; with one or none named, `per_class` is not held.
    """
    if nms is None:
        return []
    try:
        found = _READERS[record.kind](path)
    except (MobileCatError, KeyError, IndexError, AttributeError, TypeError, ValueError) as e:
        reason = e.summary if isinstance(e, MobileCatError) else f"{type(e).__name__}: {e}"
        return [Check("detections", NAME, "NOT_RUN", detail=f"cannot be read: {reason}")]
    wanted = {
        "iou_threshold": nms.iou_threshold,
        "score_threshold": nms.score_threshold,
        "max_detections": float(nms.max_detections),
        "per_class": float(nms.per_class),
    }
    if classes <= 1:
        found["per_class"].clear()
    if not any(found.values()):
        # At an IoU of 1 nothing is suppressed, and TFLite does without the op.
        ok = nms.iou_threshold >= 1
        return [Check("detections", NAME, passed(ok), detail="the file has no NMS")]
    wrong = [
        f"{name} is {value:.6g}, the contract says {wanted[name]:g}"
        for name, values in found.items()
        for value in sorted(values)
        if abs(value - wanted[name]) > _CLOSE
    ]
    said = ", ".join(
        f"{name} {', '.join(f'{v:.6g}' for v in sorted(values))}"
        for name, values in found.items()
        if values
    )
    detail = "; ".join(wrong) if wrong else said
    return [Check("detections", NAME, passed(not wrong), detail=detail)]


def _nothing() -> Found:
    names = ("iou_threshold", "score_threshold", "max_detections", "per_class")
    return {name: set() for name in names}


def _coreml(path: Path) -> Found:
    from mobilecat.formats.coreml.runtime.package import read_package

    found = _nothing()
    for spec in _stages(read_package(path).spec):
        kind = spec.WhichOneof("Type")
        if kind == "mlProgram":
            _mil(spec, found)
        elif kind == "nonMaximumSuppression":
            found["iou_threshold"].add(spec.nonMaximumSuppression.iouThreshold)
            found["score_threshold"].add(spec.nonMaximumSuppression.confidenceThreshold)
            found["per_class"].add(float(spec.nonMaximumSuppression.pickTop.perClass))
        elif kind is not None and kind.startswith("neuralNetwork"):
            for layer in getattr(spec, kind).layers:
                if layer.WhichOneof("layer") == "NonMaximumSuppression":
                    p = layer.NonMaximumSuppression
                    found["iou_threshold"].add(p.iouThreshold)
                    found["score_threshold"].add(p.scoreThreshold)
                    found["max_detections"].add(float(p.maxBoxes))
                    found["per_class"].add(float(p.perClassSuppression))
    return found


def _stages(spec: Any) -> Iterator[Any]:
    if spec.WhichOneof("Type") != "pipeline":
        yield spec
        return
    for stage in spec.pipeline.models:
        yield from _stages(stage)


def _mil(spec: Any, found: Found) -> None:
    """From iOS 17 on the op has no score threshold: `greater` has it, which is not looked for."""
    keys = {
        "iou_threshold": "iou_threshold",
        "score_threshold": "score_threshold",
        "max_boxes": "max_detections",
        "per_class_suppression": "per_class",
    }
    function = spec.mlProgram.functions["main"]
    block = function.block_specializations[function.opset]
    consts = {o.outputs[0].name: o.attributes["val"] for o in block.operations if o.type == "const"}
    for op in block.operations:
        if op.type != "non_maximum_suppression":
            continue
        for key, name in keys.items():
            for a in op.inputs[key].arguments if key in op.inputs else ():
                value = consts[a.name] if a.WhichOneof("binding") == "name" else a.value
                tensor = value.immediateValue.tensor
                held = tensor.floats.values or tensor.ints.values or tensor.bools.values
                found[name].add(float(held[0]))


def _tflite(path: Path) -> Found:
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    from mobilecat.formats.tflite.inspect import read_tflite

    model = read_tflite(path.read_bytes(), str(path))
    graph, found = model.subgraphs[0], _nothing()

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
    if suppressions:
        found["per_class"].add(float(len(suppressions) > 1))  # the kernel knows no classes
    makers = {int(t): op for op in graph.operators for t in op.outputs}
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


def _postprocess(op: Any, found: Found) -> None:
    """Read the operator's options; with an IoU of 1 it only passes on what was suppressed before.

    Its score test is ≥: the next float above the threshold is written.
    """
    from mobilecat.formats.tflite.flexbuffer import unpacked

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


def _onnx(path: Path) -> Found:
    import onnx

    from mobilecat.formats.onnx.read import read_onnx

    proto, found = read_onnx(path), _nothing()
    bodies: list[Any] = [proto.graph, *proto.functions]
    consts = {i.name: onnx.numpy_helper.to_array(i) for i in proto.graph.initializer}
    for body in bodies:
        inner = {**consts, **dict(_constants(body.node))}
        for node in body.node:
            if node.op_type != "NonMaxSuppression":
                continue
            for place, name in ((3, "iou_threshold"), (4, "score_threshold")):
                if len(node.input) > place and node.input[place] in inner:
                    found[name].add(float(inner[node.input[place]].reshape(-1)[0]))
    return found


def _constants(nodes: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    import onnx

    for node in nodes:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            yield node.output[0], onnx.numpy_helper.to_array(node.attribute[0].t)


_READERS = {"coreml": _coreml, "tflite": _tflite, "onnx": _onnx}

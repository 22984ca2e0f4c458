"""What a Core ML file says of its NMS; read from the file alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mobilecat.formats.base.nms import PER_CLASS_FLAG, Found, nothing
from mobilecat.formats.coreml.runtime.package import read_package


def written(path: Path) -> Found:
    found = nothing()
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
    found[PER_CLASS_FLAG] |= found["per_class"]
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

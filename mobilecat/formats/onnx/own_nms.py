"""`mobilecat::NMS` nodes that a reader of ours wrote: the function that they call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import onnx_ir as ir

from mobilecat.bake.nms import OP as NMS
from mobilecat.bake.nms import add_function
from mobilecat.errors import ModelError, Problem
from mobilecat.graph import MOBILECAT_DOMAIN, attr
from mobilecat.spec import NmsSpec


def with_nms(proto: onnx.ModelProto, path: Path) -> onnx.ModelProto:
    """Return the model with what its suppressions call; unchanged where it has none.

    Errors: ModelError where two of them have other settings.
    """
    if not any(n.domain == MOBILECAT_DOMAIN for n in proto.graph.node):
        return proto
    proto.opset_import.append(onnx.helper.make_opsetid(MOBILECAT_DOMAIN, 1))
    model = ir.from_proto(proto)
    asked = {_settings(n) for n in model.graph if (n.domain, n.op_type) == (MOBILECAT_DOMAIN, NMS)}
    if len(asked) > 1:
        what = f"{len(asked)} suppressions of different settings"
        fix = "cut the graph before the first: [import] outputs"
        raise ModelError(f"{path.name} cannot be compiled", [Problem(what, fix=fix)])
    names = ("score_threshold", "iou_threshold", "max_detections", "per_class")
    said: dict[str, Any] = dict(zip(names, next(iter(asked)), strict=True))
    # An operator may say what a spec cannot, such as a threshold below 0.
    spec = NmsSpec.model_construct(**{**said, "per_class": bool(said["per_class"])})
    add_function(model, spec, _classes(proto))
    return ir.to_proto(model)


def _classes(proto: onnx.ModelProto) -> int:
    """Return how many columns the first suppression's scores have; 1 where that is not known."""
    scores = [n.input[1] for n in proto.graph.node if n.domain == MOBILECAT_DOMAIN]
    inferred = onnx.shape_inference.infer_shapes(proto).graph
    for value in (*inferred.value_info, *inferred.input):
        if scores and value.name == scores[0]:
            dims = value.type.tensor_type.shape.dim
            return int(dims[2].dim_value) if len(dims) == 3 else 1
    return 1


def _settings(node: ir.Node) -> tuple[float, float, int, int]:
    return (
        float(attr(node, "score_threshold", 0.0)),
        float(attr(node, "iou_threshold", 0.0)),
        int(attr(node, "max_detections", 1)),
        int(attr(node, "per_class", 0)),
    )

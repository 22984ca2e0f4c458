"""`mobilecat::NMS`: one suppression with one meaning, which every target lowers natively.

`NMS(boxes, scores) → (boxes, scores, class_ids, indices, count)`

inputs      boxes  float32 [1,N,4]  xyxy, pixels of the model input, x1 ≤ x2 and y1 ≤ y2: engines
                                    differ over inverted boxes, so no head decodes one
            scores float32 [1,N,C]
attributes  score_threshold, iou_threshold (float), max_detections, per_class (int)
outputs     boxes [1,K,4] float32, scores [1,K] float32, class_ids [1,K] int32,
            indices [1,K] int32 into N, count [1] int32; K = max_detections; rows ≥ count are zero

A box's class is its argmax class (the first on ties), its score that maximum. Kept: score strictly
above score_threshold. Greedy by falling score, ties by rising index; suppressed: IoU with a kept
box strictly above iou_threshold (per_class: only by a box of its own class). At most K are kept.

In the graph it is a model-local function made of standard ops, so that onnxruntime runs it as is.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from mobilecat.graph import MOBILECAT_DOMAIN, Array, attr, shape_of
from mobilecat.graph.builder import Builder, typed
from mobilecat.spec import NmsSpec

OP = "NMS"


def bake_nms(
    build: Builder, boxes: ir.Value, scores: ir.Value, nms: NmsSpec
) -> dict[str, ir.Value]:
    """Append the call; return its outputs by name: boxes, scores, class_ids, indices, count."""
    model = build.model
    k = nms.max_detections
    classes = shape_of(scores)[2]
    outputs = {
        "boxes": typed("boxes", (1, k, 4), ir.DataType.FLOAT),
        "scores": typed("scores", (1, k), ir.DataType.FLOAT),
        "class_ids": typed("class_ids", (1, k), ir.DataType.INT32),
        "indices": typed(f"{build.prefix}/indices", (1, k), ir.DataType.INT32),
        "count": typed("count", (1,), ir.DataType.INT32),
    }
    attributes = {
        "score_threshold": nms.score_threshold,
        "iou_threshold": nms.iou_threshold,
        "max_detections": k,
        "per_class": int(nms.per_class),
    }
    build.append(
        ir.node(
            OP,
            [boxes, scores],
            attributes,
            domain=MOBILECAT_DOMAIN,
            outputs=list(outputs.values()),
            name=f"{build.prefix}/NMS",
        )
    )
    add_function(model, nms, classes)
    return outputs


def add_function(model: ir.Model, nms: NmsSpec, classes: int) -> None:
    """Give the model what its `NMS` nodes call; their attributes are those of `nms`."""
    function = _function(nms, classes, model.opset_imports[""])
    model.functions[function.identifier()] = function
    model.opset_imports[MOBILECAT_DOMAIN] = 1


def state_outputs(node: ir.Node) -> None:
    """Write down the shapes and types that an `NMS` node gives: inference finds none."""
    k = int(attr(node, "max_detections", 1))
    shapes = ((1, k, 4), (1, k), (1, k), (1, k), (1,))
    kinds = (*(ir.DataType.FLOAT,) * 2, *(ir.DataType.INT32,) * 3)
    for value, shape, kind in zip(node.outputs, shapes, kinds, strict=True):
        value.shape, value.type = ir.Shape(shape), ir.TensorType(kind)


def gather_rows(build: Builder, name: str, rows: ir.Value, kept: dict[str, ir.Value]) -> ir.Value:
    """Return [1,K,…]: the rows [1,N,…] that the NMS kept, zero from `count` on."""
    k = shape_of(kept["indices"])[1]
    rank = len(shape_of(rows))
    flat = build.op("Reshape", f"{name}_indices", kept["indices"], np.array([k], dtype=np.int64))
    gathered = build.op("Gather", f"{name}_kept", rows, flat, axis=1)
    valid = build.op("Less", f"{name}_valid", np.arange(k, dtype=np.int32), kept["count"])
    shape = np.array([1, k] + [1] * (rank - 2), dtype=np.int64)
    valid_rows = build.op("Reshape", f"{name}_valid_rows", valid, shape)
    return build.op("Where", name, valid_rows, gathered, np.array(0, dtype=np.float32))


def _function(nms: NmsSpec, classes: int, opset: int) -> ir.Function:
    """Return the body in standard ops, its thresholds written in as constants."""
    body = _Body()
    boxes, scores = ir.Value(name="boxes_in"), ir.Value(name="scores_in")
    k = nms.max_detections

    best = body.op("ReduceMax", scores, _ints(2), keepdims=0)
    class_ids = body.op("ArgMax", scores, axis=2, keepdims=0)
    per_class = nms.per_class and classes > 1
    keys = body.op("Unsqueeze", best, _ints(1))
    if per_class:
        ids = body.op("Unsqueeze", class_ids, _ints(1))
        own = body.op("Equal", ids, np.arange(classes, dtype=np.int64).reshape(1, classes, 1))
        # Below any threshold: a box competes in its own class only.
        keys = body.op("Where", own, keys, np.array(-1, dtype=np.float32))
    selected = body.op(
        "NonMaxSuppression",
        boxes,
        keys,
        np.array([k], dtype=np.int64),
        np.array([nms.iou_threshold], dtype=np.float32),
        np.array([nms.score_threshold], dtype=np.float32),
    )
    found = body.op("Gather", selected, np.array(2, dtype=np.int64), axis=1)
    # NonMaxSuppression lists class by class: bring it to falling score, ties by rising index.
    total = body.op("Shape", found)
    _, order = body.ops("TopK", 2, body.op("Neg", found), total, axis=0)
    found = body.op("Gather", found, order)
    found_scores = body.op("Gather", body.op("Squeeze", best, _ints(0)), found)
    limit = body.op("Min", total, np.array([k], dtype=np.int64))
    _, order = body.ops("TopK", 2, found_scores, limit, axis=0)
    found = body.op("Gather", found, order)

    padded = body.op("Concat", found, np.zeros(k, dtype=np.int64), axis=0)
    indices = body.op("Slice", padded, _ints(0), _ints(k))
    valid = body.op("Less", np.arange(k, dtype=np.int64), limit)
    # Where, not Mul: row 0, which fills the padding, may hold an infinity.
    zero, no_id = np.array(0, dtype=np.float32), np.array(0, dtype=np.int64)
    valid_rows = body.op("Unsqueeze", valid, _ints(1))
    out_boxes = body.op("Where", valid_rows, body.op("Gather", boxes, indices, axis=1), zero)
    out_scores = body.op("Where", valid, body.op("Gather", best, indices, axis=1), zero)
    out_ids = body.op("Where", valid, body.op("Gather", class_ids, indices, axis=1), no_id)
    out_ids = body.op("Cast", out_ids, to=int(ir.DataType.INT32))
    out_indices = body.op("Cast", indices, to=int(ir.DataType.INT32))
    out_indices = body.op("Unsqueeze", out_indices, _ints(0))
    count = body.op("Cast", limit, to=int(ir.DataType.INT32))

    graph = ir.Graph(
        [boxes, scores],
        [out_boxes, out_scores, out_ids, out_indices, count],
        nodes=body.nodes,
        opset_imports={"": opset},
        name=OP,
    )
    names = {
        "score_threshold": ir.AttributeType.FLOAT,
        "iou_threshold": ir.AttributeType.FLOAT,
        "max_detections": ir.AttributeType.INT,
        "per_class": ir.AttributeType.INT,
    }
    return ir.Function(
        MOBILECAT_DOMAIN,
        OP,
        graph=graph,
        attributes=[ir.Attr(name, kind, None) for name, kind in names.items()],
    )


def _ints(*values: int) -> Array:
    return np.array(values, dtype=np.int64)


class _Body:
    """Nodes of a function: arrays become Constant nodes, since a function has no initializers."""

    def __init__(self) -> None:
        self.nodes: list[ir.Node] = []

    def op(self, op_type: str, *inputs: ir.Value | Array, **attributes: int) -> ir.Value:
        return self.ops(op_type, 1, *inputs, **attributes)[0]

    def ops(
        self, op_type: str, outputs: int, *inputs: ir.Value | Array, **attributes: int
    ) -> tuple[ir.Value, ...]:
        values = [self._const(v) if isinstance(v, np.ndarray) else v for v in inputs]
        number = len(self.nodes)
        made = [ir.Value(name=f"{op_type}_{number}_{i}") for i in range(outputs)]
        name = f"{op_type}_{number}"
        self.nodes.append(ir.node(op_type, values, attributes, outputs=made, name=name))
        return tuple(made)

    def _const(self, array: Array) -> ir.Value:
        number = len(self.nodes)
        out = ir.Value(name=f"const_{number}")
        node = ir.node("Constant", [], {"value": ir.tensor(array)}, outputs=[out], name=out.name)
        self.nodes.append(node)
        return out

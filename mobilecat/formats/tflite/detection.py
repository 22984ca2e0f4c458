"""Contract `detection`: boxes and scores → TFLite_Detection_PostProcess, as TF's SSDs end.

The operator's outputs, by the names that TF's converter gives them:
    TFLite_Detection_PostProcess    boxes [1,K,4] float32: ymin, xmin, ymax, xmax in 0..1
    TFLite_Detection_PostProcess:1  classes [1,K] float32, counted without the background
    TFLite_Detection_PostProcess:2  scores [1,K] float32
    TFLite_Detection_PostProcess:3  number of detections [1] float32

How the kernel differs from `mobilecat.bake.nms`, measured in LiteRT 2.3 and read in its source, and
the answer here:

* it keeps score ≥ threshold → the next float above the threshold;
* it refuses an IoU threshold of 0 → the smallest normal float;
* fast NMS compares each box's best class only and knows no classes: what per_class = 0 means. It
  leaves the rows from the number of detections on as they were → a lint (formats.tflite.lints);
* regular NMS, class by class, is never asked for. With T > 1 threads it skips class T (`next_col`
  starts at T and is incremented before its first use), lets one box be found as two things, and
  orders equal scores by class. Several classes with per_class = 1 go through our own NMS instead;
  the operator gets the rows kept, with an IoU threshold of 1, at which none is suppressed.

Source: https://github.com/google-ai-edge/LiteRT/blob/main/tflite/kernels/detection_postprocess.cc
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from mobilecat.bake.endings import detection
from mobilecat.bake.nms import OP as NMS
from mobilecat.formats.tflite.lower.lowering import Node, lowers
from mobilecat.formats.tflite.program import Tensor
from mobilecat.formats.tflite.read.flexbuffer import Option, packed
from mobilecat.graph import MOBILECAT_DOMAIN, attr, op_of, shape_of
from mobilecat.graph.builder import Builder, infer_shapes, typed
from mobilecat.heads import Candidates, EncodedAnchors, ops
from mobilecat.spec import NmsSpec

CODE = "TFLite_Detection_PostProcess"
OP = "DetectionPostProcess"
OUTPUTS = {"boxes": CODE, "class_ids": f"{CODE}:1", "scores": f"{CODE}:2", "count": f"{CODE}:3"}
# The kernel's processor may take smaller ones for 0.
_TINY = np.finfo(np.float32).tiny


def with_postprocess(model: ir.Model, anchors: EncodedAnchors, nms: NmsSpec) -> ir.Model:
    """Return a copy of a graph with the ending `detection` that ends in the four outputs.

    The node that it gets, `mobilecat::DetectionPostProcess`, has a form in TFLite only.
    """
    made = model.clone()
    rows = np.ascontiguousarray(anchors.rows, np.float32)
    table = typed("anchors", rows.shape, ir.DataType.FLOAT)
    table.const_value = ir.tensor(rows, name="anchors")
    made.graph.register_initializer(table)
    k = nms.max_detections
    shapes = {"boxes": (1, k, 4), "class_ids": (1, k), "scores": (1, k), "count": (1,)}
    outputs = [typed(OUTPUTS[n], shape, ir.DataType.FLOAT) for n, shape in shapes.items()]
    node = ir.node(
        OP,
        [*made.graph.outputs, table],
        {
            "score_threshold": nms.score_threshold,
            "iou_threshold": nms.iou_threshold,
            "max_detections": k,
            "scales": list(anchors.scales),
        },
        domain=MOBILECAT_DOMAIN,
        outputs=outputs,
        name=f"detection/{OP}",
    )
    made.graph.append(node)
    made.graph.outputs.clear()
    made.graph.outputs.extend(outputs)
    made.opset_imports[MOBILECAT_DOMAIN] = 1
    return made


def after_own_nms(model: ir.Model, size_wh: tuple[int, int]) -> tuple[ir.Model, EncodedAnchors]:
    """Return a copy of a graph with the ending `tensor` whose kept rows are ready for the operator.

    Rows that hold nothing score 0, which is not above any threshold.
    """
    made = model.clone()
    values = {v.name: v for v in made.graph.outputs}
    boxes, scores, ids = (values[n] for n in ("boxes", "scores", "class_ids"))
    k, classes = shape_of(scores)[1], classes_of(made)
    build = Builder(made, "rows")
    numbers = np.arange(classes, dtype=np.int32).reshape(1, 1, classes)
    own = build.op("Equal", "own_class", ops.reshape(build, "ids", ids, 1, k, 1), numbers)
    column = ops.reshape(build, "column", scores, 1, k, 1)
    predictions = build.op("Where", "predictions", own, column, ops.f32(-1))
    predictions.shape = ir.Shape((1, k, classes))
    predictions.type = ir.TensorType(ir.DataType.FLOAT)
    rows, anchors = detection(Builder(made, "detection"), Candidates(boxes, predictions), size_wh)
    made.graph.outputs.clear()
    made.graph.outputs.extend(rows)
    return infer_shapes(made), anchors


def classes_of(model: ir.Model) -> int:
    """Return how many classes the NMS of a graph with the ending `tensor` tells apart."""
    nms = next(n for n in model.graph if op_of(n) == f"{MOBILECAT_DOMAIN}::{NMS}")
    assert nms.inputs[1] is not None
    return shape_of(nms.inputs[1])[2]


def _problem(node: ir.Node) -> str | None:
    iou, count = attr(node, "iou_threshold", 0.5), attr(node, "max_detections", 1)
    if not 0 <= iou <= 1:
        return f"iou_threshold {iou} is not within 0 and 1"
    return None if count >= 1 else f"max_detections {count} is below 1"


@lowers(f"{MOBILECAT_DOMAIN}::{OP}", check=_problem)
def lower_detection(n: Node) -> None:
    y, x, h, w = n.attr("scales", (1.0, 1.0, 1.0, 1.0))
    k = n.attr("max_detections", 1)
    threshold = np.float32(n.attr("score_threshold", 0.0))
    options: dict[str, Option] = {
        "max_detections": k,
        "max_classes_per_detection": 1,
        "detections_per_class": k,
        "use_regular_nms": False,
        "nms_score_threshold": np.maximum(np.nextafter(threshold, np.float32(2)), _TINY),
        "nms_iou_threshold": np.maximum(np.float32(n.attr("iou_threshold", 0.5)), _TINY),
        "num_classes": n.shape(1)[2],
        "y_scale": np.float32(y),
        "x_scale": np.float32(x),
        "h_scale": np.float32(h),
        "w_scale": np.float32(w),
    }
    outputs = [Tensor(v.name or "", shape_of(v), np.dtype(np.float32)) for v in n.node.outputs]
    op = n.build.program.add(CODE, [n.logical(i) for i in range(3)], outputs)
    op.custom = packed(options)
    for i, tensor in enumerate(outputs):
        n.put(tensor, i=i)

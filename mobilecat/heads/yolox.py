"""YOLOX in the graph: rows relative to their cells, scores already sigmoid.

Source: https://github.com/Megvii-BaseDetection/YOLOX (demo/ONNXRuntime, `demo_postprocess`).
An export with the decode inside is head "yolov5" of form "decoded", in pixels.
"""

from __future__ import annotations

from collections.abc import Mapping

import onnx_ir as ir

from mobilecat.graph.builder import Builder
from mobilecat.heads import ops
from mobilecat.heads.base import Candidates, Head, Network
from mobilecat.heads.fit import Fit, classes_of
from mobilecat.spec.heads import YoloXHead


def settle(spec: YoloXHead, network: Network) -> Head:
    """Hold the number of rows to the strides."""
    fit = Fit(spec.kind, network)
    origin, stride = ops.cells(network.size_wh, spec.strides)
    n = origin.shape[1]
    strides = ", ".join(map(str, spec.strides))
    name = fit.output(
        "output",
        spec.output,
        f"[1, {n}, 5+C] (strides {strides})",
        lambda shape: len(shape) == 3 and shape[:2] == (1, n) and shape[2] > 5,
    )
    fit.require()
    classes = network.outputs[name][2] - 5

    def decode(build: Builder, raw: Mapping[str, ir.Value]) -> Candidates:
        offset, log_size, obj, cls = ops.split(build, "row", raw[name], 2, 2, 1, classes)
        centre = build.op("Add", "centre", build.op("Mul", "offset_px", offset, stride), origin)
        size = build.op("Mul", "size", build.op("Exp", "size_cells", log_size), stride)
        boxes = ops.corners(build, "candidate_boxes", centre, size)
        return Candidates(boxes, build.op("Mul", "candidate_scores", obj, cls))

    said = f"yolox, {classes_of(classes)}, {n} candidates at strides {strides}"
    return Head((name,), classes, 0, said, decode)

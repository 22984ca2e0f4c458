"""YOLOv3 in the graph: raw maps; boxes grow from anchors by exp.

Source: https://arxiv.org/abs/1804.02767 and https://github.com/pjreddie/darknet (yolov3.cfg).
"""

from __future__ import annotations

import onnx_ir as ir

from mobilecat.graph.builder import Builder
from mobilecat.heads import ops
from mobilecat.heads.base import Head, Network
from mobilecat.heads.maps import Cell, Placed, settle_maps
from mobilecat.spec.heads import YoloV3Head
from mobilecat.spec.published_anchors import YOLOV3


def settle(spec: YoloV3Head, network: Network) -> Head:
    return settle_maps(spec.kind, spec.anchors, YOLOV3, network, _box)


def _box(build: Builder, at: str, rows: ir.Value, place: Placed) -> Cell:
    """Return centre = (σ(t) + cell) · stride, size = e^t · anchor, σ(obj), σ(classes)."""
    t_xy, t_wh, logits = ops.split(build, f"{at}.row", rows, 2, 2, 1 + place.classes)
    within = build.op("Sigmoid", f"{at}.within", t_xy)
    moved = build.op("Mul", f"{at}.within_px", within, ops.f32(place.stride))
    centre = build.op("Add", f"{at}.centre", moved, place.origin)
    size = build.op("Mul", f"{at}.size", build.op("Exp", f"{at}.growth", t_wh), place.anchors)
    scores = build.op("Sigmoid", f"{at}.probabilities", logits)
    obj, cls = ops.split(build, f"{at}.probability", scores, 1, place.classes)
    return Cell(centre, size, obj, cls)

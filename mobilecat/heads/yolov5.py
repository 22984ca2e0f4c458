"""YOLOv5 in the graph: decoded rows [1,N,5+C], or raw maps.

centre = (2σ − ½ + cell) · stride, size = (2σ)² · anchor, score = obj · class.
Anchors: https://github.com/ultralytics/yolov5 publishes them with its models (P5).
"""

from __future__ import annotations

from collections.abc import Mapping

import onnx_ir as ir

from mobilecat.graph.builder import Builder
from mobilecat.heads import ops
from mobilecat.heads.base import Candidates, Head, Network
from mobilecat.heads.fit import Fit, Shape, classes_of, units_of
from mobilecat.heads.maps import Cell, Placed, settle_maps
from mobilecat.spec.heads import YoloV5Head
from mobilecat.spec.published_anchors import YOLOV3


def settle(spec: YoloV5Head, network: Network) -> Head:
    """Choose the form by the outputs' ranks where the spec does not: rows have three dimensions."""
    decoded = any(_is_rows(shape) for shape in network.outputs.values())
    form = spec.form or ("decoded" if decoded else "maps")
    if form == "decoded":
        return _settle_decoded(spec, network)
    if spec.units or spec.output:
        fit = Fit(spec.kind, network)
        for key in ("units", "output"):
            if getattr(spec, key):
                fit.ask(key, "is set, but the network has raw maps, not rows", "take it out")
        fit.require()
    # YOLOv5's P5 anchors are YOLOv3's.
    return settle_maps(spec.kind, spec.anchors, YOLOV3, network, _box)


def _is_rows(shape: Shape) -> bool:
    return len(shape) == 3 and shape[0] == 1 and shape[2] > 5


def _settle_decoded(spec: YoloV5Head, network: Network) -> Head:
    fit = Fit(spec.kind, network)
    name = fit.output("output", spec.output, "[1, N, 5+C]", _is_rows)
    if spec.units is None:
        fit.ask(
            "units",
            "decoded boxes are in pixels or normalised, which no shape tells",
            'set head.units = "pixels" (most ONNX exports) or "normalised" (TensorFlow exports)',
        )
    if spec.anchors is not None:
        fit.ask("anchors", "is set, but decoded boxes need none", "take it out")
    fit.require()
    _, n, depth = network.outputs[name]
    classes = depth - 5

    def decode(build: Builder, raw: Mapping[str, ir.Value]) -> Candidates:
        centre, side, obj, cls = ops.split(build, "row", raw[name], 2, 2, 1, classes)
        size = ops.no_less_than_0(build, "size", side)
        if spec.units == "normalised":
            picture = ops.f32(network.size_wh)
            centre = build.op("Mul", "centre_px", centre, picture)
            size = build.op("Mul", "size_px", size, picture)
        boxes = ops.corners(build, "candidate_boxes", centre, size)
        return Candidates(boxes, build.op("Mul", "candidate_scores", obj, cls))

    said = (
        f"yolov5, decoded, {classes_of(classes)}, {n} candidates, boxes in {units_of(spec.units)}"
    )
    return Head((name,), classes, 0, said, decode)


def _box(build: Builder, at: str, rows: ir.Value, place: Placed) -> Cell:
    probabilities = build.op("Sigmoid", f"{at}.sigmoid", rows)
    s_xy, s_wh, obj, cls = ops.split(build, f"{at}.row", probabilities, 2, 2, 1, place.classes)
    moved = build.op("Mul", f"{at}.within_px", s_xy, ops.f32(2 * place.stride))
    centre = build.op("Add", f"{at}.centre", moved, place.origin - ops.f32(0.5 * place.stride))
    square = build.op("Mul", f"{at}.square", s_wh, s_wh)
    return Cell(centre, build.op("Mul", f"{at}.size", square, 4 * place.anchors), obj, cls)

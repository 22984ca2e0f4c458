"""YOLO5Face in the graph: YOLOv5's boxes, and points against anchor and cell.

centre = (2σ − ½ + cell) · stride, size = (2σ)² · anchor, point = t · anchor + cell · stride,
score = obj · class; points lie between objectness and classes, and have no sigmoid.
Source: https://github.com/deepcam-cn/yolov5-face (`models/yolo.py`, `models/yolov5s.yaml`).
"""

from __future__ import annotations

from collections.abc import Mapping

import onnx_ir as ir

from mobilecat.graph.builder import Builder
from mobilecat.heads import ops
from mobilecat.heads.base import Candidates, Head, Network
from mobilecat.heads.fit import Fit, Shape, classes_of, units_of
from mobilecat.heads.maps import BoxOf, Cell, Placed, settle_maps
from mobilecat.spec.heads import Yolo5FaceHead

ANCHORS = (
    ((4.0, 5.0), (8.0, 10.0), (13.0, 16.0)),
    ((23.0, 29.0), (43.0, 55.0), (73.0, 105.0)),
    ((146.0, 217.0), (231.0, 300.0), (335.0, 433.0)),
)


def settle(spec: Yolo5FaceHead, network: Network) -> Head:
    """Choose the form by the outputs' ranks where the spec does not: rows have three dimensions."""
    least = 5 + 2 * spec.points
    decoded = any(_is_rows(shape, least) for shape in network.outputs.values())
    if (spec.form or ("decoded" if decoded else "maps")) == "decoded":
        return _settle_decoded(spec, network)
    if spec.units or spec.output:
        fit = Fit(spec.kind, network)
        for key in ("units", "output"):
            if getattr(spec, key):
                fit.ask(key, "is set, but the network has raw maps, not rows", "take it out")
        fit.require()
    return settle_maps(
        spec.kind, spec.anchors, ANCHORS, network, _cell_of(spec.points), spec.points
    )


def _is_rows(shape: Shape, least: int) -> bool:
    return len(shape) == 3 and shape[0] == 1 and shape[2] > least


def _settle_decoded(spec: Yolo5FaceHead, network: Network) -> Head:
    fit = Fit(spec.kind, network)
    count = spec.points
    least = 5 + 2 * count
    name = fit.output("output", spec.output, f"[1, N, {least}+C]", lambda s: _is_rows(s, least))
    if spec.units is None:
        fit.ask(
            "units",
            "decoded boxes and points are in pixels or normalised, which no shape tells",
            'set head.units = "pixels" (the authors\' exports) or "normalised"',
        )
    if spec.anchors is not None:
        fit.ask("anchors", "is set, but decoded boxes need none", "take it out")
    fit.require()
    _, n, depth = network.outputs[name]
    classes = depth - least

    def decode(build: Builder, raw: Mapping[str, ir.Value]) -> Candidates:
        centre, side, obj, points, cls = ops.split(
            build, "row", raw[name], 2, 2, 1, 2 * count, classes
        )
        size = ops.no_less_than_0(build, "size", side)
        if spec.units == "normalised":
            picture = ops.f32(network.size_wh)
            centre = build.op("Mul", "centre_px", centre, picture)
            size = build.op("Mul", "size_px", size, picture)
            points = build.op("Mul", "points_px", points, ops.f32([*network.size_wh] * count))
        boxes = ops.corners(build, "candidate_boxes", centre, size)
        return Candidates(
            boxes, build.op("Mul", "candidate_scores", obj, cls), {"landmarks": points}
        )

    said = (
        f"yolo5face, decoded, {classes_of(classes)}, {n} candidates, {count} landmarks, "
        f"boxes and points in {units_of(spec.units)}"
    )
    return Head((name,), classes, count, said, decode)


def _cell_of(count: int) -> BoxOf:
    def cell(build: Builder, at: str, rows: ir.Value, place: Placed) -> Cell:
        box, points, cls = ops.split(build, f"{at}.row", rows, 5, 2 * count, place.classes)
        squashed = build.op("Sigmoid", f"{at}.sigmoid", box)
        s_xy, s_wh, obj = ops.split(build, f"{at}.box", squashed, 2, 2, 1)
        moved = build.op("Mul", f"{at}.within_px", s_xy, ops.f32(2 * place.stride))
        centre = build.op("Add", f"{at}.centre", moved, place.origin - ops.f32(0.5 * place.stride))
        square = build.op("Mul", f"{at}.square", s_wh, s_wh)
        size = build.op("Mul", f"{at}.size", square, 4 * place.anchors)
        every = place.anchors + 0 * place.origin  # [1,A,h·w,2], or [1,h·w,A,2]
        pairs = ops.reshape(build, f"{at}.pairs", points, 1, -1, count, 2)
        spread = build.op("Mul", f"{at}.pairs_px", pairs, every.reshape(1, -1, 1, 2))
        origin = (place.origin + 0 * every).reshape(1, -1, 1, 2)
        placed = build.op("Add", f"{at}.pairs_at", spread, origin)
        landmarks = ops.reshape(build, f"{at}.points", placed, 1, -1, 2 * count)
        return Cell(centre, size, obj, build.op("Sigmoid", f"{at}.cls", cls), landmarks)

    return cell

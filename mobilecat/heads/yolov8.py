"""YOLOv8-style in the graph: [1,4+C,N], centre boxes, class scores without objectness."""

from __future__ import annotations

from collections.abc import Mapping

import onnx_ir as ir

from mobilecat.graph.builder import Builder
from mobilecat.heads import ops
from mobilecat.heads.base import Candidates, Head, Network
from mobilecat.heads.fit import Fit, classes_of, units_of
from mobilecat.spec.heads import YoloV8Head


def settle(spec: YoloV8Head, network: Network) -> Head:
    """Tell rows from columns: there are more candidates than columns, unless the spec says."""
    fit = Fit(spec.kind, network)
    name = fit.output(
        "output",
        spec.output,
        "[1, 4+C, N] or [1, N, 4+C]",
        lambda shape: len(shape) == 3 and shape[0] == 1 and min(shape[1:]) > 0 and _fits(shape),
    )
    layout = spec.layout
    if name and layout is None:
        _, a, b = network.outputs[name]
        if a == b:
            fit.ask("layout", f"output {name!r} has as many rows as columns")
        layout = "rows-last" if a < b else "rows-first"
    shape = network.outputs.get(name, (1, 5, 5))
    columns, n = shape[1:] if layout == "rows-last" else shape[:0:-1]
    if name and columns < 5:
        fit.ask("layout", f"output {name!r} has {columns} columns, expected 4+C")
    fit.require()
    classes = columns - 4
    width, height = network.size_wh

    def decode(build: Builder, raw: Mapping[str, ir.Value]) -> Candidates:
        rows = raw[name]
        if layout == "rows-last":
            rows = build.op("Transpose", "rows", rows, perm=[0, 2, 1])
        centre, side, scores = ops.split(build, "row", rows, 2, 2, classes)
        size = ops.no_less_than_0(build, "size", side)
        if spec.units == "normalised":
            picture = ops.f32([width, height])
            centre = build.op("Mul", "centre_px", centre, picture)
            size = build.op("Mul", "size_px", size, picture)
        return Candidates(ops.corners(build, "candidate_boxes", centre, size), scores)

    said = (
        f"yolov8, {classes_of(classes)}, {n} candidates, {layout}, boxes in {units_of(spec.units)}"
    )
    return Head((name,), classes, 0, said, decode)


def _fits(shape: tuple[int, ...]) -> bool:
    return max(shape[1:]) >= 5

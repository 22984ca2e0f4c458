"""Oriented boxes in the graph: [1,4+C+1,N], centre boxes, class scores, an angle.

Boxes are those before they are turned about their centres; angles become radians, clockwise as the
picture is seen, and keep the network's range.
Source: YOLOv8-OBB's export, https://docs.ultralytics.com/tasks/obb/ (angles in [−π/4, 3π/4)).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import onnx_ir as ir

from mobilecat.graph.builder import Builder
from mobilecat.heads import ops
from mobilecat.heads.base import Candidates, Head, Network
from mobilecat.heads.fit import Fit, classes_of, units_of
from mobilecat.spec.heads import ObbHead

_LEAST = 6  # a box, one class, an angle


def settle(spec: ObbHead, network: Network) -> Head:
    """Tell rows from columns: there are more candidates than columns, unless the spec says."""
    fit = Fit(spec.kind, network)
    name = fit.output(
        "output",
        spec.output,
        "[1, 4+C+1, N] or [1, N, 4+C+1]",
        lambda s: len(s) == 3 and s[0] == 1 and min(s[1:]) > 0 and max(s[1:]) >= _LEAST,
    )
    layout = spec.layout
    if name and layout is None:
        _, a, b = network.outputs[name]
        if a == b:
            fit.ask("layout", f"output {name!r} has as many rows as columns")
        layout = "rows-last" if a < b else "rows-first"
    shape = network.outputs.get(name, (1, _LEAST, _LEAST))
    columns, n = shape[1:] if layout == "rows-last" else shape[:0:-1]
    if name and columns < _LEAST:
        fit.ask("layout", f"output {name!r} has {columns} columns, expected 4+C+1")
    fit.require()
    classes = columns - 5
    width, height = network.size_wh

    def decode(build: Builder, raw: Mapping[str, ir.Value]) -> Candidates:
        rows = raw[name]
        if layout == "rows-last":
            rows = build.op("Transpose", "rows", rows, perm=[0, 2, 1])
        if spec.angle_column == "last":
            centre, side, scores, angles = ops.split(build, "row", rows, 2, 2, classes, 1)
        else:
            centre, side, angles, scores = ops.split(build, "row", rows, 2, 2, 1, classes)
        size = ops.no_less_than_0(build, "size", side)
        if spec.units == "normalised":
            picture = ops.f32([width, height])
            centre = build.op("Mul", "centre_px", centre, picture)
            size = build.op("Mul", "size_px", size, picture)
        unit = math.pi / 180 if spec.angle == "degrees" else 1.0
        unit *= 1 if spec.direction == "clockwise" else -1
        if unit != 1:
            angles = build.op("Mul", "angles", angles, ops.f32([unit]))
        boxes = ops.corners(build, "candidate_boxes", centre, size)
        return Candidates(boxes, scores, {"angles": angles})

    said = (
        f"obb, {classes_of(classes)}, {n} candidates, {layout}, boxes in {units_of(spec.units)}, "
        f"angles {spec.angle_column} in a row, in {spec.angle}, {spec.direction}"
    )
    return Head((name,), classes, 0, said, decode, carries=("angles",))

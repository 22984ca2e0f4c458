"""YOLO-style pose in the graph: [1,4+C+3K,N], centre boxes, class scores, x, y, visibility a point.

Source: the output that https://docs.ultralytics.com/tasks/pose describes; Maji et al., YOLO-Pose
(CVPRW 2022), §3.2, with an objectness.
"""

from __future__ import annotations

from collections.abc import Mapping

import onnx_ir as ir

from mobilecat.graph.builder import Builder
from mobilecat.heads import ops
from mobilecat.heads.base import Candidates, Head, Network
from mobilecat.heads.fit import Fit, Shape, classes_of, units_of
from mobilecat.spec.heads import PoseHead


def settle(spec: PoseHead, network: Network) -> Head:
    """Tell rows from columns, and how many points are left behind boxes and scores."""
    fit = Fit(spec.kind, network)
    before = 4 + int(spec.objectness) + spec.classes
    each = 2 if spec.visibility == "none" else 3
    wanted = f"[1, {before} + {each}·K, N] or [1, N, {before} + {each}·K]"

    def fits(shape: Shape) -> bool:
        return len(shape) == 3 and shape[0] == 1 and min(shape) > 0 and max(shape) >= before + each

    name = fit.output("output", spec.output, wanted, fits)
    layout = spec.layout
    if name and layout is None:
        _, a, b = network.outputs[name]
        if a == b:
            fit.ask("layout", f"output {name!r} has as many rows as columns")
        layout = "rows-last" if a < b else "rows-first"
    shape = network.outputs.get(name, (1, before + each, before + each))
    columns, n = shape[1:] if layout == "rows-last" else shape[:0:-1]
    if name and (columns - before < each or (columns - before) % each):
        what = f"output {name!r} has {columns} columns, which are not {before} + {each}·K"
        fit.ask("visibility", what, "set head.classes, head.visibility or head.layout")
    fit.require()
    points = (columns - before) // each

    def decode(build: Builder, raw: Mapping[str, ir.Value]) -> Candidates:
        rows = raw[name]
        if layout == "rows-last":
            rows = build.op("Transpose", "rows", rows, perm=[0, 2, 1])
        centre, side, sure, marks = ops.split(build, "row", rows, 2, 2, before - 4, each * points)
        size = ops.no_less_than_0(build, "size", side)
        table = ops.reshape(build, "points", marks, 1, n, points, each)
        at = ops.columns(build, "points_xy", table, 0, 2) if each == 3 else table
        if spec.units == "normalised":
            picture = ops.f32(network.size_wh)
            centre = build.op("Mul", "centre_px", centre, picture)
            size = build.op("Mul", "size_px", size, picture)
            at = build.op("Mul", "points_px", at, picture)
        if spec.objectness:
            obj, cls = ops.split(build, "sure", sure, 1, spec.classes)
            sure = build.op("Mul", "candidate_scores", obj, cls)
        carried = {"landmarks": ops.reshape(build, "candidate_landmarks", at, 1, n, 2 * points)}
        if each == 3:
            seen = ops.columns(build, "points_seen", table, 2, 3)
            if spec.visibility == "logit":
                seen = build.op("Sigmoid", "points_sure", seen)
            carried["landmark_scores"] = ops.reshape(
                build, "candidate_landmark_scores", seen, 1, n, points
            )
        return Candidates(ops.corners(build, "candidate_boxes", centre, size), sure, carried)

    said = (
        f"pose, {classes_of(spec.classes)}, {points} points "
        f"({'x, y' if each == 2 else f'x, y, visibility as {spec.visibility}'}), {n} candidates, "
        f"{layout}, {'with objectness, ' if spec.objectness else ''}in {units_of(spec.units)}"
    )
    carries = () if each == 2 else ("landmark_scores",)
    return Head((name,), spec.classes, points, said, decode, carries=carries)

"""One set of points a picture or crop in the graph; its box is the extent of the points."""

from __future__ import annotations

from collections.abc import Mapping

import onnx_ir as ir

from mobilecat.graph.builder import Builder
from mobilecat.heads import ops, single
from mobilecat.heads.base import Candidates, Head, Network
from mobilecat.heads.fit import Fit, Shape, flat, units_of
from mobilecat.heads.points import around
from mobilecat.spec import LandmarksHead


def settle(spec: LandmarksHead, network: Network) -> Head:
    """Find the output: the only one whose columns make whole points, or enough for `count`."""
    fit = Fit(spec.kind, network)
    exact, wide = spec.output is None and spec.start == 0, spec.columns

    def fits(shape: Shape) -> bool:
        left = flat(shape) - spec.start
        if spec.count is None:
            return left >= wide and left % wide == 0
        return left == wide * spec.count if exact else left >= wide * spec.count

    wanted = f"[1, {wide * spec.count if spec.count else f'{wide}L'}]"
    wanted += f" from column {spec.start}" if spec.start else ""
    name = fit.output("output", spec.output, wanted, fits, but=spec.score)
    score = single.score_output(fit, network, spec.score)
    fit.require()
    depth = flat(network.outputs[name])
    count = spec.count or (depth - spec.start) // wide
    score_columns = flat(network.outputs[score]) if score else 0

    def decode(build: Builder, raw: Mapping[str, ir.Value]) -> Candidates:
        row = ops.reshape(build, "row", raw[name], 1, 1, depth)
        if depth > wide * count:
            row = ops.columns(build, "columns", row, spec.start, spec.start + wide * count)
        points = _points(build, row, spec, count)
        carried = _visibility(build, row, spec, count)
        if spec.units == "normalised":
            points = build.op("Mul", "points_px", points, ops.f32(network.size_wh))
        if spec.units == "signed":
            half = ops.f32([side / 2 for side in network.size_wh])
            points = build.op("Add", "points_px", build.op("Mul", "half", points, half), half)
        return Candidates(
            around(build, points),
            single.score(build, row, raw[score] if score else None, score_columns),
            {
                "landmarks": ops.reshape(build, "candidate_landmarks", points, 1, 1, 2 * count),
                **carried,
            },
        )

    said = (
        f"landmarks, {count} points {spec.order}{_of(spec)} in {units_of(spec.units)} "
        f"from {name!r}, "
        f"{single.score_words(score, score_columns)}; the box is their extent"
    )
    carries = () if spec.visibility is None else ("landmark_scores",)
    return Head(tuple(n for n in (name, score) if n), 1, count, said, decode, carries=carries)


def _visibility(
    build: Builder, row: ir.Value, spec: LandmarksHead, count: int
) -> dict[str, ir.Value]:
    at = spec.visibility
    if at is None:
        return {}
    points = ops.reshape(build, "seen_columns", row, 1, 1, count, spec.columns)
    seen = ops.columns(build, "seen", points, at, at + 1)
    if spec.visibility_activation == "sigmoid":
        seen = build.op("Sigmoid", "seen_sure", seen)
    name = "candidate_landmark_scores"
    return {"landmark_scores": ops.reshape(build, name, seen, 1, 1, count)}


def _of(spec: LandmarksHead) -> str:
    seen = f", visibility column {spec.visibility} ({spec.visibility_activation})"
    told = "" if spec.columns == 2 else f" of {spec.columns} columns"
    return told if spec.visibility is None else told + seen


def _points(build: Builder, row: ir.Value, spec: LandmarksHead, count: int) -> ir.Value:
    """Return [1,1,L,2] x, y."""
    if spec.order == "x-then-y":
        planes = ops.reshape(build, "planes", row, 1, 1, 2, count)
        return build.op("Transpose", "points", planes, perm=[0, 1, 3, 2])
    points = ops.reshape(build, "points", row, 1, 1, count, spec.columns)
    if spec.columns > 2:
        points = ops.columns(build, "points_xy", points, 0, 2)
    return ops.swapped(build, "points", points) if spec.order == "yx" else points

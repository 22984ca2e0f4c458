"""One set of points a picture or crop in the graph; its box is the extent of the points."""

from __future__ import annotations

from collections.abc import Mapping

import onnx_ir as ir

from mobilecat.graph.builder import Builder
from mobilecat.heads import ops, single
from mobilecat.heads.base import Candidates, Head, Network
from mobilecat.heads.fit import Fit, Shape, flat
from mobilecat.spec import LandmarksHead


def settle(spec: LandmarksHead, network: Network) -> Head:
    """Find the output: the only one with an even number of columns, or enough for `count`."""
    fit = Fit(spec.kind, network)
    exact = spec.output is None and spec.start == 0

    def fits(shape: Shape) -> bool:
        left = flat(shape) - spec.start
        if spec.count is None:
            return left >= 2 and left % 2 == 0
        return left == 2 * spec.count if exact else left >= 2 * spec.count

    wanted = f"[1, {2 * spec.count if spec.count else '2L'}]"
    wanted += f" from column {spec.start}" if spec.start else ""
    name = fit.output("output", spec.output, wanted, fits, but=spec.score)
    score = single.score_output(fit, network, spec.score)
    fit.require()
    depth = flat(network.outputs[name])
    count = spec.count or (depth - spec.start) // 2
    score_columns = flat(network.outputs[score]) if score else 0

    def decode(build: Builder, raw: Mapping[str, ir.Value]) -> Candidates:
        row = ops.reshape(build, "row", raw[name], 1, 1, depth)
        if depth > 2 * count:
            row = ops.columns(build, "columns", row, spec.start, spec.start + 2 * count)
        points = _points(build, row, spec.order, count)
        if spec.units == "normalised":
            points = build.op("Mul", "points_px", points, ops.f32(network.size_wh))
        low = build.op("ReduceMin", "low", points, ops.ints(2), keepdims=0)
        high = build.op("ReduceMax", "high", points, ops.ints(2), keepdims=0)
        return Candidates(
            build.op("Concat", "candidate_boxes", low, high, axis=-1),
            single.score(build, row, raw[score] if score else None, score_columns),
            {"landmarks": ops.reshape(build, "candidate_landmarks", points, 1, 1, 2 * count)},
        )

    said = (
        f"landmarks, {count} points {spec.order} in {spec.units} from {name!r}, "
        f"{single.score_words(score, score_columns)}; the box is their extent"
    )
    return Head(tuple(n for n in (name, score) if n), 1, count, said, decode)


def _points(build: Builder, row: ir.Value, order: str, count: int) -> ir.Value:
    """Return [1,1,L,2] x, y."""
    if order == "x-then-y":
        planes = ops.reshape(build, "planes", row, 1, 1, 2, count)
        return build.op("Transpose", "points", planes, perm=[0, 1, 3, 2])
    points = ops.reshape(build, "points", row, 1, 1, count, 2)
    return ops.swapped(build, "points", points) if order == "yx" else points

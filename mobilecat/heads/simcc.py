"""Bins along x and along y for every point, in the graph.

Sources: SimCC, https://arxiv.org/abs/2107.03332 (the argmax of each divided by the splitting
factor); RTMPose, https://arxiv.org/abs/2303.07399. The score is the lower of both highest bins, as
in MMPose's `get_simcc_maximum`; where that puts a point without score to (−1, −1), here it stays.
"""

from __future__ import annotations

from collections.abc import Mapping

import onnx_ir as ir

from mobilecat.graph.builder import Builder
from mobilecat.heads import ops, points
from mobilecat.heads.base import Candidates, Head, Network
from mobilecat.heads.fit import Fit, Shape
from mobilecat.spec.heads import SimccHead


def settle(spec: SimccHead, network: Network) -> Head:
    """Find both outputs by their number of bins; of a square input, in the order of export."""
    fit = Fit(spec.kind, network)
    x, y, said = spec.x, spec.y, ""
    fitting = [n for n, shape in network.outputs.items() if _is_bins(shape)]
    if x is None and y is None and len(fitting) == 2:
        ways = [pair for pair in (fitting, fitting[::-1]) if _ratios_agree(pair, network)]
        if ways:
            x, y = ways[0]
        if len(ways) == 2:
            said = ", x before y as they come"
    x = fit.output("x", x, "[1, L, W·k]", _is_bins, but=y)
    y = fit.output("y", y, "[1, L, H·k]", _is_bins, but=x)
    sizes = {axis: network.outputs[name] for axis, name in (("x", x), ("y", y)) if name}
    if len(sizes) == 2:
        _require_alike(fit, spec, sizes, network.size_wh)
    fit.require()
    count, bins = network.outputs[x][1:]
    split = spec.split or bins / network.size_wh[0]

    def decode(build: Builder, raw: Mapping[str, ir.Value]) -> Candidates:
        places, heights = [], []
        for axis, name in (("x", x), ("y", y)):
            found = build.op("ArgMax", f"{axis}_index", raw[name], axis=2, keepdims=1)
            bin_ = build.op("Cast", f"{axis}_bin", found, to=int(ir.DataType.FLOAT))
            places.append(build.op("Mul", f"{axis}_px", bin_, ops.f32(1 / split)))
            high = ops.activated(build, f"{axis}_heights", raw[name], spec.activation)
            heights.append(build.op("ReduceMax", f"{axis}_best", high, ops.ints(2), keepdims=0))
        both = build.op("Concat", "points", *places, axis=-1)
        score = build.op("Min", "lower", *heights)
        return points.scored(
            build,
            ops.reshape(build, "point_rows", both, 1, 1, count, 2),
            ops.reshape(build, "point_scores", score, 1, 1, count),
            count,
        )

    told = (
        f"simcc, {count} points, x from {x!r}, y from {y!r}{said}, {split:g} bins a pixel, "
        f"activation {spec.activation}; the score of a point is the lower of its highest bins, the "
        "box their extent"
    )
    return Head((x, y), 1, count, told, decode, carries=spec.carries)


def _is_bins(shape: Shape) -> bool:
    return len(shape) == 3 and shape[0] == 1 and min(shape[1:]) > 0


def _ratios_agree(names: list[str], network: Network) -> bool:
    (_, a, bins_x), (_, b, bins_y) = (network.outputs[n] for n in names)
    width, height = network.size_wh
    return a == b and bins_x * height == bins_y * width


def _require_alike(
    fit: Fit, spec: SimccHead, sizes: Mapping[str, Shape], size_wh: tuple[int, int]
) -> None:
    (_, a, bins_x), (_, b, bins_y) = sizes["x"], sizes["y"]
    if a != b:
        fit.ask("y", f"x has {a} points, y has {b}", "name other outputs")
    if spec.split is None and bins_x * size_wh[1] != bins_y * size_wh[0]:
        ratios = f"{bins_x / size_wh[0]:g} bins a pixel along x, {bins_y / size_wh[1]:g} along y"
        fit.ask("split", ratios, "set head.split, or name x and y")

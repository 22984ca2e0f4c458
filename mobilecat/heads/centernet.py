"""CenterFace in the graph: a heat map of centres, with size, offset and landmark maps.

Source: https://github.com/Star-Clouds/CenterFace (`prj-python/centerface.py`, which also clips
boxes to the picture; here they stay as the network gives them).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import onnx_ir as ir

from mobilecat.graph.builder import Builder
from mobilecat.heads import ops
from mobilecat.heads.base import Candidates, Head, Network
from mobilecat.heads.fit import Fit, Shape, classes_of
from mobilecat.spec.heads import CenternetHead


def settle(spec: CenternetHead, network: Network) -> Head:
    """Find the maps by their channels; size comes before offset, as CenterFace exports them."""
    fit = Fit(spec.kind, network)
    pairs = _maps_of(network, lambda channels: channels == 2)
    size, offset = spec.size, spec.offset
    if size is None and offset is None and len(pairs) == 2:
        size, offset = pairs
    size = fit.output("size", size, "[1, 2, h, w]", lambda shape: _is_map(shape, network, 2))
    offset = fit.output("offset", offset, "[1, 2, h, w]", lambda shape: _is_map(shape, network, 2))
    points = spec.points
    wide = _maps_of(network, lambda channels: channels >= 4 and channels % 2 == 0)
    if points is None and len(wide) == 1 and wide[0] != spec.heatmap:
        points = wide[0]
    if points is not None:
        points = fit.output(
            "points",
            points,
            "[1, 2L, h, w]",
            lambda shape: _is_map(shape, network) and shape[1] % 2 == 0,
        )
    taken = {size, offset, points}
    free = [name for name in _maps_of(network, lambda channels: True) if name not in taken]
    heat = spec.heatmap or (free[0] if len(free) == 1 else None)
    heat = fit.output("heatmap", heat, "[1, C, h, w]", lambda shape: _is_map(shape, network))
    grids = {network.outputs[name][2:] for name in (heat, size, offset, points) if name}
    if len(grids) > 1:
        fit.ask("heatmap", f"the maps differ in size: {sorted(map(list, grids))}")
    fit.require()
    classes, rows, cols = network.outputs[heat][1:]
    stride, n = network.size_wh[0] // cols, rows * cols
    count = network.outputs[points][1] // 2 if points else 0
    row, col = np.divmod(np.arange(n), cols)
    origin = ops.f32((np.stack([col, row], axis=1) + 0.5)[None] * stride)

    def decode(build: Builder, raw: Mapping[str, ir.Value]) -> Candidates:
        step = ops.f32(stride)

        def table(name: str, output: str, depth: int) -> ir.Value:
            planes = ops.reshape(build, f"{name}.planes", raw[output], 1, depth, n)
            return build.op("Transpose", name, planes, perm=[0, 2, 1])

        log_size = ops.swapped(build, "log_hw", table("log_hw", size, 2))
        side = build.op("Mul", "size", build.op("Exp", "size_cells", log_size), step)
        within = ops.swapped(build, "offset_yx", table("offset_yx", offset, 2))
        centre = build.op("Add", "centre", build.op("Mul", "offset_px", within, step), origin)
        boxes = ops.corners(build, "candidate_boxes", centre, side)
        scores = table("candidate_scores", heat, classes)
        if not points:
            return Candidates(boxes, scores)
        yx = ops.reshape(build, "points_yx", table("points", points, 2 * count), 1, n, count, 2)
        xy = ops.swapped(build, "points_yx", yx)
        low = ops.reshape(build, "low", ops.columns(build, "low_xy", boxes, 0, 2), 1, n, 1, 2)
        span = build.op("Mul", "points_px", xy, ops.reshape(build, "span", side, 1, n, 1, 2))
        placed = build.op("Add", "points_at", span, low)
        marks = ops.reshape(build, "candidate_landmarks", placed, 1, n, 2 * count)
        return Candidates(boxes, scores, {"landmarks": marks})

    told = f", landmarks {points!r}" if points else ""
    said = (
        f"centernet, stride {stride}, {n} candidates, {classes_of(classes)}, {count} landmarks; "
        f"heat map {heat!r}, size {size!r}, offset {offset!r}{told}"
    )
    raw = tuple(name for name in (heat, size, offset, points) if name)
    return Head(raw, classes, count, said, decode)


def _is_map(shape: Shape, network: Network, channels: int | None = None) -> bool:
    width, height = network.size_wh
    if len(shape) != 4 or shape[0] != 1 or channels not in (None, shape[1]) or not all(shape):
        return False
    _, _, rows, cols = shape
    return not width % cols and not height % rows and width // cols == height // rows


def _maps_of(network: Network, wanted: Callable[[int], bool]) -> list[str]:
    return [
        name
        for name, shape in network.outputs.items()
        if _is_map(shape, network) and wanted(shape[1])
    ]

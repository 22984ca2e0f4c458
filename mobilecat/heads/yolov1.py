"""YOLOv1 in the graph: one map, B boxes and C classes a cell, sigmoid inside.

Each cell holds B times (x, y, w, h, confidence), then C class probabilities. x, y are within the
cell, w, h relative to the picture. Source: https://arxiv.org/abs/1506.02640.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from mobilecat.graph.builder import Builder
from mobilecat.heads import ops
from mobilecat.heads.base import Candidates, Head, Network
from mobilecat.heads.fit import Fit, classes_of
from mobilecat.spec.heads import YoloV1Head


def settle(spec: YoloV1Head, network: Network) -> Head:
    """Find the map and its layout: the grid's cells must be as the picture's sides."""
    fit = Fit(spec.kind, network)
    least = 5 * spec.boxes + 1
    name = fit.output(
        "output",
        spec.output,
        f"one map of 5·{spec.boxes}+C channels",
        lambda shape: len(shape) == 4 and shape[0] == 1 and max(shape[1], shape[3]) >= least,
    )
    layout = spec.layout
    shape = network.outputs.get(name, (1, 1, 1, least))
    if name and layout is None:
        possible = [k for k in ("NHWC", "NCHW") if _square_cells(_grid(shape, k), network, least)]
        if len(possible) != 1:
            fit.ask("layout", f"output {name!r} {list(shape)} does not tell which side is channels")
        layout = "NHWC" if "NHWC" in possible else "NCHW"
    rows, cols, depth = _grid(shape, layout or "NHWC")
    if name and depth < least:
        fit.ask("boxes", f"{depth} channels are too few for {spec.boxes} boxes and a class")
    fit.require()
    classes, b, n = depth - 5 * spec.boxes, spec.boxes, rows * cols
    width, height = network.size_wh
    row, col = np.divmod(np.arange(n), cols)
    cell = ops.f32([width / cols, height / rows])
    origin = ops.f32(np.stack([col, row], axis=1) * [width / cols, height / rows])[None, :, None]

    def decode(build: Builder, raw: Mapping[str, ir.Value]) -> Candidates:
        if layout == "NCHW":
            planes = ops.reshape(build, "planes", raw[name], 1, depth, n)
            cells = build.op("Transpose", "cells", planes, perm=[0, 2, 1])
        else:
            cells = ops.reshape(build, "cells", raw[name], 1, n, depth)
        boxes, cls = ops.split(build, "cell", cells, 5 * b, classes)
        offset, side, conf = ops.split(
            build, "box", ops.reshape(build, "boxes", boxes, 1, n, b, 5), 2, 2, 1
        )
        centre = build.op("Add", "centre", build.op("Mul", "offset_px", offset, cell), origin)
        sound = ops.no_less_than_0(build, "side", side)
        size = build.op("Mul", "size", sound, ops.f32([width, height]))
        xyxy = ops.corners(build, "xyxy", centre, size)
        scores = build.op("Mul", "scores", conf, ops.reshape(build, "cls", cls, 1, n, 1, classes))
        return Candidates(
            ops.reshape(build, "candidate_boxes", xyxy, 1, n * b, 4),
            ops.reshape(build, "candidate_scores", scores, 1, n * b, classes),
        )

    said = f"yolov1, {cols}×{rows} cells of {b} boxes, {classes_of(classes)}, {layout}"
    return Head((name,), classes, 0, said, decode)


def _grid(shape: tuple[int, ...], layout: str) -> tuple[int, int, int]:
    """Return rows, columns, channels."""
    _, a, b, c = shape
    return (a, b, c) if layout == "NHWC" else (b, c, a)


def _square_cells(grid: tuple[int, int, int], network: Network, least: int) -> bool:
    width, height = network.size_wh
    rows, cols, depth = grid
    return width * rows == height * cols and depth >= least

"""YOLO-style masks in the graph: rows with coefficients, and prototypes; masks after suppression.

Source: Bolya et al., YOLACT (ICCV 2019), §3: a mask is σ of the prototypes' sum by the object's
coefficients, cropped to its box; the rows as https://docs.ultralytics.com/tasks/segment gives them.
A mask pixel belongs to the box where its centre lies inside. Larger masks are made of the sums
before σ, bilinear between pixel centres.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx_ir as ir

from mobilecat.graph import shape_of
from mobilecat.graph.builder import Builder
from mobilecat.heads import ops
from mobilecat.heads.base import Candidates, Finish, Head, Network
from mobilecat.heads.fit import Fit, Shape, classes_of, units_of
from mobilecat.spec.heads import MasksHead


def settle(spec: MasksHead, network: Network) -> Head:
    """Find rows and prototypes, tell their layouts, and hold coefficients to prototypes."""
    fit = Fit(spec.kind, network)
    wanted = "[1, P, h, w] or [1, h, w, P], a grid over the picture"
    size_wh = network.size_wh
    protos = fit.output(
        "prototypes", spec.prototypes, wanted, lambda s: _channels_axis(s, size_wh) is not None
    )
    name = fit.output(
        "output",
        spec.output,
        "[1, 4+C+P, N] or [1, N, 4+C+P]",
        lambda shape: len(shape) == 3 and shape[0] == 1 and min(shape) > 0 and max(shape) > 5,
    )
    layout = spec.layout
    if name and layout is None:
        _, a, b = network.outputs[name]
        if a == b:
            fit.ask("layout", f"output {name!r} has as many rows as columns")
        layout = "rows-last" if a < b else "rows-first"
    shape = network.outputs.get(name, (1, 6, 6))
    columns, n = shape[1:] if layout == "rows-last" else shape[:0:-1]
    maps = network.outputs.get(protos, (1, 1, 1, 1))
    axis = _channels_axis(maps, size_wh) or 1
    count = maps[axis]
    height, width = (d for k, d in enumerate(maps) if k not in (0, axis))
    classes = columns - 4 - count
    if name and protos and classes < 1:
        what = f"output {name!r} has {columns} columns, fewer than 5 and {count} coefficients"
        fit.ask("output", what)
    mask_wh = spec.mask_size or (width, height)
    if protos and (mask_wh[0] % width or mask_wh[1] % height):
        fit.ask("mask_size", f"{list(mask_wh)} is no whole multiple of [{width}, {height}]")
    fit.require()

    def decode(build: Builder, raw: Mapping[str, ir.Value]) -> Candidates:
        rows = raw[name]
        if layout == "rows-last":
            rows = build.op("Transpose", "rows", rows, perm=[0, 2, 1])
        centre, side, scores, factors = ops.split(build, "row", rows, 2, 2, classes, count)
        size = ops.no_less_than_0(build, "size", side)
        if spec.units == "normalised":
            picture = ops.f32(size_wh)
            centre = build.op("Mul", "centre_px", centre, picture)
            size = build.op("Mul", "size_px", size, picture)
        grid = raw[protos]
        if axis == 3:
            grid = build.op("Transpose", "prototypes", grid, perm=[0, 3, 1, 2])
            grid.shape = ir.Shape((1, count, height, width))
        boxes = ops.corners(build, "candidate_boxes", centre, size)
        return Candidates(boxes, scores, {"mask_coefficients": factors}, {"mask_prototypes": grid})

    by = (
        f"masks of {mask_wh[0]}×{mask_wh[1]} by the graph"
        if spec.masks == "graph"
        else (f"masks left to the app, prototypes of {width}×{height}")
    )
    said = (
        f"masks, {classes_of(classes)}, {n} candidates, {layout}, boxes in {units_of(spec.units)}, "
        f"{count} coefficients for {protos!r}, {by}"
    )
    finish = assembled(mask_wh, size_wh) if spec.masks == "graph" else None
    return Head(
        (name, protos), classes, 0, said, decode, carries=("mask_coefficients",), finish=finish
    )


def assembled(mask_wh: tuple[int, int], model_wh: tuple[int, int]) -> Finish:
    """Return what writes `masks` [1,K,h,w] of kept boxes and coefficients and the prototypes."""
    width, height = mask_wh

    def finish(end: Builder, kept: Candidates) -> dict[str, Any]:
        build = Builder(end.model, "masks")
        grid = kept.maps["mask_prototypes"]
        _, count, rows, cols = shape_of(grid)
        k = shape_of(kept.boxes)[1]
        flat = ops.reshape(build, "flat", grid, 1, count, rows * cols)
        sums = build.op("MatMul", "sums", kept.rows["mask_coefficients"], flat)
        sums = ops.reshape(build, "grids", sums, 1, k, rows, cols)
        if (cols, rows) != mask_wh:
            empty = np.zeros(0, np.float32)
            scales = ops.f32([1, 1, height / rows, width / cols])
            sums = build.op("Resize", "larger", sums, empty, scales, mode="linear")
        sure = build.op("Sigmoid", "sure", sums)
        # Pixel coordinates from here on: float32.
        inside = sure
        for axis, side, cells in (("x", model_wh[0], width), ("y", model_wh[1], height)):
            first = 0 if axis == "x" else 1
            low = ops.columns(end, f"low_{axis}", kept.boxes, first, first + 1)
            high = ops.columns(end, f"high_{axis}", kept.boxes, first + 2, first + 3)
            centres = ops.f32((np.arange(cells) + 0.5) * side / cells)
            centres = centres.reshape((1, 1, 1, cells) if axis == "x" else (1, 1, cells, 1))
            for word, pair in (
                ("behind", (ops.reshape(end, f"from_{axis}", low, 1, k, 1, 1), centres)),
                ("before", (centres, ops.reshape(end, f"to_{axis}", high, 1, k, 1, 1))),
            ):
                held = end.op("Less", f"{word}_{axis}", *pair)
                held = end.op("Cast", f"{word}_{axis}_1", held, to=int(ir.DataType.FLOAT))
                inside = end.op("Mul", f"masks_{word}_{axis}", inside, held)
        return {"masks": inside}

    return finish


def _channels_axis(shape: Shape, size_wh: tuple[int, int]) -> int | None:
    """Return which side of [1,P,h,w] or [1,h,w,P] is P: the others are a grid over the picture."""
    if len(shape) != 4 or shape[0] != 1 or min(shape) < 1:
        return None
    width, height = size_wh
    for axis, (rows, cols) in ((1, shape[2:]), (3, shape[1:3])):
        if height % rows == 0 == width % cols and height // rows == width // cols:
            return axis
    return None

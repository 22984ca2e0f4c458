"""What each pixel belongs to, in the graph: the class map, and a row a class that is there.

A class's row has the extent of its pixels as its box and their share of the input as its score, so
that the rows come by falling size. The class map says the rest.

Scores of fewer cells than the input has pixels are drawn out before the highest is taken, as
segmentation networks are evaluated (FCN, https://arxiv.org/abs/1411.4038; DeepLab,
https://arxiv.org/abs/1706.05587).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from mobilecat.graph.builder import Builder
from mobilecat.heads import ops
from mobilecat.heads.base import Candidates, Head, Network
from mobilecat.heads.fit import Fit, Shape, classes_of
from mobilecat.spec.heads import SegmentsHead


@dataclass(frozen=True)
class _Maps:
    """count maps of rows × columns; last: whether they are the last dimension."""

    count: int
    rows: int
    columns: int
    last: bool = False


def settle(spec: SegmentsHead, network: Network) -> Head:
    """Find the output whose sides are as the input's, and tell scores from classes."""
    fit = Fit(spec.kind, network)
    wanted = "[1, C, h, w], [1, h, w, C] or [1, h, w], h and w as the input's sides"
    size_wh = network.size_wh
    name = fit.output("output", spec.output, wanted, lambda s: bool(_ways(s, spec, size_wh)))
    ways = _ways(network.outputs[name], spec, size_wh) if name else []
    if len(ways) > 1:
        shape = list(network.outputs[name])
        fit.ask("layout", f"output {name!r} {shape} does not tell which side is the classes'")
    form: str | None = spec.form
    if ways and form is None:
        form = _form(fit, name, network.outputs[name], ways[0])
    if form == "map" and spec.classes is None:
        fit.ask("classes", "a class map does not tell how many there are", "set labels or classes")
    if form == "scores" and ways and ways[0].count == 1 and spec.threshold is None:
        fix = "set head.threshold = 0.5 for probabilities, 0.0 for logits"
        fit.ask("threshold", "one class alone is set against the rest", fix)
    fit.require()
    maps = ways[0]
    classes = spec.classes or 0
    if form == "scores":
        classes = max(2, maps.count)
        if spec.classes not in (None, classes):
            what = f"output {name!r} has {classes_of(classes)}, not {spec.classes}"
            fit.ask("classes", what, "take head.classes out, or name as many labels")
            fit.require()

    def decode(build: Builder, raw: Mapping[str, ir.Value]) -> Candidates:
        values = ops.reshape(build, "maps", raw[name], *_four(maps))
        if maps.last:
            values = build.op("Transpose", "maps_first", values, perm=[0, 3, 1, 2])
        found = _classes(build, values, spec, form or "", maps, size_wh)
        return _rows(build, found, classes, size_wh)

    drawn = (maps.columns, maps.rows) != size_wh
    how = f"drawn out to {size_wh[0]}×{size_wh[1]} ({spec.upsample})" if drawn else "as it is"
    one = f", class 1 where its score exceeds {spec.threshold:g}" if _alone(form, maps) else ""
    said = (
        f"segments, {classes_of(classes)}, {form} {maps.columns}×{maps.rows} from {name!r}, "
        f"{how}{one}; a row a class that is there, the largest first"
    )
    return Head((name,), classes, 0, said, decode)


def _alone(form: str | None, maps: _Maps) -> bool:
    return form == "scores" and maps.count == 1


def _four(maps: _Maps) -> tuple[int, int, int, int]:
    if maps.last:
        return (1, maps.rows, maps.columns, maps.count)
    return (1, maps.count, maps.rows, maps.columns)


def _form(fit: Fit, name: str, shape: Shape, maps: _Maps) -> str | None:
    if len(shape) == 3:
        return "map"
    if maps.count > 1:
        return "scores"
    what = f"output {name!r} {list(shape)} has one number a pixel: a class, or the score of one?"
    fit.ask("form", what, 'set head.form = "map" or "scores"')
    return None


def _ways(shape: Shape, spec: SegmentsHead, size_wh: tuple[int, int]) -> list[_Maps]:
    """Return how a shape can be read."""
    width, height = size_wh
    if not shape or shape[0] != 1 or min(shape) < 1 or len(shape) not in (3, 4):
        return []
    if len(shape) == 3:
        read = {"NCHW": _Maps(1, *shape[1:])}
    else:
        _, a, b, c = shape
        read = {"NCHW": _Maps(a, b, c), "NHWC": _Maps(c, a, b, True)}
    found = [
        maps
        for layout, maps in read.items()
        if spec.layout in (None, layout)
        and min(maps.rows, maps.columns) > 1
        and abs(maps.rows * width - maps.columns * height) < width
        and maps.columns <= width
    ]
    # Of 513×257 a stride of 8 leaves 65×33: a cell more or less. The exact way comes first.
    exact = [m for m in found if m.rows * width == m.columns * height]
    return exact or found


def _classes(
    build: Builder,
    values: ir.Value,
    spec: SegmentsHead,
    form: str,
    maps: _Maps,
    size_wh: tuple[int, int],
) -> ir.Value:
    """Return the class of each pixel of the input, [1,1,H,W] as numbers."""
    width, height = size_wh
    if (maps.columns, maps.rows) != size_wh:
        nearest = form == "map"
        sizes = ops.ints(1, maps.count, height, width)
        mode = "half_pixel" if nearest or spec.upsample == "half-pixel" else "align_corners"
        empty = np.zeros(0, np.float32)
        values = build.op(
            *("Resize", "drawn_out", values, empty, empty, sizes),
            mode="nearest" if nearest else "linear",
            coordinate_transformation_mode=mode,
            **({"nearest_mode": "round_prefer_floor"} if nearest else {}),
        )
    if form == "map":
        return values
    if maps.count == 1:
        above = build.op("Less", "above", ops.f32(spec.threshold or 0.0), values)
        return build.op("Cast", "classes", above, to=int(ir.DataType.FLOAT))
    best = build.op("ArgMax", "best", values, axis=1, keepdims=1)
    return build.op("Cast", "classes", best, to=int(ir.DataType.FLOAT))


def _rows(build: Builder, found: ir.Value, classes: int, size_wh: tuple[int, int]) -> Candidates:
    """Return a row a class, and the class map [1,H,W]."""
    width, height = size_wh
    every = ops.f32(np.arange(classes).reshape(1, -1, 1, 1))
    held = build.op("Equal", "own", found, every)
    own = build.op("Cast", "own_pixels", held, to=int(ir.DataType.FLOAT))
    total = build.op("ReduceSum", "pixels", own, ops.ints(2, 3), keepdims=0)
    share = build.op("Mul", "share", total, ops.f32(1 / (width * height)))
    flat = ops.reshape(build, "share_row", share, 1, classes, 1)
    scores = build.op("Mul", "candidate_scores", flat, ops.f32(np.eye(classes)[None]))
    sides = {}
    for axis, gone, cells in (("x", 2, width), ("y", 3, height)):
        there = build.op("ReduceMax", f"{axis}_there", own, ops.ints(gone), keepdims=0)
        # i + 1 of the last, and side − i of the first: the highest of both, 0 where there is none
        up, down = ops.f32(np.arange(1, cells + 1)), ops.f32(np.arange(cells, 0, -1))
        last = build.op("Mul", f"{axis}_last", there, up)
        first = build.op("Mul", f"{axis}_first", there, down)
        high = build.op("ReduceMax", f"{axis}_high", last, ops.ints(2), keepdims=1)
        left = build.op("ReduceMax", f"{axis}_left", first, ops.ints(2), keepdims=1)
        any_ = build.op("ReduceMax", f"{axis}_any", there, ops.ints(2), keepdims=1)
        edge = build.op("Mul", f"{axis}_edge", any_, ops.f32(cells))
        sides[axis] = (build.op("Sub", f"{axis}_low", edge, left), high)
    (x1, x2), (y1, y2) = sides["x"], sides["y"]
    boxes = build.op("Concat", "candidate_boxes", x1, y1, x2, y2, axis=-1)
    return Candidates(
        boxes, scores, maps={"class_map": ops.reshape(build, "class_map", found, 1, height, width)}
    )

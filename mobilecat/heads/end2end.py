"""End-to-end YOLOs in the graph: rows that the network chose itself, or what it chooses them from.

Sources: YOLOv10, https://arxiv.org/abs/2405.14458 (one-to-one head, no suppression); distances and
their bins as in Generalized Focal Loss, https://arxiv.org/abs/2006.04388.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from mobilecat.graph.builder import Builder
from mobilecat.heads import ops
from mobilecat.heads.base import Candidates, Head, Network
from mobilecat.heads.fit import Fit, Shape, classes_of, units_of
from mobilecat.heads.maps import Map, find_maps
from mobilecat.spec.heads import End2EndHead

ROW = 6
"""x1, y1, x2, y2, score, class; what follows (points, coefficients) belongs to other heads."""


def settle(spec: End2EndHead, network: Network) -> Head:
    """Tell the form by the shapes, unless the spec does."""
    form = spec.form or _form(network)
    if form == "rows":
        return _rows(spec, network)
    if form == "decoded":
        return _decoded(spec, network)
    if form == "maps":
        return _maps(spec, network)
    fit = Fit(spec.kind, network)
    listed = ", ".join(f"{n!r} {list(s)}" for n, s in network.outputs.items())
    fit.ask(
        "form",
        f"the shapes do not tell what the outputs are: {listed}",
        'set head.form: "rows" (x1, y1, x2, y2, score, class), "decoded" ([1, 4+C, N]) or "maps"',
    )
    fit.require()
    raise AssertionError


def _form(network: Network) -> str | None:
    """Return what the shapes tell; None where they fit more than one form, or none."""
    if any(len(shape) == 4 for shape in network.outputs.values()):
        return "maps" if find_maps(network) else None
    shapes = [s for s in network.outputs.values() if len(s) == 3 and s[0] == 1 and min(s) > 0]
    if len(shapes) != 1:
        return None
    _, a, b = shapes[0]
    if b == ROW and a != b and a not in _cells(network.size_wh):
        return "rows"
    return "decoded" if ROW <= a < b or a == 5 < b else None


def _cells(size_wh: tuple[int, int]) -> set[int]:
    """Return how many cells the maps of the usual strides have together."""
    width, height = size_wh
    usual = ((8, 16, 32), (4, 8, 16, 32), (8, 16, 32, 64))
    return {sum((width // s) * (height // s) for s in strides) for strides in usual}


def _rows(spec: End2EndHead, network: Network) -> Head:
    fit = Fit(spec.kind, network)
    name = fit.output("output", spec.output, "[1, N, 6 or more]", _fits_rows)
    if spec.classes is None:
        fit.ask("classes", "rows hold a class number, and no shape tells how many there are",
                "set labels, or head.classes")  # fmt: skip
    columns = network.outputs[name][2] if name else ROW
    points = spec.points or 0
    each = (columns - ROW) // points if points else 0
    if name and points and (each not in (2, 3) or each * points != columns - ROW):
        fit.ask("points", f"{columns - ROW} columns follow the class, which are not {points} times "
                "x, y or x, y, visibility")  # fmt: skip
    fit.require()
    n = network.outputs[name][1]
    classes = spec.classes or 1

    def decode(build: Builder, raw: Mapping[str, ir.Value]) -> Candidates:
        low, high, score, number = ops.split(build, "row", raw[name], 2, 2, 1, 1)
        boxes = _upright(build, low, high, spec.units, network.size_wh)
        every = ops.f32(np.arange(classes)[None, None])
        own = build.op("Equal", "own_class", number, every)
        scores = build.op("Where", "candidate_scores", own, score, ops.f32(0))
        carried = _points(build, raw[name], n, points, each, spec.units, network.size_wh)
        return Candidates(boxes, scores, carried)

    rest = f", {columns - ROW} columns behind them not read" if columns > ROW else ""
    if points:
        rest = f", {points} points ({'x, y' if each == 2 else 'x, y, visibility'})"
    said = (
        f"end2end, {classes_of(classes)}, {n} rows x1,y1,x2,y2,score,class in "
        f"{units_of(spec.units)}{rest}; "
        f"a row of a class from {classes} on counts as nothing"
    )
    carries = ("landmark_scores",) if each == 3 else ()
    return Head((name,), classes, points, said, decode, carries=carries)


def _points(
    build: Builder,
    rows: ir.Value,
    n: int,
    points: int,
    each: int,
    units: str,
    size_wh: tuple[int, int],
) -> dict[str, ir.Value]:
    """Return landmarks [1,N,2·points] in pixels, and landmark_scores [1,N,points] if there are."""
    if not points:
        return {}
    behind = ops.columns(build, "behind", rows, ROW, ROW + each * points)
    table = ops.reshape(build, "points", behind, 1, n, points, each)
    at = ops.columns(build, "points_xy", table, 0, 2) if each == 3 else table
    if units == "normalised":
        at = build.op("Mul", "points_px", at, ops.f32(size_wh))
    found = {"landmarks": ops.reshape(build, "candidate_landmarks", at, 1, n, 2 * points)}
    if each == 3:
        seen = ops.columns(build, "points_seen", table, 2, 3)
        found["landmark_scores"] = ops.reshape(
            build, "candidate_landmark_scores", seen, 1, n, points
        )
    return found


def _fits_rows(shape: Shape) -> bool:
    return len(shape) == 3 and shape[0] == 1 and shape[1] > 0 and shape[2] >= ROW


def _upright(
    build: Builder, low: ir.Value, high: ir.Value, units: str, size_wh: tuple[int, int]
) -> ir.Value:
    """Return xyxy in pixels; a corner on the wrong side of the other comes to lie on it."""
    size = ops.no_less_than_0(build, "size", build.op("Sub", "span", high, low))
    if units == "normalised":
        low = build.op("Mul", "low_px", low, ops.f32(size_wh))
        size = build.op("Mul", "size_px", size, ops.f32(size_wh))
    high = build.op("Add", "high", low, size)
    return build.op("Concat", "candidate_boxes", low, high, axis=-1)


def _decoded(spec: End2EndHead, network: Network) -> Head:
    fit = Fit(spec.kind, network)
    name = fit.output("output", spec.output, "[1, 4+C, N] or [1, N, 4+C]", _fits_decoded)
    if spec.format is None:
        fit.ask("format", "no shape tells corners from centre and size",
                'set head.format = "xyxy" or "cxcywh"')  # fmt: skip
    shape = network.outputs.get(name, (1, 5, 6))
    last = shape[1] < shape[2]
    columns, n = shape[1:] if last else shape[:0:-1]
    classes = columns - 4
    if name and spec.classes not in (None, classes):
        fit.ask("classes", f"output {name!r} has {columns} columns, {classes_of(classes)}, "
                f"not {spec.classes}", "take head.classes out, or name as many labels")  # fmt: skip
    fit.require()

    def decode(build: Builder, raw: Mapping[str, ir.Value]) -> Candidates:
        rows = raw[name]
        if last:
            rows = build.op("Transpose", "rows", rows, perm=[0, 2, 1])
        first, second, given = ops.split(build, "row", rows, 2, 2, classes)
        scores = ops.activated(build, "candidate_scores", given, spec.activation)
        if spec.format == "xyxy":
            boxes = _upright(build, first, second, spec.units, network.size_wh)
            return Candidates(boxes, scores)
        size = ops.no_less_than_0(build, "size", second)
        if spec.units == "normalised":
            first = build.op("Mul", "centre_px", first, ops.f32(network.size_wh))
            size = build.op("Mul", "size_px", size, ops.f32(network.size_wh))
        return Candidates(ops.corners(build, "candidate_boxes", first, size), scores)

    how = "rows-last" if last else "rows-first"
    scored = "" if spec.activation == "none" else f", {spec.activation} over the scores"
    said = (
        f"end2end, {classes_of(classes)}, {n} candidates, {how}, boxes {spec.format} in "
        f"{units_of(spec.units)}{scored}"
    )
    return Head((name,), classes, 0, said, decode)


def _fits_decoded(shape: Shape) -> bool:
    return len(shape) == 3 and shape[0] == 1 and min(shape[1:]) >= 5 and shape[1] != shape[2]


def _maps(spec: End2EndHead, network: Network) -> Head:
    fit = Fit(spec.kind, network)
    maps = [m for m in find_maps(network) if m.lies == "1Dhw"]
    pairs = _pairs_of(maps)
    sizes = ", ".join(f"{a.name!r} at stride {a.stride}" for a, _ in pairs)
    if not pairs:
        listed = ", ".join(f"{n!r} {list(s)}" for n, s in network.outputs.items())
        fit.ask("form", "no outputs are maps [1, 4·bins+C, h, w], or pairs [1, 4·bins, h, w] and "
                f"[1, C, h, w]; the network has {listed}", "name another head or form")  # fmt: skip
    bins, classes = _bins_and_classes(spec, fit, pairs)
    fit.require()
    n = sum(a.dim("h") * a.dim("w") for a, _ in pairs)

    def decode(build: Builder, raw: Mapping[str, ir.Value]) -> Candidates:
        boxes, scores = [], []
        for a, b in pairs:
            at, cells = f"stride_{a.stride}", a.dim("h") * a.dim("w")
            sides, logits = _planes(build, at, raw, (a, b), bins, classes)
            boxes.append(_boxes_of_map(build, at, sides, a, bins))
            rows = build.op("Transpose", f"{at}.logit_rows", logits, perm=[0, 2, 1])
            rows = ops.reshape(build, f"{at}.logits", rows, 1, cells, classes)
            scores.append(build.op("Sigmoid", f"{at}.scores", rows))
        if len(pairs) == 1:
            return Candidates(boxes[0], scores[0])
        return Candidates(
            build.op("Concat", "candidate_boxes", *boxes, axis=1),
            build.op("Concat", "candidate_scores", *scores, axis=1),
        )

    how = "distances" if bins == 1 else f"distances of {bins} bins"
    said = f"end2end, {classes_of(classes)}, {n} candidates from {len(pairs)} maps ({sizes}), {how}"
    names = [m.name for pair in pairs for m in pair if m is not None]
    return Head(tuple(names), classes, 0, said, decode)


def _pairs_of(maps: list[Map]) -> list[tuple[Map, Map | None]]:
    """Return (map, None) where sides and classes are one map; (sides, classes) where they are two.

    Of two of one stride, the sides come first, as in every export of the family.
    """
    strides = sorted({m.stride for m in maps})
    found: list[tuple[Map, Map | None]] = []
    for s in strides:
        own = [m for m in maps if m.stride == s]
        if len(own) > 2:
            return []
        found.append((own[0], own[1] if len(own) == 2 else None))
    return found if len({b is None for _, b in found}) == 1 else []


def _bins_and_classes(
    spec: End2EndHead, fit: Fit, pairs: list[tuple[Map, Map | None]]
) -> tuple[int, int]:
    if not pairs:
        return 1, 1
    depths = {(a.dim("D"), b.dim("D") if b else 0) for a, b in pairs}
    if len(depths) > 1:
        listed = ", ".join(f"{m.name!r} {list(m.shape)}" for p in pairs for m in p if m)
        fit.ask("form", f"the maps should have the same channels: {listed}", "name another head")
        return 1, 1
    ((depth, classes),) = depths
    sides = depth if classes else (depth - (spec.classes or 0) if spec.classes else 0)
    bins = spec.bins or (sides // 4 if sides % 4 == 0 else 0)
    classes = classes or depth - 4 * bins
    if not sides and spec.bins is None:
        fit.ask("bins", f"{depth} channels are 4·bins + classes, and no shape tells which",
                "set labels, head.classes or head.bins (16: YOLOv10; 1: YOLO26)")  # fmt: skip
    elif bins < 1 or classes < 1 or spec.classes not in (None, classes) or (
        pairs[0][1] is not None and 4 * bins != depth
    ):  # fmt: skip
        said = f" and {classes_of(spec.classes)}" if spec.classes else ""
        fit.ask("bins", f"{depth} channels do not hold 4·{bins or 'bins'}{said}")
    return max(bins, 1), max(classes, 1)


def _planes(
    build: Builder,
    at: str,
    raw: Mapping[str, ir.Value],
    pair: tuple[Map, Map | None],
    bins: int,
    classes: int,
) -> tuple[ir.Value, ir.Value]:
    """Return [1,4·bins,P] and [1,C,P] of a map of P cells."""
    a, b = pair
    cells = a.dim("h") * a.dim("w")
    if b is not None:
        sides = ops.reshape(build, f"{at}.sides", raw[a.name], 1, 4 * bins, cells)
        return sides, ops.reshape(build, f"{at}.classes", raw[b.name], 1, classes, cells)
    flat = ops.reshape(build, f"{at}.planes", raw[a.name], 1, 4 * bins + classes, cells)
    ends = (0, 4 * bins), (4 * bins, 4 * bins + classes)
    parts = [
        build.op("Slice", f"{at}.from_{i}", flat, ops.ints(i), ops.ints(j), ops.ints(1))
        for i, j in ends
    ]
    return parts[0], parts[1]


def _boxes_of_map(build: Builder, at: str, sides: ir.Value, m: Map, bins: int) -> ir.Value:
    """Return [1,P,4] xyxy px: left, top, right and bottom from the cells' centres, in cells."""
    cells = m.dim("h") * m.dim("w")
    if bins > 1:
        # A bin's number is a distance; the expected one is what softmax makes of them.
        split = ops.reshape(build, f"{at}.bins", sides, 4, bins, cells)
        weights = build.op("Softmax", f"{at}.weights", split, axis=1)
        numbers = ops.f32(np.arange(bins)[None, :, None])
        mean = build.op("Mul", f"{at}.weighted", weights, numbers)
        sides = build.op("ReduceSum", f"{at}.expected", mean, ops.ints(1), keepdims=0)
    four = ops.reshape(build, f"{at}.four", sides, 1, 4, cells)
    if bins == 1:
        # Nothing keeps a distance of its own above 0, and a box must not turn inside out.
        four = ops.no_less_than_0(build, f"{at}.distances", four)
    rows = build.op("Transpose", f"{at}.rows", four, perm=[0, 2, 1])
    before, behind = ops.split(build, f"{at}.side", rows, 2, 2)
    row, col = np.divmod(np.arange(cells), m.dim("w"))
    centres = ops.f32((np.stack([col, row], axis=1)[None] + 0.5) * m.stride)
    step = ops.f32(m.stride)
    low = build.op("Sub", f"{at}.low", centres, build.op("Mul", f"{at}.before", before, step))
    high = build.op("Add", f"{at}.high", centres, build.op("Mul", f"{at}.behind", behind, step))
    return build.op("Concat", f"{at}.boxes", low, high, axis=-1)

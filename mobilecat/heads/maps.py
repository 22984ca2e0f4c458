"""Raw maps of anchor-based YOLOs: which outputs they are, how they lie, and their rows.

A map has A·(5+2L+C) channels a cell, L landmarks of YOLO5Face among them, or the anchors as a
dimension of their own. Candidates come map by map, the finest first, and within a map as the
network holds them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import onnx_ir as ir

from mobilecat.graph import Array
from mobilecat.graph.builder import Builder
from mobilecat.heads import ops
from mobilecat.heads.base import Candidates, Head, Network
from mobilecat.heads.fit import Fit, Shape, classes_of

Anchors = tuple[tuple[tuple[float, float], ...], ...]
BoxOf = Callable[[Builder, str, ir.Value, "Placed"], "Cell"]


class Cell(NamedTuple):
    """What a map's rows [1,P,Q,·] say: centre and size in pixels, objectness, class scores; and
    landmarks [1,P·Q,2L] in pixels."""

    centre: ir.Value
    size: ir.Value
    obj: ir.Value
    cls: ir.Value
    points: ir.Value | None = None


@dataclass(frozen=True)
class Placed:
    """One map's rows [1,P,Q,5+2L+C] in pixels: broadcastable cell origins, anchors, and stride."""

    origin: Array
    anchors: Array
    stride: int
    classes: int


@dataclass(frozen=True)
class Map:
    """One output that is a map. lies: the shape's dimensions by letter, D = A·(5+2L+C)."""

    name: str
    shape: Shape
    lies: str
    stride: int

    def dim(self, letter: str) -> int:
        return self.shape[self.lies.index(letter)] if letter in self.lies else 0


def find_maps(network: Network) -> list[Map]:
    """Return the outputs that can be maps of the input size, finest first."""
    found = []
    for name, shape in network.outputs.items():
        for lies in ("1Dhw", "1hwD", "Ahwc", "1Ahwc", "1hwAc"):
            stride = _stride(shape, lies, network.size_wh)
            if stride:
                found.append(Map(name, shape, lies, stride))
                break
    return sorted(found, key=lambda m: m.stride)


def _stride(shape: Shape, lies: str, size_wh: tuple[int, int]) -> int:
    if len(shape) != len(lies) or (lies[0] == "1" and shape[0] != 1):
        return 0
    cols, rows = shape[lies.index("w")], shape[lies.index("h")]
    if not cols or not rows:
        return 0
    whole = size_wh[0] % cols == 0 and size_wh[1] % rows == 0
    same = size_wh[0] // cols == size_wh[1] // rows
    return size_wh[0] // cols if whole and same else 0


def settle_maps(
    kind: str,
    anchors: Anchors | None,
    own: Anchors,
    network: Network,
    box_of: BoxOf,
    points: int = 0,
) -> Head:
    """Return the head of the maps; `own` anchors are taken where there are as many maps.

    points: landmarks of a row, between objectness and classes.
    """
    fit = Fit(kind, network)
    maps = find_maps(network)
    sizes = ", ".join(f"{m.name!r} at stride {m.stride}" for m in maps)
    if not maps:
        listed = ", ".join(f"{n!r} {list(s)}" for n, s in network.outputs.items())
        fit.ask("kind", f"no output is a map; the network has {listed}", "name another head")
    elif anchors is None and len(maps) != len(own):
        fit.ask(
            "anchors",
            f"{len(maps)} maps ({sizes}) have no anchors of their own",
            "set head.anchors = [[[w, h], …], …] in pixels, a list a map, finest map first",
        )
    chosen = anchors or own
    if maps and anchors is not None and len(anchors) != len(maps):
        fit.ask("anchors", f"{len(anchors)} lists for {len(maps)} maps ({sizes})")
    fit.require()
    before = 5 + 2 * points
    classes = _classes(fit, maps, chosen, before)
    fit.require()
    (c,) = classes
    placed = [_placed(m, a, c) for m, a in zip(maps, chosen, strict=True)]
    n = sum(p.origin.size // 2 * (p.anchors.size // 2) for p in placed)

    def decode(build: Builder, raw: Mapping[str, ir.Value]) -> Candidates:
        boxes, scores, landmarks = [], [], []
        for m, place in zip(maps, placed, strict=True):
            at = f"stride_{m.stride}"
            a = len(place.anchors.reshape(-1, 2))
            cell = box_of(build, at, _rows(build, at, raw[m.name], m, a, before + c), place)
            xyxy = ops.corners(build, f"{at}.xyxy", cell.centre, cell.size)
            score = build.op("Mul", f"{at}.score", cell.obj, cell.cls)
            boxes.append(ops.reshape(build, f"{at}.boxes", xyxy, 1, -1, 4))
            scores.append(ops.reshape(build, f"{at}.scores", score, 1, -1, c))
            landmarks += [cell.points] if cell.points is not None else []

        def joined(name: str, parts: list[ir.Value]) -> ir.Value:
            return parts[0] if len(parts) == 1 else build.op("Concat", name, *parts, axis=1)

        carried = {"landmarks": joined("candidate_landmarks", landmarks)} if landmarks else {}
        found = joined("candidate_boxes", boxes), joined("candidate_scores", scores)
        return Candidates(*found, carried)

    whose = "the spec's anchors" if anchors else f"{kind}'s own anchors"
    told = f", {points} landmarks" if points else ""
    said = f"{kind}, {classes_of(c)}, {n} candidates from {len(maps)} maps ({sizes}){told}, {whose}"
    return Head(tuple(m.name for m in maps), c, points, said, decode)


def _classes(fit: Fit, maps: list[Map], anchors: Anchors, before: int) -> set[int]:
    found = set()
    for m, own in zip(maps, anchors, strict=True):
        a, depth = len(own), m.dim("D")
        if m.dim("A") not in (0, a):
            fit.ask("anchors", f"{a} for output {m.name!r}, which has {m.dim('A')}")
        elif depth % a:
            fit.ask("anchors", f"{a} do not divide the {depth} channels of output {m.name!r}")
        elif (each := m.dim("c") or depth // a) <= before:
            what = f"{each} channels an anchor in output {m.name!r}, expected {before}+C"
            fit.ask("anchors", what)
        else:
            found.add(each - before)
    if len(found) > 1:
        counts = ", ".join(map(str, sorted(found)))
        fit.ask("anchors", f"the maps would have {counts} classes, which should be one number")
    return found


def _placed(m: Map, anchors: tuple[tuple[float, float], ...], classes: int) -> Placed:
    rows, cols = m.dim("h"), m.dim("w")
    row, col = np.divmod(np.arange(rows * cols), cols)
    origin = ops.f32(np.stack([col, row], axis=1) * m.stride)
    sides = ops.f32(anchors)
    if m.lies in ("1hwD", "1hwAc"):
        return Placed(origin[None, :, None], sides[None, None], m.stride, classes)
    return Placed(origin[None, None], sides[None, :, None], m.stride, classes)


def _rows(build: Builder, at: str, value: ir.Value, m: Map, a: int, depth: int) -> ir.Value:
    """Return [1,A,h·w,depth], or [1,h·w,A,depth] where the network has the channels last."""
    n = m.dim("h") * m.dim("w")
    if m.lies == "1Dhw":
        planes = ops.reshape(build, f"{at}.planes", value, 1, a, depth, n)
        return build.op("Transpose", f"{at}.rows", planes, perm=[0, 1, 3, 2])
    if m.lies in ("1hwD", "1hwAc"):
        return ops.reshape(build, f"{at}.rows", value, 1, n, a, depth)
    return ops.reshape(build, f"{at}.rows", value, 1, a, n, depth)

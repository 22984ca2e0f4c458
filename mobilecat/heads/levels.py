"""Outputs of several strides: which output is what, how it lies, and its rows.

A network gives each of its quantities (scores, boxes, points, …) as one output for all strides, or
as one a stride; as rows [1,N,D] or [N,D], or as maps [1,A·D,h,w] or [1,h,w,A·D] with A anchors a
cell. Rows come stride by stride, the smallest first, then row, column and anchor of the cell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from mobilecat.graph import Array
from mobilecat.graph.builder import Builder
from mobilecat.heads import ops
from mobilecat.heads.fit import Fit, Shape

Names = str | tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """The cells of one stride; a last cell may reach beyond the picture."""

    stride: int
    cols: int
    rows: int

    @property
    def cells(self) -> int:
        return self.cols * self.rows


def grids_of(size_wh: tuple[int, int], strides: Sequence[int]) -> tuple[Grid, ...]:
    """Return the grids, the smallest stride first: a side is ceil(pixels / stride) cells."""
    return tuple(Grid(s, -(-size_wh[0] // s), -(-size_wh[1] // s)) for s in sorted(strides))


@dataclass(frozen=True)
class Part:
    """An output read as rows. level: of the grids, None for all of them. lies: rows, NCHW, NHWC."""

    name: str
    level: int | None
    lies: str
    rows: int
    depth: int


@dataclass(frozen=True)
class Quantity:
    """One quantity of all rows: its parts in the grids' order, and its columns a row."""

    parts: tuple[Part, ...]
    depth: int

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(p.name for p in self.parts)

    @property
    def words(self) -> str:
        return ", ".join(map(repr, self.names))


class Levels:
    """Finds quantities among a network's outputs."""

    def __init__(
        self,
        fit: Fit,
        grids: tuple[Grid, ...],
        anchors: int,
        layout: str | None = None,
    ) -> None:
        self.fit, self.grids, self.anchors, self.layout = fit, grids, anchors, layout
        self.total = anchors * sum(g.cells for g in grids)
        self._read: dict[str, list[Part]] = {
            name: self._readings(name, shape) for name, shape in fit.network.outputs.items()
        }
        self._taken: set[str] = set()

    @property
    def words(self) -> str:
        """Return the strides in words: `strides 8, 16, 32`."""
        return f"strides {', '.join(str(g.stride) for g in self.grids)}"

    def quantity(
        self,
        key: str,
        given: Names | None,
        wanted: str,
        fits: Callable[[int], bool],
        *,
        optional: bool = False,
    ) -> Quantity | None:
        """Return what `head.<key>` names, or the only quantity whose depth fits; None if none."""
        if given is not None:
            found = self._named(key, (given,) if isinstance(given, str) else given, wanted, fits)
        else:
            found = self._found(key, wanted, fits, optional)
        if found is not None:
            self._taken.update(found.names)
        return found

    def depths(self) -> list[int]:
        """Return the depths of which there is a whole quantity that no key has taken yet."""
        return [q.depth for q in self._whole()]

    def _named(
        self, key: str, names: tuple[str, ...], wanted: str, fits: Callable[[int], bool]
    ) -> Quantity | None:
        missing = [n for n in names if n not in self._read]
        for n in missing:
            self.fit.ask(key, f"there is no output {n!r}", f"it has {self._listed()}")
        taken = [n for n in names if n in self._taken or names.count(n) > 1]
        for n in dict.fromkeys(taken):
            self.fit.ask(key, f"output {n!r} is read as something else", "name another output")
        if missing or taken:
            return None
        for quantity in self._whole(names):
            if set(quantity.names) == set(names) and fits(quantity.depth):
                return quantity
        shapes = ", ".join(f"{n!r} {list(self.fit.network.outputs[n])}" for n in names)
        self.fit.ask(key, f"{shapes}: expected {wanted} for {self.words}", "name other outputs")
        return None

    def _found(
        self, key: str, wanted: str, fits: Callable[[int], bool], optional: bool
    ) -> Quantity | None:
        whole = [q for q in self._whole() if fits(q.depth)]
        if len(whole) == 1:
            return whole[0]
        if whole and len({q.names for q in whole}) == 1:
            self.fit.ask(
                "layout",
                f"{whole[0].words} can be read with the channels first or last",
                'set head.layout = "NCHW" or "NHWC"',
            )
        elif whole:
            listed = "; ".join(q.words for q in whole)
            fix = f"set head.{key} to one of {listed}"
            self.fit.ask(key, f"{len(whole)} quantities are {wanted}", fix)
        elif not optional:
            what = f"no output is {wanted} for {self.words}"
            self.fit.ask(key, what, f"the network has {self._listed()}")
        return None

    def _whole(self, among: tuple[str, ...] = ()) -> list[Quantity]:
        """Return every complete set of parts: one for all strides, or one a stride that lie alike
        and have one depth."""
        free = [
            p
            for name, parts in self._read.items()
            if name not in self._taken and (not among or name in among)
            for p in parts
        ]
        found = [Quantity((p,), p.depth) for p in free if p.level is None]
        for alike in dict.fromkeys((p.depth, p.lies) for p in free if p.level is not None):
            each = [
                [p for p in free if p.level == k and (p.depth, p.lies) == alike]
                for k in range(len(self.grids))
            ]
            if all(each):
                most = max(map(len, each))
                # Two of a kind at every stride are two quantities, in the order of the outputs.
                if all(len(parts) == most for parts in each):
                    found += [Quantity(tuple(row), alike[0]) for row in zip(*each, strict=True)]
        return found

    def _readings(self, name: str, shape: Shape) -> list[Part]:
        """Return every way to read an output: a map that could lie both ways has two."""
        a, found = self.anchors, []
        if len(shape) == 4 and shape[0] == 1:
            for k, g in enumerate(self.grids):
                for lies, at, depth in (("NCHW", 2, shape[1]), ("NHWC", 1, shape[3])):
                    fits = shape[at : at + 2] == (g.rows, g.cols) and depth and depth % a == 0
                    if fits and self.layout in (None, lies):
                        found.append(Part(name, k, lies, g.cells * a, depth // a))
        n, depth = _rows(shape)
        if n == self.total and depth and len(self.grids) > 1:
            return [*found, Part(name, None, "rows", n, depth)]
        levels = [k for k, g in enumerate(self.grids) if g.cells * a == n]
        return [*found, *(Part(name, k, "rows", n, depth) for k in levels if depth)]

    def _listed(self) -> str:
        return ", ".join(f"{n!r} {list(s)}" for n, s in self.fit.network.outputs.items())


def _rows(shape: Shape) -> tuple[int, int]:
    """Return N, D of [1,N,D], [N,D] or [1,N,1,D]; 0, 0 for any other shape."""
    if len(shape) == 2:
        return shape
    if len(shape) in (3, 4) and shape[0] == 1 and all(d == 1 for d in shape[2:-1]):
        return shape[1], shape[-1]
    return 0, 0


def rows_of(
    build: Builder, name: str, raw: Mapping[str, ir.Value], found: Quantity, levels: Levels
) -> ir.Value:
    """Return the quantity as [1,N,D]."""
    tables = [
        _table(build, f"{name}.{k}", raw[p.name], p, levels) for k, p in enumerate(found.parts)
    ]
    return tables[0] if len(tables) == 1 else build.op("Concat", name, *tables, axis=1)


def _table(build: Builder, at: str, value: ir.Value, part: Part, levels: Levels) -> ir.Value:
    n, depth, a = part.rows, part.depth, levels.anchors
    if part.lies != "NCHW":
        whole = levels.fit.network.outputs[part.name] == (1, n, depth)
        return value if whole else ops.reshape(build, at, value, 1, n, depth)
    if a == 1:
        planes = ops.reshape(build, f"{at}.planes", value, 1, depth, n)
        return build.op("Transpose", at, planes, perm=[0, 2, 1])
    planes = ops.reshape(build, f"{at}.planes", value, 1, a, depth, n // a)
    cells = build.op("Transpose", f"{at}.cells", planes, perm=[0, 3, 1, 2])
    return ops.reshape(build, at, cells, 1, n, depth)


def places(
    grids: Sequence[Grid], offset: float, anchors: int = 1, size_wh: tuple[int, int] | None = None
) -> tuple[Array, Array]:
    """Return [N,2] x, y of every row's point in pixels of the model input, and [N,1] its stride.

    offset: where in its cell the point lies, in cells. size_wh: where cells are not a stride apart
    but as far as they divide the input, in whole pixels, as torchvision has them.
    """
    points, strides = [], []
    for g in grids:
        step = (g.stride, g.stride)
        if size_wh is not None:
            step = (size_wh[0] // g.cols, size_wh[1] // g.rows)
        row, col = np.divmod(np.arange(g.cells), g.cols)
        at = (np.stack([col, row], axis=1) + offset) * np.array(step)
        points.append(np.repeat(at, anchors, axis=0))
        strides.append(np.full((g.cells * anchors, 1), g.stride))
    return np.concatenate(points).astype(np.float64), np.concatenate(strides).astype(np.float64)

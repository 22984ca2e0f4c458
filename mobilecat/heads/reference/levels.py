"""Outputs of several strides in numpy: one quantity's rows, cell by cell."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from mobilecat.graph import Array
from mobilecat.heads.base import ANCHORS
from mobilecat.heads.reference.arrays import Arrays

Said = str | tuple[str, ...] | None


class Pyramid:
    """The cells of an input at several strides, with some anchors in each."""

    def __init__(
        self,
        outputs: Arrays,
        size_wh: tuple[int, int],
        strides: Sequence[int],
        anchors: int = 1,
        layout: str | None = None,
    ) -> None:
        self.outputs = {k: v for k, v in outputs.items() if k != ANCHORS}
        self.strides, self.anchors, self.layout = sorted(strides), anchors, layout
        self.size = size_wh
        width, height = size_wh
        self.grid = {s: (math.ceil(height / s), math.ceil(width / s)) for s in self.strides}
        self.used: list[str] = []

    def __len__(self) -> int:
        return sum(rows * cols for rows, cols in self.grid.values()) * self.anchors

    def cells(self) -> Iterator[tuple[int, int, int]]:
        """Give stride, row, column of every row of a quantity: anchors share their cell."""
        for stride, (rows, cols) in self.grid.items():
            for row in range(rows):
                for col in range(cols):
                    for _ in range(self.anchors):
                        yield stride, row, col

    def take(self, said: Said, fits: Callable[[int], bool]) -> Array | None:
        """Return [N,D] float64 of the named outputs, or of the unused ones whose depth fits."""
        names = (said,) if isinstance(said, str) else said or ()
        free = names or [k for k in self.outputs if k not in self.used]
        for name in free:
            flat = _flat(self.outputs[name])
            if flat is not None and len(flat) == len(self) and fits(flat.shape[1]):
                self.used.append(name)
                return flat
        for lies in ("NCHW", "NHWC", "rows"):
            parts: list[Array] = []
            used: list[str] = []
            for stride in self.strides:
                for name in free:
                    table = self._of(stride, self.outputs[name], lies)
                    same = table is not None and (not parts or table.shape[1] == parts[0].shape[1])
                    if table is not None and same and fits(table.shape[1]) and name not in used:
                        parts.append(table)
                        used.append(name)
                        break
            if len(parts) == len(self.strides):
                self.used += used
                return np.concatenate(parts)
        return None

    def _of(self, stride: int, raw: Array, lies: str) -> Array | None:
        """Return the rows of one stride, if the output is of that stride and lies so."""
        rows, cols = self.grid[stride]
        n = rows * cols * self.anchors
        if lies == "rows":
            flat = _flat(raw)
            return flat if flat is not None and len(flat) == n else None
        if raw.ndim != 4 or self.layout not in (None, lies) or raw.size % n:
            return None
        at = 2 if lies == "NCHW" else 1
        if raw.shape[at : at + 2] != (rows, cols):
            return None
        cells: Array = raw[0].transpose(1, 2, 0) if lies == "NCHW" else raw[0]
        table: Array = cells.astype(np.float64).reshape(n, -1)
        return table


def _flat(raw: Array) -> Array | None:
    """Return [N,D] float64 of [N,D], [1,N,D] or [1,N,1,D]."""
    long = [d for d in raw.shape[:-1] if d != 1]
    return raw.reshape(-1, raw.shape[-1]).astype(np.float64) if len(long) <= 1 else None


def cut(boxes: Array, size_wh: tuple[int, int]) -> Array:
    """Return boxes [1,N,4] with every corner inside the input."""
    width, height = size_wh
    x, y = boxes[..., 0::2].clip(0, width), boxes[..., 1::2].clip(0, height)
    return np.stack([x[..., 0], y[..., 0], x[..., 1], y[..., 1]], axis=-1)


def around(points: Array, sides: Array) -> Array:
    """Return [1,N,4] xyxy of left, top, right, bottom [N,4] about points [N,2]; x2 ≥ x1."""
    x1, y1 = points[:, 0] - sides[:, 0], points[:, 1] - sides[:, 1]
    x2, y2 = points[:, 0] + sides[:, 2], points[:, 1] + sides[:, 3]
    return np.stack([x1, y1, np.maximum(x1, x2), np.maximum(y1, y2)], axis=-1)[None]

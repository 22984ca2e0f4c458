"""A "focus" stem, every second pixel of every second row into channels, as part of its convolution.

Given:   x[::2, ::2], x[1::2, ::2], x[::2, 1::2], x[1::2, 1::2] → Concat → Conv 3×3
Result:  Conv 6×6 with stride 2: as many multiplications, and no pixel is moved

Source: YOLOX (https://github.com/Megvii-BaseDetection/YOLOX) and YOLOv5 before version 6 start so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from mobilecat.formats.tflite.lower.lowering import Build, Node
from mobilecat.formats.tflite.lower.shape import slices_of
from mobilecat.graph import Array, attr, op_of, shape_of


@dataclass(frozen=True)
class Focus:
    """`source` [N,C,H,W] in blocks of `block`; `places` (row, column) in the order concatenated."""

    source: ir.Value
    block: int
    places: tuple[tuple[int, int], ...]


def focus_behind(build: Build, node: ir.Node) -> Focus | None:
    """Return the focus that only `node`, a convolution, reads; None where there is none."""
    joined = node.inputs[0]
    concat = joined.producer() if joined is not None else None
    if joined is None or concat is None or op_of(concat) != "Concat":
        return None
    if len(joined.uses()) != 1 or joined.is_graph_output() or len(shape_of(joined)) != 4:
        return None
    if attr(concat, "axis", 0) not in (1, -3) or attr(node, "group", 1) != 1:
        return None
    if any(d != 1 for d in attr(node, "dilations", (1, 1))):
        return None
    if attr(node, "auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        return None
    parts = [_strided(build, v) for v in concat.inputs if v is not None]
    found = [p for p in parts if p is not None]
    if len(found) != len(parts) or len({p[:2] for p in found}) != 1:
        return None
    source, block, _ = found[0]
    places = tuple(p[2] for p in found)
    whole = {(i, j) for i in range(block) for j in range(block)}
    if len(places) != block**2 or set(places) != whole:
        return None
    return Focus(source, block, places)


def _strided(build: Build, value: ir.Value) -> tuple[ir.Value, int, tuple[int, int]] | None:
    """Return (source, step, (row, column)) of a value that Slice nodes pick from every block."""
    picks = [(0, 1)] * 4
    shape = shape_of(value)
    while (node := value.producer()) is not None and op_of(node) == "Slice":
        own = slices_of(Node(node, build))
        picks = [(s + step * a, step * b) for (a, b), (s, step, _) in zip(picks, own, strict=True)]
        source = node.inputs[0]
        assert source is not None
        value = source
    whole = shape_of(value)
    (row, step), (column, other) = picks[2:]
    if len(whole) != 4 or picks[:2] != [(0, 1)] * 2 or step != other or step < 2:
        return None
    fits = shape == (*whole[:2], whole[2] // step, whole[3] // step)
    if not fits or whole[2] % step or whole[3] % step or max(row, column) >= step:
        return None
    return value, step, (row, column)


def spread_weights(w: Array, focus: Focus) -> Array:
    """Return the kernel that reads `focus.source` itself, of weights [O,C·block²,kh,kw]."""
    outputs, _, rows, cols = w.shape
    block, depth = focus.block, shape_of(focus.source)[1]
    wide = np.zeros((outputs, depth, rows * block, cols * block), w.dtype)
    for i, (row, column) in enumerate(focus.places):
        wide[:, :, row::block, column::block] = w[:, i * depth : (i + 1) * depth]
    return wide

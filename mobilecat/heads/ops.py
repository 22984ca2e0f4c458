"""The few graph snippets that heads share. Boxes and points have their columns last."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from mobilecat.graph import Array
from mobilecat.graph.builder import Builder


def ints(*values: int) -> Array:
    """Return an int64 constant, for shapes, axes and slices."""
    return np.array(values, dtype=np.int64)


def f32(values: object) -> Array:
    """Return a float32 constant."""
    return np.asarray(values, dtype=np.float32)


def reshape(build: Builder, name: str, value: ir.Value, *shape: int) -> ir.Value:
    return build.op("Reshape", name, value, ints(*shape))


def columns(build: Builder, name: str, value: ir.Value, start: int, end: int) -> ir.Value:
    """Return the columns start to end, the last excluded."""
    return build.op("Slice", name, value, ints(start), ints(end), ints(-1))


def split(build: Builder, name: str, value: ir.Value, *sizes: int) -> tuple[ir.Value, ...]:
    """Return the columns in consecutive groups."""
    parts, start = [], 0
    for size in sizes:
        parts.append(columns(build, f"{name}.from_{start}", value, start, start + size))
        start += size
    return tuple(parts)


def swapped(build: Builder, name: str, value: ir.Value) -> ir.Value:
    """Return x,y for y,x: two columns exchanged."""
    first, second = split(build, name, value, 1, 1)
    return build.op("Concat", f"{name}.swapped", second, first, axis=-1)


def corners(build: Builder, name: str, centre: ir.Value, size: ir.Value) -> ir.Value:
    """Return xyxy of centre x,y and width, height."""
    half = build.op("Mul", f"{name}.half", size, f32(0.5))
    low = build.op("Sub", f"{name}.low", centre, half)
    high = build.op("Add", f"{name}.high", centre, half)
    return build.op("Concat", name, low, high, axis=-1)


def no_less_than_0(build: Builder, name: str, size: ir.Value) -> ir.Value:
    """Return widths and heights with 0 for negative ones, over which engines' NMS differ.

    For networks that give sizes as they are; e^t is never negative.
    """
    return build.op("Relu", name, size)


def activated(build: Builder, name: str, scores: ir.Value, activation: str) -> ir.Value:
    """Return the scores after what the network left out: sigmoid, softmax or nothing."""
    if activation == "sigmoid":
        return build.op("Sigmoid", name, scores)
    if activation == "softmax":
        return build.op("Softmax", name, scores, axis=-1)
    return scores


def cells(size_wh: tuple[int, int], strides: tuple[int, ...]) -> tuple[Array, Array]:
    """Return [1,N,2] column·stride, row·stride and [1,N,1] stride of every cell, row by row."""
    origins, steps = [], []
    for s in strides:
        cols, rows = size_wh[0] // s, size_wh[1] // s
        row, col = np.divmod(np.arange(rows * cols), cols)
        origins.append(np.stack([col, row], axis=1) * s)
        steps.append(np.full((rows * cols, 1), s))
    return f32(np.concatenate(origins)[None]), f32(np.concatenate(steps)[None])

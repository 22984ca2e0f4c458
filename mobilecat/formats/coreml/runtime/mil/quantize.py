"""Affine quantisation of activations, in whole numbers.

Where rounding is undone (`Op.restores`), nothing is rounded and nothing cut off: a pair of
quantize and dequantize gives back what it took, if both have the same scale and zero point.
"""

from __future__ import annotations

import numpy as np

from mobilecat.formats.coreml.runtime.graph import INT32, Val
from mobilecat.formats.coreml.runtime.mil.elementwise import as_type
from mobilecat.formats.coreml.runtime.mil.op import Op
from mobilecat.formats.coreml.runtime.mil.table import mil_op

_RANGES = {"int8": (-128, 127), "uint8": (0, 255)}


def _parameter(op: Op, name: str, rank: int) -> Val | None:
    v = op.get(name)
    if v is None:
        return None
    v = as_type(op, v, np.float32)
    if v.rank == 0 or rank == 0:
        return v
    shape = [1] * rank
    shape[op.axis(rank=rank)] = -1
    return op.g("Reshape", v, np.array(shape))


def _scale(op: Op, rank: int) -> Val:
    scale = _parameter(op, "scale", rank)
    if scale is None:
        raise op.broken("there is no scale")
    return scale


@mil_op("quantize")
def onnx_from_quantize(op: Op) -> Val:
    """clip(round(x / scale) + zero_point), halves to even."""
    x = op["input"]
    to = op.text("output_dtype")
    if to not in _RANGES:
        raise op.refuse(f"quantize to {to!r}")
    y = op.g("Div", x, _scale(op, x.rank))
    y = y if op.restores else op.g("Round", y)
    zero = _parameter(op, "zero_point", x.rank)
    if zero is not None:
        y = op.g("Add", y, zero)
    if op.restores:
        return y
    low, high = _RANGES[to]
    return op.g(
        "Cast", op.g("Clip", y, op.g.const(np.float32(low)), op.g.const(np.float32(high))), to=INT32
    )


@mil_op("dequantize")
def onnx_from_dequantize(op: Op) -> Val:
    x = as_type(op, op["input"], np.float32)
    zero = _parameter(op, "zero_point", x.rank)
    if zero is not None:
        x = op.g("Sub", x, zero)
    return op.g("Mul", x, _scale(op, x.rank))

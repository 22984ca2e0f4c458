"""QuantizeLinear and DequantizeLinear as float arithmetic; .tflite files stay float."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from mobilecat.formats.tflite.lower.lowering import FLOAT, Node, lowers
from mobilecat.graph import Array, const_of, dtype_of, opt_input


@lowers(
    "DequantizeLinear", natively=FLOAT | {"int32"}, check=lambda node: _dequantize_problem(node)
)
def lower_dequantize(n: Node) -> None:
    """(x − zero_point)·scale, as float arithmetic: exact, for the sums fit float32."""
    held, build = n.held(), n.build
    scale, zero = n.const(1), const_of(opt_input(n.node, 2))
    assert scale is not None
    x = build.cast(held.tensor, np.float32)
    if zero is not None and zero.any():
        x = build.ew("SUB", x, _along(n, zero.astype(np.float32), held.perm))
    n.put(build.ew("MUL", x, _along(n, scale.astype(np.float32), held.perm)), held.perm)


def _dequantize_problem(node: ir.Node) -> str | None:
    for i in (1, 2):
        value = opt_input(node, i)
        if value is not None and const_of(value) is None:
            return "scale and zero point must be constants"
    if (block := node.attributes.get("block_size")) is not None and block.as_int():
        return "blocked quantisation"
    x = node.inputs[0]
    assert x is not None
    if dtype_of(x).name == "int32":
        return "int32 values do not all fit float32"
    return None


def _along(n: Node, values: Array, perm: tuple[int, ...]) -> Array:
    """Return per-axis constants in a shape that broadcasts against a value laid out as `perm`."""
    if values.size == 1:
        return np.asarray(values.reshape(()))
    rank = len(perm)
    axis = n.attr("axis", 1) % rank
    shape = [1] * rank
    shape[axis] = values.size
    return np.asarray(values.reshape([shape[a] for a in perm]))


_RANGES = {"uint8": (0, 255), "int8": (-128, 127), "uint16": (0, 65535), "int16": (-32768, 32767)}


@lowers("QuantizeLinear", natively=FLOAT | {"int32"}, check=lambda node: _quantize_problem(node))
def lower_quantize(n: Node) -> None:
    """saturate(round(x/scale) + zero_point); both ONNX and ROUND go to even on ties."""
    held, build, ew = n.held(), n.build, n.build.ew
    scale, zero = n.const(1), const_of(opt_input(n.node, 2))
    assert scale is not None
    y = ew("ROUND", ew("DIV", held.tensor, _along(n, scale, held.perm)))
    if zero is not None and zero.any():
        y = ew("ADD", y, _along(n, zero.astype(np.float32), held.perm))
    low, high = _RANGES[dtype_of(n.node.outputs[0]).name]
    y = ew("MINIMUM", ew("MAXIMUM", y, float(low)), float(high))
    n.put(build.cast(y, np.int32), held.perm)


def _quantize_problem(node: ir.Node) -> str | None:
    problem = _dequantize_problem(node)
    if problem:
        return problem
    if dtype_of(node.outputs[0]).name not in _RANGES:
        return f"{dtype_of(node.outputs[0]).name} as quantised type"
    return None

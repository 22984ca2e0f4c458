"""QuantizeLinear and DequantizeLinear, in float arithmetic."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from mobilecat.formats.coreai.lower.build import Var
from mobilecat.formats.coreai.lower.node import NUMBERS, Node, constant, lowers
from mobilecat.graph import Array, attr, dtype_of


def _check(node: ir.Node) -> str | None:
    if attr(node, "block_size", 0):
        return "blockwise quantisation; dequantise the weights first"
    source = node.inputs[0]
    assert source is not None
    quantised = dtype_of(node.outputs[0] if node.op_type == "QuantizeLinear" else source)
    if quantised.name not in ("int8", "uint8", "int16", "uint16", "int32"):
        return f"quantised type {quantised}"
    return constant(1, 2, name="scale and zero point")(node)


def _along(n: Node, i: int, default: float) -> Array:
    """Return scale or zero point as float32, shaped to broadcast along the quantisation axis."""
    found = n.const(i)
    if found is None:
        return np.asarray(default, np.float32)
    found = found.astype(np.float32)
    if found.size == 1:
        return found.reshape(())
    shape = [1] * len(n.shape())
    shape[n.axis(1)] = found.size
    return found.reshape(shape)


@lowers("DequantizeLinear", types=NUMBERS, check=_check)
def lower_dequantize(n: Node) -> Var:
    b, x, zero = n.build, n.x(0, np.float32), _along(n, 2, 0.0)
    x = b.sub(x, zero) if np.any(zero) else x
    return b.mul(x, _along(n, 1, 1.0))


@lowers("QuantizeLinear", types=NUMBERS, check=_check)
def lower_quantize(n: Node) -> Var:
    """clip(round(x / scale) + zero point): half to even, like ONNX."""
    b, zero, info = n.build, _along(n, 2, 0.0), np.iinfo(n.out_dtype())
    x = b.op("round_", b.div(n.x(0, np.float32), _along(n, 1, 1.0)))
    x = b.add(x, zero) if np.any(zero) else x
    x = b.minimum(b.maximum(x, np.float32(info.min)), np.float32(info.max))
    return b.cast(x, n.out_dtype())

"""QuantizeLinear and DequantizeLinear, in float arithmetic: Core ML has int32 only."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from mobilecat.formats.coreml.lower.lowering import LOWERINGS, Node
from mobilecat.formats.coreml.lower.mil import Var, cast, mb
from mobilecat.graph import Array, attr, const_of, dtype_of, opt_input, shape_of


def _check(node: ir.Node) -> str | None:
    if attr(node, "block_size", 0):
        return "blockwise quantisation; dequantise the weights first"
    for i in (1, 2):
        value = opt_input(node, i)
        if value is not None and const_of(value) is None:
            return "scale and zero point must be constants"
    source = node.inputs[0]
    assert source is not None
    quantised = dtype_of(node.outputs[0] if node.op_type == "QuantizeLinear" else source)
    if quantised.kind not in "iu":
        return f"quantised type {quantised}"
    return None if len(shape_of(source)) or opt_input(node, 1) is None else "a scalar is quantised"


def _along(n: Node, i: int, default: float) -> Array:
    """Return scale or zero point, shaped to broadcast along the quantisation axis."""
    found = n.const(i)
    if found is None:
        return np.asarray(default, np.float32)
    if found.size == 1:
        return found.reshape(())
    shape = [1] * len(n.shape())
    shape[n.axis(1)] = found.size
    return found.reshape(shape)


@LOWERINGS.op("DequantizeLinear", check=_check)
def lower_dequantize(n: Node) -> Var:
    x = n.as_kind(n.x(), "float")
    zero, scale = _along(n, 2, 0.0), _along(n, 1, 1.0)
    if np.any(zero):
        x = mb.sub(x=x, y=n.num(zero.astype(np.float32)))
    return mb.mul(x=x, y=n.num(scale))


@LOWERINGS.op("QuantizeLinear", check=_check)
def lower_quantize(n: Node) -> Var:
    """clip(round(x / scale) + zero_point): half to even, like ONNX."""
    x = mb.round(x=mb.real_div(x=n.as_kind(n.x(), "float"), y=n.num(_along(n, 1, 1.0))))
    zero = _along(n, 2, 0.0)
    if np.any(zero):
        x = mb.add(x=x, y=n.num(zero.astype(np.float32)))
    info = np.iinfo(dtype_of(n.node.outputs[0]))
    return cast(mb.clip(x=x, alpha=n.num(info.min), beta=n.num(info.max)), "int32")

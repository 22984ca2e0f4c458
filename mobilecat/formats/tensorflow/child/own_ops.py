"""TensorFlow ops that tf2onnx has no form of, or a wrong one, in ONNX's: one op, one function.

Each takes tf2onnx's graph and its node, and leaves the node's output under its name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mobilecat.errors import ModelError, Problem

Handler = Callable[[Any, Any, str, Any], None]


def _erfc(ctx: Any, node: Any, name: str, _: Any) -> None:
    """1 − erf(x): Keras' exact GELU, so its ConvNeXt, ViT and Swin."""
    write = _Writer(ctx, node)
    write.instead("Sub", [write.number(1), write.op("Erf", node.input[0])])


def _expm1(ctx: Any, node: Any, name: str, _: Any) -> None:
    write = _Writer(ctx, node)
    write.instead("Sub", [write.op("Exp", node.input[0]), write.number(1)])


def _log1p(ctx: Any, node: Any, name: str, _: Any) -> None:
    write = _Writer(ctx, node)
    write.instead("Log", [write.op("Add", node.input[0], write.number(1))])


def _xlogy(ctx: Any, node: Any, name: str, _: Any) -> None:
    """x·log(y), and 0 where x is 0."""
    write = _Writer(ctx, node)
    x, y = node.input
    product = write.op("Mul", x, write.op("Log", y))
    write.instead("Where", [write.op("Equal", x, write.number(0)), write.number(0), product])


def _xdivy(ctx: Any, node: Any, name: str, _: Any) -> None:
    """x / y, and 0 where x is 0."""
    write = _Writer(ctx, node)
    x, y = node.input
    quotient = write.op("Div", x, y)
    write.instead("Where", [write.op("Equal", x, write.number(0)), write.number(0), quotient])


def _floor_mod(ctx: Any, node: Any, name: str, _: Any) -> None:
    """The divisor's sign, as Python's %: tf2onnx gives whole numbers the dividend's."""
    write = _Writer(ctx, node)
    a, b = node.input
    if write.whole:
        write.instead("Mod", [a, b])
    else:
        below = write.op("Floor", write.op("Div", a, b))
        write.instead("Sub", [a, write.op("Mul", below, b)])


def _floor_div(ctx: Any, node: Any, name: str, _: Any) -> None:
    """Rounded down; ONNX's Div of whole numbers is cut off towards 0."""
    write = _Writer(ctx, node)
    a, b = node.input
    if write.whole:
        write.instead("Div", [write.op("Sub", a, write.op("Mod", a, b)), b])
    else:
        write.instead("Floor", [write.op("Div", a, b)])


def _resize_area(ctx: Any, node: Any, name: str, _: Any) -> None:
    """The mean of whole blocks; tf2onnx takes the first pixel of each instead."""
    shape, size = ctx.get_shape(node.input[0]), node.inputs[1]
    target = size.get_tensor_value() if size.is_const() else None
    if target is None or not shape or -1 in shape[1:3]:
        raise _refused(name, "an area resize whose size depends on data")
    blocks = [h / t for h, t in zip(shape[1:3], target, strict=True)]
    if any(b != int(b) for b in blocks):
        fix = 'use method="bilinear" with antialias, or sizes that divide the picture'
        raise _refused(name, f"an area resize of {shape[1:3]} to {list(target)}", fix)
    write = _Writer(ctx, node)
    kernel = [int(b) for b in blocks]
    planar = write.op("Transpose", node.input[0], perm=[0, 3, 1, 2])
    pooled = write.op("AveragePool", planar, kernel_shape=kernel, strides=kernel)
    write.instead("Transpose", [pooled], perm=[0, 2, 3, 1])


def _refused(name: str, what: str, fix: str = "") -> ModelError:
    return ModelError("A node cannot be translated", [Problem(what, f"ResizeArea {name!r}", fix)])


HANDLERS: dict[str, tuple[Handler, list[Any]]] = {
    op: (handler, [])
    for op, handler in {
        "Erfc": _erfc,
        "Expm1": _expm1,
        "FloorDiv": _floor_div,
        "FloorMod": _floor_mod,
        "Log1p": _log1p,
        "ResizeArea": _resize_area,
        "Xdivy": _xdivy,
        "Xlogy": _xlogy,
    }.items()
}


class _Writer:
    """Writes ONNX nodes in front of a TensorFlow node, and one in its place."""

    def __init__(self, ctx: Any, node: Any) -> None:
        self._ctx = ctx
        self._node = node
        self._count = 0

    @property
    def whole(self) -> bool:
        """Whether the node's result is of whole numbers."""
        from tf2onnx import utils

        kind = utils.map_onnx_to_numpy_type(self._ctx.get_dtype(self._node.output[0]))
        return bool(np.issubdtype(kind, np.integer))

    def number(self, value: float) -> str:
        from tf2onnx import utils

        kind = utils.map_onnx_to_numpy_type(self._ctx.get_dtype(self._node.output[0]))
        return str(self._ctx.make_const(self._name(), np.array(value, kind)).output[0])

    def op(self, op_type: str, *inputs: str, **attributes: Any) -> str:
        made = self._ctx.make_node(op_type, list(inputs), attr=attributes, name=self._name())
        return str(made.output[0])

    def instead(self, op_type: str, inputs: list[str], **attributes: Any) -> None:
        node, out = self._node, self._node.output[0]
        shape, dtype = self._ctx.get_shape(out), self._ctx.get_dtype(out)
        self._ctx.remove_node(node.name)
        self._ctx.make_node(
            op_type,
            inputs,
            attr=attributes,
            name=node.name,
            outputs=[out],
            shapes=[shape],
            dtypes=[dtype],
        )

    def _name(self) -> str:
        self._count += 1
        return f"{self._node.name}__own_{self._count}"

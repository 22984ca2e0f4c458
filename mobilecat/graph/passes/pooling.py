"""Pooling with ceil_mode, whose last window may lie in the padding alone: said without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from mobilecat.graph import attr

_POOLS = ("MaxPool", "AveragePool", "LpPool")


@dataclass(frozen=True)
class _Axis:
    """One spatial axis of a pooling; `reach` is how far a window extends, dilation included."""

    size: int
    before: int
    after: int
    stride: int
    reach: int

    @property
    def naive(self) -> int:
        """How many windows begin before the padded end, rounded up: what onnx's inference says."""
        return -(-(self.size + self.before + self.after - self.reach) // self.stride) + 1

    @property
    def out(self) -> int:
        """How many begin in the picture or the padding before it: the others see nothing."""
        last_starts_outside = (self.naive - 1) * self.stride >= self.size + self.before
        return self.naive - 1 if last_starts_outside else self.naive

    @property
    def needed(self) -> int:
        """The padding after, with which a floor division gives `out`."""
        return max(0, (self.out - 1) * self.stride + self.reach - self.size - self.before)


def settle_ceil_mode(model: ir.Model) -> bool:
    """Give poolings with a window that starts past the picture explicit pads and no ceil_mode.

    ONNX (from opset 22 in its text, in onnxruntime and PyTorch always) leaves such windows out;
    onnx's own shape inference counts them, an extra row of 0/0 for a mean.
    https://onnx.ai/onnx/operators/onnx__AveragePool.html

    Given:   x[7] → AveragePool(k=2, stride=2, pads=1,1, ceil) → y[5]
    Result:  x[7] → AveragePool(k=2, stride=2, pads=1,0) → y[4]
    """
    found = [(node, axes) for node in model.graph if (axes := _axes(node))]
    wrong = [(node, axes) for node, axes in found if any(a.out != a.naive for a in axes)]
    if not wrong:
        return False
    _rewrite(model, *wrong[0])  # the sizes of those behind it follow from its own
    for node in model.graph:
        for value in node.outputs:
            value.shape = None
    return True


def _axes(node: ir.Node) -> list[_Axis]:
    if node.domain or node.op_type not in _POOLS or not attr(node, "ceil_mode", 0):
        return []
    source = node.inputs[0]
    if source is None or source.shape is None or not source.shape.is_static():
        return []
    if attr(node, "auto_pad", "NOTSET") not in ("NOTSET", "", "VALID"):
        return []  # SAME makes as many windows as the strides say
    sizes: Sequence[int] = source.shape.numpy()[2:]
    rank = len(sizes)
    kernel = attr(node, "kernel_shape", (1,) * rank)
    strides = attr(node, "strides", (1,) * rank)
    dilations = attr(node, "dilations", (1,) * rank)
    pads = attr(node, "pads", (0,) * 2 * rank)
    return [
        _Axis(
            size=sizes[i],
            before=pads[i],
            after=pads[i + rank],
            stride=strides[i],
            reach=(kernel[i] - 1) * dilations[i] + 1,
        )
        for i in range(rank)
    ]


def _rewrite(model: ir.Model, node: ir.Node, axes: list[_Axis]) -> None:
    pads = [a.before for a in axes], [a.needed for a in axes]
    kernel: tuple[int, ...] = attr(node, "kernel_shape", ())
    counted = attr(node, "count_include_pad", 0)
    beyond = any(a.needed > a.after for a in axes)
    too_wide = any(p >= k for p, k in zip(pads[1], kernel, strict=True))  # engines refuse those
    mean = node.op_type == "AveragePool"
    if (counted and (beyond or too_wide)) if mean else too_wide:
        pads = _pad_in_front(model, node, axes)
    node.attributes["pads"] = ir.AttrInt64s("pads", [*pads[0], *pads[1]])
    node.attributes.pop("ceil_mode", None)
    node.attributes.pop("auto_pad", None)


def _pad_in_front(model: ir.Model, node: ir.Node, axes: list[_Axis]) -> tuple[list[int], list[int]]:
    """Put the node's own padding into a Pad; return what is left for the pooling to ignore."""
    zero = node.op_type != "MaxPool" and attr(node, "count_include_pad", 0)
    source = node.inputs[0]
    assert source is not None and source.dtype is not None
    own = [min(a.after, a.needed) if zero else a.needed for a in axes]
    amounts = np.array([0, 0, *(a.before for a in axes), 0, 0, *own], np.int64)
    fill = np.zeros((), source.dtype.numpy())
    if node.op_type == "MaxPool":
        lowest = np.finfo if fill.dtype.kind == "f" else np.iinfo
        fill = np.array(lowest(fill.dtype).min, fill.dtype)
    name = f"{node.name}__padded"
    inputs = [source]
    for part, array in (("pads", amounts), ("fill", fill)):
        value = ir.Value(name=f"{name}_{part}", const_value=ir.tensor(array, name=f"{name}_{part}"))
        value.shape, value.type = (
            ir.Shape(array.shape),
            ir.TensorType(ir.DataType.from_numpy(array.dtype)),
        )
        model.graph.register_initializer(value)
        inputs.append(value)
    pad = ir.node("Pad", inputs, outputs=[ir.Value(name=name)], name=name)
    model.graph.insert_before(node, pad)
    node.replace_input_with(0, pad.outputs[0])
    node.attributes.pop("count_include_pad", None)
    left = [a.needed - o for a, o in zip(axes, own, strict=True)]
    return [0] * len(axes), left

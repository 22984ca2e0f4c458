"""Weights as int8, one scale a channel: a quarter of the file, dequantised by Apple's own op.

    w ≈ q · s,  q int8,  s = max |w| of the output channel / 127

Large constant weights of convolutions and matrix products only; everything computed stays float32.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from mobilecat.graph import Array, attr, const_of

SMALLEST = 1024
"""Elements: below, scales and the extra op take what the bytes save."""


@dataclass(frozen=True)
class Packed:
    """q, int8, in the weight's shape; scale, float32, of the same rank, 1 but along one axis."""

    q: Array
    scale: Array

    @property
    def dequantised(self) -> Array:
        return self.q.astype(np.float32) * self.scale


def packed_weights(model: ir.Model) -> tuple[ir.Model, Mapping[str, Packed]]:
    """Return a copy of the graph that computes with the dequantised weights, and those by name.

    A weight that several nodes read is packed only where they agree on its channels.
    """
    copy = model.clone()
    axes: dict[ir.Value, set[int]] = {}
    for node in copy.graph:
        if (axis := _channel_axis(node)) is not None:
            axes.setdefault(node.inputs[1], set()).add(axis)  # type: ignore[arg-type]
    packed: dict[str, Packed] = {}
    for value, found in axes.items():
        array = const_of(value)
        alone = all(_channel_axis(user) is not None and i == 1 for user, i in value.uses())
        if array is None or array.dtype != np.float32 or array.size < SMALLEST:
            continue
        if len(found) != 1 or not alone or value.is_graph_output() or not np.isfinite(array).all():
            continue
        made = _pack(array, found.pop())
        packed[value.name or ""] = made
        value.const_value = ir.tensor(made.dequantised, name=value.name)
    return copy, packed


def _channel_axis(node: ir.Node) -> int | None:
    """Return the axis of input 1 along which the outputs lie; None where it is no weight."""
    if node.op_type == "Conv":
        return 0
    if node.op_type == "ConvTranspose":
        return 1 if attr(node, "group", 1) == 1 else None
    if node.op_type == "Gemm":
        return 0 if attr(node, "transB", 0) else 1
    weight = node.inputs[1] if node.op_type == "MatMul" else None
    if weight is not None and weight.shape is not None and len(weight.shape) == 2:
        return 1
    return None


def _pack(array: Array, axis: int) -> Packed:
    others = tuple(a for a in range(array.ndim) if a != axis)
    largest = np.abs(array).max(axis=others, keepdims=True)
    scale = np.where(largest > 0, largest / 127, 1).astype(np.float32)
    return Packed(np.clip(np.rint(array / scale), -127, 127).astype(np.int8), scale)

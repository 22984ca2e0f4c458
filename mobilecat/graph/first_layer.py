"""What a network's first layer says of the values that it was trained on.

A convolution's bias places its activations among what its weights can make of an input. Measured on
twelve networks, with values as they were trained on (0..255, 0..1 or −1..1), the median
of |bias| / Σ|weights| is 0.8 % to 18 % of the largest input. Fed 255 times too little it is above
200 %; fed 255 times too much it is below 0.07 %. A scale or a mean in front of it says it, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from mobilecat.graph.base import Array, const_of, op_of

TOO_SMALL, TOO_LARGE = 0.5, 2e-3
_THROUGH = ("Transpose", "Slice", "Concat", "Cast", "Identity", "Reshape", "Pad", "SpaceToDepth")
_STEPS = 24


@dataclass(frozen=True)
class FirstLayer:
    """gain: what stands in front multiplies by. offset: and adds. ratio: |bias| / Σ|weights|."""

    gain: float
    offset: float
    ratio: float | None

    def share(self, largest: float) -> float | None:
        """Return the ratio's share of the largest value, given the largest input."""
        reach = abs(self.gain) * largest + abs(self.offset)
        return None if not self.ratio or not reach else self.ratio / reach

    def fits(self, largest: float) -> int:
        """Return −1 where inputs up to `largest` look too small, 1 too large, 0 where they fit."""
        share = self.share(largest)
        if share is None:
            return 0
        return -1 if share > TOO_SMALL else int(share < TOO_LARGE)

    @property
    def wants(self) -> tuple[float, float]:
        """Return the range that inputs seem to have: 0..255, or 0..1."""
        scaled = 0 < abs(self.gain) <= 1 / 64 or abs(self.offset) > 4 * abs(self.gain)
        return (0.0, 255.0) if scaled or self.fits(1.0) < 0 else (0.0, 1.0)


def first_layer(model: ir.Model, name: str) -> FirstLayer | None:
    """Return what is read of the first layer behind input `name`; None where there is none such."""
    value = next((v for v in model.graph.inputs if v.name == name), None)
    gain, offset = 1.0, 0.0
    for _ in range(_STEPS):
        users = [node for node, _ in value.uses()] if value is not None else []
        if not users:
            return None
        node = users[0]
        op = op_of(node)
        if op in _THROUGH:
            value = node.outputs[0]
            continue
        if op in ("Conv", "Gemm", "MatMul"):
            return FirstLayer(gain, offset, _ratio(node))
        constant = next((a for v in node.inputs if (a := const_of(v)) is not None), None)
        if op not in ("Mul", "Div", "Add", "Sub") or constant is None or not constant.size:
            return None
        c = float(np.median(constant))
        if op in ("Mul", "Div"):
            by = c if op == "Mul" else 1 / c if c else 0.0
            gain, offset = gain * by, offset * by
        else:
            offset += c if op == "Add" else -c
        value = node.outputs[0]
    return None


def _ratio(node: ir.Node) -> float | None:
    weights = const_of(node.inputs[1]) if len(node.inputs) > 1 else None
    if weights is None or not weights.size or op_of(node) != "Conv":
        return None
    reach: Array = np.abs(weights.astype(np.float64)).reshape(weights.shape[0], -1).sum(axis=1)
    bias = const_of(node.inputs[2]) if len(node.inputs) > 2 else None
    wide = np.zeros(len(reach)) if bias is None else bias.astype(np.float64).reshape(-1)
    users = [n for n, _ in node.outputs[0].uses()]
    if len(users) == 1 and op_of(users[0]) == "BatchNormalization":
        parts = [const_of(v) for v in users[0].inputs[1:5]]
        if any(p is None for p in parts):
            return None
        scale, shift, mean, variance = (np.asarray(p, np.float64) for p in parts)
        factor = scale / np.sqrt(variance + 1e-5)
        wide, reach = (wide - mean) * factor + shift, reach * np.abs(factor)
    alive = reach > 1e-3 * reach.max(initial=0)  # a dead filter says nothing
    if not alive.any() or not wide.any():
        return None
    return float(np.median(np.abs(wide[alive]) / reach[alive]))

"""Activations as int8: a pair of quantize and dequantize in front of what multiplies by weights.

    q = clip(round(x / scale) + zero, −128, 127),   x ≈ (q − zero) · scale

One scale a tensor, over the range that was measured, 0 always in it: padding is exactly 0.
https://apple.github.io/coremltools/source/coremltools.converters.mil.mil.ops.defs.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from mobilecat.formats.coreml.lower.mil import NUMPY_OF_MIL, Var, dtype_name, mb

LOW, STEPS = -128, 255


@dataclass
class Activations:
    """The ranges of a graph's values, and what was made of them so far.

    ranges: (low, high) by the graph's names. exact: names of nodes that stay float. used: the
    ranges of those that were quantised, by the name of the quantised variable. left: values that
    went into a product and have no range.
    """

    ranges: Mapping[str, tuple[float, float]]
    exact: frozenset[str]
    made: dict[tuple[int, str], Var] = field(default_factory=dict)
    pairs: dict[str, tuple[Var, tuple[float, float]]] = field(default_factory=dict)
    left: dict[str, None] = field(default_factory=dict)

    def quantised(self, value: ir.Value, x: Var) -> Var:
        """Return `x` rounded to int8 and back, once for all that read it."""
        name = value.name or ""
        if name not in self.ranges:
            self.left[name] = None
            return x
        key = (id(x), name)
        if key not in self.made:
            low, high = self.ranges[name]
            scale, zero = scale_and_zero(low, high, NUMPY_OF_MIL[dtype_name(x)])
            q = mb.quantize(
                input=x, scale=scale, zero_point=zero, output_dtype="int8", name=f"{name}_int8"
            )
            self.pairs[name] = q, (low, high)
            self.made[key] = mb.dequantize(
                input=q, scale=scale, zero_point=zero, name=f"{name}_from_int8"
            )
        return self.made[key]

    @property
    def used(self) -> dict[str, tuple[float, float]]:
        """Return the ranges by the names that the variables have at last."""
        return {q.name: found for q, found in self.pairs.values()}


def scale_and_zero(low: float, high: float, dtype: type[np.generic]) -> tuple[np.generic, np.int8]:
    """Return scale, in the type that it is stored in, and zero point of a range."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = dtype(max((high - low) / STEPS, np.finfo(np.float16).smallest_subnormal))
    zero = np.rint(LOW - low / float(scale))
    return scale, np.int8(np.clip(zero, LOW, LOW + STEPS))

"""What LiteRT's integer kernels take and give: one row an operator.

Source: https://ai.google.dev/edge/litert/models/quantization_spec, and the `Prepare` of each kernel
in https://github.com/google-ai-edge/LiteRT/tree/main/tflite/kernels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mobilecat.formats.tflite.program import Quant
from mobilecat.formats.tflite.quantise.steps import INT16, one


@dataclass(frozen=True)
class Kernel:
    """data: which inputs carry values; the others are shapes, axes and tables.

    weights: (index, axis of the outputs in it) of constant weights; the bias is the last input.
    same: whether all values of it share one scale. fixed: the real end of what it gives, which the
    kernel insists on: 1 for 0 to 1, 2 for −1 to 1. wide: whether there is one for int16.
    """

    data: tuple[int, ...] = (0,)
    weights: tuple[int, int] | None = None
    same: bool = False
    fixed: int = 0
    wide: bool = True

    def given(self, dtype: np.dtype[Any]) -> Quant | None:
        """Return the scale that the kernel insists on, or None."""
        if not self.fixed:
            return None
        if dtype == INT16:
            return one(1 / 32768, 0)
        return one(1 / 256, -128) if self.fixed == 1 else one(1 / 128, 0)


_SAME = Kernel(same=True)
_PAIR = Kernel((0, 1))
_PAIR_SAME = Kernel((0, 1), same=True)
KERNELS: Mapping[str, Kernel] = {
    "ADD": _PAIR,
    "AVERAGE_POOL_2D": _SAME,
    "CONCATENATION": Kernel((), same=True),
    "CONV_2D": Kernel(weights=(1, 0)),
    "DEPTHWISE_CONV_2D": Kernel(weights=(1, 3)),
    "DEPTH_TO_SPACE": Kernel(same=True, wide=False),
    "FULLY_CONNECTED": Kernel(weights=(1, 0)),
    "GATHER": _SAME,
    "HARD_SWISH": Kernel(wide=False),
    "LEAKY_RELU": Kernel(),
    "LOGISTIC": Kernel(fixed=1),
    "MAXIMUM": _PAIR_SAME,
    "MAX_POOL_2D": _SAME,
    "MEAN": Kernel(),
    "MINIMUM": _PAIR_SAME,
    "MUL": _PAIR,
    "PAD": _SAME,
    "RELU": Kernel(),
    "RELU6": Kernel(),
    "RESHAPE": _SAME,
    "RESIZE_BILINEAR": _SAME,
    "RESIZE_NEAREST_NEIGHBOR": _SAME,
    "SLICE": _SAME,
    "SPACE_TO_DEPTH": Kernel(same=True, wide=False),
    "SPLIT": Kernel((1,), same=True),
    "STRIDED_SLICE": _SAME,
    "SUB": _PAIR,
    "TANH": Kernel(fixed=2),
    "TILE": Kernel(same=True, wide=False),
    "TRANSPOSE": _SAME,
    "TRANSPOSE_CONV": Kernel((2,), weights=(1, 0)),
}
WEIGHED = frozenset(code for code, kernel in KERNELS.items() if kernel.weights)
"""Operators with weights: what quantising is for."""


def data_places(code: str, inputs: int) -> tuple[int, ...]:
    """Return which inputs of an operator carry values."""
    return tuple(range(inputs)) if code == "CONCATENATION" else KERNELS[code].data

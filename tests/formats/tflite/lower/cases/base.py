"""Cases of single ops and small chains, as text; each is held against onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from tests.formats.tflite.lower.engines import Array, drawn


@dataclass(frozen=True)
class OpCase:
    """A graph, its constants, and the relative tolerance where 1e-4 is not meant."""

    name: str
    text: str
    constants: Mapping[str, Array] = field(default_factory=dict)
    opset: int = 18
    relative: float = 1e-4


def ints(*values: int) -> Array:
    return np.array(values, np.int64)


def drawn_f(name: str, *shape: int) -> Array:
    return drawn(name, shape)


# Operands of every rank and type; c is NHWC inside, the others as they come.
CONV = "c = Conv<kernel_shape=[1,1]>(x, w)"
_W = {"w": drawn_f("w", 4, 3, 1, 1)}


def mixed(name: str, tail: str, out: str, opset: int = 18, **constants: Array) -> OpCase:
    """A chain after a convolution; `out` is the type of y, or all outputs with their names."""
    outputs = out if " y" in out else f"{out} y"
    text = f"(float[1,3,5,7] x, float[5,7] z) => ({outputs}) {{ {CONV}  {tail} }}"
    return OpCase(name, text, {**_W, **constants}, opset)

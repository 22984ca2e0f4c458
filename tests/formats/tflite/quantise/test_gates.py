"""What a SiLU takes below −8 has no steps."""

from __future__ import annotations

import numpy as np
import pytest

from mobilecat.graph import Array
from tests.formats.tflite.lower.engines import drawn, graph
from tests.formats.tflite.quantise.files import made, tensor

SILU = """(float[1,4,5,5] x) => (float[1,4,5,5] y) {
  c = Conv <pads = [1, 1, 1, 1]> (x, w, b)
  s = Sigmoid (c)
  p = Mul (c, %s)
  y = Conv (p, v)
}"""
RANGES = {
    "x": (-1.0, 1.0),
    "c": (-119.0, 55.0),
    "s": (0.0, 1.0),
    "p": (-0.3, 55.0),
    "y": (-9.0, 9.0),
}


@pytest.mark.parametrize(("other", "low"), [("s", -8.0), ("x", -119.0)])
def test_the_step_in_front_of_a_silu(other: str, low: float) -> None:
    """By hand: 255 steps from −8 to 55; another product reads the value as it is."""
    weights: dict[str, Array] = {"w": drawn("w", (4, 4, 3, 3)), "b": drawn("b", (4,))}
    weights["v"] = drawn("v", (4, 4, 1, 1))
    file = made(graph(SILU % other, **weights), "int8", RANGES)
    quant = tensor(file.data, "c").quantization
    assert np.asarray(quant.scale).item() == pytest.approx((55 - low) / 255, rel=1e-5)

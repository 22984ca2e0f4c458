"""Scales, zero points and whole numbers, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mobilecat.formats.tflite.program import constant
from mobilecat.formats.tflite.quantise import steps
from mobilecat.quantize import Range


def test_int8_holds_both_ends_and_zero() -> None:
    quant = steps.of_range(Range(-1.0, 1.55), steps.INT8)
    assert quant.scales[0] == pytest.approx(0.01)
    assert quant.zero_points[0] == -28  # −128 + 1/0.01
    assert steps.stored(np.array([-1.0, 0.0, 1.55]), quant, steps.INT8).tolist() == [-128, -28, 127]


@pytest.mark.parametrize("seen", [Range(2.0, 5.0), Range(0.0, 5.0)])
def test_zero_is_always_inside(seen: Range) -> None:
    quant = steps.of_range(seen, steps.INT8)
    assert quant.zero_points[0] == -128
    assert quant.scales[0] == pytest.approx(5 / 255)


def test_int16_is_symmetric() -> None:
    quant = steps.of_range(Range(-1.0, 4.0), steps.INT16)
    assert quant.zero_points.tolist() == [0]
    assert quant.scales[0] == pytest.approx(4 / 32767)


def test_weights_have_a_scale_an_output() -> None:
    w = constant("w", np.array([[1.27, -0.5], [0.0, -2.54]], np.float32))
    found = steps.weights(w, 0)
    assert found.quant is not None and found.data is not None
    assert found.quant.scales.tolist() == pytest.approx([0.01, 0.02])
    assert found.data.tolist() == [[127, -50], [0, -127]]


def test_what_is_beyond_saturates() -> None:
    quant = steps.of_range(Range(0.0, 2.55), steps.INT8)
    assert steps.stored(np.array([-9.0, 9.0]), quant, steps.INT8).tolist() == [-128, 127]


def test_a_channel_without_weights_keeps_its_bias() -> None:
    """Its own scale would be 0; the bias, counted in input scale · weight scale, has to fit."""
    x, y = steps.one(0.02, 0), steps.one(0.02, 0)
    b = np.array([11.9, 0.5], np.float32)
    w = constant("w", np.array([[0.0], [1.0]], np.float32))
    weights = steps.weights(w, 0, steps.least_scales(x, y, b))
    assert weights.quant is not None
    bias = steps.bias(constant("b", b), x, weights.quant, wide=False)
    assert bias.data is not None
    real = bias.data * weights.quant.scales.astype(float) * 0.02
    assert real.tolist() == pytest.approx([11.9, 0.5], abs=0.001)

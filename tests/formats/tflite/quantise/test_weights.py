"""Weights stored in fewer bits: what the file holds, and that LiteRT computes with just that."""

from __future__ import annotations

import numpy as np
import pytest

from tests.formats.tflite.lower.engines import drawn, graph, inputs_of, run_lite, run_ort
from tests.formats.tflite.quantise.files import made, operand, ops_of

TEXT = "(float[1,8,9,7] x) => (float[1,15,7,5] y) { y = Conv (x, w, b) }"
W, B = drawn("w", (15, 8, 3, 3)), drawn("b", (15,))


def _rounded(kind: str) -> np.ndarray:
    if kind == "float16":
        return W.astype(np.float16).astype(np.float32)
    scale = np.abs(W).max(axis=(1, 2, 3), keepdims=True) / 127
    return (np.round(W / scale) * scale).astype(np.float32)


@pytest.mark.parametrize("xnnpack", [True, False])
@pytest.mark.parametrize("kind", ["float16", "int8-weights"])
def test_the_network_with_rounded_weights_is_computed(kind: str, xnnpack: bool) -> None:
    model = graph(TEXT, w=W, b=B)
    inputs = inputs_of(model)
    want = run_ort(graph(TEXT, w=_rounded(kind), b=B), inputs)["y"]
    data = made(model, kind).data
    have = run_lite(data, inputs, xnnpack)["y"]
    assert np.abs(have - want).max() < 2e-4 * np.abs(want).max()
    assert ops_of(data) == {"DEQUANTIZE": 1, "CONV_2D": 1}


@pytest.mark.parametrize(("kind", "dtype"), [("float16", np.float16), ("int8-weights", np.int8)])
def test_the_file_holds_them_small(kind: str, dtype: type) -> None:
    data = made(graph(TEXT, w=W, b=B), kind).data
    found = operand(data, "CONV_2D", 1)[1]
    assert found.dtype == dtype and found.shape == (15, 3, 3, 8)


@pytest.mark.parametrize("xnnpack", [True, False])
def test_dynamic_rounds_the_input_too(xnnpack: bool) -> None:
    model = graph(TEXT, w=W, b=B)
    inputs = inputs_of(model)
    want = run_ort(model, inputs)["y"]
    data = made(model, "int8-dynamic").data
    have = run_lite(data, inputs, xnnpack)["y"]
    assert ops_of(data) == {"CONV_2D": 1}
    assert operand(data, "CONV_2D", 1)[1].dtype == np.int8
    assert 0 < np.abs(have - want).max() < 0.02 * np.abs(want).max()


def test_what_float16_cannot_hold_stays() -> None:
    w = W.copy()
    w[0, 0, 0, 0] = 1e6
    assert ops_of(made(graph(TEXT, w=w, b=B), "float16").data) == {"CONV_2D": 1}


@pytest.mark.parametrize(("stored", "dtype"), [("float16", np.float16), ("float32", np.float32)])
def test_keep_float_keeps_weights(stored: str, dtype: type) -> None:
    model = graph(TEXT, w=W, b=B)
    name = next(n.name or "" for n in model.graph)
    data = made(model, "int8-weights", keep_float=(name,), float_weights=stored).data
    assert operand(data, "CONV_2D", 1)[1].dtype == dtype


def test_few_weights_that_float16_cannot_hold_are_int8() -> None:
    text = "(float[1,8,9,7] x) => (float[1,8,7,5] y) { y = Conv <group = 8> (x, w) }"
    w = drawn("depthwise", (8, 1, 3, 3))
    w[0, 0, 0, 0] = 1e6
    data = made(graph(text, w=w), "int8-weights").data
    assert operand(data, "DEPTHWISE_CONV_2D", 1)[1].dtype == np.int8


@pytest.mark.parametrize("xnnpack", [True, False])
def test_few_weights_an_output_are_halves(xnnpack: bool) -> None:
    """A depthwise window has 9: rounded to int8 they would move the result most, to save least."""
    text = "(float[1,8,9,7] x) => (float[1,8,7,5] y) { y = Conv <group = 8> (x, w) }"
    w = drawn("depthwise", (8, 1, 3, 3))
    inputs = inputs_of(graph(text, w=w))
    data = made(graph(text, w=w), "int8-weights").data
    assert operand(data, "DEPTHWISE_CONV_2D", 1)[1].dtype == np.float16
    rounded = w.astype(np.float16).astype(np.float32)
    want = run_ort(graph(text, w=rounded), inputs)["y"]
    have = run_lite(data, inputs, xnnpack)["y"]
    assert np.abs(have - want).max() < 2e-4 * np.abs(want).max()


def test_a_layer_of_few_weights_is_halves() -> None:
    """31 · 33 are 1023, one fewer than are worth it; no output has as few as 32."""
    for outputs, dtype in ((31, np.float16), (32, np.int8)):
        text = f"(float[1,33,4,4] x) => (float[1,{outputs},4,4] y) {{ y = Conv (x, w) }}"
        data = made(graph(text, w=drawn("w", (outputs, 33, 1, 1))), "int8-weights").data
        assert operand(data, "CONV_2D", 1)[1].dtype == dtype

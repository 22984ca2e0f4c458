"""Whole numbers in LiteRT, with XNNPACK and without, against float arithmetic and by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from mobilecat.errors import MobileCatError, UnsupportedError
from tests.formats.tflite.lower.engines import drawn, graph, inputs_of, run_lite, run_ort
from tests.formats.tflite.quantise.files import made, operand, ops_of, tensor

CONV = """(float[1,8,9,7] x) => (float[1,6,9,7] y) {{
  c = Conv <pads = [1, 1, 1, 1]{group}> (x, w, b)
  y = Relu (c)
}}"""


def _conv(group: int = 1) -> ir.Model:
    shape = (6, 8 // group, 3, 3) if group == 1 else (8, 1, 3, 3)
    text = CONV.format(group="" if group == 1 else f", group = {group}")
    if group > 1:
        text = text.replace("[1,6,9,7]", "[1,8,9,7]")
    return graph(text, w=drawn("w", shape), b=drawn("b", (shape[0],)))


def _ranges(model: ir.Model, inputs: dict[str, Any]) -> dict[str, Any]:
    """Return what onnxruntime sees of every value on these inputs."""
    seen = {k: (float(v.min()), float(v.max())) for k, v in inputs.items()}
    every = [v for node in model.graph for v in node.outputs]
    outputs = list(model.graph.outputs)
    whole = model.clone()
    names = {v.name for v in outputs}
    for node in whole.graph:
        for v in node.outputs:
            if v.name not in names and v.dtype == ir.DataType.FLOAT:
                whole.graph.outputs.append(v)
    assert every
    found = run_ort(whole, inputs)
    return seen | {k: (float(v.min()), float(v.max())) for k, v in found.items()}


@pytest.mark.parametrize("xnnpack", [True, False])
@pytest.mark.parametrize(("precision", "steps"), [("int8", 255), ("int16x8", 65535)])
@pytest.mark.parametrize("group", [1, 8])
def test_a_convolution_is_off_by_its_roundings(
    xnnpack: bool, precision: str, steps: int, group: int
) -> None:
    """Each weight by half of 1/127 of its channel's largest, the result by a step."""
    model = _conv(group)
    inputs = inputs_of(model)
    want = run_ort(model, inputs)["y"]
    ranges = _ranges(model, inputs)
    data = made(model, precision, ranges).data
    have = run_lite(data, inputs, xnnpack)["y"]
    weights = np.abs(drawn("w", (6, 8, 3, 3) if group == 1 else (8, 1, 3, 3)))
    taps = weights[0].size
    x = float(np.abs(inputs["x"]).max())
    rounded = taps * (float(weights.max()) / 254 * x) * 0.25 + 2 * (want.max() + 2 * x) / steps
    assert np.abs(have - want).max() < rounded
    assert np.abs(have - want).mean() < rounded / 6
    counts = ops_of(data)
    assert (counts["QUANTIZE"], counts["DEQUANTIZE"]) == (1, 1)


def test_weights_and_bias_by_hand() -> None:
    """y = 1.27·x0 − 0.5·x1 + 0.3, x in ±1.27: scales 0.01 and 1.27/127·… by the specification."""
    w = np.array([1.27, -0.5], np.float32).reshape(1, 2, 1, 1)
    model = graph(
        "(float[1,2,1,1] x) => (float[1,1,1,1] y) { y = Conv (x, w, b) }",
        w=w, b=np.array([0.3], np.float32),
    )  # fmt: skip
    data = made(model, "int8", {"x": (-1.28, 1.27), "y": (-2.56, 2.54)}).data
    assert operand(data, "CONV_2D", 1)[1].reshape(-1).tolist() == [127, -50]
    # 0.3 / (0.01 · 0.01)
    assert operand(data, "CONV_2D", 2)[1].tolist() == [3000]
    assert operand(data, "CONV_2D", 2)[0].quantization.scale.tolist() == pytest.approx(
        [0.0001], rel=1e-3
    )
    x = np.array([1.0, -1.0], np.float32).reshape(1, 2, 1, 1)
    assert run_lite(data, {"x": x})["y"].item() == pytest.approx(2.07, abs=0.011)


def test_values_put_together_keep_their_own_scale_where_others_read_them() -> None:
    text = """(float[1,4,4,4] x) => (float[1,4,4,4] y) {
      a = Conv (x, w)
      b = Conv (a, w)
      c = Concat <axis = 1> (a, b)
      y = Conv (c, v)
    }"""
    model = graph(text, w=3 * drawn("w", (4, 4, 1, 1)), v=drawn("v", (4, 8, 1, 1)))
    inputs = inputs_of(model)
    data = made(model, "int8", _ranges(model, inputs)).data
    assert ops_of(data)["QUANTIZE"] == 2  # of x, and of a on its way into c
    have, want = run_lite(data, inputs)["y"], run_ort(model, inputs)["y"]
    assert np.abs(have - want).max() < 0.05 * np.abs(want).max()


def test_what_follows_the_last_weights_stays_float() -> None:
    text = """(float[1,4,4,4] x) => (float[1,4,16] y) {
      a = Conv (x, w)
      s = Sigmoid (a)
      shape = Constant <value = int64[3] {1, 4, 16}> ()
      y = Reshape (s, shape)
    }"""
    model = graph(text, w=drawn("w", (4, 4, 1, 1)))
    data = made(model, "int8", {"x": (-3, 3), "a": (-9, 9)}).data
    assert tensor(data, "s").type == 0  # float32


def test_keep_float_names_nodes() -> None:
    text = "(float[1,4,4,4] x) => (float[1,4,4,4] y) { a = Conv (x, w)  y = Conv (a, w) }"
    model = graph(text, w=drawn("w", (4, 4, 1, 1)))
    names = [n.name or "" for n in model.graph if n.op_type == "Conv"]
    ranges = {"x": (-3, 3), "a": (-9, 9), "y": (-30, 30)}
    kept = made(model, "int8", ranges, keep_float=(names[1],)).data
    assert ops_of(kept) == {"QUANTIZE": 1, "CONV_2D": 2, "DEQUANTIZE": 2}  # of weights, too
    with pytest.raises(MobileCatError, match="'nowhere' fits no node"):
        made(model, "int8", ranges, keep_float=("nowhere",))


def test_a_value_without_a_range_stays_float() -> None:
    text = "(float[1,4,4,4] x) => (float[1,4,4,4] y) { a = Conv (x, w)  y = Conv (a, w) }"
    model = graph(text, w=drawn("w", (4, 4, 1, 1)))
    file = made(model, "int8", {"x": (-3, 3), "a": (-9, 9)})
    assert ops_of(file.data) == {"QUANTIZE": 1, "CONV_2D": 2, "DEQUANTIZE": 2}
    assert "stay float inside the network: CONV_2D" in file.lints[0]


def test_full_integer_says_what_stands_in_the_way() -> None:
    text = (
        "(float[1,4,4,4] x) => (float[1,4,4,4] y) { a = Conv (x, w) e = Erf (a) y = Conv (e, w) }"
    )
    model = graph(text, w=drawn("w", (4, 4, 1, 1)))
    ranges = {"x": (-3, 3), "a": (-9, 9), "e": (-1, 1), "y": (-30, 30)}
    with pytest.raises(UnsupportedError, match="no integer kernel"):
        made(model, "int8", ranges, whole=True, outputs=("y",))


# The picture.

PICTURE = """(uint8[1,6,6,3] image) => (float[1,2,6,6] y) {{
  f = Cast <to = 1> (image)
  t = Transpose <perm = [0, 3, 1, 2]> (f)
  m = Mul (t, scale)
  a = Add (m, offset)
  y = Conv <pads = [{pad}, {pad}, {pad}, {pad}]> (a, w, b)
}}"""


def _picture(scale: float, offset: float, pad: int = 1) -> ir.Model:
    side = 3 if pad else 1
    return graph(
        PICTURE.format(pad=pad),
        scale=np.float32(scale), offset=np.float32(offset),
        w=drawn("w", (2, 3, side, side)), b=drawn("b", (2,)),
    )  # fmt: skip


def _photo() -> np.ndarray[Any, Any]:
    return np.random.default_rng(2).integers(0, 256, (1, 6, 6, 3), np.uint8)


@pytest.mark.parametrize("kind", ["uint8", "int8"])
@pytest.mark.parametrize(
    ("scale", "offset"), [(1.0, 0.0), (1 / 255, 0.0), (1 / 127.5, -1.0), (0.02, -2.0)]
)
def test_preprocessing_vanishes_in_the_scale_of_the_picture(
    kind: str, scale: float, offset: float
) -> None:
    model = _picture(scale, offset)
    photo = _photo()
    want = run_ort(model, {"image": photo})["y"]
    ranges = {"y": (float(want.min()), float(want.max()))}
    data = made(model, "int8", ranges, input=kind).data
    counts = ops_of(data)
    assert counts == {"QUANTIZE": 1, "CONV_2D": 1, "DEQUANTIZE": 1} if kind == "uint8" else {
        "CONV_2D": 1, "DEQUANTIZE": 1,
    }  # fmt: skip
    given = photo if kind == "uint8" else (photo.astype(np.int16) - 128).astype(np.int8)
    have = run_lite(data, {"image": given})["y"]
    assert np.abs(have - want).max() < 0.02 * np.abs(want).max()


def test_half_a_level_goes_into_the_bias() -> None:
    """1/127.5 and −1 have their zero at 127.5: by hand, pixels of 127 are −1/255, not 0."""
    model = _picture(1 / 127.5, -1.0, pad=0)
    data = made(model, "int8", {"y": (-0.5, 0.5)}, input="int8").data
    w = drawn("w", (2, 3, 1, 1))
    flat = np.full((1, 6, 6, 3), 127 - 128, np.int8)
    want = drawn("b", (2,)) - w.sum(axis=(1, 2, 3)) / 255
    have = run_lite(data, {"image": flat})["y"][0, :, 0, 0]
    assert have == pytest.approx(np.clip(want, -0.5, 0.5), abs=0.005)


def test_a_mean_a_channel_is_an_operator_of_its_own() -> None:
    model = graph(
        PICTURE.format(pad=1),
        scale=np.float32(1 / 50), offset=drawn("o", (1, 3, 1, 1)),
        w=drawn("w", (2, 3, 3, 3)), b=drawn("b", (2,)),
    )  # fmt: skip
    photo = _photo()
    want = run_ort(model, {"image": photo})["y"]
    ranges = {"a": (-3.0, 8.0), "y": (float(want.min()), float(want.max()))}
    data = made(model, "int8", ranges).data
    assert tensor(data, "image").type == 3  # uint8
    have = run_lite(data, {"image": photo})["y"]
    assert np.abs(have - want).max() < 0.05 * np.abs(want).max()


def test_an_int8_picture_needs_a_pixel_for_zero() -> None:
    with pytest.raises(MobileCatError, match="a pixel that stands for 0"):
        made(_picture(1 / 50, 1.0), "int8", {"y": (-9, 9)}, input="int8")


def test_a_picture_that_floats_alone_read_is_made_float_at_once() -> None:
    """1/127.5 and −1 have their zero at 127.5, half a level off, which the bias takes."""
    model = _picture(1 / 127.5, -1.0, pad=0)
    photo = _photo()
    name = next(n.name or "" for n in model.graph if n.op_type == "Conv")
    data = made(model, "int8", {"y": (-9, 9)}, keep_float=(name,), float_weights="float32").data
    assert ops_of(data) == {"DEQUANTIZE": 1, "CONV_2D": 1}
    have, want = run_lite(data, {"image": photo})["y"], run_ort(model, {"image": photo})["y"]
    assert np.abs(have - want).max() < 1e-5 * np.abs(want).max()


@pytest.mark.parametrize(("reach", "whole"), [(0.032, True), (0.031, False)])
def test_a_convolution_that_litert_would_not_load_stays_float(reach: float, whole: bool) -> None:
    """Scales by hand: 2/255 of x, 1 of weights of 127, reach/4/255 of y: 8/reach, 250 and 258."""
    model = graph(
        "(float[1,2,4,4] x) => (float[1,2,4,4] y) { y = Conv (x, w) }",
        w=np.array([[127, -127], [-127, 127]], np.float32).reshape(2, 2, 1, 1),
    )
    ranges = {"x": (-1, 1), "y": (-reach / 8, reach / 8)}
    file = made(model, "int8", ranges, float_weights="float32")
    assert ops_of(file.data)["QUANTIZE"] == whole
    assert any("258 steps of what comes out" in said for said in file.lints) != whole
    inputs = {"x": np.full((1, 2, 4, 4), 0.5, np.float32)}
    assert run_lite(file.data, inputs)["y"] == pytest.approx(0.0, abs=1e-3)


# What stays float beside it.


@pytest.mark.parametrize(
    ("stored", "dtype"), [("float16", np.float16), ("int8", np.int8), ("float32", np.float32)]
)
def test_weights_of_what_stays_float_are_stored_as_asked(stored: str, dtype: type) -> None:
    text = "(float[1,8,9,7] x) => (float[1,16,7,5] y) { y = Conv (x, w) }"
    model = graph(text, w=drawn("w", (16, 8, 3, 3)))
    name = next(n.name or "" for n in model.graph if n.op_type == "Conv")
    data = made(model, "int8", {}, keep_float=(name,), float_weights=stored).data
    values = operand(data, "CONV_2D", 1)[1]
    assert values.dtype == dtype and ops_of(data)["QUANTIZE"] == 0
    inputs = inputs_of(model)
    have, want = run_lite(data, inputs)["y"], run_ort(model, inputs)["y"]
    limit = {"float16": 2e-3, "int8": 0.02, "float32": 1e-5}[stored]
    assert np.abs(have - want).max() < limit * np.abs(want).max()


@pytest.mark.parametrize("xnnpack", [True, False])
def test_one_scale_for_all_outputs_where_asked(xnnpack: bool) -> None:
    """Weights of 1.27 and 0.1: 127 and 10 of one scale, 127 and 127 of two; bias 0.3 / 0.0001."""
    w = np.array([1.27, 0.1], np.float32).reshape(2, 1, 1, 1)
    model = graph(
        "(float[1,1,1,1] x) => (float[1,2,1,1] y) { y = Conv (x, w, b) }",
        w=w, b=np.array([0.3, 0.3], np.float32),
    )  # fmt: skip
    ranges = {"x": (-1.28, 1.27), "y": (-2.56, 2.54)}
    each = made(model, "int8", ranges).data
    assert operand(each, "CONV_2D", 1)[1].reshape(-1).tolist() == [127, 127]
    name = next(n.name or "" for n in model.graph)
    data = made(model, "int8", ranges, one_scale=(name,)).data
    assert operand(data, "CONV_2D", 1)[1].reshape(-1).tolist() == [127, 10]
    tensor_, bias = operand(data, "CONV_2D", 2)
    assert bias.tolist() == [3000, 3000] and len(tensor_.quantization.scale) == 1
    x = np.ones((1, 1, 1, 1), np.float32)
    have = run_lite(data, {"x": x}, xnnpack)["y"].reshape(-1)
    assert have == pytest.approx([1.57, 0.4], abs=0.011)
    with pytest.raises(MobileCatError, match="one_scale names nodes that are not there"):
        made(model, "int8", ranges, one_scale=("nowhere",))

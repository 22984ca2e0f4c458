"""What TFLite has no form for is refused before anything is made, all of it at once."""

from __future__ import annotations

import numpy as np
import pytest

from mobilecat.errors import UnsupportedError
from mobilecat.formats.tflite import tflite_from_graph
from tests.formats.tflite.lower.engines import graph


def test_every_gap_is_listed() -> None:
    model = graph(
        """(float[1,3,4,5] x) => (float[1,3,4,5] y, double[1,3,4,5] z)
        { b, i = MaxPool<kernel_shape=[1,1]>(x)  c = Cast<to=11>(b)  z = Sqrt(c)
          d = Cast<to=1>(i)  e = Bernoulli(d)  y = Mul(b, e) }"""
    )
    with pytest.raises(UnsupportedError) as found:
        tflite_from_graph(model)
    text = str(found.value)
    assert text.startswith("TFLite has no form for 3 nodes")
    told = {(p.where.split()[0], p.what) for p in found.value.problems}
    assert told == {
        ("MaxPool", "the Indices output"),
        ("Sqrt", "float64 has no TFLite kernel for it"),
        ("Bernoulli", "op not supported for TFLite"),
    }


@pytest.mark.parametrize(
    ("text", "constants", "reason"),
    [
        (
            "(float[1,2,3,4,5] x) => (float[1,2,3,4,5] y) { y = Conv(x, w) }",
            {"w": np.ones((2, 2, 1, 1, 1), np.float32)},
            "3 spatial dimensions, 1 or 2 have a form",
        ),
        (
            "(float[1,2,4,5] x, float[3,2,1,1] w) => (float[1,3,4,5] y) { y = Conv(x, w) }",
            {},
            "input 1 ('w') is computed, TFLite needs a constant",
        ),
        (
            "(float[1,2,1,2,1,2,3] x) => (float[1,2,1,2,1,2,3] y) { y = Relu(x) }",
            {},
            "7 dimensions, TFLite goes to 6",
        ),
        ("(float[0,3] x) => (float[0,3] y) { y = Relu(x) }", {}, "'x' is empty: shape (0, 3)"),
        (
            "(bfloat16[2,3] x) => (bfloat16[2,3] y) { y = Relu(x) }",
            {},
            "bfloat16 values have no TFLite form",
        ),
        (
            "(uint64[2,3] x) => (uint64[2,3] y) { y = Add(x, x) }",
            {},
            "uint64 has no TFLite kernel for it",
        ),
        (
            "(float[3,3] x) => (float[3] y) { y = Einsum<equation=\"ii->i\">(x) }",
            {},
            "an index twice in one operand (a diagonal)",
        ),
        (
            "(int64[2,3] x) => (int64[3] y) { y = ArgMax<axis=0, keepdims=0>(x) }",
            {},
            "int64 has no TFLite kernel for it",
        ),
        (
            "(float[3,5] x, float[3,2] u) => (float[3,5] y)"
            ' { y = ScatterElements<axis=1, reduction="mul">(x, i, u) }',
            {"i": np.zeros((3, 2), np.int64)},
            "reduction 'mul', 'none' and 'add' have a form",
        ),
        (
            "(float[1,1,3,5] x) => (float[1,1,4,6] y) { y = Resize<mode=\"linear\","
            ' coordinate_transformation_mode="align_corners">(x, , s) }',
            {"s": np.float32([1, 1, 1.5, 1.3])},
            "align_corners to a length that is not whole: ONNX and onnxruntime disagree",
        ),
    ],
)  # fmt: skip
def test_reason(text: str, constants: dict[str, np.ndarray], reason: str) -> None:
    model = graph(text, **constants)
    with pytest.raises(UnsupportedError) as found:
        tflite_from_graph(model)
    assert [p.what for p in found.value.problems] == [reason]

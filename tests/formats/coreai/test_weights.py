"""int8 weights: by hand, in Apple's interpreter, and what is left as it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from mobilecat.formats.coreai import write_coreai
from mobilecat.formats.coreai.weights import SMALLEST, packed_weights
from tests.formats.coreai.apple import Apple
from tests.formats.tflite.lower.engines import assert_agrees, drawn, graph, run_ort

CASES = {
    "Conv": ("(float[1,16,9,8] x) => (float[1,12,7,6] y) { y = Conv<kernel_shape=[3,3]>(x, w) }",
             (12, 16, 3, 3), 0),
    "ConvTranspose": ("(float[1,16,4,5] x) => (float[1,12,6,7] y) { y = ConvTranspose(x, w) }",
                      (16, 12, 3, 3), 1),
    "MatMul": ("(float[2,40] x) => (float[2,30] y) { y = MatMul(x, w) }", (40, 30), 1),
    "Gemm": ("(float[2,40] x) => (float[2,30] y) { y = Gemm<transB=1, alpha=0.5>(x, w) }",
             (30, 40), 0),
}  # fmt: skip


@pytest.mark.parametrize("op", CASES)
def test_one_scale_a_channel(apple: Apple, op: str, tmp_path: Path) -> None:
    """A channel a thousand times weaker than the others keeps its precision."""
    text, shape, axis = CASES[op]
    w = drawn(op, shape)
    weak = [slice(None)] * len(shape)
    weak[axis] = slice(0, 1)
    w[tuple(weak)] /= 1000
    model = graph(text, w=w)
    x = drawn("x", tuple(model.graph.inputs[0].shape.numpy()))  # type: ignore[union-attr]
    coarse, packed = packed_weights(model)
    (found,) = packed.values()
    assert found.q.dtype == np.int8 and found.scale.size == shape[axis]
    step = found.scale / 2
    assert (np.abs(found.dequantised - w) <= step * 1.0001).all()
    np.testing.assert_array_equal(model.graph.initializers["w"].const_value.numpy(), w)  # type: ignore[union-attr]

    path, whole = tmp_path / "packed.aimodel", tmp_path / "whole.aimodel"
    write_coreai(coarse, path, packed=packed)
    write_coreai(model, whole)
    sizes = [(p / "main.mlirb").stat().st_size for p in (path, whole)]
    assert sizes[0] < sizes[1] - 2 * w.size
    assert_agrees(apple.run(path, {"x": x}), run_ort(coarse, {"x": x}), 1e-5)


def test_by_hand() -> None:
    """Channel 0 is zeros; channel 1 has ±127 steps of 2; ties round to even."""
    w = np.zeros((2, SMALLEST), np.float32)
    w[1, :4] = [254, -254, 3, 1]
    model = graph(f"(float[1,{SMALLEST}] x) => (float[1,2] y) {{ y = Gemm<transB=1>(x, w) }}", w=w)
    coarse, packed = packed_weights(model)
    assert packed["w"].scale.tolist() == [[1], [2]]
    assert packed["w"].q[1, :5].tolist() == [127, -127, 2, 0, 0]
    assert not packed["w"].q[0].any()
    assert coarse.graph.initializers["w"].const_value.numpy()[1, 2] == 4  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "text",
    [
        # small; read by another op too; grouped; with an infinity
        "(float[1,4,5,5] x) => (float[1,4,5,5] y) { y = Conv<kernel_shape=[1,1]>(x, small) }",
        "(float[2,40] x, float[40,40] t) => (float[2,40] y, float[40,40] z) "
        "{ y = MatMul(x, w) z = MatMul(w, t) }",
        "(float[1,40,4,4] x) => (float[1,80,4,4] y) { y = ConvTranspose<group=2>(x, grouped) }",
        "(float[2,40] x) => (float[2,40] y) { y = MatMul(x, infinite) }",
    ],
)
def test_left_as_it_is(text: str) -> None:
    infinite = drawn("i", (40, 40))
    infinite[0, 0] = np.inf
    constants = {
        "small": drawn("s", (4, 4, 1, 1)),
        "w": drawn("w", (40, 40)),
        "grouped": drawn("g", (40, 40, 1, 1)),
        "infinite": infinite,
    }
    model: ir.Model = graph(text, **{k: v for k, v in constants.items() if f" {k}" in text})
    assert packed_weights(model)[1] == {}

"""GridSample taken apart: every mode, padding and corner against onnxruntime's own kernel."""

from __future__ import annotations

from itertools import product

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper

from mobilecat.formats.onnx.ort import OrtModel
from mobilecat.graph.passes import freeze
from mobilecat.graph.passes.sampling import without_grid_sample

CASES = list(product(("linear", "nearest", "cubic"), ("zeros", "border", "reflection"), (0, 1)))


def made(mode: str, padding: str, aligned: int, x: list[int], grid: list[int]) -> onnx.ModelProto:
    node = helper.make_node(
        "GridSample", ["x", "grid"], ["y"], "sample", mode=mode, padding_mode=padding,
        align_corners=aligned,
    )  # fmt: skip
    inputs = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, s)
        for n, s in (("x", x), ("grid", grid))
    ]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "g", inputs, [output])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def both(proto: onnx.ModelProto, feeds: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    apart = without_grid_sample(freeze(ir.from_proto(proto), "case"), lambda _: False)
    assert "GridSample" not in {n.op_type for n in apart.graph}
    want = OrtModel(proto).run(feeds)["y"]
    got = OrtModel(ir.to_proto(apart)).run(feeds)["y"]
    return np.asarray(want), np.asarray(got)


@pytest.mark.parametrize(("mode", "padding", "aligned"), CASES)
def test_two_axes(mode: str, padding: str, aligned: int) -> None:
    """Three pictures of 5×7 and places up to two pictures away, many of them on a pixel's edge."""
    rng = np.random.default_rng(5)
    x = rng.normal(0, 1, (3, 2, 5, 7)).astype(np.float32)
    grid = rng.uniform(-4, 4, (3, 40, 6, 2)).astype(np.float32)
    grid[:, ::3] = np.clip(grid[:, ::3], -1, 1)
    # Pixels' centres and edges would be told apart by rounding alone: a little beside them.
    grid[:, 1::3] = rng.integers(-9, 10, (3, 13, 6, 2)) / 4 + 0.01
    want, got = both(made(mode, padding, aligned, [3, 2, 5, 7], [3, 40, 6, 2]),
                     {"x": x, "grid": grid})  # fmt: skip
    np.testing.assert_allclose(got, want, atol=2e-5)


@pytest.mark.parametrize(("mode", "padding", "aligned"), [c for c in CASES if c[0] != "cubic"])
def test_three_axes(mode: str, padding: str, aligned: int) -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(0, 1, (2, 3, 4, 5, 6)).astype(np.float32)
    grid = rng.uniform(-2, 2, (2, 3, 4, 7, 3)).astype(np.float32)
    proto = made(mode, padding, aligned, [2, 3, 4, 5, 6], [2, 3, 4, 7, 3])
    want, got = both(proto, {"x": x, "grid": grid})
    np.testing.assert_allclose(got, want, atol=2e-5)


@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("aligned", [0, 1])
def test_by_hand(padding: str, aligned: int) -> None:
    """A row of 10, 20, 30, 40. Aligned, −1..1 are the outer pixels' centres, else their edges."""
    x = np.array([10, 20, 30, 40], np.float32).reshape(1, 1, 1, 4)
    at = [-1.0, 0.0, 1.0, 1.5]
    grid = np.array([[a, 0.0] for a in at], np.float32).reshape(1, 1, 4, 2)
    # aligned, places 0, 1.5, 3, 3.75; else −0.5, 1.5, 3.5, 4.5
    wanted = {
        ("zeros", 1): [10, 25, 40, 10],
        ("border", 1): [10, 25, 40, 40],
        ("reflection", 1): [10, 25, 40, 32.5],  # 3.75 is 0.75 behind the last: 2.25
        ("zeros", 0): [5, 25, 20, 0],
        ("border", 0): [10, 25, 40, 40],
        ("reflection", 0): [10, 25, 40, 35],  # 4.5 is 1 behind the edge: 2.5
    }[padding, aligned]
    _, got = both(made("linear", padding, aligned, [1, 1, 1, 4], [1, 1, 4, 2]),
                  {"x": x, "grid": grid})  # fmt: skip
    np.testing.assert_allclose(got.ravel(), wanted, atol=1e-5)

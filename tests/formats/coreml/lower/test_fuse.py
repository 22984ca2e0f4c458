"""Pairs that become one op, and when they must not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.formats.coreml.lower.graphs import graph, save_graph
from tests.formats.coreml.lower.harness import (
    FORMATS,
    assert_same,
    compiled,
    reference,
    run_artifact,
    tensor,
)

CONV_NORM = """g (float[1,2,5,7] x) => (float[1,3,4,5] y) {
  c = Conv (x, w, b)
  y = BatchNormalization (c, scale, shift, mean, variance)
}"""
WEIGHTS = {
    "w": tensor(3, 2, 2, 3, seed=1),
    "b": tensor(3, seed=2),
    "scale": tensor(3, seed=3),
    "shift": tensor(3, seed=4),
    "mean": tensor(3, seed=5),
    "variance": tensor(3, seed=6, low=0.3, high=2.0),
}
SILU = """g (float[2,5] x) => (float[2,5] y) {
  s = Sigmoid (x)
  y = Mul (s, x)
}"""
SILU_TWICE = SILU.replace("y = Mul (s, x)", "z = Mul (s, x) y = Add (z, s)")
GATE = """g (float[2,5] x, float[2,5] other) => (float[2,5] y) {
  s = Sigmoid (other)
  y = Mul (s, x)
}"""

CASES = [  # graph, weights, values to keep, MIL ops
    (CONV_NORM, WEIGHTS, (), {"conv": 1}),
    (CONV_NORM.replace("x, w, b", "x, w"), {k: v for k, v in WEIGHTS.items() if k != "b"}, (),
     {"conv": 1}),
    (CONV_NORM, WEIGHTS, ("c",), {"conv": 1, "batch_norm": 1}),
    (SILU, {}, (), {"silu": 1}),
    (SILU, {}, ("s",), {"sigmoid": 1, "mul": 1}),
    (SILU_TWICE, {}, (), {"sigmoid": 1, "mul": 1, "add": 1}),
    (GATE, {}, (), {"sigmoid": 1, "mul": 1}),
]  # fmt: skip


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(("text", "weights", "taps", "ops"), CASES)
def test_pairs(
    text: str,
    weights: dict[str, np.ndarray],
    taps: tuple[str, ...],
    ops: dict[str, int],
    format: str,
    tmp_path: Path,
) -> None:
    import onnx

    from mobilecat.formats.coreml import runtime

    model = graph(text, tmp_path, **weights)
    artifact = compiled(model, tmp_path, format, taps=taps)
    inputs = {v.name: tensor(*v.shape, seed=7 + k) for k, v in enumerate(model.graph.inputs)}
    want = reference(onnx.load(save_graph(text, tmp_path, **weights)), inputs)
    got = run_artifact(artifact, inputs)
    assert_same(got["y"], want["y"])
    assert set(got) == {"y", *taps}
    if format == "mlpackage":
        found = {k: v for k, v in runtime.load(artifact.path).ops.items() if k != "const"}
        assert found == ops

"""Every lowering: the written bytes in Apple's interpreter, against onnxruntime."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from mobilecat.errors import UnsupportedError
from mobilecat.formats.coreai import LOWERINGS, write_coreai
from tests.formats.coreai.apple import Apple
from tests.formats.coreml.lower import cases_elementwise, cases_shape, cases_window
from tests.formats.coreml.lower.harness import OpCase, frozen, proto_of, reference, runtime_inputs
from tests.formats.tflite.lower.cases import CASES as TEXTS
from tests.formats.tflite.lower.cases.base import OpCase as TextCase
from tests.formats.tflite.lower.engines import assert_agrees, graph, inputs_of, run_ort
from tests.formats.tflite.lower.random_graphs import random_graph

NODES = (*cases_elementwise.CASES, *cases_window.CASES, *cases_shape.CASES)
# What the cases of other targets hold that has no form here, and what is said of it.
REFUSED = (
    "float16 values; Core AI files are written in float32 only",
    "float64 values, which neither Apple's GPUs nor its Neural Engine compute",
)
# In ONNX's node tests: tests/formats/onnx_node.
ELSEWHERE = {"BitwiseAnd", "BitwiseNot", "BitwiseOr", "CumProd", "mobilecat::NMS"}
# `make coreai` runs every case.
STEP = 1 if os.environ.get("MOBILECAT_EVERY_CASE") else 5


def agrees(apple: Apple, model: ir.Model, path: Path, inputs: dict, relative: float = 1e-4) -> None:
    write_coreai(model, path)
    assert_agrees(apple.run(path, inputs), run_ort(model, inputs), relative)


def values_of(model: ir.Model) -> list[ir.Value]:
    return [*model.graph.inputs, *(v for node in model.graph for v in node.outputs)]


def refused(model: ir.Model, path: Path) -> set[str]:
    """Return the reasons for which nothing is written."""
    with pytest.raises(UnsupportedError) as e:
        write_coreai(model, path)
    assert not path.exists()
    return {p.what for p in e.value.problems}


@pytest.mark.parametrize("case", NODES[::STEP], ids=str)
def test_node(apple: Apple, case: OpCase, tmp_path: Path) -> None:
    proto = proto_of(case)
    want = reference(proto, runtime_inputs(case))
    model = frozen(proto, want, tmp_path)
    path = tmp_path / "case.aimodel"
    write_coreai(model, path)
    assert_agrees(apple.run(path, runtime_inputs(case)), want, 1e-5)


@pytest.mark.parametrize("case", TEXTS[::STEP], ids=lambda c: c.name)
def test_graph(apple: Apple, case: TextCase, tmp_path: Path) -> None:
    model = graph(case.text, case.opset, **case.constants)
    inputs = inputs_of(model, case.name)
    if any(v.dtype in (ir.DataType.FLOAT16, ir.DataType.DOUBLE) for v in values_of(model)):
        assert refused(model, tmp_path / "case.aimodel") <= set(REFUSED)
        return
    agrees(apple, model, tmp_path / "case.aimodel", inputs, case.relative)


def test_every_lowering_has_a_case() -> None:
    text = " ".join(c.text for c in TEXTS)
    seen = {c.op for c in NODES} | {op for op in LOWERINGS if re.search(rf"= {op}[<(]", text)}
    assert set(LOWERINGS) - seen <= ELSEWHERE


@pytest.mark.parametrize("seed", range(0, 20, STEP))
def test_random_graph(apple: Apple, seed: int, tmp_path: Path) -> None:
    model = random_graph(seed)
    agrees(apple, model, tmp_path / "case.aimodel", inputs_of(model, str(seed)))


def test_what_the_compiler_would_merge_stays_apart(apple: Apple, tmp_path: Path) -> None:
    """(x + 1e8) − 1e8 rounds to eights, by hand; Apple's compiler makes x of it if one lets it."""
    text = """(float[4] x) => (float[4] y, float[4] z) {
        a = Add(x, big) s = Reshape(a, shape) t = Sub(s, big) y = Identity(t)
        m = Mul(x, huge) z = Mul(m, tiny) }"""
    constants = {
        "big": np.float32(1e8),
        "shape": np.array([4]),
        "huge": np.float32(3e38),
        "tiny": np.float32(1e-38),
    }
    model = graph(text, **constants)
    path = tmp_path / "case.aimodel"
    write_coreai(model, path)
    found = apple.run(path, {"x": np.float32([1, 3, 5, -7.3])})
    np.testing.assert_array_equal(found["y"], [0, 0, 8, -8])
    np.testing.assert_allclose(found["z"], [3, np.inf, np.inf, -np.inf], rtol=1e-6)


def test_whole_numbers_are_not_divided_back(apple: Apple, tmp_path: Path) -> None:
    """x − (x / 3) · 3 is the rest; Apple's compiler makes 0 of it if one lets it."""
    text = """(int32[6] x) => (int32[6] y) { q = Div(x, three) m = Mul(q, three) y = Sub(x, m) }"""
    path = tmp_path / "case.aimodel"
    write_coreai(graph(text, three=np.int32(3)), path)
    found = apple.run(path, {"x": np.int32([0, 1, 2, 4, 7, -5])})
    np.testing.assert_array_equal(found["y"], [0, 1, 2, 1, 1, -2])

"""Conv → Mul → Add into one Conv: equal before and after, and left alone where it must be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest
from onnx import helper, numpy_helper

from mobilecat.formats.onnx.read import import_proto
from mobilecat.graph.passes.affine import fold_affine
from tests.formats.importing.models import model, weights


def run(proto: onnx.ModelProto) -> dict[str, np.ndarray]:
    x = np.random.default_rng(9).normal(size=(1, 2, 3, 5)).astype(np.float32)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(proto.SerializeToString(), options)
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(names, {"x": x}), strict=True))


def node(op: str, reads: str, makes: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(op, reads.split(), [makes], f"{op}_{makes}", **attributes)


W, B = weights("w", 4, 2, 2, 2), weights("b", 4)
S, T = weights("s", 1, 4, 1, 1), weights("t", 4, 1, 1)
SCALAR = numpy_helper.from_array(np.array(1.5, np.float32), "k")
SPATIAL = weights("m", 1, 1, 2, 4)
CONV, CONV_BIAS = node("Conv", "x w", "c"), node("Conv", "x w b", "c")

FOLDED = {
    "scale and shift": [CONV, node("Mul", "c s", "d"), node("Add", "d t", "y")],
    "with a bias": [CONV_BIAS, node("Mul", "c s", "d"), node("Add", "d t", "y")],
    "shift, then scale": [CONV_BIAS, node("Add", "c t", "d"), node("Mul", "d s", "y")],
    "the constant first": [CONV, node("Mul", "s c", "d"), node("Add", "t d", "y")],
    "a scalar": [CONV_BIAS, node("Mul", "c k", "y")],
    "scale alone, no bias": [CONV, node("Mul", "c s", "y")],
    "groups": [node("Conv", "x g", "c", group=2), node("Mul", "c s", "d"), node("Add", "d t", "y")],
    "transposed": [node("ConvTranspose", "x v", "c"), node("Mul", "c s", "y")],
    "inside": [CONV, node("Mul", "c s", "d"), node("Add", "d t", "e"), node("Relu", "e", "y")],
    "weights that two share": [
        CONV,
        node("Mul", "c s", "d"),
        node("Conv", "x w", "e"),
        node("Add", "d e", "y"),
    ],
}
KEPT = {
    "read elsewhere": [CONV, node("Mul", "c s", "d"), node("Add", "d c", "y")],
    "one a column": [CONV, node("Mul", "c m", "y")],
    "a sum of two convolutions": [CONV, node("Conv", "x w b", "d"), node("Add", "c d", "y")],
    "transposed in groups": [
        node("ConvTranspose", "x u", "c", group=2),
        node("Mul", "c s", "y"),
    ],
    "another op before": [node("Relu", "x", "c"), node("Mul", "c k", "y")],
    "weights that are computed": [
        node("Mul", "w xk", "v"),
        node("Conv", "x v", "c"),
        node("Mul", "c s", "y"),
    ],
}


def frozen(nodes: list[onnx.NodeProto], outputs: list[str]) -> ir.Model:
    used = {name for n in nodes for name in n.input}
    more = [weights("g", 4, 1, 2, 2), weights("v", 2, 4, 2, 2), weights("u", 2, 2, 2, 2)]
    constants = [i for i in (W, B, S, T, SCALAR, SPATIAL, *more) if i.name in used]
    made = {name for n in nodes for name in n.output}
    if "xk" in used:
        nodes = [node("ReduceMax", "x", "xk", keepdims=0), *nodes]
    proto = model(nodes, [c for c in constants if c.name not in made], outputs=outputs)
    return import_proto(proto, {}, Path("m.onnx"))


def assert_same(before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> None:
    assert list(before) == list(after)
    for name, want in before.items():
        assert after[name].shape == want.shape
        np.testing.assert_allclose(after[name], want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", FOLDED)
def test_folded_and_equal(case: str) -> None:
    imported = frozen(FOLDED[case], ["y"])
    before, count = run(ir.to_proto(imported)), len(list(imported.graph))
    assert fold_affine(imported)
    proto = ir.to_proto(imported)
    onnx.checker.check_model(proto)
    assert_same(before, run(proto))
    types = [n.op_type for n in imported.graph]
    expected = {"inside": ["Conv", "Relu"], "transposed": ["ConvTranspose"]}
    if case == "weights that two share":
        assert sorted(types) == ["Add", "Conv", "Conv"] and count == 4
    else:
        assert types == expected.get(case, ["Conv"])
    assert not fold_affine(imported)


@pytest.mark.parametrize("case", KEPT)
def test_left_alone(case: str) -> None:
    imported = frozen(KEPT[case], ["y"])
    before = ir.to_proto(imported).SerializeToString()
    assert not fold_affine(imported)
    assert ir.to_proto(imported).SerializeToString() == before


def test_a_convolution_that_is_an_output_stays() -> None:
    imported = frozen([CONV, node("Mul", "c s", "y")], ["y", "c"])
    assert not fold_affine(imported)


def test_unused_weights_go() -> None:
    imported = frozen(FOLDED["with a bias"], ["y"])
    fold_affine(imported)
    assert len(imported.graph.initializers) == 2

"""Names undone and errors measured, by hand."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from mobilecat.bisection.walk import _error, compare_layers
from mobilecat.errors import MobileCatError
from mobilecat.formats.base.inner import Given
from mobilecat.formats.coreml.inner import from_coreml
from mobilecat.formats.coreml.names import legal
from mobilecat.formats.tflite.inner import from_tflite
from mobilecat.graph.builder import infer_shapes

INF = float("inf")


@pytest.mark.parametrize(
    "got,expected,error",
    [
        ([1.0, 2.0], [1.0, 4.0], 0.5),
        ([0.001], [0.0], 0.1),  # of the floor, 0.01
        ([], [], 0.0),
        ([np.nan], [np.nan], 0.0),
        ([np.nan], [1.0], INF),
        ([np.inf], [-np.inf], INF),
        ([1.0], [1.0, 1.0], INF),
    ],
)
def test_error(got: list[float], expected: list[float], error: float) -> None:
    assert _error(np.array(got), np.array(expected)) == pytest.approx(error)


def test_core_ml_names() -> None:
    names = ("a/b:0", "300", "x", "state", "list")  # the last two are MIL's own words
    assert [legal(n) for n in names] == ["a_b_0", "_300", "x", "state_", "list_"]
    value = np.arange(15.0).reshape(3, 5)
    shapes = {"a/b": (1, 3, 5), "c.d": (3, 5), "c_d": (3, 5), "e": (5, 3)}
    found = from_coreml({"net/a_b": value, "c_d": value, "e": value}, shapes)
    assert set(found) == {"a/b"}  # c_d could be either; e has another shape
    assert found["a/b"].array.shape == (1, 3, 5)


def test_tflite_layouts() -> None:
    straight = np.arange(2 * 3 * 5).reshape(1, 2, 3, 5)
    found = from_tflite(
        {"a:nhwc": straight.transpose(0, 2, 3, 1), "b:021": straight[0].transpose(0, 2, 1)},
        {"a": (1, 2, 3, 5), "b": (2, 3, 5)},
    )
    assert np.array_equal(found["a"].array, straight)
    assert np.array_equal(found["b"].array, straight[0])


def chain() -> ir.Model:
    """x → a = x + 1 → b = 2·a → c = b²."""
    text = """<ir_version: 10, opset_import: ["" : 18]>
    g (float[3] x) => (float[3] c) <float one = {1.0}, float two = {2.0}>
    { a = Add(x, one)  b = Mul(a, two)  c = Mul(b, b) }"""
    model = infer_shapes(ir.from_onnx_text(text))
    for i, node in enumerate(model.graph):
        node.name = f"node{i}"
    return model


def test_only_the_faulty_layer_has_an_error_of_its_own() -> None:
    x = np.array([1.0, 2.0, 3.0], np.float32)
    a, b = x + 1, 3 * (x + 1)  # b times 3 instead of 2; c squares what it is given
    given = {n: Given(n, v) for n, v in {"x": x, "a": a, "b": b, "c": b * b}.items()}
    layers, unmatched = compare_layers(chain(), {"x": x}, given)
    assert unmatched == ()
    own = {layer.value: layer.own for layer in layers}
    assert own == {"x": 0, "a": 0, "b": pytest.approx(0.5), "c": 0}
    grown = {layer.value: layer.grown for layer in layers}
    assert grown["c"] == pytest.approx(1.25)  # 9/4 − 1
    assert layers[2].nodes == ("Mul 'node1'",)


def test_a_layer_spans_what_the_artifact_does_not_show() -> None:
    x = np.array([1.0, 2.0, 3.0], np.float32)
    layers, unmatched = compare_layers(chain(), {"x": x}, {"c": Given("c", 4 * (x + 1) ** 2)})
    assert unmatched == ("a", "b")
    assert [layer.nodes for layer in layers] == [("Add 'node0'", "Mul 'node1'", "Mul 'node2'")]
    assert layers[0].own == 0


def test_a_runner_without_inner_values_is_refused(tmp_path: object) -> None:
    from mobilecat.bisection.walk import _lane

    with pytest.raises(MobileCatError, match="no inner values"):
        _lane(None, "source", None)  # type: ignore[arg-type]

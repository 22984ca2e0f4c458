"""Values that come near float16's end are found, though what only moves values is not looked at."""

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper

from mobilecat.bake import Baked
from mobilecat.compile import ranges
from mobilecat.graph.passes import freeze


def _baked(nodes: list[onnx.NodeProto], shape: list[int], **weights: object) -> Baked:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)
    arrays = [numpy_helper.from_array(np.asarray(w, np.float32), n) for n, w in weights.items()]
    graph = helper.make_graph(nodes, "g", [x], [y], arrays)
    opset = [helper.make_opsetid("", 18)]
    model = freeze(ir.from_proto(helper.make_model(graph, opset_imports=opset, ir_version=10)))
    return Baked(model, None, ("y",), (), frozenset(), ())


def _node(op: str, inputs: list[str], output: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(op, inputs, [output], name=output, **attributes)


def test_what_passes_a_large_value_on_is_named_as_well() -> None:
    nodes = [_node("Mul", ["x", "w"], "big"), _node("Relu", ["big"], "on"),
             _node("Transpose", ["on"], "y", perm=[1, 0])]  # fmt: skip
    found = ranges.peaks_of(_baked(nodes, [4, 1], w=[1, 2, 3, 20000]))
    # The second input tried is 1 everywhere.
    assert [p.value for p in found] == [20000, 20000, 20000]


@pytest.mark.parametrize("large", [20000.0, np.inf])
def test_a_large_constant_that_is_only_joined_is_found(large: float) -> None:
    nodes = [_node("Relu", ["x"], "r"), _node("Concat", ["r", "w"], "y", axis=1)]
    found = ranges.peaks_of(_baked(nodes, [1, 5], w=[[large]]))
    assert [p.value for p in found] == [large]


def test_a_large_factor_of_a_sigmoid_is_found() -> None:
    nodes = [_node("Sigmoid", ["x"], "s"), _node("Mul", ["s", "w"], "y")]
    (found,) = ranges.peaks_of(_baked(nodes, [1, 4], w=[4e4] * 4))
    assert found.value == pytest.approx(4e4 / (1 + np.exp(-1)), rel=1e-6)


def test_half_of_the_values_of_a_common_network_are_not_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Conv's SiLU: only the sum itself can be large."""
    looked: list[list[str]] = []
    near = ranges._near

    def counted(model: ir.Model, measured: list, image: str | None) -> list:
        looked.append([n.op_type for n, _ in measured])
        return near(model, measured, image)

    monkeypatch.setattr(ranges, "_near", counted)
    nodes = [_node("Add", ["x", "w"], "a"), _node("Sigmoid", ["a"], "s"),
             _node("Mul", ["a", "s"], "m"), _node("Flatten", ["m"], "y")]  # fmt: skip
    baked = _baked(nodes, [1, 4], w=[1, 2, 3, 4])
    assert ranges.peaks_of(baked) == []
    assert looked == [["Add"]]

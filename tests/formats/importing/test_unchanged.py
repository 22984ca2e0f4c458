"""Upgrades that ONNX's text says change nothing: each op of the list held to onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mobilecat.formats.onnx import old_forms
from mobilecat.formats.onnx.old_forms import converted, to_min_opset
from mobilecat.formats.onnx.trial import Trial, try_against
from mobilecat.formats.onnx.unchanged import AXES_MOVED, SAME_SINCE, unchanged
from mobilecat.graph import MIN_OPSET
from tests.formats.importing.models import model

X = (1, 4, 6, 6)
_TWO = ("Add", "Div", "Max", "Mean", "Min", "Mul", "Sub", "Sum", "Equal", "Greater", "Less", "Pow")
Given = dict[str, np.ndarray[Any, Any]]


def floats(*shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(3).random(shape, np.float32) + np.float32(0.5)


def ints(*values: int) -> np.ndarray[Any, Any]:
    return np.array(values, np.int64)


WAYS: dict[str, list[tuple[Given, dict[str, Any]]]] = {
    # op: its inputs behind x, and its attributes; several where the modes differ
    **{op: [({"b": floats(1, 4, 1, 6)}, {})] for op in _TWO},
    "ArgMax": [({}, {"axis": 1, "keepdims": 0}), ({}, {})],
    "ArgMin": [({}, {"axis": 2}), ({}, {})],
    "Cast": [({}, {"to": TensorProto.INT32}), ({}, {"to": TensorProto.BOOL})],
    "Clip": [({"low": np.float32(0.7), "high": np.float32(1.1)}, {}), ({}, {})],
    "Concat": [({"b": floats(1, 3, 6, 6)}, {"axis": 1})],
    "DepthToSpace": [({}, {"blocksize": 2})],
    "Expand": [({"s": ints(2, 4, 6, 6)}, {})],
    "Flatten": [({}, {"axis": 2}), ({}, {})],
    "Gather": [({"i": ints(1, 3)}, {"axis": 1}), ({"i": ints(-1)}, {"axis": 3})],
    "GatherElements": [({"i": np.full((1, 4, 6, 6), 2, np.int64)}, {"axis": 2})],
    "LRN": [({}, {"size": 3}), ({}, {"size": 3, "alpha": 0.2, "beta": 0.5, "bias": 2.0})],
    "LeakyRelu": [({}, {}), ({}, {"alpha": 0.3})],
    "MatMul": [({"b": floats(6, 5)}, {})],
    "MaxPool": [({}, {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
                ({}, {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1})],
    "PRelu": [({"slope": floats(4, 1, 1)}, {})],
    "Pad": [({"p": ints(0, 0, 1, 2, 0, 0, 2, 1)}, {"mode": mode})
            for mode in ("constant", "reflect", "edge")]
    + [({"p": ints(0, 0, 1, 2, 0, 0, 2, 1), "v": np.float32(3)}, {})],
    "Reshape": [({"s": ints(0, -1, 9)}, {})],
    "Resize": [({"roi": np.zeros(0, np.float32), "s": np.array([1, 1, *s], np.float32)},
                {"mode": mode, "coordinate_transformation_mode": at})
               for s in ((2, 2), (1.5, 0.7))
               for mode, at in (("nearest", "asymmetric"), ("nearest", "half_pixel"),
                                ("nearest", "align_corners"), ("linear", "asymmetric"),
                                ("linear", "half_pixel"), ("linear", "align_corners"),
                                ("linear", "pytorch_half_pixel"))],
    "Slice": [({"a": ints(1), "e": ints(5), "x": ints(2), "s": ints(2)}, {})],
    "SpaceToDepth": [({}, {"blocksize": 2})],
    "Split": [({"parts": ints(4)}, {"axis": 1})],
    "Tile": [({"r": ints(1, 2, 1, 3)}, {})],
    "Transpose": [({}, {"perm": [0, 2, 3, 1]}), ({}, {})],
    "Unsqueeze": [({}, {"axes": [0, 3]})],
    "Where": [],
    "Gemm": [],
}  # fmt: skip
"""Of those without a way here x alone is given, and no attribute."""
GIVES = {
    **dict.fromkeys(("Equal", "Greater", "Less"), TensorProto.BOOL),
    **dict.fromkeys(("ArgMax", "ArgMin", "Shape"), TensorProto.INT64),
}


def cases() -> list[Any]:
    found = []
    for op, since in {**SAME_SINCE, **dict.fromkeys(AXES_MOVED, 9)}.items():
        moved = op in AXES_MOVED
        ways = WAYS.get(op, [({}, {"axes": [1]}), ({}, {})] if moved else [({}, {})])
        opsets = [n for n in range(since, AXES_MOVED.get(op, MIN_OPSET)) if _begins(op, n, since)]
        found += [
            pytest.param(op, opset, given, said, id=f"{op}-{opset}-{i}")
            for opset in opsets
            for i, (given, said) in enumerate(ways)
        ]
    return found


def _begins(op: str, opset: int, since: int) -> bool:
    return opset == since or onnx.defs.get_schema(op, opset, "").since_version == opset


def single(op: str, opset: int, given: Given, said: dict[str, Any]) -> onnx.ModelProto:
    weights = [numpy_helper.from_array(np.asarray(v), k) for k, v in given.items()]
    if op in ("Where", "Gemm"):
        raise AssertionError(f"{op} has a test of its own")
    shape = (1, 1, 6, 6) if op == "Squeeze" else X
    x = helper.make_tensor_value_info("in", TensorProto.FLOAT, shape)
    node = helper.make_node(op, ["in", *given], ["y"], "n", **said)
    y = helper.make_tensor_value_info("y", said.get("to", GIVES.get(op, TensorProto.FLOAT)), None)
    return model([node], weights, opset=opset, inputs=[x], outputs=[y])


@pytest.mark.parametrize(("op", "opset", "given", "said"), cases())
def test_an_op_that_is_listed_means_the_same(
    op: str, opset: int, given: Given, said: dict[str, Any]
) -> None:
    old = single(op, opset, given, said)
    new = converted(old, MIN_OPSET)
    assert unchanged(old, new, opset)
    assert try_against(old, new) == Trial()


@pytest.mark.parametrize("opset", [9, 11, 13, 16])
def test_where_and_gemm(opset: int) -> None:
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, (3, 4)) for n in ("a", "b")]
    weights = [numpy_helper.from_array(floats(4, 4), "w"), numpy_helper.from_array(floats(4), "c")]
    nodes = [
        helper.make_node("Greater", ["a", "b"], ["k"]),
        helper.make_node("Where", ["k", "a", "b"], ["m"]),
        helper.make_node("Gemm", ["m", "w", "c"], ["y"], alpha=0.5, beta=2.0, transB=1),
    ]
    old = model(nodes, weights, opset=opset, inputs=ends)
    new = converted(old, MIN_OPSET)
    assert unchanged(old, new, opset)
    assert try_against(old, new) == Trial()


def grown() -> onnx.ModelProto:
    """Conv, Relu, Add of a constant and a mean, in opset 17."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, X)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], "conv", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"], "relu"),
        helper.make_node("Add", ["r", "b"], ["s"], "add"),
        helper.make_node("ReduceMean", ["s"], ["y"], "mean", axes=[2, 3], keepdims=0),
    ]
    weights = [
        numpy_helper.from_array(floats(4, 4, 3, 3), "w"),
        numpy_helper.from_array(floats(1, 4, 1, 1), "b"),
    ]
    return model(nodes, weights, opset=17, inputs=[x])


def _of(made: onnx.ModelProto, name: str) -> onnx.TensorProto:
    return next(t for t in made.graph.initializer if t.name == name)


def other_attribute(made: onnx.ModelProto) -> None:
    made.graph.node[0].attribute[0].ints[0] = 0


def other_input(made: onnx.ModelProto) -> None:
    made.graph.node[2].input[0] = "c"


def other_op(made: onnx.ModelProto) -> None:
    made.graph.node[1].op_type = "Sigmoid"


def other_weight(made: onnx.ModelProto) -> None:
    _of(made, "b").CopyFrom(numpy_helper.from_array(floats(1, 4, 1, 1) + 1, "b"))


def other_axes(made: onnx.ModelProto) -> None:
    mean = made.graph.node[-1]
    constant = helper.make_tensor("", TensorProto.INT64, [1], [2])
    for node in made.graph.node:
        if node.op_type == "Constant" and node.output[0] == mean.input[1]:
            node.attribute[0].t.CopyFrom(constant)
            return
    constant.name = mean.input[1]
    _of(made, mean.input[1]).CopyFrom(constant)


def a_node_less(made: onnx.ModelProto) -> None:
    made.graph.node[2].input[0] = "c"
    del made.graph.node[1]


def other_output(made: onnx.ModelProto) -> None:
    made.graph.output[0].name = "s"


def test_an_upgrade_as_it_is() -> None:
    old = grown()
    assert unchanged(old, converted(old, MIN_OPSET), 17)


@pytest.mark.parametrize(
    "fault",
    [other_attribute, other_input, other_op, other_weight, other_axes, a_node_less, other_output],
)
def test_a_fault_is_no_upgrade_without_a_change(fault: Any) -> None:
    old = grown()
    made = converted(old, MIN_OPSET)
    fault(made)
    assert not unchanged(old, made, 17)


@pytest.mark.parametrize(
    ("op", "opset", "said"),
    [
        ("Softmax", 11, {"axis": 1}),
        ("Hardmax", 11, {"axis": 1}),
        ("LogSoftmax", 12, {"axis": 1}),
        ("Clip", 9, {"min": 0.0, "max": 1.0}),
        ("Split", 13, {"axis": 1}),
    ],
)
def test_an_op_whose_meaning_changed_is_tried(op: str, opset: int, said: dict[str, Any]) -> None:
    old = model([helper.make_node(op, ["x"], ["y"], "n", **said)], opset=opset)
    assert not unchanged(old, converted(old, MIN_OPSET), opset)


def test_what_is_unchanged_is_not_run_and_what_is_changed_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs: list[str] = []

    def counted(*_: Any) -> Trial:
        runs.append("run")
        return Trial()

    monkeypatch.setattr(old_forms, "try_against", counted)
    to_min_opset(grown(), Path("m.onnx"), {})
    assert not runs
    softmax = helper.make_node("Softmax", ["x"], ["y"], "s", axis=1)
    to_min_opset(model([softmax], opset=11), Path("m.onnx"), {})
    assert runs == ["run"]

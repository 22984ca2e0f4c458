"""The neighbours of what users reported: other axes, modes, ranks, opsets; all four targets."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tests.formats.every_target import EVERY, assert_right_everywhere, network

node = helper.make_node


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng([7, *shape]).normal(0, 1, shape).astype(np.float32)


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


# --- pooling whose last window starts in the padding ----------------------------------------------

POOLS = [
    # op, picture, kernel, strides, pads, more: each makes onnx's inference count a row too many
    ("AveragePool", (7, 7), (2, 2), (2, 2), (1, 1, 1, 1), {}),
    ("AveragePool", (7, 7), (2, 2), (2, 2), (1, 1, 1, 1), {"count_include_pad": 1}),
    ("AveragePool", (5, 8), (2, 2), (4, 3), (1, 1, 1, 1), {"count_include_pad": 1}),
    ("AveragePool", (6, 9), (3, 2), (3, 2), (1, 0, 1, 1), {"count_include_pad": 1}),
    ("MaxPool", (7, 7), (2, 2), (2, 2), (1, 1, 1, 1), {}),
    ("MaxPool", (5, 8), (1, 1), (4, 3), (0, 0, 0, 0), {}),
    ("MaxPool", (6, 9), (2, 2), (3, 2), (0, 0, 1, 1), {"dilations": [2, 2]}),
    ("MaxPool", (9, 6), (3, 3), (2, 2), (1, 1, 1, 1), {}),  # none in the padding: as it was
    ("LpPool", (7, 7), (2, 2), (2, 2), (1, 1, 1, 1), {}),
]


@pytest.mark.parametrize(("op", "size", "kernel", "strides", "pads", "more"), POOLS)
def test_ceil_mode(
    op: str,
    size: tuple[int, int],
    kernel: tuple[int, int],
    strides: tuple[int, int],
    pads: tuple[int, ...],
    more: dict[str, Any],
    tmp_path: Path,
) -> None:
    x = {"x": random(1, 2, *size)}
    shape = {"kernel_shape": kernel, "strides": strides, "pads": pads, "ceil_mode": 1}
    behind = node("Relu", ["p"], ["y"], "behind")
    proto = network([node(op, ["x"], ["p"], "pool", **shape, **more), behind], {}, x)
    formats = EVERY if op != "LpPool" else {"tflite", "onnx"}
    assert_right_everywhere(proto, x, tmp_path, formats)


# --- padding by negative amounts ------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "wrap"])
@pytest.mark.parametrize("pads", [(0, 0, -1, 2, 0, 0, 2, -2), (0, 1, 0, 0, 0, -1, 0, 0)])
def test_negative_pads(mode: str, pads: tuple[int, ...], tmp_path: Path) -> None:
    x = {"x": random(1, 3, 5, 7)}
    proto = network([node("Pad", ["x", "p"], ["y"], "pad", mode=mode)], {"p": ints(*pads)}, x, 19)
    assert_right_everywhere(proto, x, tmp_path)


# --- six dimensions between reshapes --------------------------------------------------------------

PERMUTATIONS = [*itertools.permutations(range(6))][5::97]


@pytest.mark.parametrize("perm", PERMUTATIONS, ids=str)
def test_six_dimensions_transposed(perm: tuple[int, ...], tmp_path: Path) -> None:
    x = {"x": random(6, 24)}
    nodes = [
        node("Reshape", ["x", "s"], ["a"], "apart"),
        node("Transpose", ["a"], ["b"], "turn", perm=perm),
        node("Sigmoid", ["b"], ["c"], "between"),
        node("Reshape", ["c", "t"], ["y"], "together"),
    ]
    weights = {"s": ints(2, 3, 2, 2, 3, 2), "t": ints(6, -1)}
    assert_right_everywhere(network(nodes, weights, x), x, tmp_path)


@pytest.mark.parametrize("shape", [(1, 1, 1, 2, 1, 2), (2, 1, 1, 1, 1, 1), (3, 2), (1,)], ids=str)
def test_six_dimensions_and_a_constant(shape: tuple[int, ...], tmp_path: Path) -> None:
    x = {"x": random(6, 24)}
    nodes = [
        node("Reshape", ["x", "s"], ["a"], "apart"),
        node("Mul", ["c", "a"], ["b"], "scale"),
        node("Reshape", ["b", "t"], ["y"], "together"),
    ]
    weights = {"s": ints(2, 3, 2, 2, 3, 2), "t": ints(6, -1), "c": random(*shape)}
    assert_right_everywhere(network(nodes, weights, x), x, tmp_path)


# --- sequences ------------------------------------------------------------------------------------

SEQUENCES = {
    "parts of two": ({"split": np.array(2)}, {"axis": 1}, 2),
    "lengths": ({"split": ints(1, 3, 1)}, {"axis": 1}, -2),
    "single": ({}, {"axis": 1}, 3),
    "single, squeezed": ({}, {"axis": 1, "keepdims": 0}, 0),
}


@pytest.mark.parametrize("case", SEQUENCES)
def test_a_member_of_a_split(case: str, tmp_path: Path) -> None:
    weights, settings, index = SEQUENCES[case]
    x = {"x": random(1, 5, 4)}
    nodes = [
        node("SplitToSequence", ["x", *weights], ["s"], "split", **settings),
        node("SequenceAt", ["s", "i"], ["m"], "at"),
        node("Relu", ["m"], ["y"], "relu"),
    ]
    proto = network(nodes, {**weights, "i": np.array(index)}, x, 13)
    assert_right_everywhere(proto, x, tmp_path)


@pytest.mark.parametrize("new_axis", [0, 1])
def test_a_sequence_put_together_again(new_axis: int, tmp_path: Path) -> None:
    x = {"x": random(1, 6, 4)}
    nodes = [
        node("SplitToSequence", ["x", "n"], ["s"], "split", axis=1),
        node("SequenceAt", ["s", "i"], ["m"], "at"),
        node("SequenceInsert", ["s", "m", "zero"], ["t"], "insert"),
        node("SequenceErase", ["t", "i"], ["u"], "erase"),
        node("ConcatFromSequence", ["u"], ["y"], "join", axis=2, new_axis=new_axis),
    ]
    weights = {"n": np.array(2), "i": np.array(2), "zero": np.array(0)}
    assert_right_everywhere(network(nodes, weights, x, 13), x, tmp_path)


# --- ops ------------------------------------------------------------------------------------------

EINSUMS = [
    ("ab,bc,cd->ad", ((2, 3), (3, 4), (4, 5))),
    ("bhd,bhd,d", ((2, 3, 4), (2, 3, 4), (4,))),
    ("a,b,c->abc", ((2,), (3,), (4,))),
    ("...a,ab,b->...", ((2, 3, 4), (4, 5), (5,))),
    ("ab,bc,cd,de->ae", ((2, 3), (3, 4), (4, 5), (5, 6))),
]


@pytest.mark.parametrize(("equation", "shapes"), EINSUMS)
def test_einsum_of_many(equation: str, shapes: tuple[tuple[int, ...], ...], tmp_path: Path) -> None:
    first, *rest = shapes
    x = {"x": random(*first)}
    weights = {f"w{i}": random(*shape) for i, shape in enumerate(rest)}
    nodes = [node("Einsum", ["x", *weights], ["y"], "e", equation=equation)]
    assert_right_everywhere(network(nodes, weights, x), x, tmp_path)


@pytest.mark.parametrize("opset", [18, 21])
@pytest.mark.parametrize("groups", [2, 4])
def test_group_norm_inside_a_graph(opset: int, groups: int, tmp_path: Path) -> None:
    x = {"x": random(1, 3, 6, 7)}
    scales = groups if opset == 18 else 4
    weights = {"w": random(4, 3, 3, 3), "s": random(scales), "b": random(scales)}
    nodes = [
        node("Conv", ["x", "w"], ["c"], "conv"),
        node("GroupNormalization", ["c", "s", "b"], ["n"], "norm", num_groups=groups),
        node("GlobalAveragePool", ["n"], ["y"], "pool"),
    ]
    assert_right_everywhere(network(nodes, weights, x, opset), x, tmp_path)


def test_mean_variance_norm_inside_a_graph(tmp_path: Path) -> None:
    x = {"x": random(1, 3, 6, 7)}
    nodes = [
        node("MeanVarianceNormalization", ["x"], ["n"], "norm"),
        node("Relu", ["n"], ["y"], "relu"),
    ]
    assert_right_everywhere(network(nodes, {}, x), x, tmp_path)


@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 3, 4, 5), (2, 3, 4, 5, 2)], ids=str)
def test_a_slope_a_channel(shape: tuple[int, ...], tmp_path: Path) -> None:
    x = {"x": random(*shape)}
    slopes = random(3, *(1,) * (len(shape) - 2))
    proto = network([node("PRelu", ["x", "p"], ["y"], "prelu")], {"p": slopes}, x)
    assert_right_everywhere(proto, x, tmp_path)


@pytest.mark.parametrize("scales", [(1, 1, 2, 2), (1, 1, 0.5, 0.6), (1, 1, 1.7, 3)], ids=str)
@pytest.mark.parametrize("rounding", ["floor", "round_prefer_floor"])
def test_nearest_as_tensorflow_resizes(
    scales: tuple[float, ...], rounding: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    x = {"x": random(1, 2, 5, 6)}
    mode = {"coordinate_transformation_mode": "tf_half_pixel_for_nn", "nearest_mode": rounding}
    weights = {"roi": np.array([], np.float32), "s": np.array(scales, np.float32)}
    nodes = [node("Resize", ["x", "roi", "s"], ["y"], "resize", mode="nearest", **mode)]
    assert_right_everywhere(network(nodes, weights, x, 11), x, tmp_path)
    assert "deprecated" not in capfd.readouterr().err  # onnxruntime's words, not ours


@pytest.mark.parametrize("op", ["Div", "Mod"])
@pytest.mark.parametrize("divisor", [3, -3])
def test_indices_are_divided(op: str, divisor: int, tmp_path: Path) -> None:
    """As YOLOv10 and RT-DETR tell anchor and class from one index of TopK."""
    x = {"x": random(1, 12)}
    nodes = [
        node("TopK", ["x", "k"], ["v", "i"], "top"),
        node("Unsqueeze", ["i", "axes"], ["j"], "column"),
        node(op, ["j", "d"], ["q"], "divide"),
        node("Cast", ["q"], ["y"], "float", to=TensorProto.FLOAT),
    ]
    weights = {"k": ints(5), "axes": ints(2), "d": np.array(divisor)}
    assert_right_everywhere(network(nodes, weights, x), x, tmp_path)


def test_rows_chosen_by_a_constant(tmp_path: Path) -> None:
    """tf2onnx says a symmetric pad like this."""
    x = {"x": random(1, 5, 4)}
    weights = {"c": np.array([True, False, True, True])}
    nodes = [
        node("Compress", ["x", "c"], ["r"], "rows", axis=1),
        node("Neg", ["r"], ["y"], "neg"),
    ]
    assert_right_everywhere(network(nodes, weights, x), x, tmp_path)


# --- ops that ONNX defines by others, and no target has -------------------------------------------


def test_attention(tmp_path: Path) -> None:
    given = {name: random(1, 2, 5, 4) for name in "qkv"}
    nodes = [node("Attention", [*given], ["y"], "attend", is_causal=1)]
    assert_right_everywhere(network(nodes, {}, given, 23), given, tmp_path)


def test_rotary_embedding(tmp_path: Path) -> None:
    x = {"x": random(1, 2, 5, 8)}
    weights = {"cos": random(1, 5, 4), "sin": random(1, 5, 4)}
    nodes = [node("RotaryEmbedding", ["x", *weights], ["y"], "turn")]
    assert_right_everywhere(network(nodes, weights, x, 23), x, tmp_path)


def test_crop_and_pad_to_a_size(tmp_path: Path) -> None:
    x = {"x": random(1, 3, 5, 8)}
    nodes = [
        node("CenterCropPad", ["x", "s"], ["c"], "fit", axes=[2, 3]),
        node("Relu", ["c"], ["y"], "relu"),
    ]
    assert_right_everywhere(network(nodes, {"s": ints(8, 4)}, x), x, tmp_path)


# --- graphs that engines take though the text forbids them ----------------------------------------


def test_nodes_in_any_order(tmp_path: Path) -> None:
    x = {"x": random(2, 3)}
    nodes = [
        node("Add", ["b", "c"], ["y"], "last"),
        node("Neg", ["a"], ["b"], "second"),
        node("Exp", ["b"], ["c"], "third"),
        node("Relu", ["x"], ["a"], "first"),
    ]
    proto = network(nodes, {}, x)
    with pytest.raises(onnx.checker.ValidationError):
        onnx.checker.check_model(proto)
    assert_right_everywhere(proto, x, tmp_path)


def test_an_output_listed_twice(tmp_path: Path) -> None:
    x = {"x": random(2, 3)}
    proto = network([node("Relu", ["x"], ["y"], "r")], {}, x)
    proto.graph.output.append(proto.graph.output[0])
    assert_right_everywhere(proto, x, tmp_path)


def test_branches_without_names(tmp_path: Path) -> None:
    """Two branches may use the same names inside; both end up in one graph."""
    x = {"x": random(2, 3)}

    def branch(op: str) -> onnx.GraphProto:
        out = helper.make_tensor_value_info("t", TensorProto.FLOAT, None)
        inner = [node(op, ["x"], ["i"]), node("Neg", ["i"], ["t"])]
        return helper.make_graph(inner, "b", [], [out])

    nodes = [
        node("If", ["k"], ["p"], then_branch=branch("Relu"), else_branch=branch("Abs")),
        node("If", ["k"], ["q"], then_branch=branch("Exp"), else_branch=branch("Abs")),
        node("Add", ["p", "q"], ["y"]),
    ]
    assert_right_everywhere(network(nodes, {"k": np.array(True)}, x), x, tmp_path)

"""Adaptive average pooling as torch's exporter writes it: recognised, and right in every target."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import helper

from mobilecat.graph.passes.freeze import freeze
from tests.formats.every_target import assert_right_everywhere, network, right

Size = tuple[int, int]


def reach(size: int, out: int) -> list[range]:
    """torch's windows: ⌊i·size/out⌋ to ⌈(i+1)·size/out⌉."""
    return [range(i * size // out, -(-(i + 1) * size // out)) for i in range(out)]


def places(size: int, out: int) -> tuple[np.ndarray, np.ndarray]:
    """Return [out,k] places, cut at the last one, and which of them are beyond their window."""
    windows = reach(size, out)
    k = max(map(len, windows))
    at = np.array([[w.start + j for j in range(k)] for w in windows])
    beyond = np.array([[j >= len(w) for j in range(k)] for w in windows])
    return np.minimum(at, size - 1), beyond


def as_torch_writes_it(size: Size, out: Size, channels: int = 2) -> onnx.ModelProto:
    """torch 2.9's export of AdaptiveAvgPool2d: one gather, two masks, one addition a place."""
    (rows, no_row), (columns, no_column) = (places(*p) for p in zip(size, out, strict=True))
    index = np.stack(
        np.broadcast_arrays(rows[:, :, None, None], columns[None, None, :, :]), axis=-1
    )
    counts = np.outer((~no_row).sum(1), (~no_column).sum(1)).astype(np.float32)
    weights = {
        "index": index.astype(np.int64),
        "no_row": no_row[:, :, None, None],
        "no_column": no_column,
        "zero": np.float32(0),
        "counts": counts,
        **{f"at_{i}": np.array(i) for i in range(max(rows.shape[1], columns.shape[1]))},
    }
    node = helper.make_node
    nodes = [
        node("Relu", ["x"], ["r"]),
        node("Transpose", ["r"], ["pixels"], perm=[2, 3, 0, 1]),
        node("GatherND", ["pixels", "index"], ["taken"]),
        node("Transpose", ["taken"], ["windows"], perm=[4, 5, 0, 1, 2, 3]),
        node("Where", ["no_row", "zero", "windows"], ["some"]),
        node("Where", ["no_column", "zero", "some"], ["all"]),
    ]
    total = ""
    for i in range(rows.shape[1]):
        nodes.append(node("Gather", ["all", f"at_{i}"], [f"row_{i}"], axis=3))
        for j in range(columns.shape[1]):
            name = f"pixel_{i}_{j}"
            nodes.append(node("Gather", [f"row_{i}", f"at_{j}"], [name], axis=4))
            if total:
                nodes.append(node("Add", [total, name], [f"sum_{i}_{j}"]))
            total = f"sum_{i}_{j}" if total else name
    nodes += [node("Div", [total, "counts"], ["mean"]), node("Relu", ["mean"], ["y"])]
    return network(nodes, weights, {"x": picture(size, channels)})


def picture(size: Size, channels: int = 2) -> np.ndarray:
    return np.random.default_rng(3).normal(1, 2, (1, channels, *size)).astype(np.float32)


def ops(proto: onnx.ModelProto) -> Counter[str]:
    return Counter(n.op_type for n in freeze(ir.serde.deserialize_model(proto)).graph)


SIZES = [((31, 31), (4, 4)), ((7, 5), (2, 3)), ((2, 2), (3, 3)), ((1, 9), (1, 4)), ((5, 3), (2, 1))]


@pytest.mark.parametrize(("size", "out"), SIZES)
def test_it_is_the_mean_of_each_window_and_no_gather(size: Size, out: Size) -> None:
    proto = as_torch_writes_it(size, out)
    frozen = freeze(ir.serde.deserialize_model(proto))
    counted = Counter(n.op_type for n in frozen.graph)
    assert not {"GatherND", "Where", "Add", "Div"} & set(counted)
    x = picture(size)
    got = right(ir.serde.serialize_model(frozen), {"x": x})["y"]
    wanted = [
        [np.maximum(x, 0)[:, :, list(r)][..., list(c)].mean((2, 3)) for c in reach(size[1], out[1])]
        for r in reach(size[0], out[0])
    ]
    np.testing.assert_allclose(got, np.moveaxis(wanted, (0, 1), (2, 3)), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("size", "out"), SIZES[:2])
def test_every_target_gives_what_onnxruntime_gives_for_torchs_own_nodes(
    size: Size, out: Size, tmp_path: Path
) -> None:
    assert_right_everywhere(as_torch_writes_it(size, out), {"x": picture(size)}, tmp_path)


def changed(proto: onnx.ModelProto, name: str, array: np.ndarray) -> onnx.ModelProto:
    for held in proto.graph.initializer:
        if held.name == name:
            held.CopyFrom(onnx.numpy_helper.from_array(array, name))
    return proto


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("counts", np.full((2, 3), 8, np.float32)),
        ("no_column", np.zeros((3, 3), bool)),
        ("zero", np.float32(1)),
        ("at_1", np.array(0)),
    ],
)
def test_what_is_nearly_such_a_pooling_stays_as_it_is(name: str, array: np.ndarray) -> None:
    proto = changed(as_torch_writes_it((7, 5), (2, 3)), name, array)
    assert ops(proto)["GatherND"] == 1


def test_a_sum_that_is_read_besides_stays() -> None:
    proto = as_torch_writes_it((7, 5), (2, 3))
    proto.graph.output.add().name = "pixel_0_0"
    proto.graph.output[1].type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    assert ops(proto)["GatherND"] == 1

"""Whole numbers that stand for real ones, half floats, sparse weights, constants that are computed:
by hand, and against LiteRT within the steps that it rounds to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from mobilecat.errors import ModelError
from mobilecat.formats.base.notes import notes_from_metadata
from mobilecat.formats.base.source import Source
from mobilecat.formats.tflite.flatbuffer import bytes_from_program
from mobilecat.formats.tflite.program import Program, Tensor, constant
from mobilecat.formats.tflite.read.file import read_tflite
from mobilecat.formats.tflite.source import reference
from tests.formats.tflite.lower.engines import Array, drawn, run_ort
from tests.formats.tflite.read.back import assert_read, graph_of_file
from tests.formats.tflite.read.quantised import one, packed, quantised

_CONV = {"padding": 0, "strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}


def _conv(kind: str, zero_in: int, zero_out: int) -> bytes:
    """A 1×1 convolution of whole numbers: x / 8 → two channels, weights by 0.5 and 0.25."""
    x = Tensor("x", (1, 2, 2, 1), np.dtype(kind))
    y = Tensor("y", (1, 2, 2, 2), np.dtype(kind))
    whole = kind == "uint8"
    w = constant("w", np.array([4, -2], np.int8).reshape(2, 1, 1, 1))
    if whole:
        w = constant("w", np.array([132, 126], np.uint8).reshape(2, 1, 1, 1))
    b = constant("b", np.array([16, -8], np.int32))
    program = Program([x], [y])
    program.add("CONV_2D", [x, w, b], [y], **_CONV)
    each = (np.array([0.5, 0.25]), np.array([0, 0]), 0)
    bias = (np.array([0.0625, 0.03125]), np.array([0, 0]), 0)
    if whole:
        each, bias = one(0.5, 128), one(0.0625, 0)
    scales = {"x": one(0.125, zero_in), "w": each, "b": bias, "y": one(0.25, zero_out)}
    return quantised(program, scales)


def test_whole_numbers_are_what_they_stand_for(tmp_path: Path) -> None:
    """x = (q + 3) / 8; channel 0: 2 x + 1, channel 1: −½ x − ¼, by hand."""
    path = tmp_path / "m.tflite"
    path.write_bytes(_conv("int8", -3, 5))
    model = graph_of_file(path)
    q = np.array([-3, 5, 13, -19], np.int8).reshape(1, 2, 2, 1)
    y = run_ort(model, {"x": q})["y"].reshape(4, 2)
    np.testing.assert_allclose(y, [[1, -0.25], [3, -0.75], [5, -1.25], [-3, 0.75]], atol=1e-6)
    lite = reference(Source(path, "tflite"), {}).network.run({"x": q})["y"].reshape(4, 2)
    np.testing.assert_allclose(lite, y, atol=0.125 + 1e-6)  # half a step of its output
    assert "int8" in notes_from_metadata(model.metadata_props)[0]


def test_bytes_of_a_tensor_with_one_scale(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(_conv("uint8", 128, 100))
    q = np.array([128, 136, 144, 112], np.uint8).reshape(1, 2, 2, 1)
    y = run_ort(graph_of_file(path), {"x": q})["y"].reshape(4, 2)
    np.testing.assert_allclose(y[:, 0], [1, 3, 5, -3], atol=1e-6)
    np.testing.assert_allclose(y[:, 1], [-0.5, -1.5, -2.5, 1.5], atol=1e-6)


def test_a_range_that_begins_at_zero_is_a_relu(tmp_path: Path) -> None:
    """Converters drop a ReLU where the lowest whole number stands for 0."""
    path = tmp_path / "m.tflite"
    path.write_bytes(_conv("int8", -3, -128))
    q = np.array([-3, 5, 13, -19], np.int8).reshape(1, 2, 2, 1)
    y = run_ort(graph_of_file(path), {"x": q})["y"].reshape(4, 2)
    np.testing.assert_allclose(y, [[1, 0], [3, 0], [5, 0], [0, 0.75]], atol=1e-6)


def test_quantize_and_dequantize_around_a_layer(tmp_path: Path) -> None:
    x, q = Tensor("x", (1, 4), np.dtype("float32")), Tensor("q", (1, 4), np.dtype("int8"))
    r, y = Tensor("r", (1, 4), np.dtype("int8")), Tensor("y", (1, 4), np.dtype("float32"))
    program = Program([x], [y])
    program.add("QUANTIZE", [x], [q])
    program.add("RELU", [q], [r])
    program.add("DEQUANTIZE", [r], [y])
    path = tmp_path / "m.tflite"
    path.write_bytes(quantised(program, {"q": one(0.1, 3), "r": one(0.1, 3)}))
    have = run_ort(graph_of_file(path), {"x": np.array([[-1, 0, 1, 2]], np.float32)})["y"]
    np.testing.assert_array_equal(have, [[0, 0, 1, 2]])


def test_half_floats_become_floats(tmp_path: Path) -> None:
    x, y = (Tensor(n, (1, 2), np.dtype("float32")) for n in "xy")
    w = Tensor("w32", (2, 2), np.dtype("float32"))
    program = Program([x], [y])
    half = np.array([[1, 0.1], [2, -3]], np.float16)
    program.add("DEQUANTIZE", [constant("w", half)], [w])
    program.add("FULLY_CONNECTED", [x, w, None], [y])
    (tmp_path / "m.tflite").write_bytes(bytes_from_program(program))
    assert_read(tmp_path / "m.tflite", "halves", 1e-6)


def _sparse(weights: Any) -> bytes:
    """x · Wᵀ of W [4, 4] in 2×2 blocks, of which two of the four are there: (0, 1) and (1, 0)."""
    x, y = (Tensor(n, (1, 4), np.dtype("float32")) for n in "xy")
    dense = Tensor("d", (4, 4), np.dtype("float32"))
    program = Program([x], [y])
    program.add("DENSIFY", [constant("w", np.zeros((4, 4), np.float32))], [dense])
    program.add("FULLY_CONNECTED", [x, dense, None], [y])
    model = read_tflite(bytes_from_program(program), "")
    tensor = next(t for t in model.subgraphs[0].tensors if t.name == b"w")
    model.buffers[tensor.buffer].data = np.frombuffer(np.float32(weights).tobytes(), np.uint8)
    said = schema.SparsityParametersT()
    said.traversalOrder, said.blockMap = np.arange(4, dtype=np.int32), np.arange(2, dtype=np.int32)
    said.dimMetadata = [_level(2), _level(rows=([0, 1, 2], [1, 0])), _level(2), _level(2)]
    tensor.sparsity = said
    return packed(model)


def _level(side: int = 0, rows: tuple[list[int], list[int]] | None = None) -> Any:
    level = schema.DimensionMetadataT()
    level.denseSize = side
    if rows is not None:
        level.format = 1
        for name, values in zip(("arraySegments", "arrayIndices"), rows, strict=True):
            vector = schema.Int32VectorT()
            vector.values = np.array(values, np.int32)
            setattr(level, name, vector)
            setattr(level, f"{name}Type", schema.SparseIndexVector.Int32Vector)
    return level


def test_sparse_weights_are_dense_ones(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(_sparse([1, 2, 3, 4, 5, 6, 7, 8]))
    model = assert_read(path, "sparse", 1e-6)
    eye = [run_ort(model, {"x": np.eye(4, dtype=np.float32)[[i]]})["y"][0] for i in range(4)]
    weights = [[0, 0, 1, 2], [0, 0, 3, 4], [5, 6, 0, 0], [7, 8, 0, 0]]
    np.testing.assert_array_equal(np.stack(eye, 1), weights)


def test_sparse_weights_that_contradict_themselves(tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(_sparse([1, 2, 3]))
    with pytest.raises(ModelError, match="contradict each other"):
        graph_of_file(tmp_path / "m.tflite")


def test_constants_are_computed(tmp_path: Path) -> None:
    """SHAPE, PACK, RANGE and their like come to shapes and places, as converters leave them."""
    x, y = Tensor("x", (1, 6), np.dtype("float32")), Tensor("y", (3, 2), np.dtype("float32"))
    names = [Tensor(n, s, np.dtype("int32")) for n, s in
             (("s", (2,)), ("side", ()), ("half", ()), ("new", (2,)), ("rows", (3,)))]  # fmt: skip
    shape, side, half, new, rows = names
    z = Tensor("z", (3, 2), np.dtype("float32"))
    program = Program([x], [y])

    def i32(*values: int) -> Tensor:
        return constant(f"c{len(program.ops)}{values}", np.array(values, np.int32))

    def scalar(value: int, name: str) -> Tensor:
        return constant(name, np.array(value, np.int32))

    program.add("SHAPE", [x], [shape], outType=2)
    program.add("STRIDED_SLICE", [shape, i32(1), i32(2), i32(1)], [side], shrinkAxisMask=1)
    program.add("FLOOR_DIV", [side, scalar(2, "two")], [half])
    program.add("PACK", [half, scalar(-1, "rest")], [new], axis=0, valuesCount=2)
    program.add("RESHAPE", [x, new], [z])
    program.add("RANGE", [scalar(0, "from"), half, scalar(1, "by")], [rows])
    program.add("GATHER", [z, rows], [y], axis=0)
    (tmp_path / "m.tflite").write_bytes(bytes_from_program(program))
    model = assert_read(tmp_path / "m.tflite", "constants")
    assert [n.op_type for n in model.graph] == ["Reshape", "Gather"]


def test_fake_quantisation_keeps_its_ends(tmp_path: Path) -> None:
    x, y = (Tensor(n, (1, 4), np.dtype("float32")) for n in "xy")
    program = Program([x], [y])
    program.add("FAKE_QUANT", [x], [y], min=-1.0, max=2.0, numBits=8)
    (tmp_path / "m.tflite").write_bytes(bytes_from_program(program))
    model = graph_of_file(tmp_path / "m.tflite")
    have = run_ort(model, {"x": np.array([[-3, -0.5, 1.25, 9]], np.float32)})["y"]
    np.testing.assert_array_equal(have, [[-1, -0.5, 1.25, 2]])


def test_weights_alone_in_eight_bits(tmp_path: Path) -> None:
    """Dynamic range: LiteRT rounds what meets the weights to 8 bits, the graph does not."""
    x, y = Tensor("x", (1, 16), np.dtype("float32")), Tensor("y", (1, 3), np.dtype("float32"))
    whole = np.round(drawn("whole", (3, 16)) * 40).astype(np.int8)
    program = Program([x], [y])
    program.add("FULLY_CONNECTED", [x, constant("w", whole), None], [y])
    path = tmp_path / "m.tflite"
    path.write_bytes(quantised(program, {"w": one(0.02, 0)}))
    feeds: dict[str, Array] = {"x": drawn("fed", (1, 16))}
    right = feeds["x"].astype(np.float64) @ (whole.T.astype(np.float64) * 0.02)
    model = graph_of_file(path)
    np.testing.assert_allclose(run_ort(model, feeds)["y"], right, atol=1e-5)
    lite = reference(Source(path, "tflite"), {}).network.run(feeds)["y"]
    assert np.abs(lite - right).max() < 0.03 * np.abs(right).max()

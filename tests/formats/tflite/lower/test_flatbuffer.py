"""The file itself: names, signature, alignment, sharing, versions, the same bytes every time."""

from __future__ import annotations

from typing import Any

import ai_edge_litert.schema_py_generated as schema
import numpy as np
import pytest

from mobilecat.formats.tflite import tflite_from_graph
from tests.formats.tflite.lower.engines import drawn, graph

_TEXT = """(float[1,3,5,7] image, uint8[2,3] codes) => (float[1,4,5,7] maps, float[1,4,5,7] again,
    uint8[3,2] turned, int64[3] fixed)
    { maps = Conv<pads=[1,1,1,1]>(image, w)  d = Conv<pads=[1,1,1,1]>(image, v)
      again = Relu(d)  turned = Transpose(codes)  fixed = Identity(k) }"""


def _data() -> bytes:
    w = drawn("w", (4, 3, 3, 3))
    model = graph(_TEXT, w=w, v=w.copy(), k=np.array([3, 1, 2], np.int64))
    return tflite_from_graph(model, description="a test")


def _read(data: bytes) -> Any:
    return schema.ModelT.InitFromPackedBuf(data, 0)


def test_ports_are_the_graphs() -> None:
    model = _read(_data())
    assert model.version == 3
    assert model.description == b"a test"
    (graph_,) = model.subgraphs
    (signature,) = model.signatureDefs
    assert signature.signatureKey == b"serving_default"
    for indices, ports, names, shapes in (
        (graph_.inputs, signature.inputs, [b"image", b"codes"], [(1, 3, 5, 7), (2, 3)]),
        (
            graph_.outputs,
            signature.outputs,
            [b"maps", b"again", b"turned", b"fixed"],
            [(1, 4, 5, 7), (1, 4, 5, 7), (3, 2), (3,)],
        ),
    ):
        tensors = [graph_.tensors[i] for i in indices]
        assert [t.name for t in tensors] == names
        assert [tuple(t.shape) for t in tensors] == shapes
        assert [p.name for p in ports] == names
        assert [p.tensorIndex for p in ports] == list(indices)


def test_names_are_unique() -> None:
    names = [t.name for t in _read(_data()).subgraphs[0].tensors]
    assert len(set(names)) == len(names)


def test_same_bytes_every_time() -> None:
    assert _data() == _data()


def test_identifier_and_alignment() -> None:
    data = _data()
    assert data[4:8] == b"TFL3"
    model = schema.Model.GetRootAsModel(data, 0)
    for i in range(model.BuffersLength()):
        buffer = model.Buffers(i)
        if not buffer.DataIsNone():
            start = buffer.DataAsNumpy().__array_interface__["data"][0]
            whole = np.frombuffer(data, np.uint8).__array_interface__["data"][0]
            assert (start - whole) % 16 == 0


def test_equal_constants_are_stored_once() -> None:
    model = _read(_data())
    graph_ = model.subgraphs[0]
    filters = [graph_.tensors[op.inputs[1]] for op in graph_.operators if len(op.inputs) == 3]
    assert len(filters) == 2
    assert filters[0].buffer == filters[1].buffer
    assert model.buffers[0].data is None
    assert len(model.operatorCodes) == len(
        {(c.builtinCode, c.version) for c in model.operatorCodes}
    )


@pytest.mark.parametrize(
    ("text", "constants", "code", "version"),
    [
        ("(float[2,3] x) => (float[2,3] y) { y = Add(x, x) }", {}, "ADD", 1),
        ("(int64[2,3] x) => (int64[2,3] y) { y = Add(x, x) }", {}, "ADD", 4),
        ("(int64[2,3] x) => (int64[2,3] y) { y = Mul(x, x) }", {}, "MUL", 5),
        ("(float[2,3] x) => (float[3,2] y) { y = Transpose(x) }", {}, "TRANSPOSE", 1),
        ("(bool[2,3] x) => (bool[3,2] y) { y = Transpose(x) }", {}, "TRANSPOSE", 3),
        (
            "(float[2,3,2,3,2] x) => (float[2,3,2,3,2] y) { y = Transpose(x) }",
            {},
            "TRANSPOSE",
            4,
        ),
        (
            "(float[1,2,3,5] x) => (float[1,2,6,10] y) { y = Resize<mode=\"linear\">(x, , s) }",
            {"s": np.float32([1, 1, 2, 2])},
            "RESIZE_BILINEAR",
            3,
        ),
        (
            "(float[1,4,3,5] x) => (float[1,2,3,5] y) { y = Conv<group=2>(x, w) }",
            {"w": np.ones((2, 2, 1, 1), np.float32)},
            "CONV_2D",
            6,
        ),
        (
            "(float[2,3,4] x) => (float[2,3,5] y) { y = MatMul(x, w) }",
            {"w": np.ones((4, 5), np.float32)},
            "FULLY_CONNECTED",
            5,
        ),
        (
            "(float[2,4] x) => (float[2,5] y) { y = MatMul(x, w) }",
            {"w": np.ones((4, 5), np.float32)},
            "FULLY_CONNECTED",
            1,
        ),
    ],
)  # fmt: skip
def test_lowest_version_that_says_it(
    text: str, constants: dict[str, np.ndarray], code: str, version: int
) -> None:
    model = _read(tflite_from_graph(graph(text, **constants)))
    number = getattr(schema.BuiltinOperator, code)
    assert [c.version for c in model.operatorCodes if c.builtinCode == number] == [version]

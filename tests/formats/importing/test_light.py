"""An ONNX file read without its large initializers: the same graph, the same refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from mobilecat.errors import ModelError
from mobilecat.formats.onnx.ort import OrtModel
from mobilecat.formats.onnx.read import arrays_of, import_onnx, read_light, read_onnx
from mobilecat.formats.onnx.streamed import parts_of
from mobilecat.formats.onnx.unread import without_weights
from mobilecat.graph import Array
from mobilecat.graph.light import LARGE, as_inputs, is_marked, proto_of, session_of

SIDE = 192
RNG = np.random.default_rng(3)
W = RNG.standard_normal((SIDE, SIDE)).astype(np.float32)
B = RNG.standard_normal(SIDE).astype(np.float32)
X = RNG.standard_normal((2, SIDE)).astype(np.float32)


def network(opset: int = 18, weights: Array = W) -> onnx.ModelProto:
    """y = relu(x · W + B): W is large, B is not."""
    assert weights.nbytes >= LARGE > B.nbytes
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["m"], "product"),
        helper.make_node("Add", ["m", "b"], ["a"], "sum"),
        helper.make_node("Relu", ["a"], ["y"], "last"),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (2, SIDE))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (2, SIDE))],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(B, "b")],
        doc_string="behind the initializers",
    )
    opsets = [helper.make_opsetid("", opset)]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="by hand")
    entry = made.metadata_props.add()
    entry.key, entry.value = "behind", "the graph"
    return made


def saved(path: Path, proto: onnx.ModelProto) -> Path:
    path.write_bytes(proto.SerializeToString(deterministic=True))
    return path


def y_of(w: Array = W) -> Array:
    return np.maximum(X.astype(np.float64) @ w.astype(np.float64) + B, 0)


def test_what_is_read_is_the_file_but_for_its_large_values(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.onnx", network())
    data, numbered = without_weights(path)
    assert len(data) < 1024 and W.tobytes()[:16] not in data
    assert {i: (p.offset, p.length) for i, p in numbered.items()} == {
        0: (path.read_bytes().index(W.tobytes()), W.nbytes)
    }
    proto, places = read_light(path)
    assert [is_marked(t) for t in proto.graph.initializer] == [True, False]
    arrays = arrays_of(proto, places, path)
    assert np.array_equal(arrays["w"], W) and not arrays["w"].flags.writeable
    assert (proto.graph.doc_string, proto.metadata_props[0].value) == (
        "behind the initializers", "the graph",
    )  # fmt: skip


def test_a_file_held_already_is_not_read_twice(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.onnx", network())
    once = arrays_of(*read_light(path), path)
    again = arrays_of(*read_light(path), path)
    assert np.shares_memory(once["w"], again["w"])
    saved(tmp_path / "new", network(weights=W + 1)).rename(path)
    changed = arrays_of(*read_light(path), path)
    assert np.array_equal(changed["w"], W + 1) and np.array_equal(once["w"], W)


@pytest.mark.parametrize("opset", [11, 18])
def test_the_imported_graph_computes_the_same(tmp_path: Path, opset: int) -> None:
    """opset 11: brought to a newer one, tried against the file, its weights beside both."""
    path = saved(tmp_path / "m.onnx", network(opset))
    model = import_onnx(path)
    assert np.array_equal(model.graph.initializers["w"].const_value.numpy(), W)
    engine = ort.InferenceSession(ir.to_proto(model).SerializeToString())
    assert np.allclose(engine.run(None, {"x": X})[0], y_of(), rtol=0, atol=1e-4)


def test_a_session_reads_the_arrays_beside_its_proto(tmp_path: Path) -> None:
    path = saved(tmp_path / "m.onnx", network())
    proto, places = read_light(path)
    arrays = arrays_of(proto, places, path)
    unread = proto.graph.initializer.add()
    unread.CopyFrom(proto.graph.initializer[0])
    unread.name = "nobody"
    engine = OrtModel(proto, arrays={**arrays, "nobody": W})
    found = engine.run({"x": X}, ["m"])
    assert np.allclose(found["y"], y_of(), rtol=0, atol=1e-4)
    assert np.allclose(found["m"], X.astype(np.float64) @ W, rtol=0, atol=1e-4)
    # The values are the arrays', not those of a file that is still there.
    engine = session_of(proto, {"w": W * 2, "nobody": W}, ort.SessionOptions())
    assert np.allclose(engine.run(None, {"x": X})[0], y_of(W * 2), rtol=0, atol=1e-4)


def test_external_data_stays_in_its_file_and_is_held_to_its_place(tmp_path: Path) -> None:
    path, beside = tmp_path / "m.onnx", "weights.bin"
    onnx.save(network(), path, save_as_external_data=True, location=beside, size_threshold=LARGE)
    proto, places = read_light(path)
    assert places["w"].file.name == beside
    assert np.array_equal(arrays_of(proto, places, path)["w"], W)
    whole = read_onnx(path)
    assert np.array_equal(numpy_helper.to_array(whole.graph.initializer[0]), W)
    (tmp_path / beside).write_bytes(W.tobytes()[:-4])
    with pytest.raises(ModelError, match="external data"):
        read_light(path)


def test_a_file_that_bears_our_mark_is_refused(tmp_path: Path) -> None:
    proto, _ = read_light(saved(tmp_path / "m.onnx", network()))
    with pytest.raises(ModelError, match="external data"):
        read_light(saved(tmp_path / "marked.onnx", proto))


@pytest.mark.parametrize("kept", [0.3, 0.99, 0.9999])
def test_a_file_cut_short_is_refused_in_the_same_words(tmp_path: Path, kept: float) -> None:
    path = saved(tmp_path / "m.onnx", network())
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    with pytest.raises(ModelError) as light:
        read_light(path)
    with pytest.raises(ModelError) as whole:
        read_onnx(path)
    assert str(light.value) == str(whole.value)


def test_a_length_that_contradicts_the_shape_is_left_to_onnx(tmp_path: Path) -> None:
    proto = network()
    proto.graph.initializer[0].dims[:] = [SIDE, SIDE - 1]
    assert without_weights(saved(tmp_path / "m.onnx", proto))[1] == {}


def test_two_weights_of_one_name_are_read_whole(tmp_path: Path) -> None:
    proto = network()
    proto.graph.initializer.add().CopyFrom(proto.graph.initializer[0])
    found, places = read_light(saved(tmp_path / "m.onnx", proto))
    assert not places and not any(map(is_marked, found.graph.initializer))


def test_a_graph_in_two_fields_is_one(tmp_path: Path) -> None:
    """protobuf merges a message that comes in parts: numbers go on over both."""
    proto = network()
    second = onnx.ModelProto()
    second.graph.initializer.append(numpy_helper.from_array(W + 1, "more"))
    path = tmp_path / "m.onnx"
    path.write_bytes(proto.SerializeToString() + second.SerializeToString())
    found, places = read_light(path)
    assert [t.name for t in found.graph.initializer] == ["w", "b", "more"]
    assert np.array_equal(arrays_of(found, places, path)["more"], W + 1)


def test_what_is_written_part_by_part_is_what_protobuf_writes(tmp_path: Path) -> None:
    proto = network()
    proto.graph.initializer[0].doc_string = "behind the values"
    path = saved(tmp_path / "m.onnx", proto)
    light, places = read_light(path)
    light.graph.initializer[0].doc_string = "behind the values"
    parts = b"".join(parts_of(light, arrays_of(light, places, path)))
    assert parts == path.read_bytes()


def test_a_model_is_named_and_left_as_it_was(tmp_path: Path) -> None:
    model = import_onnx(saved(tmp_path / "m.onnx", network()))
    before = model.graph.initializers["w"].const_value
    proto, arrays = proto_of(model)
    assert list(arrays) == ["w"] and np.array_equal(arrays["w"], W)
    assert proto.ByteSize() < LARGE and model.graph.initializers["w"].const_value is before
    with as_inputs(proto):
        onnx.checker.check_model(proto)
        assert [v.name for v in proto.graph.input] == ["x", "w"]
    assert [v.name for v in proto.graph.input] == ["x"]
    assert sorted(t.name for t in proto.graph.initializer) == ["b", "w"]

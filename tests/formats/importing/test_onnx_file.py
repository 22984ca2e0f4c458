"""ONNX files of every form, held to onnxruntime on the file as it lies on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper

from mobilecat.formats.importing import dims_of
from mobilecat.formats.onnx.checked import NEWEST_OPSET, OLDEST_OPSET
from mobilecat.formats.onnx.read import import_onnx
from mobilecat.graph import MIN_OPSET
from tests.conftest import network_and_picture
from tests.formats.importing.held import assert_same, op_types, outputs, picture, refusal
from tests.formats.importing.models import X, conv, external, model, save, weights

# --- opsets ---------------------------------------------------------------------------------------

CHANGED_FORMS = {
    # Each op's form of opset 9; its newer form is another: inputs for attributes, new defaults.
    "Clip": ([helper.make_node("Clip", ["x"], ["y"], "n", min=-0.5, max=0.25)], []),
    "Pad": ([helper.make_node("Pad", ["x"], ["y"], "n", pads=[0, 0, 1, 2, 0, 0, 3, 0])], []),
    "Squeeze": ([helper.make_node("Squeeze", ["x"], ["y"], "n", axes=[0])], []),
    "Unsqueeze": ([helper.make_node("Unsqueeze", ["x"], ["y"], "n", axes=[0, 3])], []),
    "ReduceSum": ([helper.make_node("ReduceSum", ["x"], ["y"], "n", axes=[2], keepdims=0)], []),
    "ReduceMean": ([helper.make_node("ReduceMean", ["x"], ["y"], "n", axes=[1, 3])], []),
    "Softmax": ([helper.make_node("Softmax", ["x"], ["y"], "n", axis=1)], []),
    "Slice": ([helper.make_node("Slice", ["x"], ["y"], "n", axes=[3], starts=[1], ends=[4])], []),
    "Split": (
        [
            helper.make_node("Split", ["x"], ["a", "b"], "n", axis=3, split=[2, 3]),
            helper.make_node("Concat", ["b", "a"], ["y"], "m", axis=3),
        ],
        [],
    ),
    "Dropout": ([helper.make_node("Dropout", ["x"], ["y"], "n", ratio=0.4)], []),
    "BatchNormalization": (
        [helper.make_node("BatchNormalization", ["x", "s", "b", "m", "v"], ["y"], "n")],
        [
            weights("s", 2),
            weights("b", 2),
            weights("m", 2),
            numpy_helper.from_array(np.array([0.5, 2], np.float32), "v"),
        ],
    ),
}


@pytest.mark.parametrize("opset", range(OLDEST_OPSET, NEWEST_OPSET + 1))
def test_every_opset_from_the_oldest_to_the_newest(opset: int, tmp_path: Path) -> None:
    path = save(conv(opset), tmp_path / "m.onnx")
    imported = import_onnx(path)
    assert imported.opset_imports[""] == max(opset, MIN_OPSET)
    assert_same(path, imported, {"x": picture(1, 2, 3, 5)})


@pytest.mark.parametrize("op", CHANGED_FORMS)
def test_old_forms_keep_their_meaning(op: str, tmp_path: Path) -> None:
    nodes, initializers = CHANGED_FORMS[op]
    path = save(model(nodes, initializers, opset=9), tmp_path / "m.onnx")
    assert_same(path, import_onnx(path), {"x": picture(1, 2, 3, 5)})


@pytest.mark.parametrize("opset", [1, OLDEST_OPSET - 1, NEWEST_OPSET + 1])
def test_an_opset_out_of_range_is_refused_with_the_range(opset: int, tmp_path: Path) -> None:
    text = refusal(save(conv(opset), tmp_path / "m.onnx"))
    assert f"opset {opset} cannot be read" in text
    assert f"opsets {OLDEST_OPSET} to {NEWEST_OPSET} can" in text


# --- shapes ---------------------------------------------------------------------------------------


def dynamic(*dims: int | str | None) -> onnx.ModelProto:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, list(dims))
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], "conv", strides=[2, 1]),
        helper.make_node("Shape", ["c"], ["n"], "shape"),
        helper.make_node("Gather", ["n", "two"], ["h"], "height"),
        helper.make_node("Cast", ["h"], ["f"], "cast", to=TensorProto.FLOAT),
        helper.make_node("Div", ["c", "f"], ["y"], "divide"),
    ]
    scalar = numpy_helper.from_array(np.array(2, np.int64), "two")
    return model(nodes, [weights("w", 4, 2, 2, 2), scalar], [x])


def test_dynamic_dims_are_told_apart(tmp_path: Path) -> None:
    path = save(dynamic("batch", 2, None, "width"), tmp_path / "m.onnx")
    assert dims_of(path) == {"x": (None, 2, None, None)}


def test_dynamic_sides_are_asked_for_by_name(tmp_path: Path) -> None:
    text = refusal(save(dynamic("batch", 2, None, "width"), tmp_path / "m.onnx"))
    assert "input 'x': dynamic shape [1,2,?,?]" in text
    assert "--shape x=1,2,N,N" in text


def test_dynamic_sides_become_what_was_given_and_fold_away(tmp_path: Path) -> None:
    path = save(dynamic("batch", 2, None, "width"), tmp_path / "m.onnx")
    imported = import_onnx(path, {"x": (1, 2, 7, 5)})
    assert op_types(imported) == ["Conv", "Div"]
    assert tuple(imported.graph.outputs[0].shape or ()) == (1, 4, 3, 4)
    assert_same(path, imported, {"x": picture(1, 2, 7, 5)})


def test_a_dynamic_batch_alone_becomes_one(tmp_path: Path) -> None:
    imported = import_onnx(save(dynamic(None, 2, 7, 5), tmp_path / "m.onnx"))
    assert tuple(imported.graph.inputs[0].shape or ()) == (1, 2, 7, 5)


def test_a_static_shape_gives_way_where_the_graph_holds_together(tmp_path: Path) -> None:
    imported = import_onnx(save(conv(), tmp_path / "m.onnx"), {"x": (1, 2, 5, 9)})
    assert tuple(imported.graph.outputs[0].shape or ()) == (1, 4 * 5 * 10)


WRONG_SHAPES = {
    "unknown input": ({"image": (1, 2, 7, 5)}, "no input 'image'"),
    "too few": ({"x": (2, 7, 5)}, "has 4 dimensions, the shape given has 3"),
    "zero": ({"x": (1, 2, 0, 5)}, "is below 1"),
    "channels": ({"x": (1, 3, 7, 5)}, "Conv 'conv'"),
}


@pytest.mark.parametrize("case", WRONG_SHAPES)
def test_wrong_shapes_are_refused(case: str, tmp_path: Path) -> None:
    shapes, expected = WRONG_SHAPES[case]
    assert expected in refusal(save(dynamic(None, 2, None, None), tmp_path / "m.onnx"), shapes)


def test_all_wrong_shapes_are_told_at_once(tmp_path: Path) -> None:
    text = refusal(save(conv(), tmp_path / "m.onnx"), {"a": (1,), "b": (1,), "x": (1, 2, 3)})
    assert all(part in text for part in ("'a'", "'b'", "has 4 dimensions"))


def test_an_input_without_any_shape_is_asked_for(tmp_path: Path) -> None:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, None)
    path = save(model([helper.make_node("Relu", ["x"], ["y"], "r")], inputs=[x]), tmp_path / "m")
    assert "input 'x': has no shape at all" in refusal(path)
    assert tuple(import_onnx(path, {"x": (3, 5)}).graph.outputs[0].shape or ()) == (3, 5)


def test_an_output_whose_shape_depends_on_data_is_named(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("NonZero", ["x"], ["z"], "where"),
        helper.make_node("Cast", ["z"], ["y"], "cast", to=TensorProto.FLOAT),
    ]
    text = refusal(save(model(nodes), tmp_path / "m.onnx"))
    assert "NonZero 'where'" in text and "depends on data" in text


# --- what an import takes away --------------------------------------------------------------------


def branching(condition: bool) -> onnx.ModelProto:
    def branch(name: str, op: str) -> onnx.GraphProto:
        out = helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        return helper.make_graph([helper.make_node(op, ["x"], [name], name)], name, [], [out])

    taken = helper.make_node(
        "If", ["k"], ["y"], "if", then_branch=branch("t", "Relu"), else_branch=branch("e", "Neg")
    )
    return model([taken], [numpy_helper.from_array(np.array(condition), "k")])


@pytest.mark.parametrize(("condition", "op"), [(True, "Relu"), (False, "Neg")])
def test_an_if_with_a_constant_condition_becomes_its_branch(
    condition: bool, op: str, tmp_path: Path
) -> None:
    path = save(branching(condition), tmp_path / "m.onnx")
    imported = import_onnx(path)
    assert op_types(imported) == [op]
    assert_same(path, imported, {"x": picture(1, 2, 3, 5)})


def test_an_if_on_a_computed_shape_folds_too(tmp_path: Path) -> None:
    proto = branching(True)
    proto.graph.initializer.pop()
    more = [
        helper.make_node("Size", ["x"], ["n"], "size"),
        helper.make_node("Equal", ["n", "thirty"], ["k"], "equal"),
    ]
    for i, node in enumerate(more):
        proto.graph.node.insert(i, node)
    proto.graph.initializer.append(numpy_helper.from_array(np.array(30, np.int64), "thirty"))
    assert op_types(import_onnx(save(proto, tmp_path / "m.onnx"))) == ["Relu"]


def test_an_if_that_depends_on_the_picture_is_refused(tmp_path: Path) -> None:
    proto = branching(True)
    proto.graph.initializer.pop()
    more = [
        helper.make_node("ReduceMax", ["x"], ["top"], "top", keepdims=0),
        helper.make_node("Greater", ["top", "zero"], ["k"], "greater"),
    ]
    for i, node in enumerate(more):
        proto.graph.node.insert(i, node)
    proto.graph.initializer.append(numpy_helper.from_array(np.array(0, np.float32), "zero"))
    text = refusal(save(proto, tmp_path / "m.onnx"))
    assert "control flow that depends on data" in text and "If 'if'" in text


def test_dropout_and_identity_leave_no_node(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Identity", ["x"], ["a"], "same"),
        helper.make_node("Dropout", ["a"], ["b"], "drop"),
        helper.make_node("Relu", ["b"], ["c"], "relu"),
        helper.make_node("Identity", ["c"], ["d"], "same2"),
        helper.make_node("Neg", ["d"], ["y"], "neg"),
    ]
    path = save(model(nodes), tmp_path / "m.onnx")
    imported = import_onnx(path)
    assert op_types(imported) == ["Relu", "Neg"]
    assert_same(path, imported, {"x": picture(1, 2, 3, 5)})


def test_an_identity_to_an_output_keeps_the_outputs_name(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["r"], "relu"),
        helper.make_node("Identity", ["r"], ["y"], "same"),
        helper.make_node("Neg", ["r"], ["z"], "neg"),
    ]
    path = save(model(nodes, outputs=["y", "z"]), tmp_path / "m.onnx")
    imported = import_onnx(path)
    assert [o.name for o in imported.graph.outputs] == ["y", "z"]
    assert_same(path, imported, {"x": picture(1, 2, 3, 5)})


def test_a_dropout_that_was_left_in_training_stays(tmp_path: Path) -> None:
    nodes = [helper.make_node("Dropout", ["x", "ratio", "on"], ["y"], "drop")]
    constants = [
        numpy_helper.from_array(np.array(0.5, np.float32), "ratio"),
        numpy_helper.from_array(np.array(True), "on"),
    ]
    assert op_types(import_onnx(save(model(nodes, constants), tmp_path / "m"))) == ["Dropout"]


def test_nodes_without_names_get_their_own(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Neg", ["a"], ["b"], "Relu_2"),
        helper.make_node("Relu", ["b"], ["y"]),
    ]
    names = [n.name for n in import_onnx(save(model(nodes), tmp_path / "m.onnx")).graph]
    assert all(names) and len(set(names)) == 3


def test_a_constant_nobody_needs_is_dropped(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["y"], "relu"),
        helper.make_node("Exp", ["x"], ["unused"], "unused"),
    ]
    assert op_types(import_onnx(save(model(nodes), tmp_path / "m.onnx"))) == ["Relu"]


def test_weights_that_are_listed_as_inputs_are_weights(tmp_path: Path) -> None:
    w = helper.make_tensor_value_info("w", TensorProto.FLOAT, [4, 2, 2, 2])
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"], "conv")]
    path = save(model(nodes, [weights("w", 4, 2, 2, 2)], [X, w]), tmp_path / "m.onnx")
    assert list(dims_of(path)) == ["x"]
    assert [i.name for i in import_onnx(path).graph.inputs] == ["x"]


# --- the input file -------------------------------------------------------------------------------


def test_the_file_is_never_written(tmp_path: Path) -> None:
    path = external(tmp_path / "m.onnx")
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in tmp_path.iterdir()}
    import_onnx(path)
    dims_of(path)
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in tmp_path.iterdir()} == before


def test_two_imports_are_the_same_bytes(tmp_path: Path) -> None:
    path = save(dynamic(None, 2, 7, 5), tmp_path / "m.onnx")
    first, second = (ir.to_proto(import_onnx(path)).SerializeToString() for _ in range(2))
    assert first == second


REAL = {
    # name → inputs whose shape is given, number of outputs (read in Netron)
    "cat_faces": ({}, 2),
    "cat_landmarks": ({}, 1),
    "face_detection_yunet_2023mar": ({}, 12),
    "yunet_n_dynamic": ({"input": (1, 3, 96, 160)}, 12),
    "ultraface_version-slim-320": ({}, 2),
    "mtcnn_onet": ({}, 3),
}


@pytest.mark.parametrize("name", REAL)
def test_real_files_compute_what_onnxruntime_does(name: str) -> None:
    shapes, count = REAL[name]
    path, _ = network_and_picture(name)
    imported = import_onnx(path, shapes)
    assert len(imported.graph.outputs) == count
    feeds = {
        v.name or "": np.random.default_rng(3).uniform(0, 255, tuple(v.shape or ()))
        for v in imported.graph.inputs
    }
    feeds = {k: v.astype(np.float32) for k, v in feeds.items()}
    want = outputs(onnx.load(path), feeds)
    got = outputs(ir.to_proto(imported), feeds)
    assert list(got) == list(want)
    for key in want:
        scale = np.abs(want[key]).max()
        np.testing.assert_allclose(got[key], want[key], rtol=0, atol=1e-4 * scale)

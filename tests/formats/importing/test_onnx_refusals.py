"""ONNX files that are damaged, or hold what cannot be compiled: each is refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper

from mobilecat.errors import ModelError
from mobilecat.formats.importing import import_model
from mobilecat.formats.onnx.read import import_onnx
from tests.formats.importing.held import assert_same, outputs, picture, refusal
from tests.formats.importing.models import conv, external, ints, model, save, weights

# --- damaged files --------------------------------------------------------------------------------


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no\.onnx: not found"):
        import_model(tmp_path / "no.onnx", {})


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"")
    assert "the file is empty" in refusal(tmp_path / "m.onnx")


def test_text_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_text("<html>404 Not Found</html>")
    assert "not an ONNX file, or cut short (26 bytes)" in refusal(tmp_path / "m.onnx")


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.99])
def test_a_truncated_file(share: float, tmp_path: Path) -> None:
    whole = conv().SerializeToString()
    path = tmp_path / "m.onnx"
    path.write_bytes(whole[: int(len(whole) * share)])
    text = refusal(path)
    assert "cut short" in text and "compare its size or hash" in text


def test_external_data_is_read(tmp_path: Path) -> None:
    path = external(tmp_path / "m.onnx")
    inside = save(conv(), tmp_path / "inside.onnx")
    x = {"x": picture(1, 2, 3, 5)}
    got = outputs(ir.to_proto(import_onnx(path)), x)["y"]
    np.testing.assert_array_equal(got, outputs(onnx.load(inside), x)["y"])


BAD_EXTERNAL = {
    "missing": ({"location": "gone.bin"}, "external data file 'gone.bin' is missing"),
    "short": ({"offset": "8"}, "external data file 'w.bin' is too short"),
    "above": ({"location": "../w.bin"}, "outside the model's folder: '../w.bin'"),
    "inside and above": ({"location": "a/../../w.bin"}, "outside the model's folder"),
    "absolute": ({"location": "/etc/passwd"}, "outside the model's folder: '/etc/passwd'"),
}


@pytest.mark.parametrize("case", BAD_EXTERNAL)
def test_bad_external_data_names_the_tensor(case: str, tmp_path: Path) -> None:
    entries, expected = BAD_EXTERNAL[case]
    (tmp_path / "deep").mkdir()
    (tmp_path / "w.bin").write_bytes(bytes(128))
    text = refusal(external(tmp_path / "deep" / "m.onnx", **entries))
    assert expected in text and "initializer 'w'" in text


# --- graphs that cannot be compiled ---------------------------------------------------------------


def test_every_custom_op_is_listed_with_its_node(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Wobble", ["x"], ["a"], "first", domain="com.example"),
        helper.make_node("Relu", ["a"], ["b"], "fine"),
        helper.make_node("Wibble", ["b"], ["c"], "second", domain="com.example"),
        helper.make_node("NoSuchOp", ["c"], ["y"], "third"),
    ]
    text = refusal(save(model(nodes), tmp_path / "m.onnx"))
    assert "3 nodes are not standard ONNX" in text
    for line in (
        "Wobble 'first': custom op of domain 'com.example'",
        "Wibble 'second': custom op of domain 'com.example'",
        "NoSuchOp 'third': ONNX has no such op in opset 18",
    ):
        assert line in text
    assert "fine" not in text


def test_an_op_newer_than_the_files_opset(tmp_path: Path) -> None:
    path = save(model([helper.make_node("HardSwish", ["x"], ["y"], "h")], opset=13), tmp_path / "m")
    assert "HardSwish 'h': ONNX has no such op in opset 13" in refusal(path)


def test_custom_ops_inside_branches_are_found(tmp_path: Path) -> None:
    inner = [helper.make_node("Wobble", ["x"], ["t"], "deep", domain="com.example")]
    out = helper.make_tensor_value_info("t", TensorProto.FLOAT, None)
    branch = helper.make_graph(inner, "b", [], [out])
    cond = numpy_helper.from_array(np.array(True), "k")
    node = helper.make_node("If", ["k"], ["y"], "if", then_branch=branch, else_branch=branch)
    assert "Wobble 'deep'" in refusal(save(model([node], [cond]), tmp_path / "m.onnx"))


CONTRADICTIONS = {
    "Conv on the wrong channels": (
        [helper.make_node("Conv", ["x", "w"], ["y"], "stem")],
        [weights("w", 4, 3, 2, 2)],
        "Conv 'stem': is given 2 channels, its weights take 3",
    ),
    "MatMul that does not fit": (
        [helper.make_node("MatMul", ["x", "w"], ["y"], "fc")],
        [weights("w", 7, 2)],
        "MatMul 'fc'",
    ),
    "Reshape to another number of elements": (
        [helper.make_node("Reshape", ["x", "s"], ["y"], "flat")],
        [ints("s", 1, 29)],
        "Reshape 'flat': 1×2×3×5 has 30 elements, 1×29 has 29",
    ),
    "ConvTranspose on the wrong channels": (
        [helper.make_node("ConvTranspose", ["x", "w"], ["y"], "up")],
        [weights("w", 3, 4, 2, 2)],
        "ConvTranspose 'up': is given 2 channels, its weights take 3",
    ),
    "a bias for other channels": (
        [helper.make_node("Conv", ["x", "w", "b"], ["y"], "stem")],
        [weights("w", 4, 2, 2, 2), weights("b", 5)],
        "Conv 'stem': input 2 has 5 values for 4 channels",
    ),
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_contradictory_shapes_name_the_node(case: str, tmp_path: Path) -> None:
    nodes, initializers, named = CONTRADICTIONS[case]
    text = refusal(save(model(nodes, initializers), tmp_path / "m.onnx"))
    assert "the shapes contradict each other" in text and named in text


def test_all_contradictions_are_told_at_once(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "v"], ["a"], "first"),
        helper.make_node("Conv", ["a", "w"], ["y"], "second"),
    ]
    proto = model(nodes, [weights("v", 4, 3, 2, 2), weights("w", 4, 7, 2, 2)])
    text = refusal(save(proto, tmp_path / "m.onnx"))
    assert "Conv 'first'" in text and "Conv 'second'" in text


def test_grouped_convolutions_are_no_contradiction(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], "depthwise", group=2),
        helper.make_node("ConvTranspose", ["a", "v"], ["y"], "up", group=2),
    ]
    proto = model(nodes, [weights("w", 4, 1, 2, 2), weights("v", 4, 3, 2, 2)])
    path = save(proto, tmp_path / "m.onnx")
    assert_same(path, import_onnx(path), {"x": picture(1, 2, 3, 5)})


def test_an_input_that_nothing_makes(tmp_path: Path) -> None:
    path = save(model([helper.make_node("Add", ["x", "ghost"], ["y"], "add")]), tmp_path / "m.onnx")
    assert "is broken" in (text := refusal(path)) and "ghost" in text

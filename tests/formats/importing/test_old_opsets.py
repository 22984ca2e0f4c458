"""Ops whose old form ONNX's version converter gets wrong, and the trial that would catch others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mobilecat.errors import ModelError
from mobilecat.formats.onnx import old_forms
from mobilecat.formats.onnx.read import import_onnx
from mobilecat.formats.onnx.trial import try_against
from tests.formats.importing.held import assert_same, op_types, picture, refusal
from tests.formats.importing.models import model, save

SCALES = [(1, 1, 2, 2), (1, 1, 1.5, 2.5), (1, 1, 3, 2), (1, 1, 1, 2), (1, 2, 1, 1)]
SHRINKING = [(1, 1, 0.6, 0.7), (1, 1, 2, 0.5), (1, 1, 0.4, 3)]


def scales(values: tuple[float, ...]) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(values, np.float32), "s")


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("values", SCALES, ids=str)
def test_upsample_of_opset_9(mode: str, values: tuple[float, ...], tmp_path: Path) -> None:
    node = helper.make_node("Upsample", ["x", "s"], ["y"], "up", mode=mode)
    path = save(model([node], [scales(values)], opset=9), tmp_path / "m.onnx")
    assert_same(path, import_onnx(path), {"x": picture(1, 2, 3, 5)})


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("values", [*SCALES, *SHRINKING], ids=str)
def test_resize_of_opset_10(mode: str, values: tuple[float, ...], tmp_path: Path) -> None:
    node = helper.make_node("Resize", ["x", "s"], ["y"], "up", mode=mode)
    path = save(model([node], [scales(values)], opset=10), tmp_path / "m.onnx")
    assert_same(path, import_onnx(path), {"x": picture(1, 2, 3, 5)})


def test_scales_that_are_a_constant_node(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Constant", [], ["s"], "c", value=scales((1, 1, 0.6, 2))),
        helper.make_node("Resize", ["x", "s"], ["y"], "up", mode="nearest"),
    ]
    path = save(model(nodes, opset=10), tmp_path / "m.onnx")
    assert_same(path, import_onnx(path), {"x": picture(1, 2, 5, 5)} | {"x": picture(1, 2, 3, 5)})


@pytest.mark.parametrize("opset", [9, 11, 12])
@pytest.mark.parametrize("axis", [0, 1, 2, 3, None])
def test_hardmax_to_opset_12(opset: int, axis: int | None, tmp_path: Path) -> None:
    given = {} if axis is None else {"axis": axis}
    node = helper.make_node("Hardmax", ["x"], ["y"], "h", **given)
    path = save(model([node], opset=opset), tmp_path / "m.onnx")
    assert_same(path, import_onnx(path), {"x": picture(1, 2, 3, 5)})


def test_an_old_op_inside_a_branch(tmp_path: Path) -> None:
    def branch(mode: str) -> onnx.GraphProto:
        out = helper.make_tensor_value_info("t", TensorProto.FLOAT, None)
        inner = helper.make_node("Upsample", ["x", "s"], ["t"], "up", mode=mode)
        return helper.make_graph([inner], mode, [], [out])

    both = {"then_branch": branch("linear"), "else_branch": branch("nearest")}
    nodes = [helper.make_node("If", ["k"], ["y"], "if", **both)]
    constants = [scales((1, 1, 2, 2)), numpy_helper.from_array(np.array(True), "k")]
    path = save(model(nodes, constants, opset=9), tmp_path / "m.onnx")
    assert_same(path, import_onnx(path), {"x": picture(1, 2, 3, 5)})


@pytest.mark.parametrize(("opset", "inner"), [(11, 11), (17, 17), (17, 18), (18, 18)])
def test_model_local_functions(opset: int, inner: int, tmp_path: Path) -> None:
    """As torch's export_modules_as_functions writes them; the converter drops their bodies."""
    body = [helper.make_node("Mul", ["a", "a"], ["b"])]
    imports = [helper.make_opsetid("", inner)]
    square = helper.make_function("my", "Square", ["a"], ["b"], body, imports)
    nodes = [
        helper.make_node("Relu", ["x"], ["r"], "relu"),
        helper.make_node("Square", ["r"], ["y"], "square", domain="my"),
    ]
    proto = model(nodes, opset=opset, functions=[square])
    proto.opset_import.append(helper.make_opsetid("my", 1))
    path = save(proto, tmp_path / "m.onnx")
    imported = import_onnx(path)
    assert op_types(imported) == ["Relu", "Mul"]
    assert_same(path, imported, {"x": picture(1, 2, 3, 5)})


# --- the trial ------------------------------------------------------------------------------------


def test_an_upgrade_that_changes_the_result_is_refused_by_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: the converter's own upgrade, as it was believed before."""
    monkeypatch.setattr(old_forms, "_OLD", {})
    nodes = [
        helper.make_node("Relu", ["x"], ["r"], "relu"),
        helper.make_node("Upsample", ["r", "s"], ["u"], "grow", mode="linear"),
        helper.make_node("Neg", ["u"], ["y"], "neg"),
    ]
    path = save(model(nodes, [scales((1, 1, 2, 2))], opset=9), tmp_path / "m.onnx")
    text = refusal(path)
    assert "without changing what it computes" in text
    assert "Upsample 'grow': differs from onnxruntime" in text and "opset 18 or newer" in text
    assert "Neg" not in text and "Relu" not in text


def test_an_upgrade_that_cannot_be_tried_is_said(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("RandomNormalLike", ["x"], ["n"], "noise"),
        helper.make_node("Softmax", ["n"], ["y"], "softmax", axis=1),
    ]
    path = save(model(nodes, opset=12), tmp_path / "m.onnx")
    note = import_onnx(path).metadata_props["mobilecat.notes"]
    assert "untried against the file: RandomNormalLike gives other numbers" in note


@pytest.mark.parametrize("shape", [[1 << 40, 1 << 30], [1 << 32, 3], [-2, 3]])
def test_an_input_of_any_size_is_no_memory_taken(shape: list[int]) -> None:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    proto = model([helper.make_node("Relu", ["x"], ["y"])], inputs=[x])
    said = try_against(proto, proto).untried
    assert said == f"input 'x' is {shape[0]}×{shape[1]}"


def test_what_the_converter_refuses_names_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("adapter_lookup: No Adapter From Version $9 for Relu")

    monkeypatch.setattr(onnx.version_converter, "convert_version", refuse)
    node = helper.make_node("Relu", ["x"], ["y"], "t")
    with pytest.raises(ModelError) as caught:
        import_onnx(save(model([node], opset=9), tmp_path / "m.onnx"))
    (problem,) = caught.value.problems
    assert "No Adapter" in problem.what and "export the model with opset 18" in problem.fix

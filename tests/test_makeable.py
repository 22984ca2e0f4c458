"""What an export does where one target cannot be made, or needs a newer system than the oldest."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper

from mobilecat.bundle import ArtifactRecord
from mobilecat.compile import export, making
from mobilecat.errors import MobileCatError, ModelError, UnsupportedError
from mobilecat.formats.coreml.runtime import load
from mobilecat.formats.onnx.write import onnx_from_graph
from mobilecat.judge import validate
from mobilecat.spec import spec_from_model_file, spec_from_text


def save_network(path: Path, nodes: list[onnx.NodeProto], *shape: int, **weights: object) -> Path:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(a), n) for n, a in weights.items()],
    )
    opsets = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def doubled(path: Path) -> Path:
    """F.interpolate(scale_factor=2, mode="bilinear"): iOS 13 has no layer for half pixels."""
    node = helper.make_node("Resize", ["x", "", "s"], ["y"], "grow", mode="linear")
    return save_network(path, [node], 1, 3, 4, 6, s=np.array([1, 1, 2, 2], np.float32))


def shuffled(path: Path) -> Path:
    node = helper.make_node("DepthToSpace", ["x"], ["y"], "shuffle", blocksize=2, mode="CRD")
    return save_network(path, [node], 1, 8, 3, 5)


# --- the deployment target ------------------------------------------------------------------------


@pytest.mark.parametrize("made", [doubled, shuffled])
def test_the_target_is_raised_as_far_as_the_layers_need(made: object, tmp_path: Path) -> None:
    path = made(tmp_path / "m.onnx")  # type: ignore[operator]
    text = f'source = "{path}"\n[targets.coreml]\nformat = "mlmodel"\nprecision = "float32"'
    for spec in (spec_from_text(text), spec_from_model_file(path)):
        done = export(spec, tmp_path / "b")
        record = next(a for a in done.bundle.artifacts if a.format == "mlmodel")
        assert record.lints[0].startswith("its layers need iOS14 (specification 5)")
        assert load(tmp_path / "b" / record.file).spec_version == 5
        assert validate(tmp_path / "b", random=2).held


def test_a_target_that_needs_nothing_new_stays_the_oldest(tmp_path: Path) -> None:
    path = save_network(tmp_path / "m.onnx", [helper.make_node("Relu", ["x"], ["y"], "r")], 1, 3)
    done = export(spec_from_model_file(path), tmp_path / "b")
    (record,) = (a for a in done.bundle.artifacts if a.format == "mlmodel")
    assert record.lints == () and load(tmp_path / "b" / record.file).spec_version == 4


@pytest.mark.parametrize("made", [doubled, shuffled])
def test_ios_13_where_it_is_asked_for(made: object, tmp_path: Path) -> None:
    path = made(tmp_path / "m.onnx")  # type: ignore[operator]
    target = 'format = "mlmodel"\nprecision = "float32"\ndeployment_target = "iOS13"'
    done = export(spec_from_text(f'source = "{path}"\n[targets.coreml]\n{target}'), tmp_path / "b")
    assert load(tmp_path / "b" / done.bundle.artifacts[0].file).spec_version == 4
    assert validate(tmp_path / "b", random=2).held


# --- targets that cannot be made ------------------------------------------------------------------


def determinant(path: Path) -> Path:
    """An op that ONNX alone has."""
    return save_network(path, [helper.make_node("Det", ["x"], ["y"], "det")], 2, 3, 3)


def test_nobody_asked_by_name_so_the_others_are_made(tmp_path: Path) -> None:
    path = determinant(tmp_path / "m.onnx")
    done = export(spec_from_model_file(path), tmp_path / "b", leave_out=True)
    assert [a.file for a in done.bundle.artifacts] == ["m.onnx"]
    assert [t.kind for t in done.bundle.spec.targets.all] == ["onnx"]
    left_out = [n for n in done.notes if "is left out" in n and ".aimodel" not in n]
    assert [n.split()[0] for n in left_out] == ["m.mlpackage", "m.mlmodel", "m.tflite"]
    assert all("Det 'det'" in n for n in left_out)
    assert validate(tmp_path / "b", random=2).held


def test_asked_by_name_it_refuses_all(tmp_path: Path) -> None:
    path = determinant(tmp_path / "m.onnx")
    with pytest.raises(UnsupportedError, match="Det 'det'"):
        export(
            spec_from_text(f'source = "{path}"\n[targets.onnx]\n[targets.tflite]'), tmp_path / "b"
        )
    assert not (tmp_path / "b").exists()


def test_what_its_engine_does_not_load_is_not_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: a file that is cut short once it is written."""
    emit = making.emit

    def cut_short(target: object, baked: object, spec: object, path: Path) -> ArtifactRecord:
        record = emit(target, baked, spec, path)  # type: ignore[arg-type]
        if path.suffix in (".tflite", ".onnx"):
            path.write_bytes(path.read_bytes()[:-40])
        return record

    monkeypatch.setattr(making, "emit", cut_short)
    path = doubled(tmp_path / "m.onnx")
    with pytest.raises(MobileCatError, match=r"m\.tflite was written, but the runner `tflite`"):
        export(spec_from_model_file(path), tmp_path / "b")
    assert not (tmp_path / "b").exists()
    done = export(spec_from_model_file(path), tmp_path / "b", leave_out=True)
    kept = {a.format for a in done.bundle.artifacts}
    assert kept - {"aimodel"} == {"mlpackage", "mlmodel"}
    left = {p.suffix for p in (tmp_path / "b").iterdir()}
    assert left == {".json", *(f".{name}" for name in kept)}


# --- a size against the file's own ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "shapes", "refused"),
    [
        ("[8, 6]", "", None),
        ("[6, 8]", "", r"input\.size = \[8, 6\] \(width, height\); exporters often print height"),
        ("[12, 4]", "", r"input\.size = \[8, 6\]"),
        ("[6, 8]", '[shapes]\n"x" = [1, 3, 8, 6]\n', None),
    ],
)
def test_a_file_of_one_size(size: str, shapes: str, refused: str | None, tmp_path: Path) -> None:
    path = save_network(
        tmp_path / "m.onnx", [helper.make_node("Relu", ["x"], ["y"], "r")], 1, 3, 6, 8
    )
    spec = spec_from_text(f'source = "{path}"\n{shapes}[input]\nsize = {size}\n[targets.onnx]\n')
    if refused is None:
        export(spec, tmp_path / "b")
        return
    with pytest.raises(ModelError, match=refused):
        export(spec, tmp_path / "b")


# --- float16 --------------------------------------------------------------------------------------


def squares(path: Path, scale: float) -> Path:
    """‖x‖ over 64 channels, written out as PyTorch does."""
    nodes = [
        helper.make_node("Mul", ["x", "k"], ["a"], "scale"),
        helper.make_node("Mul", ["a", "a"], ["b"], "square"),
        helper.make_node("ReduceSum", ["b", "axes"], ["c"], "sum"),
        helper.make_node("Sqrt", ["c"], ["d"], "root"),
        helper.make_node("Div", ["a", "d"], ["y"], "divide"),
    ]
    constants = {"k": np.float32(scale), "axes": np.array([1])}
    return save_network(path, nodes, 1, 64, 3, 5, **constants)


@pytest.mark.parametrize(("scale", "said", "held"), [(1.0, "", True), (300.0, "inf", False)])
def test_float16_that_overflows(scale: float, said: str, held: bool, tmp_path: Path) -> None:
    path = squares(tmp_path / "m.onnx", scale)
    done = export(spec_from_text(f'source = "{path}"\n[targets.coreml]'), tmp_path / "b")
    (record,) = done.bundle.artifacts
    assert (record.peak is None) is held
    assert said in " ".join(record.lints)
    if not held:
        assert "ReduceSum 'sum' 5.76e+06" in record.lints[0]  # 64 · 300²
    report = validate(tmp_path / "b", random=2)
    assert report.held is held


def test_float16_that_comes_near_is_executed_as_it_rounds(tmp_path: Path) -> None:
    path = squares(tmp_path / "m.onnx", 20.0)  # 64 · 20² = 25,600
    done = export(spec_from_text(f'source = "{path}"\n[targets.coreml]'), tmp_path / "b")
    (record,) = done.bundle.artifacts
    assert record.peak == pytest.approx(25600)
    assert "come near float16's end" in record.lints[0] and "'sum'" in record.lints[0]
    assert validate(tmp_path / "b", random=2).held


def test_float32_is_measured_by_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mobilecat.compile.ranges.peaks_of", lambda _: pytest.fail("measured"))
    export(spec_from_model_file(squares(tmp_path / "m.onnx", 300.0)), tmp_path / "b")


def test_what_brings_a_large_library_is_made_last() -> None:
    text = """
name = "n"
source = "n.onnx"
[[targets.coreml]]
[targets.coreai]
[targets.tflite]
[targets.onnx]
"""
    targets = spec_from_text(text).targets.all
    assert [t.kind for t in targets] == ["coreml", "coreai", "tflite", "onnx"]
    assert [t.kind for t in making.in_turn(targets)] == ["coreml", "tflite", "onnx", "coreai"]


def test_no_weights_live_on_after_an_onnx_file_was_written() -> None:
    """A pass of onnx-ir keeps the nodes that it saw last, and they their weights."""
    weights = np.full((4, 4), 2, np.float32)
    w = ir.Value(name="w", const_value=ir.tensor(weights))
    x, inner = (ir.Value(name=n, shape=ir.Shape([1, 4]), type=ir.TensorType(ir.DataType.FLOAT))
                for n in ("x", "inner"))  # fmt: skip
    absolute = ir.node("Abs", [inner])
    body = ir.Graph([inner], absolute.outputs, nodes=[absolute], opset_imports={"": 18})
    called = ir.Function("own", "F", graph=body, attributes=[])
    product = ir.node("MatMul", [x, w])
    call = ir.node("F", product.outputs, domain="own")
    call.outputs[0].name, call.outputs[0].type, call.outputs[0].shape = "y", x.type, x.shape
    graph = ir.Graph([x], call.outputs, nodes=[product, call], initializers=[w],
                     opset_imports={"": 18, "own": 1}, name="g")  # fmt: skip
    assert onnx_from_graph(ir.Model(graph, ir_version=10, functions=[called]))
    held = weakref.ref(weights)
    del weights, w, x, inner, absolute, body, called, product, call, graph
    gc.collect()
    assert held() is None

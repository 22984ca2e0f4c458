"""What a file says besides its numbers is held to the contract; each fault is planted in a file."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper
from typer.testing import CliRunner

from mobilecat.bundle import Bundle, open_bundle
from mobilecat.cli.main import app
from mobilecat.compile import export
from mobilecat.judge.run import validate
from mobilecat.judge.written import check_labels_file, check_written
from mobilecat.spec import spec_from_text
from tests.formats.tflite.detection.networks import save_ssd, ssd_spec
from tests.judge.fake import edit_bundle
from tests.tiny import save_yunet_like, yunet_like_spec
from tools.plant_faults.files import edit_coreml, edit_tflite

TARGETS = """
[[targets.coreml]]
precision = "float32"
[[targets.coreml]]
format = "mlmodel"
precision = "float32"
[targets.tflite]
[targets.onnx]
"""
PIPELINES = """
[[targets.coreml]]
contract = "vision"
precision = "float32"
[[targets.coreml]]
contract = "vision"
format = "mlmodel"
precision = "float32"
[targets.tflite]
contract = "detection"
"""


@pytest.fixture(scope="module")
def tensors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("written")
    save_yunet_like(root / "net.onnx")
    export(spec_from_text(yunet_like_spec(root / "net.onnx", TARGETS)), root / "b")
    return root / "b"


@pytest.fixture(scope="module")
def pipelines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pipelines")
    save_ssd(root / "ssd.onnx")
    text = ssd_spec(root / "ssd.onnx", per_class=False)
    text = text.replace('[targets.tflite]\ncontract = "detection"\n', PIPELINES)
    export(spec_from_text(text), root / "b")
    return root / "b"


def failures(bundle: Bundle, folder: Path, file: str) -> dict[str, str]:
    """Return the failing checks of a file: stage and name → what is said."""
    checks = check_written(folder / file, bundle.artifact(file), bundle)
    return {f"{c.stage} {c.name}": c.detail for c in checks if c.verdict == "FAIL"}


@pytest.mark.parametrize("fixture", ["tensors", "pipelines"])
def test_what_was_exported_holds(fixture: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(fixture)
    bundle = open_bundle(folder)
    assert len(bundle.artifacts) >= 3
    for record in bundle.artifacts:
        checks = check_written(folder / record.file, record, bundle)
        assert {c.verdict for c in checks} == {"PASS"}, checks
        assert sum(int(c.detail.split()[0]) for c in checks) > 8


def test_a_version_that_the_layers_need_holds(tmp_path: Path) -> None:
    """A bilinear resize at half pixels is a layer of iOS14's: the export says so, and takes it."""
    nodes = [
        onnx.helper.make_node(
            "Resize", ["x", "", "twice"], ["y"], "resize", mode="linear",
            coordinate_transformation_mode="half_pixel",
        )
    ]  # fmt: skip
    float32 = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        nodes,
        "resize",
        [onnx.helper.make_tensor_value_info("x", float32, [1, 3, 8, 8])],
        [onnx.helper.make_tensor_value_info("y", float32, [1, 3, 16, 16])],
        [onnx.numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "twice")],
    )
    made = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)])
    onnx.save(made, tmp_path / "net.onnx")
    text = 'name = "net"\nsource = "net.onnx"\n[[targets.coreml]]\nformat = "mlmodel"\n'
    done = export(spec_from_text(text), tmp_path / "b", source=tmp_path / "net.onnx")
    assert any("its layers need iOS14 " in lint for lint in done.bundle.artifacts[0].lints)
    assert not failures(done.bundle, tmp_path / "b", done.bundle.artifacts[0].file)


def labels_rolled(spec: Any) -> None:
    labels = spec.pipeline.models[-1].nonMaximumSuppression.stringClassLabels.vector
    rolled = [labels[-1], *labels[:-1]]
    del labels[:]
    labels.extend(rolled)


def described_twice(spec: Any) -> None:
    feature = spec.description.output.add(name="extra")
    feature.type.multiArrayType.shape.extend([1, 4])


def scaler(**keys: float) -> Callable[[Any], None]:
    def change(spec: Any) -> None:
        for key, value in keys.items():
            setattr(spec.neuralNetwork.preprocessing[0].scaler, key, value)

    return change


def user(key: str, text: str) -> Callable[[Any], None]:
    return lambda spec: spec.description.metadata.userDefined.__setitem__(key, text)


COREML: dict[str, tuple[str, str, Callable[[Any], object], str, str]] = {
    "pipeline's labels rolled": (
        "pipelines", "mlpackage", labels_rolled, "contract labels", "label (stringClassLabels) 0"),
    "pipeline's labels rolled, mlmodel": (
        "pipelines", "mlmodel", labels_rolled, "contract labels", "label (stringClassLabels) 0"),
    "classes in the metadata": (
        "tensors", "mlpackage", user("classes", "dog"), "contract labels", "dog, not face"),
    "name": ("tensors", "mlmodel", user("name", "x"), "contract metadata", "name: x, not tiny"),
    "version": ("tensors", "mlmodel", user("mobilecat", "0"), "contract metadata", "mobilecat: 0"),
    "specification": (
        "tensors", "mlpackage", lambda s: setattr(s, "specificationVersion", 9),
        "contract version", "specification: 9, not 6"),
    "specification raised where no target is given": (
        "tensors", "mlmodel", lambda s: setattr(s, "specificationVersion", 5),
        "contract version", "specification: 5, not 4"),
    "an output too many": (
        "tensors", "mlpackage", described_twice, "contract interface", "extra"),
    "an output's shape": (
        "tensors", "mlpackage",
        lambda s: s.description.output[0].type.multiArrayType.shape.__setitem__(0, 2),
        "contract interface", "float32 2×12×4, not float32 1×12×4"),
    "colour": (
        "tensors", "mlpackage",
        lambda s: setattr(s.description.input[0].type.imageType, "colorSpace", 20),
        "input picture", "RGB 96×64, not BGR 96×64"),
    "scale": ("tensors", "mlmodel", scaler(channelScale=1 / 255), "input picture", "scale"),
    "bias": ("tensors", "mlmodel", scaler(redBias=-123.0), "input picture", "-123.0"),
}  # fmt: skip


@pytest.mark.parametrize("name", COREML)
def test_core_ml(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    fixture, format, change, check, words = COREML[name]
    folder = request.getfixturevalue(fixture)
    bundle = open_bundle(folder)
    shutil.copytree(folder, tmp_path / "b")
    file = next(a.file for a in bundle.artifacts if a.format == format)
    edit_coreml(tmp_path / "b" / file, change)
    found = failures(bundle, tmp_path / "b", file)
    assert list(found) == [f"{check} as written"] and words in str(found)


def swapped(model: Any) -> None:
    outputs = list(model.subgraphs[0].outputs)
    model.subgraphs[0].outputs = [outputs[0], outputs[2], outputs[1], *outputs[3:]]


def any_batch(model: Any) -> None:
    tensor = model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]]
    tensor.shapeSignature = [-1, *(int(d) for d in tensor.shape[1:])]


def scaled(model: Any) -> None:
    from ai_edge_litert.schema_py_generated import QuantizationParametersT

    said = QuantizationParametersT()
    said.scale, said.zeroPoint = [0.5], [3]
    model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].quantization = said


TFLITE: dict[str, tuple[Callable[[Any], object], str, str]] = {
    "order": (swapped, "contract interface", "outputs 1: class_ids, not scores"),
    "batch": (any_batch, "contract interface", "or -1×64×96×3"),
    "quantised": (scaled, "input picture", "quantisation of input 0: 0.5, 3.0, not none"),
    "description": (
        lambda m: setattr(m, "description", b"words"), "contract metadata", "words, not tiny"),
}  # fmt: skip


@pytest.mark.parametrize("name", TFLITE)
def test_tflite(tensors: Path, tmp_path: Path, name: str) -> None:
    change, check, words = TFLITE[name]
    shutil.copy(tensors / "tiny.tflite", tmp_path)
    edit_tflite(tmp_path / "tiny.tflite", change)
    found = failures(open_bundle(tensors), tmp_path, "tiny.tflite")
    assert list(found) == [f"{check} as written"] and words in str(found)


def test_detection_order_box_index_and_labels(pipelines: Path, tmp_path: Path) -> None:
    bundle = open_bundle(pipelines)
    file = next(a.file for a in bundle.artifacts if a.kind == "tflite")
    labels = bundle.spec.labels
    data = (pipelines / file).read_bytes()
    with zipfile.ZipFile(pipelines / file) as packed:
        model = data[: packed.infolist()[0].header_offset]

    def said(model: bytes, lines: tuple[str, ...]) -> dict[str, str]:
        path = tmp_path / file
        path.write_bytes(model)
        with zipfile.ZipFile(path, "a") as packed:
            packed.writestr("labels.txt", "\n".join(lines) + "\n")
        return failures(bundle, tmp_path, file)

    assert said(model, labels) == {}
    rolled = said(model, (*labels[1:], labels[0]))
    assert list(rolled) == ["contract labels as written"] and "label 0" in str(rolled)
    index = bytes(b for k in (1, 0, 3, 2) for b in (k, 0, 0, 0))
    other = bytes(b for k in (0, 1, 2, 3) for b in (k, 0, 0, 0))
    assert index in model
    boxes = said(model.replace(index, other), labels)
    assert list(boxes) == ["contract metadata as written"] and "index [0, 1, 2, 3]" in str(boxes)
    (tmp_path / file).write_bytes(model)
    edit_tflite(tmp_path / file, swapped)
    turned = failures(bundle, tmp_path, file)
    assert "TFLite_Detection_PostProcess:2" in turned["contract interface as written"]
    assert "files in the model: none" in turned["contract labels as written"]


def onnx_edit(change: Callable[[Any], object]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        model = onnx.load(path)
        change(model)
        path.write_bytes(model.SerializeToString())

    return write


def turned_round(model: Any) -> None:
    outputs = list(model.graph.output)[::-1]
    del model.graph.output[:]
    model.graph.output.extend(outputs)


ONNX: dict[str, tuple[Callable[[Any], object], str, str]] = {
    "extra": (
        lambda m: m.graph.output.append(helper.make_empty_tensor_value_info("x")),
        "contract interface", "x"),
    "order": (turned_round, "contract interface", "outputs 0: count, not boxes"),
    "open": (
        lambda m: setattr(m.graph.output[0].type.tensor_type.shape.dim[0], "dim_param", "n"),
        "contract interface", "float32 n×12×4, not float32 1×12×4"),
    "opset": (
        lambda m: setattr(m.opset_import[0], "version", 17), "contract version",
        "opset: 17, not 18"),
}  # fmt: skip


@pytest.mark.parametrize("name", ONNX)
def test_onnx(tensors: Path, tmp_path: Path, name: str) -> None:
    change, check, words = ONNX[name]
    shutil.copy(tensors / "tiny.onnx", tmp_path)
    onnx_edit(change)(tmp_path / "tiny.onnx")
    found = failures(open_bundle(tensors), tmp_path, "tiny.onnx")
    assert list(found) == [f"{check} as written"] and words in str(found)


@pytest.mark.parametrize("more", [[], ["--html"], ["--save"]])
def test_validate_reads_the_files(tensors: Path, tmp_path: Path, more: list[str]) -> None:
    from mobilecat.disk import sha256_of

    out = tmp_path / "b"
    shutil.copytree(tensors, out)
    onnx_edit(turned_round)(out / "tiny.onnx")

    def vouch(told: dict[str, Any]) -> None:
        record = next(a for a in told["artifacts"] if a["kind"] == "onnx")
        record["sha256"] = sha256_of(out / "tiny.onnx")
        told["source"]["path"] = str(tensors.parent / "net.onnx")

    edit_bundle(out, vouch)
    words = ["validate", str(out), "--random", "1", "--runner", "onnx"]
    words += [w for flag in more for w in (flag, str(tmp_path / "f"))]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1 and "interface as written" in done.output


# --- labels.txt


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"cat\ndog\n", ""),
        (b"cat\ndog", ""),
        (b"cat\r\ndog\r\n", ""),
        (b"dog\ncat\n", "label 0: dog, not cat"),
        (b"\xef\xbb\xbfcat\ndog\n", "byte order mark"),
        ("kät\n".encode("latin-1"), "not UTF-8"),
        (b"cat\ndog\n\n", "differs"),
        (None, "is missing"),
    ],
)
def test_labels_txt(tmp_path: Path, data: bytes | None, words: str) -> None:
    if data is not None:
        (tmp_path / "labels.txt").write_bytes(data)
    (check,) = check_labels_file(tmp_path, ("cat", "dog"))
    assert check.verdict == ("FAIL" if words else "PASS") and words in check.detail


# --- false alarms


def test_a_tflite_without_tensor_names_is_held_to_its_results(
    tensors: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy as np
    from PIL import Image

    from mobilecat.disk import sha256_of
    from mobilecat.review.approve import approve, record

    monkeypatch.delenv("CI", raising=False)
    out = tmp_path / "b"
    shutil.copytree(tensors, out)

    def nameless(model: Any) -> None:
        for tensor in model.subgraphs[0].tensors:
            tensor.name = b""

    edit_tflite(out / "tiny.tflite", nameless)

    def vouch(told: dict[str, Any]) -> None:
        artifact = next(a for a in told["artifacts"] if a["kind"] == "tflite")
        artifact["sha256"] = sha256_of(out / "tiny.tflite")
        told["source"]["path"] = str(tensors.parent / "net.onnx")

    edit_bundle(out, vouch)
    pixels = np.random.default_rng(5).integers(0, 256, (64, 96, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "p.png")
    record(out, tmp_path / "g", tmp_path / "p.png")
    approve(out, tmp_path / "g", every=True)
    report = validate(out, tmp_path / "g", runner="tflite", write_pending=False)
    assert report.held
    said = next(r.check for r in report.not_run if r.check.name == "inner values")
    assert "stripped of their names" in said.detail


def test_a_fresh_cat_landmarks_holds_on_random_inputs(tmp_path: Path) -> None:
    """Its .tflite folds the network's output into the results: those are compared."""
    from mobilecat.spec import load_spec

    spec = Path(__file__).parents[2] / "mobilecat" / "demo" / "cat_landmarks.toml"
    out = tmp_path / "b"
    export(load_spec(spec), out, spec_folder=spec.parent)
    report = validate(out, random=1)
    assert report.held, report.shortfalls
    ran = {r.output for r in report.random if r.lane.runner == "tflite" and r.verdict == "PASS"}
    assert {"boxes", "scores", "landmarks"} <= ran


def test_finders_file_in_a_package_is_no_damage(tensors: Path, tmp_path: Path) -> None:
    out = tmp_path / "b"
    shutil.copytree(tensors, out)
    for folder in (out, out / "tiny.mlpackage", out / "tiny.mlpackage" / "Data"):
        (folder / ".DS_Store").write_bytes(b"x")
        (folder / "Thumbs.db").write_bytes(b"x")
    assert open_bundle(out).name == "tiny"
    (out / "tiny.mlpackage" / "Data" / "stranger").write_bytes(b"x")
    with pytest.raises(Exception, match="cannot be trusted"):
        open_bundle(out)


def test_core_ai(tmp_path: Path) -> None:
    pytest.importorskip("coreai", reason="NOT_RUN: coreai-core is not installed")
    save_yunet_like(tmp_path / "net.onnx")
    targets = '[[targets.coreai]]\n[[targets.coreai]]\nnms = "app"\nname = "app"\n'
    out = tmp_path / "b"
    export(spec_from_text(yunet_like_spec(tmp_path / "net.onnx", targets)), out)
    bundle = open_bundle(out)
    assert {f for a in bundle.artifacts for f in failures(bundle, out, a.file)} == set()
    other = bundle.model_copy(
        update={
            "spec": bundle.spec.model_copy(update={"name": "other"}),
            "outputs": bundle.outputs[:-1],
        }
    )
    said = failures(other, out, "tiny.aimodel")
    assert "boxes, class_ids, count" in said["contract interface as written"]
    assert "name: tiny, not other" in said["contract metadata as written"]

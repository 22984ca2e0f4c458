"""A classifier's .tflite: one row of probabilities, its labels in the file."""

from __future__ import annotations

import io
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mobilecat.bundle import open_bundle
from mobilecat.bundle.given import given
from mobilecat.compile import export
from mobilecat.disk import sha256_of
from mobilecat.errors import SpecError
from mobilecat.formats.inspection import inspect_file
from mobilecat.formats.tflite.inspect import inspect_model
from mobilecat.judge.run import validate
from mobilecat.judge.written import check_written
from mobilecat.lanes import lanes_of, open_lane
from mobilecat.review.approve import approve, record
from mobilecat.spec import spec_from_text
from tests.heads.networks import save_constant_network
from tests.judge.fake import edit_bundle

LABELS = ["cat", "dog", "a rock", "sleeping cat"]
PROBABILITIES = [0.2, 0.1, 0.65, 0.05]
TARGETS = """
[[targets.tflite]]
contract = "classifier"
[[targets.tflite]]
contract = "classifier"
name = "net.floats"
input = "float32"
"""


def exported(
    folder: Path,
    labels: list[str] = LABELS,
    head: str = "classify",
    probabilities: list[float] = PROBABILITIES,
    nms: str = "",
    targets: str = TARGETS,
) -> Path:
    logits = {"logits": np.log([probabilities])}
    path = save_constant_network(folder / "net.onnx", (8, 6), logits)
    more = {"classify": 'activation = "softmax"', "box": 'format = "xyxy"\nunits = "pixels"'}
    spec = spec_from_text(
        f'name = "net"\nsource = "{path}"\nlabels = {labels}\n[input]\nsize = [8, 6]\n[head]\n'
        f'kind = "{head}"\n{more[head]}\n{nms}{targets}'
    )
    export(spec, folder / "out")
    return folder / "out"


def test_it_is_said_what_the_files_give_and_no_boxes(tmp_path: Path) -> None:
    out = exported(tmp_path)
    two = (
        "net.tflite, net.floats.tflite give class_probabilities: a probability for each of 4 labels"
    )
    assert list(given(open_bundle(out))) == [two]
    found = inspect_file(out)
    assert found.outputs == ()
    assert [p.outputs[0].name for p in found.parts] == ["class_probabilities"] * 2


def test_files_of_two_contracts_are_told_apart(tmp_path: Path) -> None:
    out = exported(tmp_path, targets=f"{TARGETS}[targets.onnx]\n")
    assert list(given(open_bundle(out)))[1] == (
        "net.onnx gives boxes 1×5×4, scores 1×5, class_ids 1×5, count 1"
    )
    found = inspect_file(out)
    assert [o.name for o in found.outputs] == ["boxes", "scores", "class_ids", "count"]
    assert found.metadata["contracts"].startswith("net.tflite classifier, net.floats.tflite class")


@pytest.mark.parametrize("file", ["net.tflite", "net.floats.tflite"])
def test_what_the_file_gives_and_says(tmp_path: Path, file: str) -> None:
    from ai_edge_litert.interpreter import Interpreter

    out = exported(tmp_path)
    data = (out / file).read_bytes()
    run = Interpreter(model_content=data)
    run.allocate_tensors()
    (taken,), (given,) = run.get_input_details(), run.get_output_details()
    assert given["shape"].tolist() == [1, 4]
    run.set_tensor(taken["index"], np.full((1, 6, 8, 3), 7, taken["dtype"]))
    run.invoke()
    np.testing.assert_allclose(run.get_tensor(given["index"])[0], PROBABILITIES, atol=1e-6)
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        assert packed.read("labels.txt").decode().splitlines() == LABELS
    about = inspect_model(out / file, "tflite").metadata
    assert about["  output 0"] == "'probability', axis labels in labels.txt"
    floats = ", mean [0.0], std [1.0]" if "floats" in file else ""
    assert about["  input 0"] == f"'image', image RGB 8×6{floats}"
    bundle = open_bundle(out)
    checks = check_written(out / file, bundle.artifact(file), bundle)
    assert all(c.verdict == "PASS" for c in checks), checks


def test_its_lane_gives_the_best_classes(tmp_path: Path) -> None:
    out = exported(tmp_path)
    bundle = open_bundle(out)
    for lane in lanes_of(bundle, "tflite"):
        found = open_lane(out, bundle, lane).infer({"image": np.zeros((6, 8, 3), np.uint8)})
        assert found["class_ids"][0].tolist() == [2, 0, 1, 3, 0]
        assert found["count"].tolist() == [4]
        np.testing.assert_allclose(found["scores"][0], [0.65, 0.2, 0.1, 0.05, 0], atol=1e-6)


@pytest.mark.parametrize(("far", "code"), [(2e-6, 0), (2e-2, 1)], ids=["a tie", "a fault"])
def test_classes_that_tie_may_change_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, far: float, code: int
) -> None:
    """Another network's file, whose second and third class are the other way round."""
    monkeypatch.delenv("CI", raising=False)
    for name, more in (("ours", far), ("other", -far)):
        (tmp_path / name).mkdir()
        some = [0.6, 0.15 + more, 0.15 - more, 0.1]
        exported(tmp_path / name, probabilities=some, nms="[nms]\nmax_detections = 2\n")
    out = tmp_path / "ours" / "out"
    Image.new("RGB", (40, 30), (10, 90, 200)).save(tmp_path / "p.png")
    record(out, tmp_path / "golden", tmp_path / "p.png")
    approve(out, tmp_path / "golden", every=True, by="test")
    shutil.copyfile(tmp_path / "other" / "out" / "net.tflite", out / "net.tflite")

    def vouch(told: dict[str, Any]) -> None:
        for artifact in told["artifacts"]:
            artifact["sha256"] = sha256_of(out / artifact["file"])

    edit_bundle(out, vouch)
    report = validate(out, tmp_path / "golden", runner="tflite", write_pending=False)
    assert report.exit_code == code, report.failed


def test_the_same_spec_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    first, second = (exported(tmp_path / name) / "net.tflite" for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("change", ["rolled", "dropped"])
def test_other_labels_in_the_file_are_told(tmp_path: Path, change: str) -> None:
    out = exported(tmp_path)
    path = out / "net.tflite"
    data = path.read_bytes()
    text = "\n".join(LABELS).encode() + b"\n"
    other = "\n".join([*LABELS[1:], LABELS[0]]).encode() + b"\n"
    if change == "rolled":
        at = data.index(text)
        path.write_bytes(data[:at] + other + data[at + len(text) :])
    else:
        path.write_bytes(data[: data.index(b"PK\x03\x04")])
    bundle = open_bundle(out, verify=False)
    checks = check_written(path, bundle.artifact("net.tflite"), bundle)
    assert any(c.verdict == "FAIL" for c in checks), checks


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"labels": []}, "0 labels for 4 classes"),
    ({"head": "box"}, "is for head 'classify', not 'box'"),
]


@pytest.mark.parametrize(("given", "said"), REFUSED, ids=["no labels", "a box"])
def test_refused_with_the_reason(tmp_path: Path, given: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError) as refusal:
        exported(tmp_path, **given)
    assert said in str(refusal.value)
    assert not (tmp_path / "out").exists()

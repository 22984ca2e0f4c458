"""The models that the app is committed with: the demo's cats, in the files that the app wants."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from mobilecat.bundle import Bundle, open_bundle
from mobilecat.compile.ios import contract_swift
from mobilecat.demo import FOLDER
from mobilecat.disk import sha256_of
from mobilecat.spec import load_spec
from mobilecat.spec.cascade import load_cascade

SAMPLE = Path(__file__).resolve().parents[2] / "ios_sample"
PLACES = {"cat_faces": SAMPLE / "CatCam/Model", "cat_landmarks": SAMPLE / "CatCam/LandmarkModel"}
STALE = "run: make ios"


def committed(name: str) -> Bundle:
    return open_bundle(PLACES[name] / "Bundle", verify=False)


@pytest.mark.parametrize("name", sorted(PLACES))
def test_the_contract_is_of_todays_model_and_spec(name: str) -> None:
    bundle = committed(name)
    assert bundle.name == name, STALE
    assert bundle.source.sha256 == sha256_of(FOLDER / f"{name}.onnx"), STALE
    assert bundle.spec == load_spec(SAMPLE / f"Cats/{name}.toml"), STALE
    text = contract_swift(bundle, sha256_of(PLACES[name] / "Bundle/bundle.json"))
    assert (PLACES[name] / "ModelContract.swift").read_text("utf-8") == text, STALE


def test_the_crop_rule_is_the_cascades_and_names_the_landmark_model() -> None:
    rule = json.loads((PLACES["cat_faces"] / "Bundle/cascade.json").read_text("utf-8"))
    spec = load_cascade(SAMPLE / "Cats/cats.toml")
    inner = PLACES["cat_landmarks"] / "Bundle/bundle.json"
    assert rule["cascade"]["landmarks"]["sha256"] == sha256_of(inner), STALE
    assert rule["cascade"]["max_crops"] == spec.cascade.max_crops, STALE
    assert rule["crop"] == spec.crop.model_dump(mode="json"), STALE


@pytest.mark.parametrize("name", sorted(PLACES))
def test_the_samples_spec_differs_from_the_demos_in_its_files_alone(name: str) -> None:
    ours, demos = load_spec(SAMPLE / f"Cats/{name}.toml"), load_spec(FOLDER / f"{name}.toml")
    alike = {"targets": demos.targets, "source": demos.source}
    assert ours.model_copy(update=alike) == demos
    assert (SAMPLE / "Cats" / str(ours.source)).resolve() == FOLDER / f"{name}.onnx"


def test_the_samples_cascade_is_the_demos() -> None:
    assert load_cascade(SAMPLE / "Cats/cats.toml") == load_cascade(FOLDER / "cats.toml")


def test_the_detector_speaks_visions_language_in_both_formats() -> None:
    """The .mlmodel first: of an ML Program before NMS, wrong boxes are reported."""
    core = [a for a in committed("cat_faces").artifacts if a.kind == "coreml"]
    assert [(a.file, a.contract) for a in core] == [
        ("cat_faces.mlmodel", "vision"),
        ("cat_faces.mlpackage", "vision"),
    ]
    (landmarks,) = (a for a in committed("cat_landmarks").artifacts if a.kind == "coreml")
    assert (landmarks.file, landmarks.contract) == ("cat_landmarks.mlpackage", "tensor")


def test_ios_27s_files_leave_suppression_to_the_app() -> None:
    (faces,) = (a for a in committed("cat_faces").artifacts if a.kind == "coreai")
    assert (faces.file, faces.contract, faces.image) == ("cat_faces.aimodel", "candidates", "bgra")
    assert set(faces.outputs) == {"candidate_boxes", "candidate_scores"}
    (points,) = (a for a in committed("cat_landmarks").artifacts if a.kind == "coreai")
    assert (points.file, points.contract) == ("cat_landmarks.aimodel", "tensor")


def test_where_core_ai_cannot_be_written_the_other_files_are(tmp_path: Path) -> None:
    """What tools/export_cats.sh does to the specs: the target goes, and nothing else."""
    for name in ("cat_faces", "cat_landmarks"):
        spec = SAMPLE / f"Cats/{name}.toml"
        script = "/^\\[\\[targets.coreai\\]\\]/,/^$/d"
        assert script in (SAMPLE.parent / "tools/export_cats.sh").read_text("utf-8")
        left = subprocess.run(
            ["sed", script, str(spec)], capture_output=True, text=True, check=True
        ).stdout
        (tmp_path / f"{name}.toml").write_text(left)
        ours, without = load_spec(spec), load_spec(tmp_path / f"{name}.toml")
        assert ours.targets.coreai and not without.targets.coreai
        targets = ours.targets.model_copy(update={"coreai": ()})
        assert without == ours.model_copy(update={"targets": targets})

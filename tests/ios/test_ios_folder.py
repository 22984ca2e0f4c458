"""A bundle as an app's folder: what is written, what is refused, and that it is Swift."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mobilecat.bundle import Bundle, open_bundle
from mobilecat.bundle.seal import digest, sealed
from mobilecat.cli.main import app
from mobilecat.compile.cascade import export_cascade
from mobilecat.compile.ios import contract_swift, write_ios
from mobilecat.disk import sha256_of
from mobilecat.errors import ArtifactError
from mobilecat.formats.table import FORMATS
from tests.lanes.cascade.tiny_landmarks import TARGETS, landmark_spec
from tests.tiny import save_yunet_like, yunet_like_spec

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "ios_sample/CatCam/Model"
YUNET = Path(__file__).parent / "yunet/bundle.json"
"""A bundle of YuNet, whichever model the app holds now."""


def written_bundle(folder: Path, **changes: Any) -> Path:
    """Write a bundle of that contract with files of a few bytes; spec keys by dots."""
    folder.mkdir()
    data = json.loads(YUNET.read_text("utf-8"))
    for path, value in changes.items():
        *heads, last = path.split("__")
        at = data
        for key in heads:
            at = at[key]
        at[last] = value
    for record in data["artifacts"]:
        path = folder / record["file"]
        if record["format"] == "mlpackage":
            (path / "Data").mkdir(parents=True)
            (path / "Data/weight.bin").write_bytes(b"weights")
        elif record["format"] == "aimodel":
            path.mkdir()
            (path / "main.mlirb").write_bytes(b"mlir")
        else:
            path.write_bytes(record["file"].encode())
        record["sha256"] = sha256_of(path)
    data["spec"]["targets"] = targets_of(data["artifacts"])
    data["spec_sha256"] = digest(data["spec"])
    (folder / "bundle.json").write_text(json.dumps(sealed(data)), "utf-8")
    (folder / "labels.txt").write_text("face\n")
    return folder


def targets_of(artifacts: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return the targets that make these files."""
    found: dict[str, list[dict[str, Any]]] = {}
    for a in artifacts:
        told = {
            "coreml": {k: a[k] for k in ("format", "precision", "contract")},
            "tflite": {"input": a["image"], "contract": a["contract"]},
            "coreai": {"nms": "app" if a["contract"] == "candidates" else "graph"},
        }
        found.setdefault(a["kind"], []).append(told.get(a["kind"], {}))
    return found


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def test_what_is_written(tmp_path: Path) -> None:
    bundle = written_bundle(tmp_path / "b")
    done = write_ios(bundle, tmp_path / "Model")
    files = files_of(tmp_path / "Model")
    assert set(files) == {
        "ModelContract.swift",
        "Bundle/bundle.json",
        "Bundle/labels.txt",
        "Bundle/yunet.mlmodel",
        "Bundle/yunet.mlpackage/Data/weight.bin",
    }
    assert files["Bundle/bundle.json"] == (bundle / "bundle.json").read_bytes()
    assert sha256_of(bundle / "bundle.json").encode() in files["ModelContract.swift"]
    assert "ModelContract.swift" in done.files and done.notes == ()
    write_ios(bundle, tmp_path / "again")
    assert files_of(tmp_path / "again") == files


def test_an_older_one_is_replaced_whole(tmp_path: Path) -> None:
    write_ios(written_bundle(tmp_path / "b"), tmp_path / "Model")
    (tmp_path / "Model/Bundle/old.mlmodel").write_text("old")
    write_ios(tmp_path / "b", tmp_path / "Model")
    assert not (tmp_path / "Model/Bundle/old.mlmodel").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["Model", "b"]


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "Model").mkdir()
    (tmp_path / "Model/Thesis.swift").write_text("years of work")
    with pytest.raises(ArtifactError, match="in use") as e:
        write_ios(written_bundle(tmp_path / "b"), tmp_path / "Model")
    assert "Thesis.swift" in str(e.value)
    assert (tmp_path / "Model/Thesis.swift").read_text() == "years of work"


def test_an_export_looks_at_the_app_before_it_compiles(tmp_path: Path) -> None:
    save_yunet_like(tmp_path / "tiny.onnx")
    (tmp_path / "mobilecat.toml").write_text(yunet_like_spec(Path("tiny.onnx")))
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Photos.swift").write_text("import UIKit")
    given = [str(tmp_path / "mobilecat.toml"), "-o", str(tmp_path / "out"), "--ios"]
    done = CliRunner().invoke(app, ["export", *given, str(tmp_path / "app")])
    assert isinstance(done.exception, ArtifactError)
    assert not (tmp_path / "out").exists()


def test_a_damaged_bundle_changes_nothing(tmp_path: Path) -> None:
    bundle = written_bundle(tmp_path / "b")
    write_ios(bundle, tmp_path / "Model")
    before = files_of(tmp_path / "Model")
    (bundle / "yunet.mlmodel").write_bytes(b"damaged")
    with pytest.raises(ArtifactError, match="cannot be trusted"):
        write_ios(bundle, tmp_path / "Model")
    assert files_of(tmp_path / "Model") == before


def test_a_bundle_without_core_ml_is_refused(tmp_path: Path) -> None:
    data = json.loads(YUNET.read_text("utf-8"))
    others = [a for a in data["artifacts"] if a["kind"] != "coreml"]
    bundle = written_bundle(tmp_path / "b", artifacts=others)
    with pytest.raises(ArtifactError) as e:
        write_ios(bundle, tmp_path / "Model")
    assert "no artifact for an app" in str(e.value) and not (tmp_path / "Model").exists()
    assert "[targets.coreml]" in str(e.value)


@pytest.fixture
def coreai(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The bundle's artifacts, an .aimodel before them."""
    if "coreai" not in FORMATS:  # the format's own room may be absent; its place in an app is not
        stand_in = replace(FORMATS["coreml"], name="coreai")
        monkeypatch.setitem(FORMATS, "coreai", stand_in)
    names = ("candidate_boxes", "candidate_scores", "candidate_landmarks")
    first = {
        "file": "yunet.aimodel",
        "kind": "coreai",
        "format": "aimodel",
        "contract": "candidates",
        "precision": "float32",
        "bytes": 3,
        "sha256": "",
        "image": "bgra",
        "inputs": {"image": "image"},
        "outputs": {n: n for n in names},
    }
    return [first, *json.loads(YUNET.read_text("utf-8"))["artifacts"]]


def test_an_aimodel_goes_into_the_app_beside_core_ml(
    tmp_path: Path, coreai: list[dict[str, Any]]
) -> None:
    write_ios(written_bundle(tmp_path / "b", artifacts=coreai), tmp_path / "Model")
    files = files_of(tmp_path / "Model")
    assert "Bundle/yunet.aimodel/main.mlirb" in files and "Bundle/yunet.mlmodel" in files
    swift = files["ModelContract.swift"].decode()
    record = swift[swift.index('file: "yunet.aimodel"') :].split("outputs:")[0]
    assert 'kind: "coreai", contract: "candidates"' in record
    # Plain pixels of the model's input: no Vision flips them.
    assert "boxFormat: .xyxy, unit: .pixels, origin: .topLeft" in record


def test_what_vision_does_otherwise_is_nothing_to_core_ai(
    tmp_path: Path, coreai: list[dict[str, Any]]
) -> None:
    """The app draws the padding as trained, top left or centred."""
    for name, changes in (("grey", {"pad": 114}), ("corner", {"resize": "letterbox-topleft"})):
        keys = {f"spec__input__{k}": v for k, v in changes.items()}
        both = written_bundle(tmp_path / name, artifacts=coreai, **keys)
        alone = written_bundle(tmp_path / f"{name} alone", artifacts=coreai[:1], **keys)
        assert len(write_ios(both, tmp_path / f"{name} 1").notes) == 1
        assert write_ios(alone, tmp_path / f"{name} 2").notes == ()


def changed(**changes: Any) -> Bundle:
    bundle = open_bundle(YUNET.parent, verify=False)
    image = bundle.spec.input
    assert image is not None
    spec = bundle.spec.model_copy(
        update={
            "input": image.model_copy(update=changes.pop("input", {})),
            **changes,
        }
    )
    return bundle.model_copy(update={"spec": spec})


def test_the_committed_contract_is_the_committed_bundles() -> None:
    bundle = open_bundle(MODEL / "Bundle", verify=False)
    text = contract_swift(bundle, sha256_of(MODEL / "Bundle/bundle.json"))
    assert (MODEL / "ModelContract.swift").read_text("utf-8") == text


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"input": {"size": (192, 320)}}, "inputWidth = 192\n    static let inputHeight = 320"),
        ({"input": {"resize": "stretch"}}, "CropAndScale? = .scaleFill"),
        ({"input": {"resize": "fit-pad"}}, "ResizeMode.fitPad"),
        ({"input": {"resize": "letterbox-topleft"}}, "CropAndScale? = nil"),
        ({"labels": ()}, "labels: [String] = []"),
        ({"landmarks": ("a b",)}, '"a b",'),
        ({"nms": None}, "perClass: Bool? = "),
    ],
)
def test_contract(changes: dict[str, Any], expected: str) -> None:
    assert expected in contract_swift(changed(**changes), "0")


def test_notes_say_what_vision_does_otherwise(tmp_path: Path) -> None:
    grey = written_bundle(tmp_path / "grey", spec__input__pad=114)
    assert "padding 114" in write_ios(grey, tmp_path / "1").notes[0]


CASCADE = """
[cascade]
{detector}
landmarks = "points.toml"
max_crops = 5
[crop]
grow = 0.25
square = true
edge = "pad"
"""


def cascade(folder: Path, detector: str = 'detector = "detector.toml"') -> Path:
    """Write a cascade's spec with two small networks."""
    source = save_yunet_like(folder / "tiny.onnx")
    (folder / "detector.toml").write_text(yunet_like_spec(source, TARGETS))
    landmark_spec(folder)
    path = folder / "pets.toml"
    path.write_text(CASCADE.format(detector=detector))
    return path


def test_a_cascade_is_two_folders(tmp_path: Path) -> None:
    """Model and LandmarkModel, and between them the crop rule with the second's hash."""
    model = tmp_path / "app/Model"
    done = CliRunner().invoke(
        app, ["export", str(cascade(tmp_path)), "-o", str(tmp_path / "b"), "--ios", str(model)]
    )
    assert done.exit_code == 0, done.output
    first, second = files_of(model), files_of(tmp_path / "app/LandmarkModel")
    rule = json.loads(first["Bundle/cascade.json"])
    wanted = {"grow": 0.25, "square": True, "edge": "pad"}
    assert wanted.items() <= rule["crop"].items() and rule["cascade"]["max_crops"] == 5
    inner = tmp_path / "app/LandmarkModel/Bundle/bundle.json"
    assert rule["cascade"]["landmarks"]["sha256"] == sha256_of(inner)
    assert json.loads(first["Bundle/bundle.json"])["name"] == "tiny"
    assert "Bundle/cascade.json" not in second and "ModelContract.swift" in second
    assert "LandmarkModel" in done.output and "outside the picture" in done.output
    # A single model in the detector's place: the rule goes with it.
    write_ios(written_bundle(tmp_path / "one"), model)
    assert "Bundle/cascade.json" not in files_of(model)


def test_a_cascade_changes_nothing_where_a_part_cannot_go(tmp_path: Path) -> None:
    export_cascade(cascade(tmp_path), tmp_path / "b")
    (tmp_path / "app/LandmarkModel").mkdir(parents=True)
    (tmp_path / "app/LandmarkModel/Thesis.swift").write_text("years of work")
    with pytest.raises(ArtifactError, match="in use"):
        write_ios(tmp_path / "b", tmp_path / "app/Model")
    assert sorted(files_of(tmp_path / "app")) == ["LandmarkModel/Thesis.swift"]
    with pytest.raises(ArtifactError, match="folder of its own"):
        write_ios(tmp_path / "b", tmp_path / "app/LandmarkModel")


def test_a_cascade_of_given_boxes_has_no_detector(tmp_path: Path) -> None:
    export_cascade(cascade(tmp_path, 'boxes = "vision"'), tmp_path / "b")
    with pytest.raises(ArtifactError, match="needs a detector"):
        write_ios(tmp_path / "b", tmp_path / "app/Model")


def test_any_label_is_swift(tmp_path: Path) -> None:
    swiftc = shutil.which("swiftc")
    if swiftc is None:
        pytest.skip("NOT_RUN: no swiftc on this machine")
    nasty = ('say "hi"', "back\\slash", "\\(1 + 1)", "two\nlines", "\x07", "猫", "e\u0301", '"""')
    path = tmp_path / "Labels.swift"
    text = contract_swift(changed(labels=nasty), "0")
    array = text[text.index("static let labels") :].split("]", 2)
    literal = "[String] = " + array[1].split("= ", 1)[1] + "]"
    # What Swift reads out of the literals, as Unicode scalars.
    path.write_text(
        f"let labels: {literal}\n"
        "for l in labels {\n"
        '  print(l.unicodeScalars.map { "\\($0.value)" }.joined(separator: ","))\n'
        "}\n"
    )
    # A module cache of its own: the user's is written by every compiler that runs meanwhile.
    command = [swiftc, "-module-cache-path", str(tmp_path / "modules"), str(path)]
    command += ["-o", str(tmp_path / "labels")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ran = subprocess.run([str(tmp_path / "labels")], capture_output=True, text=True)
    assert ran.returncode == 0, ran
    printed = ran.stdout
    assert printed.split() == [",".join(str(ord(c)) for c in label) for label in nasty]

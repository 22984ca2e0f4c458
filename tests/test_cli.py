"""The command line as users meet it: exit codes, messages, no traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.tiny import save_yunet_like, yunet_like_spec


def mobilecat(*args: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mobilecat", *map(str, args)], capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, its spec, a bundle and a picture."""
    folder = tmp_path_factory.mktemp("work")
    save_yunet_like(folder / "tiny.onnx")
    (folder / "mobilecat.toml").write_text(yunet_like_spec(Path("tiny.onnx")))
    noise = np.random.default_rng(1).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((120, 90)).save(folder / "picture.png")
    done = mobilecat("export", folder / "mobilecat.toml", "-o", folder / "bundle")
    assert done.returncode == 0, done.stderr
    return folder


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr + done.stdout
    for word in words:
        assert word in done.stderr, done.stderr


def test_run_prints_json_for_every_lane(work: Path) -> None:
    done = mobilecat("run", work / "bundle", "--image", work / "picture.png", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["image"]["size_wh"] == [120, 90]
    lanes = {r["lane"]: r for r in report["results"]}
    assert set(lanes) == {"source", "onnx:tiny.onnx"}
    assert lanes["source"]["detections"], "the picture must give something to compare"
    for a, b in zip(
        lanes["source"]["detections"], lanes["onnx:tiny.onnx"]["detections"], strict=True
    ):
        assert a["box_xyxy"] == pytest.approx(b["box_xyxy"], abs=0.01)
        assert list(a["landmarks"]) == ["0", "1", "2", "3", "4"]


def test_run_draws(work: Path, tmp_path: Path) -> None:
    out = tmp_path / "drawn.png"
    done = mobilecat(
        "run", work / "bundle", "--image", work / "picture.png", "--runner", "onnx", "--draw", out
    )
    assert done.returncode == 0, done.stderr
    drawn, plain = Image.open(out), Image.open(work / "picture.png")
    assert drawn.size == plain.size
    assert np.any(np.asarray(drawn) != np.asarray(plain))


def test_native_core_ml_says_why_it_did_not_run(work: Path) -> None:
    if sys.platform == "darwin":
        pytest.skip("NOT_RUN: this machine has Core ML")
    done = mobilecat(
        "run", work / "bundle", "--image", work / "picture.png", "--runner", "coreml-native"
    )
    refused(done, "no artifact for runner 'coreml-native'")


def test_a_spec_with_five_mistakes_lists_five(work: Path) -> None:
    spec = work / "bad.toml"
    spec.write_text(
        'source = "tiny.onnx"\nlabls = ["face"]\n[input]\nsize = [96, "64"]\n'
        'resize = "leterbox"\n[head]\nkind = "yunt"\n[nms]\nscore_threshold = 1.5\n'
    )
    done = mobilecat("export", spec, "-o", work / "never")
    refused(
        done,
        "bad.toml: 5 problems",
        "bad.toml:2: unknown key 'labls'",
        "did you mean 'labels'?",
        "bad.toml:4: input.size",
        "bad.toml:5: input.resize = 'leterbox'",
        "bad.toml:7: there is no head 'yunt'",
        "bad.toml:9: nms.score_threshold = 1.5",
    )
    assert not (work / "never").exists()


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("zero.onnx", b"", ["the file is empty"]),
        ("text.onnx", b"this is no model", ["not an ONNX file, or cut short"]),
    ],
)
def test_files_that_are_no_model(work: Path, name: str, data: bytes, words: list[str]) -> None:
    (work / name).write_bytes(data)
    refused(mobilecat("export", work / name, "-o", work / "never"), name, *words)
    assert not (work / "never").exists()


def test_a_truncated_model(work: Path) -> None:
    data = (work / "tiny.onnx").read_bytes()
    (work / "cut.onnx").write_bytes(data[: len(data) * 2 // 3])
    refused(mobilecat("export", work / "cut.onnx", "-o", work / "never"), "cut.onnx")


def test_an_image_that_is_no_image(work: Path) -> None:
    done = mobilecat("run", work / "bundle", "--image", work / "mobilecat.toml")
    refused(done, "This is not a picture", "mobilecat.toml")
    cut = work / "cut.png"
    cut.write_bytes((work / "picture.png").read_bytes()[:400])
    refused(mobilecat("run", work / "bundle", "--image", cut), "cut.png")
    (work / "zero.png").write_bytes(b"")
    refused(mobilecat("run", work / "bundle", "--image", work / "zero.png"), "zero.png")


def test_what_is_not_there(work: Path) -> None:
    refused(mobilecat("export", work / "nope.toml", "-o", work / "b"), "nope.toml")
    refused(mobilecat("export", work / "nope.onnx", "-o", work / "b"), "nope.onnx")
    refused(mobilecat("run", work, "--image", work / "picture.png"), "This is not a bundle")
    refused(mobilecat("inspect", work / "nope.tflite"), "nope.tflite")
    refused(
        mobilecat("run", work / "bundle", "--image", work / "picture.png", "--runner", "onx"),
        "'onx'",
        "one of source, onnx",
    )


def test_a_folder_that_cannot_be_written(work: Path, tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("in the way")
    done = mobilecat("export", work / "mobilecat.toml", "-o", blocker / "bundle")
    refused(done, str(blocker))
    assert blocker.read_text() == "in the way"


def test_a_shape_that_is_none(work: Path) -> None:
    done = mobilecat("export", work / "tiny.onnx", "-o", work / "b", "--shape", "input=1,3,x")
    refused(done, "is not NAME=1,3,320,320")


def test_inspect_speaks_of_a_bundle(work: Path) -> None:
    done = mobilecat("inspect", work / "bundle", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [p["name"] for p in found["outputs"]] == [
        "boxes",
        "scores",
        "class_ids",
        "landmarks",
        "count",
    ]
    assert found["parts"][0]["ops"]["Conv"] == 12

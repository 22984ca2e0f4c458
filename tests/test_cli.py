"""The command line as users meet it: exit codes, messages, no traceback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import mobilecat as mc
from mobilecat.cli.main import app, main
from mobilecat.errors import MobileCatError
from tests.command import mobilecat
from tests.tiny import save_yunet_like, yunet_like_spec


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


def test_export_says_what_to_type_next(work: Path) -> None:
    """With goldens beside it, they are held; raw tensors have none that a person approves."""
    first, last = "next: mobilecat run", f"mobilecat validate {work / 'bundle'} --golden"
    told = mobilecat("export", work / "mobilecat.toml", "-o", work / "bundle").stdout
    assert first in told and "golden record" in told and last in told
    raw = mobilecat("export", work / "tiny.onnx", "-o", work / "raw").stdout
    assert f"next: mobilecat validate {work / 'raw'} --random 3" in raw


def test_a_key_is_said_in_the_spec_not_to_export(work: Path) -> None:
    done = mobilecat("export", work / "mobilecat.toml", "--set", "input.resize=stretch")
    refused(done, "export has no --set", "init MODEL --set input.resize=stretch --replace")


@pytest.mark.parametrize("said", [("--max-drop", "2"), ("--max-drop=2",)])
def test_what_may_be_lost_is_said_in_the_spec_not_to_validate(
    work: Path, said: tuple[str, ...]
) -> None:
    done = mobilecat("validate", work / "bundle", "--data", work, *said)
    refused(done, "validate has no --max-drop", 'map_loss = 2 under [tolerances."FILE"]')
    assert "--markdown" not in done.stderr


@pytest.mark.parametrize(
    ("words", "place"),
    [
        (("golden", "validate"), "mobilecat validate"),
        (("approve", "--help"), "mobilecat golden approve"),
    ],
)
def test_a_verb_that_is_asked_for_on_another_level_is_told_where(
    words: tuple[str, ...], place: str
) -> None:
    done = CliRunner().invoke(app, list(words), prog_name="mobilecat")
    assert isinstance(done.exception, MobileCatError)
    assert done.exception.problems[0].fix == f"it is {place}"


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
        ("text.onnx", b"this is no model", ["a text file"]),
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
    refused(mobilecat("export", work / "mobilecatt.toml", "-o", work / "b"), "mobilecat.toml?")
    refused(mobilecat("run", work, "--image", work / "picture.png"), "This is not a bundle")
    refused(
        mobilecat("run", work / "bundl", work / "picture.png"), f"did you mean {work / 'bundle'}?"
    )
    refused(mobilecat("inspect", work / "nope.tflite"), "nope.tflite")
    refused(
        mobilecat("run", work / "bundle", "--image", work / "picture.png", "--runner", "onx"),
        "'onx'",
        "did you mean onnx?",
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


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("boxes.xyz", [".xyz is no picture's", "boxes.png"]),
        ("boxes", ["no suffix is no picture's"]),
        ("", ["is a folder", "name a file in it"]),
        ("no/such/boxes.png", ["there is no folder", "mkdir -p"]),
        ("picture.png/boxes.png", ["is a file, not a folder"]),
        ("pipe", ["is no plain file"]),
    ],
)
def test_a_drawing_that_cannot_be_written(
    work: Path, tmp_path: Path, out: str, words: list[str]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "picture.png").write_bytes(b"mine")
    done = mobilecat(
        "run", work / "bundle", "--image", work / "picture.png", "--draw", tmp_path / out
    )
    refused(done, "--draw", *words)
    assert done.stdout == "", "nothing ran before"
    assert (tmp_path / "picture.png").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("verb", "options"),
    [
        (["validate", "--random", "1"], ["--json", "--html", "--junit"]),
        (["evaluate", "--data", "."], ["--json", "--plot"]),
        (["tune", "--data", "."], ["--json", "--plot"]),
        (["bisect", "--runner", "onnx", "--image", "picture.png"], ["--plot"]),
        (["golden", "review", "--golden", "."], ["--html"]),
    ],
)
def test_reports_that_cannot_be_written_are_named_at_once(
    work: Path, tmp_path: Path, verb: list[str], options: list[str]
) -> None:
    target = tmp_path / "absent" / "report"
    asked = [part for option in options for part in (option, str(target))]
    refused(mobilecat(*verb, work / "bundle", *asked), *(f"{o}: {target}" for o in options))
    assert not target.parent.exists()


def test_export_takes_a_folder_with_a_spec(work: Path, tmp_path: Path) -> None:
    done = mobilecat("export", work, "-o", tmp_path / "bundle")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "bundle" / "bundle.json").is_file()
    refused(mobilecat("export", work / "bundle", "-o", tmp_path / "again"), "This is a bundle")
    refused(mobilecat("export", tmp_path, "-o", tmp_path / "again"), "without saved_model.pb")
    assert not (tmp_path / "again").exists()


def test_a_bundle_of_another_version(work: Path, tmp_path: Path) -> None:
    shutil.copytree(work / "bundle", tmp_path / "old")
    contract = json.loads((tmp_path / "old" / "bundle.json").read_text())
    text = json.dumps(contract | {"schema_version": 7})
    (tmp_path / "old" / "bundle.json").write_text(text)
    done = mobilecat("run", tmp_path / "old", "--image", work / "picture.png")
    refused(done, "of another version", "schema_version is 7, this mobilecat reads 1")


@pytest.mark.parametrize("verb", [["list"], ["review"], ["approve", "--all"]])
def test_a_golden_folder_that_is_none(work: Path, verb: list[str]) -> None:
    for golden, word in (("absent", "not found"), ("picture.png", "a file, not a folder")):
        done = mobilecat("golden", *verb, work / "bundle", "--golden", work / golden)
        refused(done, "no such golden folder", word)


def test_a_case_alone_is_approved_in_the_bundle_here(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(work / "bundle", tmp_path / "bundle")
    shutil.copy(work / "tiny.onnx", tmp_path)
    monkeypatch.chdir(tmp_path)
    mc.golden.record("bundle", "golden", work / "picture.png")
    home = tmp_path / "golden" / "tiny" / "picture"
    for words in (["typo"], ["picture", "typo"]):
        done = CliRunner().invoke(app, ["golden", "approve", *words])
        assert isinstance(done.exception, MobileCatError) and "typo" in str(done.exception)
        assert not (home / "approved.json").exists()
    done = CliRunner().invoke(app, ["golden", "approve", "picture", "--by", "anna"])
    assert done.exit_code == 0 and (home / "approved.json").is_file()


def test_a_golden_is_not_recorded_into_a_file(work: Path) -> None:
    picture = work / "picture.png"
    done = mobilecat("golden", "record", work / "bundle", "--golden", picture, "--image", picture)
    refused(done, "a file, not a folder")


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("absent.png", None, ["not found"]),
        (".", None, ["a folder"]),
        ("cut.png", "half", ["copy or export it again"]),
        ("text.png", b"cat", ["no image format known here"]),
        ("deep.png", "16 bits", ["beyond 8 bits", "save it with 8 bits"]),
    ],
)
def test_both_readers_of_pictures_say_what_is_wrong(
    work: Path, tmp_path: Path, name: str, data: bytes | str | None, words: list[str]
) -> None:
    whole = (work / "picture.png").read_bytes()
    if data == "16 bits":
        Image.fromarray(np.full((3, 5), 40000, np.uint16)).save(tmp_path / name)
    elif data is not None:
        (tmp_path / name).write_bytes(data if isinstance(data, bytes) else whole[: len(whole) // 2])
    for verb in (["run", work / "bundle"], ["diagnose", "--bundle", work / "bundle"]):
        refused(mobilecat(*verb, "--image", tmp_path / name), *words)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04" + bytes(50), b"\x93NUMPY\x01", "npy"])
def test_tensors_that_are_none(work: Path, tmp_path: Path, data: bytes | str) -> None:
    raw, file = tmp_path / "raw", tmp_path / "inputs.npz"
    assert mobilecat("export", work / "tiny.onnx", "-o", raw).returncode == 0
    if isinstance(data, bytes):
        file.write_bytes(data)
    else:
        with file.open("wb") as f:
            np.save(f, np.zeros((3, 5)))
    done = mobilecat("golden", "record", raw, "--golden", tmp_path / "golden", "--image", file)
    refused(done, "not an .npz of tensors")


def test_a_capture_says_its_facts_itself(tmp_path: Path) -> None:
    box = {"box_xyxy": [1, 2, 30, 50], "score": 0.9}
    frame = {"size_wh": [90, 120], "model_wh": [96, 64], "drawn_in": "image"}
    frame |= {"drawn": [box], "true": [box]}
    (tmp_path / "capture.json").write_text(json.dumps({"schema": 1, "frames": [frame]}))
    done = mobilecat("diagnose", tmp_path / "capture.json", "--in", "view", "--frame", "3x5")
    refused(done, "--in: a capture says this itself", "--frame: a capture says this itself")
    assert mobilecat("diagnose", tmp_path / "capture.json", "--noise", "2").returncode == 0
    refused(mobilecat("diagnose", tmp_path / "absent.json"), "absent.json: not found")
    (tmp_path / "picture.json").write_bytes(b"\xff\xd8\xff")
    refused(mobilecat("diagnose", tmp_path / "picture.json"), "not a text file")


def test_a_place_that_cannot_be_written_is_told_by_its_own_name(work: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    options = ["--random", "1", "--save", tmp_path / "file" / "saved"]
    done = mobilecat("validate", work / "bundle", *options)
    refused(done, str(tmp_path / "file"))
    assert "mobilecat-tmp" not in done.stderr


def test_an_artifact_without_a_name_is_not_every_artifact(work: Path) -> None:
    done = mobilecat("validate", work / "bundle", "--random", "1", "--artifact", "")
    refused(done, "No such artifact", "the bundle has no ''")


@pytest.mark.parametrize("kept", [12, 400])
def test_a_tflite_file_cut_short(tmp_path: Path, kept: int) -> None:
    whole = (3_000).to_bytes(4, "little") + b"TFL3" + bytes(2_992)
    (tmp_path / "cut.tflite").write_bytes(whole[:kept])
    done = mobilecat("inspect", tmp_path / "cut.tflite")
    refused(done, f"cut short ({kept} bytes)", "copy or export the file again")
    assert "unpack" not in done.stderr


@pytest.mark.parametrize("words", [(), ("golden",)])
def test_no_summary_is_cut_off(words: tuple[str, ...]) -> None:
    """In a terminal of 80 columns."""
    env = {**os.environ, "COLUMNS": "80", "TERM": "dumb"}
    command = [sys.executable, "-m", "mobilecat", *words, "--help"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    listed = done.stdout.partition("Commands:")[2].strip().splitlines()
    assert len(listed) > 4 and not [line for line in listed if line.rstrip().endswith("...")]


def test_overflows_of_a_wrong_spec_are_told_by_checks_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """numpy warns of them in the name of the module that computes, which no user can read."""
    monkeypatch.setattr(sys, "argv", ["mobilecat", "--version"])
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with pytest.raises(SystemExit):
            main()
        for module in ("mobilecat.heads.reference.yolov3", "another.library"):
            warnings.warn_explicit("overflow", RuntimeWarning, f"{module}.py", 1, module=module)
    assert [w.filename for w in seen] == ["another.library.py"]

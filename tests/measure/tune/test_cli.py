"""`mobilecat tune` as users meet it."""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pytest
from PIL import Image

from mobilecat.bundle import open_bundle
from mobilecat.cli.main import main
from mobilecat.compile.cascade import export_cascade
from mobilecat.lanes import Lane, detect, open_lane
from tests.lanes.cascade.tiny_landmarks import landmark_spec
from tests.measure.tune.scenes import SPEC, export_detector, save_pictures

SWEEP = ("--score", "0.2,0.5", "--iou", "0.5,0.7", "--max-detections", "1,10")


@dataclass(frozen=True)
class Done:
    returncode: object
    stdout: str
    stderr: str


def mobilecat(*args: object) -> Done:
    out, err = io.StringIO(), io.StringIO()
    argv = ["mobilecat", *map(str, args)]
    with redirect_stdout(out), redirect_stderr(err), patch.object(sys, "argv", argv):
        try:
            main()
            code: object = 0
        except SystemExit as e:
            code = e.code or 0
    return Done(code, out.getvalue(), err.getvalue())


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """known.toml and known.onnx, their bundle in out/, pictures of 30 objects in data/."""
    export_detector(tmp_path)
    save_pictures(tmp_path / "data", whites=15)
    return tmp_path


def tune(work: Path, *args: object) -> Done:
    where = ("--data", work / "data", "--cache", work / "cache")
    return mobilecat("tune", work / "out", *where, *args)


def test_sweep_write_export(work: Path) -> None:
    """The input is untouched without --write; with it, an export bakes the best row."""
    spec = work / "known.toml"
    done = tune(work, *SWEEP, "--json", work / "table.json", "--plot", work / "plot.svg")
    assert done.returncode == 0, done.stderr
    assert "best by f1: score_threshold = 0.5, iou_threshold = 0.5, max_detections = 10" in (
        done.stdout
    )
    assert "2 inferences" in done.stdout and "nothing written" in done.stdout
    assert spec.read_text() == SPEC
    table = json.loads((work / "table.json").read_text())
    best = table["rows"][table["best"]]
    assert (best["score_threshold"], best["iou_threshold"], best["max_detections"]) == (
        0.5,
        0.5,
        10,
    )
    assert (best["true_positives"], best["false_positives"], best["missed"]) == (30, 0, 0)
    assert len(table["rows"]) == 8 and table["baked"]["max_detections"] == 20
    plot = (work / "plot.svg").read_text()
    # two IoU thresholds with two scores each, and a ring about the best; three in the legend
    assert plot.count("<polyline") == 2 and plot.count("<circle") == 4 + 1 + 3

    done = tune(work, *SWEEP, "--write", spec)
    assert done.returncode == 0, done.stderr
    assert "0 inferences" in done.stdout
    for line in ("-score_threshold = 0.3      # as the authors say", "+max_detections = 10"):
        assert line in done.stdout.splitlines()
    expected = (
        SPEC.replace("score_threshold = 0.3 ", "score_threshold = 0.5 ")
        .replace("iou_threshold = 0.45", "iou_threshold = 0.5")
        .replace("max_detections = 20", "max_detections = 10")
    )
    assert spec.read_text() == expected

    assert mobilecat("export", spec, "-o", work / "out").returncode == 0
    bundle = open_bundle(work / "out")
    for lane in (Lane("source"), Lane("onnx", bundle.artifacts[0])):
        engine = open_lane(work / "out", bundle, lane)
        with Image.open(work / "data" / "white.png") as picture:
            found = detect(engine, bundle, picture)
        assert found.boxes_xyxy.tolist() == [[2, 2, 12, 12], [22, 4, 32, 14]]

    done = tune(work, *SWEEP, "--write", spec)
    assert done.returncode == 0 and "says so already" in done.stdout
    assert "best baked" in done.stdout


def test_too_few_objects_write_nothing(work: Path) -> None:
    """14 white pictures are 28 objects; the row itself is a better one than what is baked."""
    spec, few = work / "known.toml", save_pictures(work / "few", whites=14)
    given = ("--data", few, "--cache", work / "cache", *SWEEP, "--write", spec)
    done = mobilecat("tune", work / "out", *given, "--json", work / "t.json")
    assert done.returncode == 1, done.stderr
    assert f"{spec} is as it was: 28 objects in 15 pictures settle no threshold" in done.stdout
    assert "best by f1: score_threshold = 0.5" in done.stdout
    assert "nothing written; --write" not in done.stdout
    assert json.loads((work / "t.json").read_text())["unwritten"] == str(spec)
    assert spec.read_text() == SPEC


def test_json_alone_on_stdout(work: Path) -> None:
    done = tune(work, *SWEEP, "--objective", "recall@fp=0.5", "--json", "-")
    assert json.loads(done.stdout)["objective"] == "recall@fp=0.5"


def test_no_row_meets_the_objective(work: Path) -> None:
    done = tune(
        work, "--score", "0.2", "--iou", "0.5", "--objective", "recall@fp=0.1",
        "--write", work / "known.toml",
    )  # fmt: skip
    assert done.returncode == 1 and "no row meets recall@fp=0.1" in done.stdout
    assert (work / "known.toml").read_text() == SPEC


REFUSED = [
    (("--score", "0.1:x", "--iou", "2", "--max-detections", "0"), ("--score", "--iou", "--max-d")),
    (("--objective", "best"), ("f1, map, or recall@fp=",)),
    (("--class-map", "cat"), ("DATA=MODEL",)),
    (("--artifact", "none.onnx"), ("known.onnx",)),
    (("--write", "/nowhere/spec.toml"), ("/nowhere/spec.toml",)),
]


@pytest.mark.parametrize(("args", "words"), REFUSED, ids=[r[0][0] for r in REFUSED])
def test_refusals(work: Path, args: tuple[str, ...], words: tuple[str, ...]) -> None:
    done = tune(work, *args)
    assert done.returncode == 2, done.stdout
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def test_another_spec_is_refused_before_anything_runs(work: Path) -> None:
    other = work / "other.toml"
    other.write_text(SPEC.replace("[40, 24]", "[48, 24]"))
    done = tune(work, *SWEEP, "--write", other)
    assert done.returncode == 2 and "not the bundle's spec" in done.stderr
    assert not (work / "cache").exists()


def test_a_cascades_detector_is_tuned(work: Path) -> None:
    landmark_spec(work, "[targets.onnx]\n")
    cascade = work / "cascade.toml"
    cascade.write_text('[cascade]\ndetector = "known.toml"\nlandmarks = "points.toml"\n')
    export_cascade(cascade, work / "both")
    args = ("--data", work / "data", "--cache", work / "cache", *SWEEP)
    done = mobilecat("tune", work / "both", *args, "--write", work / "known.toml")
    assert done.returncode == 0, done.stderr
    assert "score_threshold = 0.5 " in (work / "known.toml").read_text()
    assert "export the cascade again" in done.stdout


def test_a_cascade_of_given_boxes_has_none(work: Path) -> None:
    landmark_spec(work, "[targets.onnx]\n")
    cascade = work / "cascade.toml"
    cascade.write_text('[cascade]\nboxes = "image"\nlandmarks = "points.toml"\n')
    export_cascade(cascade, work / "both")
    done = mobilecat("tune", work / "both", "--data", work / "data")
    assert done.returncode == 2 and "come from elsewhere" in done.stderr

"""A clip as a golden: recorded, approved, held, reviewed frame by frame; and what breaks it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import mobilecat as mc
from mobilecat.bundle import Bundle, open_bundle
from mobilecat.golden.store import read_result
from mobilecat.judge.run import validate
from mobilecat.lanes import Lane, Runner, open_lane
from tests.command import mobilecat
from tests.test_cli import refused
from tools.render_clips import STORIES, Stored, Take, shots, write_clip


@pytest.fixture(scope="module")
def approved(cats: Path, clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    golden = tmp_path_factory.mktemp("goldens") / "golden"
    told = mobilecat("golden", "record", cats, "--clip", clips / "leave.mov", "--golden", golden)
    assert told.returncode == 0, told.stderr
    mc.golden.approve(cats, golden, "leave", by="me")
    return golden


@pytest.fixture
def golden(approved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(approved, tmp_path / "golden"))


def test_what_is_expected_is_each_sampled_frames_detections(cats: Path, approved: Path) -> None:
    kept = read_result(approved / "cat_faces" / "leave" / "approved.json")
    assert kept.seal_holds and kept.detections is None and kept.plan is not None
    assert [len(f.detections) for f in kept.frames] == [1, 1, 1, 1, 0, 0, 1, 1]
    assert [f.time for f in kept.frames] == [k / 10 for k in range(8)]
    assert kept.frames[0].detections[0]["label"] == "cat face"
    case = json.loads((approved / "cat_faces" / "leave" / "case.json").read_text())
    assert case["kind"] == "clip" and case["every"] == 1


def test_every_artifact_is_held_to_it(cats: Path, golden: Path) -> None:
    found = mc.validate(cats, golden)
    assert found.held, found
    names = {(r.lane, r.check.name) for r in found.report.results if r.case == "leave"}
    for lane in ("onnx:cat_faces.onnx", "tflite:cat_faces.tflite", "source"):
        assert {(lane, n) for n in ("frames", "boxes", "scores", "count")} <= names
    assert ("onnx:cat_faces.onnx", "steadiness") in names
    told = [r.check for r in found.report.results if r.check.name == "frames"]
    assert told[0].detail == "8 frames, at their times"
    page = mobilecat("validate", cats, "--golden", golden, "--html", golden.parent / "page.html")
    assert page.returncode == 0, page.stderr
    text = (golden.parent / "page.html").read_text()
    assert "a clip; what differs is shown frame by frame" in text


class Late:
    """An artifact that hands over what it found in the frame before."""

    def __init__(self, engine: Runner) -> None:
        self.note, self._engine, self._last = engine.note, engine, None

    def infer(self, inputs: Any, taps: Any = ()) -> Any:
        last, self._last = self._last, self._engine.infer(inputs, taps)
        return last or self._last


def late(folder: Path, bundle: Bundle, lane: Lane, source: Path | None) -> Runner:
    engine = open_lane(folder, bundle, lane, source)
    return Late(engine) if lane.runner == "onnx" else engine


def test_an_artifact_one_frame_late_fails_and_is_shown_frame_by_frame(
    cats: Path, golden: Path
) -> None:
    report = validate(cats, golden, opener=late, files=False)
    bad = {(r.lane, r.check.name): r.check for r in report.results if r.check.verdict == "FAIL"}
    boxes = bad["onnx:cat_faces.onnx", "boxes"]
    assert "of 8 frames; worst in frame" in boxes.detail and boxes.value > boxes.limit
    assert "gone" not in boxes.detail and {n for n, _ in bad} == {"onnx:cat_faces.onnx"}
    (pending,) = report.pending
    assert pending.name == "pending-onnx@cat_faces.onnx.json"
    review = mc.golden.review(cats, golden)
    assert review.pending[0].size > 1 and "boxes" in repr(review)
    page = review.page()
    assert page.count('<figure class="reel-frame') == 8 and "next difference (" in page
    assert "approved: source" in page and "onnx:cat_faces.onnx" in page
    assert "next difference (0)" not in page


def test_a_clip_that_gives_other_frames_fails(
    cats: Path, clips: Path, golden: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decoder that counts frames in place of reading their times."""
    import mobilecat.clips.reading as reading

    right = reading._frame

    def counted(stream: Any, told: dict[str, Any]) -> Any:
        return right(stream, {**told, "time": [told["index"], 30]})

    monkeypatch.setattr(reading, "_frame", counted)
    report = validate(cats, golden, runner="tflite", files=False)
    bad = [r.check for r in report.results if r.check.verdict == "FAIL"]
    assert "frame 1 (0.100 s) was approved, the clip gives frame 1 (0.033 s)" in bad[0].detail


def test_a_changed_clip_and_a_hand_edit_are_noticed(cats: Path, golden: Path) -> None:
    home = golden / "cat_faces" / "leave"
    path = home / "approved.json"
    path.write_text(path.read_text().replace('"time": 0.1', '"time": 0.2'))
    assert not mc.validate(cats, golden, runner="onnx").held
    write_clip(home / "leave.mov", shots(Take(STORIES["empty"], seconds=0.2)), Stored("mjpeg"))
    found = mc.validate(cats, golden, runner="onnx")
    assert "is not the file that was recorded" in repr(found)


def test_recording_says_what_it_cannot(cats: Path, clips: Path, tmp_path: Path) -> None:
    clip = clips / "leave.mov"
    told = mobilecat("golden", "record", cats, "one.png", "--clip", clip, "--golden", tmp_path)
    refused(told, "A clip is recorded alone")
    told = mobilecat("golden", "record", cats, "--clip", tmp_path / "no.mp4", "--golden", tmp_path)
    refused(told, "There is no such clip")
    told = mobilecat("golden", "record", cats, "--clip", tmp_path, "--golden", tmp_path / "g")
    refused(told, "a clip here is one file", "ffmpeg -i")


def test_a_picture_recorded_as_before_says_nothing_of_frames(cats: Path, tmp_path: Path) -> None:
    from tests.cat_faces import ONE

    path = mc.golden.record(cats, tmp_path, ONE, case="one")
    assert path is not None and '"frames"' not in path.read_text()
    assert '"every"' not in (path.parent / "case.json").read_text()
    assert open_bundle(cats).name == "cat_faces"

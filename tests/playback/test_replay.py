"""A clip through every artifact: frame by frame, as rows, as a drawn clip, killed on the way."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import mobilecat as mc
from mobilecat.bundle import open_bundle
from mobilecat.clips.clip import ClipFacts, Frame
from mobilecat.clips.reading import ClipReader
from mobilecat.geometry.affine import Affine
from mobilecat.geometry.orientation import Orientation
from mobilecat.lanes import Lane, open_lane
from mobilecat.pictures.masks import Masks
from mobilecat.playback.phones import Setup
from mobilecat.playback.rows import columns_of, read_rows, rows_of
from mobilecat.playback.run import replay
from tests.clips.test_reading import packets_of
from tests.command import mobilecat
from tests.test_cli import refused
from tools.render_clips import STORIES, Stored, Take, shots, write_clip


def test_every_artifact_follows_its_source_frame_by_frame(cats: Path, clips: Path) -> None:
    drawn = list(shots(Take(STORIES["walk"], seconds=0.5)))
    seen: list[tuple[Frame, dict[str, mc.Detections]]] = []
    found = mc.replay(cats, clips / "walk.mp4", every=3, each=lambda f, d: seen.append((f, d)))
    assert found.held and found.exit_code == 0 and found.frames == 5
    ran = {r.lane.runner: r for r in found.lanes if not r.not_run}
    assert set(ran) == {"source", "onnx", "tflite", "coreml"}
    for r in ran.values():
        assert r.detections == 5 and r.stability is not None
        assert r.differing in (None, 0) and r.largest.get("boxes", 0) < 0.5
    for frame, lanes in seen:
        shot = drawn[frame.index]
        assert frame.time == shot.time
        for lane in lanes.values():  # where the cat was drawn, and not where a turned one would be
            assert np.abs(lane.boxes_xyxy[0] - shot.boxes_xyxy[0]).max() < 14


def test_a_cat_that_leaves_is_gone_in_just_these_frames(cats: Path, clips: Path) -> None:
    counts: list[int] = []

    def each(frame: Frame, found: Mapping[str, mc.Detections]) -> None:
        counts.extend(map(len, found.values()))

    mc.replay(cats, clips / "leave.mov", runner="tflite", each=each)
    assert counts == [1, 1, 1, 1, 0, 0, 1, 1]


class Fixed:
    """An engine that gives one box in pixels of the model input, moved by `shift` a frame."""

    note = "fixed"

    def __init__(self, change: Callable[[int], tuple[float, ...] | None]) -> None:
        self._change, self._frame = change, -1

    def infer(self, inputs: Mapping[str, Any], taps: Any = ()) -> dict[str, Any]:
        self._frame += 1
        box = self._change(self._frame)
        boxes, scores = np.zeros((1, 50, 4), np.float32), np.zeros((1, 50), np.float32)
        if box is not None:
            boxes[0, 0], scores[0, 0] = box, 0.75
        ids = np.zeros((1, 50), np.int32)
        count = np.array([box is not None], np.int32)
        return {"boxes": boxes, "scores": scores, "class_ids": ids, "count": count}


class Frames:
    """Grey frames 160 × 120, a tenth of a second apart."""

    path = None
    facts = ClipFacts("grey", "none", (160, 120))

    def __init__(self, count: int) -> None:
        self._count = count

    def __iter__(self):  # type: ignore[no-untyped-def]
        for k in range(self._count):
            yield Frame(k, Fraction(k, 10), np.full((120, 160, 3), 99, np.uint8))

    def close(self) -> None: ...


def steady(frame: int) -> tuple[float, ...]:
    return (28 + 7 * frame, 56, 56 + 7 * frame, 84)


def replayed(cats: Path, source: Any, artifact: Any, count: int = 8, **more: Any) -> mc.Replay:
    def opener(lane: Lane) -> Fixed:
        return Fixed(source if lane.artifact is None else artifact)

    bundle = open_bundle(cats)
    bundle = bundle.model_copy(update={"artifacts": bundle.artifacts[:1]})
    return replay(cats, bundle, Frames(count), opener=opener, **more)


def test_the_rows_are_those_worked_out_by_hand(cats: Path, tmp_path: Path) -> None:
    """160 × 120 into 224 × 224: by 1.4, 28 rows above. Model (28,56,56,84) → (20,20,40,40)."""
    replayed(cats, steady, lambda k: None, count=2, csv=tmp_path / "rows.csv")
    rows = list(csv.reader((tmp_path / "rows.csv").open()))
    assert rows[0][:7] == ["frame", "time", "lane", "detection", "class_id", "class", "score"]
    by_hand = [
        ["0", "0.000000", "source", "0", "0", "cat face", "0.750000", *("20.0000",) * 2],
        ["1", "0.100000", "source", "0", "0", "cat face", "0.750000", "25.0000", "20.0000"],
    ]
    assert [r[:9] for r in rows[1:]] == by_hand
    assert [r[9:] for r in rows[1:]] == [["40.0000", "40.0000"], ["45.0000", "40.0000"]]
    again = read_rows(tmp_path / "rows.csv")
    assert again[1][0] == 0.1 and again[1][1].boxes_xyxy.tolist() == [[25, 20, 45, 40]]


def test_masks_are_in_the_rows_with_their_area() -> None:
    """A grid of 4 × 2 over 160 × 120: a cell is 40 × 60 pixels, three of them are 7200."""
    values = np.zeros((1, 2, 4), np.float32)
    values[0, 0, 1:3] = values[0, 1, 1] = 0.9
    masks = Masks(values, Affine.scale_then_move(40, 60))
    found = mc.Detections(
        np.array([[40.0, 0, 120, 120]]), np.array([0.9]), np.zeros(1, np.int64), {}, masks
    )
    columns = columns_of((), False, True)
    (row,) = rows_of(Frame(0, None, np.zeros((120, 160, 3), np.uint8)), "onnx", found, ["cat"], ())
    told = dict(zip(columns, row, strict=True))
    assert told["mask_area"] == "7200.0"
    # Column by column: two that are not, two of column 1, one of column 2, three that are not.
    assert json.loads(told["mask"])["counts"] == [2, 3, 3]
    assert json.loads(told["mask"])["size"] == [2, 4]


def test_several_engines_go_over_a_clip_in_one_pass(
    cats: Path, clips: Path, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.csv"
    words = ["replay", cats, clips / "leave.mov", "--every", 4, "--csv", rows]
    told = mobilecat(*words, "--runner", "onnx", "--runner", "source")
    assert told.returncode == 0, told.stderr
    lanes = [r["lane"] for r in csv.DictReader(rows.open())]
    assert lanes == ["source", "onnx:cat_faces.onnx"]  # of frame 0; in frame 4 there is no cat
    clip = clips / "leave.mov"
    refused(mobilecat("replay", cats, clip, "--runner", "onnx", "--runner", "magic"), "magic")


@pytest.mark.parametrize(
    ("artifact", "says"),
    [
        (lambda k: tuple(v + 0.45 * (-1) ** k for v in steady(k)), "corners tremble by 0.73 px"),
        (lambda k: None if k == 4 else steady(k), "gone for one frame that the source keeps"),
        (lambda k: steady(max(0, k - 1)), "boxes are those of the frame before"),
        (lambda k: None if k < 3 else steady(k), "found 3 frames later"),
        (lambda k: tuple(v + 3 for v in steady(k)), "8 of 8 frames differ from the source"),
    ],
)
def test_an_artifact_that_falls_short_of_its_source_fails(
    cats: Path, artifact: Any, says: str
) -> None:
    """0.45 px to and fro: second differences 1.8, squares 3.24 in all four; √(3.24 / 6) = 0.73."""
    assert replayed(cats, steady, steady).held
    found = replayed(cats, steady, artifact)
    assert not found.held and says in repr(found), found


def test_the_drawn_clip_has_boxes_and_the_old_sound(
    cats: Path, clips: Path, tmp_path: Path
) -> None:
    out = tmp_path / "boxes.mp4"
    found = mc.replay(cats, clips / "walk.mp4", runner="onnx", draw=out, every=2)
    assert found.draw == out and found.copied > 3
    assert packets_of(out) == packets_of(clips / "walk.mp4")
    with ClipReader(out) as clip, ClipReader(clips / "walk.mp4", 2) as old:
        pairs = list(zip(clip, old, strict=True))
    orange = np.array([0xE6, 0x9F, 0x00])
    for new, was in pairs:
        assert new.time == was.time and new.wh == (160, 120)
        near = np.abs(new.pixels.astype(int) - orange).sum(-1) < 90
        before = np.abs(was.pixels.astype(int) - orange).sum(-1) < 90
        assert near.sum() > 100 + before.sum()


def test_a_kill_leaves_rows_whole_up_to_a_frame_and_no_half_clip(
    cats: Path, tmp_path: Path
) -> None:
    long = tmp_path / "in" / "long.mp4"
    long.parent.mkdir()
    write_clip(long, shots(Take(STORIES["two"], seconds=3, wh=(160, 120))), Stored())
    rows, out = tmp_path / "found.csv", tmp_path / "boxes.mp4"
    rows.write_text("before")
    words = ["replay", cats, long, "--runner", "onnx", "--csv", rows, "--draw", out]
    child = subprocess.Popen([sys.executable, "-m", "mobilecat", *map(str, words)])
    part = tmp_path / "found.csv.part"
    end = time.monotonic() + 60
    while not (part.is_file() and part.read_text().count("\n") > 12):
        assert child.poll() is None and time.monotonic() < end
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    found = list(csv.DictReader(part.open()))
    assert part.read_text().endswith("\n") and not out.exists() and rows.read_text() == "before"
    per_frame = [r["frame"] for r in found]
    assert all(per_frame.count(k) == 2 for k in set(per_frame))  # both cats of each frame
    time.sleep(1.5)  # the children end by themselves
    assert mobilecat(*words).returncode == 0
    assert out.is_file() and not part.exists() and len(read_rows(rows)) == 90
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


@pytest.mark.parametrize("phone", ["ios-back-portrait", "ios-front", "android-front"])
def test_a_clip_through_a_phone_comes_back_where_it_was(
    cats: Path, clips: Path, phone: str
) -> None:
    found = mc.replay(cats, clips / "walk.mp4", runner="onnx", every=5, simulate=phone)
    through = found.lanes[0].through
    assert found.held and through is not None and (through.boxes, through.back) == (3, 3)
    assert through.worst_px < 1


@pytest.mark.parametrize("handed", [Orientation.UP, Orientation.LEFT_MIRRORED])
def test_a_wrong_set_up_is_noticed(
    cats: Path, clips: Path, monkeypatch: pytest.MonkeyPatch, handed: Orientation
) -> None:
    """The frames are stored as a phone held upright does (.right), and another is handed over."""
    right = Setup.request

    def wrong(self: Setup, *sizes: Any) -> Any:
        return replace(right(self, *sizes), orientation=handed)

    monkeypatch.setattr(Setup, "request", wrong)
    found = mc.replay(
        cats, clips / "walk.mp4", runner="onnx", every=5, simulate="ios-front-unmirrored"
    )
    assert not found.held and "do not come back where they were" in repr(found)


def test_folders_of_frames_and_captures_are_clips_too(cats: Path, tmp_path: Path) -> None:
    stored = []
    for k, shot in enumerate(shots(Take(STORIES["walk"], seconds=0.1))):
        turned = np.rot90(shot.pixels)  # upright again after a quarter clockwise: EXIF 6
        Image.fromarray(turned).save(tmp_path / f"f{k}.png")
        facts = {"size_wh": [120, 160], "model_wh": [224, 224], "orientation": 1, "upright": 6}
        stored.append({**facts, "image": f"f{k}.png", "time": k / 30})
    plain = mc.replay(cats, tmp_path, runner="onnx")
    assert plain.clip.orientation == Orientation.UP and plain.clip.codec == "pictures"
    (tmp_path / "capture.json").write_text(json.dumps({"schema": 1, "frames": stored}))
    found = mc.replay(cats, tmp_path, runner="onnx", draw=tmp_path / "out.mp4")
    assert found.lanes[0].detections == 3 and found.clip.orientation == Orientation.RIGHT
    with ClipReader(tmp_path / "out.mp4") as clip:
        assert [round(float(f.time or 0), 4) for f in clip] == [0.0, 0.0333, 0.0667]


def test_the_command_line(cats: Path, clips: Path, tmp_path: Path) -> None:
    clip = clips / "leave.mov"
    told = mobilecat("replay", cats, clip, "--runner", "onnx", "--every", 4, "--json")
    assert told.returncode == 0, told.stderr
    told = json.loads(told.stdout)
    assert told["frames"] == 2 and told["clip"]["audio"] == ["pcm_s16le"] and told["held"]
    refused(mobilecat("replay", cats), "Which clip?", "name one behind it")
    refused(mobilecat("replay", cats, tmp_path / "no.mp4"), "There is no such clip", "no.mp4")
    refused(mobilecat("replay", cats, clip, "--simulate", "nokia"), "No such phone", "ios-front")
    refused(mobilecat("replay", cats, clip, "--draw", tmp_path / "o.png"), "--draw", ".mp4")
    refused(mobilecat("replay", cats, clip, "--csv", clip), "is read by this very command")
    with clip.open("rb") as stdin:
        words = ["replay", str(cats), "-", "--runner", "onnx", "--every", "4"]
        done = subprocess.run(
            [sys.executable, "-m", "mobilecat", *words], stdin=stdin, capture_output=True, text=True
        )
    assert done.returncode == 0 and "2 frames, every 4." in done.stdout, done.stderr


def test_engines_open_as_they_do_elsewhere(cats: Path) -> None:
    """What is replayed is what `run` runs."""
    bundle = open_bundle(cats)
    lane = Lane("onnx", next(a for a in bundle.artifacts if a.kind == "onnx"))
    shot = next(iter(shots(Take(STORIES["two"], seconds=0.1))))
    frame = Frame(0, None, shot.pixels)
    frames = Frames(0)
    frames.__class__ = type("One", (Frames,), {"__iter__": lambda self: iter([frame])})
    seen: list[dict[str, mc.Detections]] = []
    replay(
        cats,
        bundle,
        frames,
        runner="onnx",
        opener=lambda lane: open_lane(cats, bundle, lane),
        each=lambda f, found: seen.append(found),
    )
    plain = mc.run(cats, shot.pixels, runner="onnx").detections
    assert np.array_equal(seen[0][lane.name].boxes_xyxy, plain.boxes_xyxy)

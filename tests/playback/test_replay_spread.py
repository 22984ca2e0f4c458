"""Frames that workers run: the same rows and figures, in the clip's order, also before an error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mobilecat as mc
from mobilecat.clips.reading import ClipReader
from mobilecat.errors import ImageError, MobileCatError, Problem
from mobilecat.formats.base.runner import NotRun
from mobilecat.lanes import worker
from mobilecat.playback import run
from tests.workers import here


def told(found: mc.Replay) -> Any:
    """Everything but what a clock says."""
    data = found.to_json()
    for key in ("seconds", "frames_a_second", "share_of_inference"):
        del data[key]
    for lane in data["lanes"]:
        lane.pop("milliseconds", None)
    return data


def test_workers_find_what_one_process_finds(
    cats: Path, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [tmp_path / f"{n}.csv" for n in (1, 2)]
    seen: list[int] = []
    one = mc.replay(cats, clips / "leave.mov", csv=files[0])
    client = here(monkeypatch, run)
    two = mc.replay(
        cats, clips / "leave.mov", csv=files[1], on="local", each=lambda f, _: seen.append(f.index)
    )
    assert client.asked == 1 + 8, "which lanes run, then each frame"
    assert seen == list(range(8))
    assert told(two) == told(one) and one.frames == 8
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_lane_that_no_worker_runs_is_told_and_the_phone_stays_here(
    cats: Path, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = worker.open_lane

    def open_lane(folder: Path, bundle: Any, lane: Any, source: Any) -> Any:
        if lane.runner == "tflite":
            raise NotRun("no LiteRT there")
        return opened(folder, bundle, lane, source)

    monkeypatch.setattr(worker, "open_lane", open_lane)
    monkeypatch.setattr("mobilecat.spread._OPEN", {})
    here(monkeypatch, run)
    found = mc.replay(cats, clips / "leave.mov", every=4, on="local", runner=["tflite", "onnx"])
    why = {r.lane.runner: r.not_run for r in found.lanes}
    assert why == {"onnx": "", "tflite": "no LiteRT there"}
    with pytest.raises(MobileCatError, match="--simulate"):
        mc.replay(cats, clips / "leave.mov", on="local", simulate="ios-front")


def test_frames_before_an_error_are_there(
    cats: Path, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = ClipReader.__iter__

    def broken(self: Any) -> Any:
        for frame in frames(self):
            if frame.index == 5:
                raise ImageError("The clip is not whole", [Problem("cut off", "leave.mov")])
            yield frame

    monkeypatch.setattr(ClipReader, "__iter__", broken)
    here(monkeypatch, run)
    seen: list[int] = []
    each = lambda frame, _: seen.append(frame.index)  # noqa: E731
    with pytest.raises(ImageError, match="not whole"):
        mc.replay(cats, clips / "leave.mov", runner="source", each=each, on="local")
    assert seen == [0, 1, 2, 3, 4]

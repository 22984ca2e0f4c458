"""What one picture says of the range that a spec has."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import mobilecat as mc
from mobilecat.demo import FOLDER
from mobilecat.diagnosis import whole
from mobilecat.diagnosis.rerun import read_stored, rerun
from mobilecat.diagnosis.told import wrong_spec
from mobilecat.pictures.detections import Detections


@pytest.mark.parametrize(("written", "said"), [
    # Of the demo's detector, trained on [-1, 1]: one picture does not tell [0, 1] from it.
    ("[0, 1]", "Nor does one picture without labels settle the spec's range: with [-1, 1] the"),
    ("[-1000, -999]", "with range = [-1, 1] the model finds its objects. Write it under [input]"),
])  # fmt: skip
def test_what_one_picture_says_of_the_specs_range(written: str, said: str, tmp_path: Path) -> None:
    text = (FOLDER / "cat_faces.toml").read_text("utf-8").partition("[[targets")[0]
    text = text.replace("mean = 127.5\nstd = 127.5", f"range = {written}")
    text = text.replace('source = "cat_faces.onnx"', f'source = "{FOLDER / "cat_faces.onnx"}"')
    (tmp_path / "m.toml").write_text(f"{text}\n[targets.onnx]\n", "utf-8")
    mc.export(tmp_path / "m.toml", tmp_path / "out")
    found = rerun(tmp_path / "out", read_stored(FOLDER / "pictures" / "one_at_night.png"))
    assert said in found.sentence


def test_boxes_that_no_capture_holds_are_left_out() -> None:
    """YOLOv3-tiny with [0, 255] for [0, 1] gives boxes of 37 thousand million pixels."""
    boxes = np.array([[10.0, 20, 30, 40], [-2e10, 0, 2e10, 9], [0, 0, 1e6, 5]])
    found = Detections(boxes, np.array([0.9, 1.0, 0.8]), np.zeros(3, np.int64), {})
    assert [b.score for b in whole._captured(found)] == [0.9, 0.8]


def test_a_range_that_mends_what_no_detector_gives_is_named_in_whole_sentences() -> None:
    chain = SimpleNamespace(values="as if the spec said range [0, 1]")
    best = SimpleNamespace(chain=chain, found=(0,), best=0.91)
    said = wrong_spec(("9 of 9 scores are 1.000",), best, ("range",), ("spec",))[1]  # type: ignore[arg-type]
    assert said.startswith("As handed over the model gives what no detector gives: 9 of 9 scores")
    assert "1.000. With range = [0, 1] under [input] it finds 1 object (best score 0.91)" in said

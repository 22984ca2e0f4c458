"""What comes nearest where nothing is found, and other thresholds tried without an export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mobilecat as mc
from mobilecat.demo import DETECTOR
from mobilecat.errors import SpecError

from .conftest import PICTURES

SOFA, EMPTY = PICTURES / "two_on_a_sofa.png", PICTURES / "nobody_home.png"
LANES = ("source", "onnx", "tflite", "coreml")


@pytest.mark.parametrize("score", [0.05, 0.9])
def test_a_threshold_that_is_tried_finds_what_a_baked_one_finds(
    score: float, exported: Path, tmp_path: Path
) -> None:
    """Expected values come from a graph into which that threshold is baked."""
    spec = mc.load_spec(DETECTOR)
    baked = spec.model_copy(update={"nms": spec.nms.model_copy(update={"score_threshold": score})})
    other = mc.open(mc.export(baked, tmp_path / "other"))
    bundle = mc.open(exported / "cat_faces")
    for picture in (SOFA, EMPTY):
        wanted = other.run(picture, runner="onnx").detections
        for lane in LANES:
            found = bundle.run(picture, runner=lane, nms={"score_threshold": score}).detections
            assert len(found) == len(wanted), lane
            assert np.allclose(found.boxes_xyxy, wanted.boxes_xyxy, atol=0.5)
            assert np.allclose(found.scores, wanted.scores, atol=0.005)


def test_the_nearest_candidate_is_what_the_lowest_threshold_finds_first(exported: Path) -> None:
    bundle = mc.open(exported / "cat_faces")
    for lane in LANES:
        ran = bundle.run(EMPTY, runner=lane)
        below = ran.first.below
        assert len(ran.detections) == 0 and below is not None
        first = bundle.run(EMPTY, runner=lane, nms={"score_threshold": 0.0}).detections
        assert below.scores[0] == pytest.approx(first.scores[0], abs=1e-6)
        assert np.allclose(below.boxes_xyxy[0], first.boxes_xyxy[0], atol=1e-3)
        said = f"the best below it: cat face {below.scores[0]:.3f}  xyxy"
        assert f"nothing above the threshold 0.4; {said}" in repr(ran)
        assert ran.to_json()["results"][0]["below_threshold"]["label"] == "cat face"


def test_the_nearest_candidate_is_drawn(exported: Path) -> None:
    ran = mc.run(exported / "cat_faces", EMPTY, runner="onnx")
    assert np.any(np.asarray(ran.draw()) != np.asarray(ran.picture))


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("score_treshold", 0.1, "did you mean nms.score_threshold?"),
        ("score_treshold", 0.1, "unknown key"),
        ("where", "app", "cannot be tried on a bundle"),
        ("score_threshold", 7, "takes a number from 0 to 1"),
        ("score_threshold", "high", "score_threshold = 'high', but it takes a number"),
    ],
)
def test_settings_that_cannot_be_tried(key: str, value: object, words: str, exported: Path) -> None:
    with pytest.raises(SpecError, match="nms") as refusal:
        mc.run(exported / "cat_faces", EMPTY, nms={key: value})
    assert words in str(refusal.value)

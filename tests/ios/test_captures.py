"""Captures that the app's pipeline wrote on Linux, read by what reads a phone's.

MobileCatKit's CaptureTests hold these files to what Swift writes today.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from mobilecat.camera.buffer import buffer_from_bytes, rgb_from_buffer
from mobilecat.cli.main import app
from mobilecat.diagnosis import diagnose
from mobilecat.diagnosis.capture import Capture, read_capture
from mobilecat.diagnosis.scenes import setting_of
from mobilecat.diagnosis.words import headline

FIXTURES = Path(__file__).resolve().parents[2] / "ios_sample/MobileCatKit/Tests/Fixtures/captures"
ALL = (
    *("coreai", "coreai_on_its_side"),
    *("front", "orientation_ignored", "right", "upside_down"),
)


def capture_of(name: str) -> Capture:
    return read_capture(FIXTURES / name / "capture.json")


def test_every_fixture_is_read_here() -> None:
    assert sorted(p.name for p in FIXTURES.iterdir()) == sorted(ALL)


@pytest.mark.parametrize("name", ["right", "front", "coreai"])
def test_a_right_app_has_nothing_wrong(name: str) -> None:
    setting = setting_of(capture_of(name))
    answer = diagnose(setting.scenes)
    assert (answer.verdict, answer.boxes) == ("nothing wrong", 5)
    assert setting.notes == ()
    assert answer.seen_px < 0.1


def test_a_picture_upside_down_is_named() -> None:
    setting = setting_of(capture_of("upside_down"))
    answer = diagnose(setting.scenes)
    assert answer.verdict == "named" and answer.first is not None
    assert [b.id for b in answer.first.bugs] == ["5"]
    assert "needs .right (EXIF 6)" in setting.notes[0]


def test_an_ignored_orientation_is_named() -> None:
    setting = setting_of(capture_of("orientation_ignored"))
    answer = diagnose(setting.scenes)
    assert answer.verdict == "named" and answer.first is not None
    assert [b.id for b in answer.first.bugs] == ["4"]
    assert setting.notes[0] == (
        "frames.0: the app handed over .up (EXIF 1); this frame needs .right (EXIF 6)"
    )


def test_an_input_that_was_drawn_on_its_side_is_named_in_the_apps_own_terms() -> None:
    capture = capture_of("coreai_on_its_side")
    assert {f.engine for f in capture.frames} == {"coreai"}
    assert {f.crop_and_scale for f in capture.frames} == {"letterbox"}
    setting = setting_of(capture)
    answer = diagnose(setting.scenes)
    assert answer.verdict == "named" and answer.first is not None
    assert [b.id for b in answer.first.bugs] == ["4"]
    said = headline(answer, setting.scenes[0].facts)
    assert "turn it by .right (EXIF 6)" in said and "Vision" not in said
    assert setting.notes[0] == (
        "frames.0: the app turned it by .up (EXIF 1); this frame needs .right (EXIF 6)"
    )


def test_a_drawn_inputs_boxes_are_plain_pixels_of_the_model() -> None:
    """Letterboxed to the top left of 120 × 90: 60 × 100 upright becomes 54 × 90 at (0, 0)."""
    for frame in capture_of("coreai").frames:
        assert (frame.engine, frame.crop_and_scale) == ("coreai", "letterbox-topleft")
        assert frame.outputs and frame.upright == frame.orientation
        request = frame.facts.request
        assert tuple(request.image_wh) == (60, 100)
        ((x1, y1, x2, y2),) = [b.box_xyxy for b in frame.outputs]
        assert 0 <= x1 < x2 <= 54 and 0 <= y1 < y2 <= 90
        # The face is 24 × 38 of the picture, at nine tenths.
        assert abs((x2 - x1) - 21.6) < 1.5 and abs((y2 - y1) - 34.2) < 1.5


@pytest.mark.parametrize("name", ALL)
def test_the_frames_bytes_are_its_picture(name: str) -> None:
    for frame in capture_of(name).frames:
        assert frame.image is not None and frame.pixel_format is not None
        picture = np.asarray(Image.open(FIXTURES / name / frame.image))
        data = (FIXTURES / name / frame.image).with_suffix(".bin").read_bytes()
        buffer = buffer_from_bytes(frame.pixel_format, frame.size_wh, data, frame.bytes_per_row)
        assert picture.shape == (frame.size_wh[1], frame.size_wh[0], 3)
        np.testing.assert_array_equal(picture, rgb_from_buffer(buffer))


@pytest.mark.parametrize("name", ALL)
def test_the_true_box_is_the_red_one(name: str) -> None:
    """`true` is where the face is on the stored frame, whatever the app made of it."""
    for frame in capture_of(name).frames:
        pixels = np.asarray(Image.open(FIXTURES / name / str(frame.image))).astype(int)
        red = (pixels[..., 0] > 150) & (pixels[..., 1] < 90) & (pixels[..., 2] < 90)
        ys, xs = np.nonzero(red)
        expected = (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
        assert frame.true is not None and frame.true_in == "frame"
        assert np.abs(np.subtract(frame.true[0].box_xyxy, expected)).max() < 1.5


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("right", 0, "othing wrong"),
        ("upside_down", 1, ".right (EXIF 6)"),
        ("orientation_ignored", 1, ".right (EXIF 6)"),
        ("coreai", 0, "othing wrong"),
        ("coreai_on_its_side", 1, "turn it by .right (EXIF 6)"),
    ],
)
def test_the_command_says_it(name: str, code: int, said: str) -> None:
    done = CliRunner().invoke(app, ["diagnose", str(FIXTURES / name / "capture.json")])
    assert done.exit_code == code, done.output
    assert said in " ".join(done.output.split())

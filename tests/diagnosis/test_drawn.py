"""Captures of an app that draws an `.aimodel`'s input itself: no Vision took part."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilecat.diagnosis import BUGS, diagnose
from mobilecat.diagnosis.capture import CapturedBox, parse_capture
from mobilecat.diagnosis.drawn import WORDS
from mobilecat.diagnosis.scenes import setting_of
from mobilecat.diagnosis.words import headline, lines
from mobilecat.errors import MobileCatError
from tests.diagnosis.test_capture import run

# Upright 720 × 1280 into 320 × 320, letterboxed: a quarter, 70 columns on either side.
MODEL = [[88, 64, 124, 192], [160, 32, 232, 96], [97, 224, 115, 288]]
UPRIGHT = [[(x - 70) * 4 if i % 2 == 0 else x * 4 for i, x in enumerate(b)] for b in MODEL]


def told(drawn: list[list[float]], **changes: Any) -> str:
    """One frame, seen by a 360 × 640 view at half its size."""
    frame = {
        "size_wh": [1280, 720],
        "pixel_format": "32BGRA",
        "bytes_per_row": [5120],
        "orientation": 6,
        "upright": 6,
        "engine": "coreai",
        "crop_and_scale": "letterbox",
        "model_wh": [320, 320],
        "view": {"size_wh": [360, 640], "mode": "resizeAspectFill", "scale": 3},
        "outputs": [{"box_xyxy": b, "id": i} for i, b in enumerate(MODEL)],
        "drawn": [{"box_xyxy": b, "id": i} for i, b in enumerate(drawn)],
    }
    return json.dumps({"schema": 1, "frames": [frame | changes]})


def halves(boxes: list[list[float]]) -> list[list[float]]:
    return [[v / 2 for v in b] for b in boxes]


def test_boxes_from_the_top_left_are_right_as_they_are() -> None:
    answer = diagnose(setting_of(parse_capture(told(halves(UPRIGHT)), "here")).scenes)
    assert (answer.verdict, answer.boxes) == ("nothing wrong", 3)
    assert answer.seen_px < 1e-9


def test_visions_flip_has_no_place_here() -> None:
    """The app flips y as it did for Vision: 1280 − y, halved."""
    flipped = [[b[0], 1280 - b[3], b[2], 1280 - b[1]] for b in UPRIGHT]
    capture = parse_capture(told(halves(flipped)), "here")
    setting = setting_of(capture)
    answer = diagnose(setting.scenes)
    assert answer.first is not None and answer.first.ids == {"1"}
    said = headline(answer, setting.scenes[0].facts)
    assert "count from the top left" in said and "Vision counts" not in said
    assert "request.imageFromModel" in "\n".join(lines(answer, setting.scenes[0].facts))


def test_a_re_run_knows_better_than_the_app_what_it_drew() -> None:
    """Drawn upside down, the app's account agrees with itself: only the model run again tells."""
    flipped = [[b[0], 1280 - b[3], b[2], 1280 - b[1]] for b in UPRIGHT]
    believed = [{"box_xyxy": b, "id": i} for i, b in enumerate(flipped)]
    capture = parse_capture(told(halves(flipped), true=believed, true_in="image"), "here")
    assert diagnose(setting_of(capture).scenes).verdict == "nothing wrong"
    found = [CapturedBox.model_validate(b) for b in true_boxes()]
    setting = setting_of(capture, {0: found})
    answer = diagnose(setting.scenes)
    assert answer.first is not None and answer.first.ids == {"1"}
    assert "input was drawn upside down" in headline(answer, setting.scenes[0].facts)
    # Where Vision took part, `true` is what a reader said: it stands.
    vision = parse_capture(
        told(halves(flipped), true=believed, true_in="image", engine="coreml"), "here"
    )
    assert diagnose(setting_of(vision, {0: found}).scenes).verdict == "nothing wrong"


def test_padding_that_was_drawn_must_be_taken_off() -> None:
    """320 columns spread over 720, as if the picture filled them: x · 720/320."""
    spread = [[b[0] * 2.25, b[1] * 4, b[2] * 2.25, b[3] * 4] for b in MODEL]
    setting = setting_of(parse_capture(told(halves(spread)), "here"))
    answer = diagnose(setting.scenes)
    assert answer.first is not None and answer.first.ids == {"8"}
    assert "the padding that the app drew" in headline(answer, setting.scenes[0].facts)


@pytest.mark.parametrize(
    ("handed", "ids", "said"),
    [(1, {"4"}, ".right (EXIF 6)"), (8, {"5"}, "drawn upside down"), (3, {"4b"}, "lying")],
)
def test_a_wrong_turn_of_the_apps_own_is_named(handed: int, ids: set[str], said: str) -> None:
    """The frame needs EXIF 6, and was drawn by another; the app draws its boxes by the same."""
    lying = {1: turned_1, 8: turned_8, 3: turned_3}[handed]
    setting = setting_of(
        parse_capture(
            told(lying(), orientation=handed, outputs=None, true=true_boxes(), true_in="image"),
            "here",
        )
    )
    answer = diagnose(setting.scenes)
    assert answer.first is not None and answer.first.ids == ids
    assert said in headline(answer, setting.scenes[0].facts)
    assert "tell Vision" not in headline(answer, setting.scenes[0].facts)
    assert "the app turned it by" in setting.notes[0]


def true_boxes() -> list[dict[str, Any]]:
    return [{"box_xyxy": b, "id": i} for i, b in enumerate(UPRIGHT)]


def _norm() -> np.ndarray[Any, Any]:
    return np.array(UPRIGHT) / [720, 1280, 720, 1280]


def turned_1() -> list[list[float]]:
    """Stored as it lies: upright (u, v) is at (v, 1 − u) of the buffer, drawn over the view."""
    u1, v1, u2, v2 = _norm().T
    return (np.stack([v1, 1 - u2, v2, 1 - u1], 1) * [360, 640, 360, 640]).tolist()


def turned_3() -> list[list[float]]:
    """Half a turn of what lies: (1 − v, u)."""
    u1, v1, u2, v2 = _norm().T
    return (np.stack([1 - v2, u1, 1 - v1, u2], 1) * [360, 640, 360, 640]).tolist()


def turned_8() -> list[list[float]]:
    """Upside down: (1 − u, 1 − v)."""
    u1, v1, u2, v2 = _norm().T
    return (np.stack([1 - u2, 1 - v2, 1 - u1, 1 - v1], 1) * [360, 640, 360, 640]).tolist()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"crop_and_scale": "scaleFit"}, "no Vision request takes an .aimodel"),
        ({"region_of_interest": [0, 0, 0.5, 0.5]}, "region_of_interest belongs to Vision"),
        ({"engine": "metal"}, "engine"),
        (
            {"engine": "coreml", "crop_and_scale": "scaleFit", "rounding": "truncate"},
            "rounding belongs to the app's own resize",
        ),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(MobileCatError) as e:
        parse_capture(told([], **changes), "capture.json")
    assert said in str(e.value)


def test_the_rounding_of_the_resize_is_the_captured_one() -> None:
    """1280 × 721 into 640 × 640: 360 rows by half-even, 361 by half-away."""
    for rounding, rows in (("half-even", 360), ("half-away", 361), (None, 360)):
        text = told(
            [],
            size_wh=[1280, 721],
            orientation=1,
            upright=1,
            model_wh=[640, 640],
            rounding=rounding,
        )
        (frame,) = parse_capture(text, "here").frames
        scale = frame.facts.request.model_from_image.d
        assert scale == pytest.approx(rows / 721)


def test_every_sentence_is_of_a_bug_and_names_no_vision_request() -> None:
    by_id = {b.id: b for b in BUGS}
    assert set(WORDS) < set(by_id)
    for happened, swift in WORDS.values():
        assert happened.endswith(".") and "VN" not in happened + swift
        assert "tell Vision" not in happened


def test_the_command_says_it(tmp_path: Path) -> None:
    flipped = [[b[0], 1280 - b[3], b[2], 1280 - b[1]] for b in UPRIGHT]
    path = tmp_path / "capture.json"
    path.write_text(told(halves(flipped)))
    done = run(path)
    assert done.exit_code == 1, done.output
    assert "count from the top left" in done.output.splitlines()[0]

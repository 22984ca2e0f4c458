"""The simulated phone's camera and Vision: what the app's session on Linux is measured with."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mobilecat.bundle import open_bundle

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import simulated_coreai as core
import simulated_phone as phone

ACROSS, DOWN = np.meshgrid(np.arange(20, 220, 20), np.arange(40, 160, 20))
RAMP = np.stack([ACROSS, DOWN, np.full((6, 10), 90)], axis=-1).astype(np.uint8)


@pytest.mark.parametrize(("pixel_format", "strides"), [("32BGRA", [128]), ("420v", [128, 192])])
def test_rows_are_padded_and_padding_is_not_read(pixel_format: str, strides: list[int]) -> None:
    """A row of 10 pixels: 40 or 10 bytes, to the next multiple of 64, and 64 or 128 more."""
    facts, data = phone.encode(Image.fromarray(RAMP), pixel_format)
    assert facts["row_strides"] == strides
    assert facts["plane_bytes"] == ([6 * 128] if len(strides) == 1 else [6 * 128, 3 * 192])
    assert len(data) == sum(facts["plane_bytes"])
    shown = np.asarray(phone.decode({**facts, "format": pixel_format}, data)).astype(int)
    # 4:2:0 holds a ramp of 20 a pixel to within a step.
    assert np.abs(shown - RAMP).max() <= (0 if pixel_format == "32BGRA" else 21)


def test_what_is_stored_is_shown_upright() -> None:
    """A mark near the upper left, on 3 rows of 5, worked out by hand from the EXIF table."""
    world = np.zeros((3, 5, 3), np.uint8)
    world[0, 1] = 255
    picture = Image.fromarray(world)
    places = {
        1: (0, 1),
        2: (0, 3),
        3: (2, 3),
        4: (2, 1),
        5: (1, 0),
        6: (3, 0),
        7: (3, 2),
        8: (1, 2),
    }
    for exif, (row, column) in places.items():
        stored = phone.as_stored(picture, {"exif": exif})
        assert np.argwhere(np.asarray(stored)[..., 0]).tolist() == [[row, column]], exif
        assert phone.upright(stored, exif).tobytes() == picture.tobytes()


@pytest.mark.parametrize(
    ("applied", "upright", "mirrored", "mirrors_first", "place"),
    [
        (0, 90, False, False, (3, 0)),  # the sensor's, to be turned 90 clockwise: as EXIF 6
        (90, 90, False, False, (0, 1)),  # turned by the connection
        (90, 90, True, False, (0, 3)),
        (90, 90, True, True, (2, 1)),  # the sensor's (3, 0) of 5 × 3, mirrored (3, 2), turned
        (0, 270, True, False, (1, 0)),  # EXIF 8 is (1, 2), mirrored
        (180, 0, False, False, (2, 3)),
    ],
)
def test_what_a_connection_hands_over(
    applied: int, upright: int, mirrored: bool, mirrors_first: bool, place: tuple[int, int]
) -> None:
    world = np.zeros((3, 5, 3), np.uint8)
    world[0, 1] = 255
    ask = {"applied": applied, "upright": upright, "mirrored": mirrored}
    ask |= {"mirrors_first": mirrors_first}
    stored = np.asarray(phone.as_stored(Image.fromarray(world), ask))
    assert np.argwhere(stored[..., 0]).tolist() == [list(place)]


def test_scale_fit_keeps_the_aspect_in_the_middle() -> None:
    """The right half of 40 × 20, 20 × 20, into 30 × 60: times 1.5, 15 rows of black above."""
    world = np.zeros((20, 40, 3), np.uint8)
    world[:, 20:] = 200
    picture, placed = phone.fitted(Image.fromarray(world), (20, 0, 40, 20), (30, 60), "scaleFit")
    assert placed == phone.Placed(0, 15, 1.5, 1.5, (20, 20))
    columns = np.asarray(picture)[:, 15, 0]
    assert columns.tolist() == [0] * 15 + [200] * 30 + [0] * 15
    _, filled = phone.fitted(Image.fromarray(world), (20, 0, 40, 20), (30, 60), "scaleFill")
    assert filled == phone.Placed(0, 0, 1.5, 3, (20, 20))


def test_a_quarter_turn_is_undone() -> None:
    """A mark 8 from the left and 2 from the top of the right half of 40 × 20.

    Counter-clockwise the right edge comes to lie on top: 12 down and 2 across of 20 × 20.
    """
    world = np.zeros((20, 40, 3), np.uint8)
    world[2, 28] = 255
    picture, placed = phone.fitted(
        Image.fromarray(world), (20, 0, 40, 20), (20, 20), "scaleFitRotate90CCW"
    )
    assert np.argwhere(np.asarray(picture)[..., 0]).tolist() == [[11, 2]]
    assert placed.undone(2.5, 11.5) == (8.5, 2.5)


# ---- Core Image, which counts y upwards: 40 × 20 with a white block of 4 × 4 in its upper left


def block(row: int, column: int) -> Image.Image:
    world = np.zeros((20, 40, 3), np.uint8)
    world[4 * row : 4 * row + 4, 4 * column : 4 * column + 4] = 255
    return Image.fromarray(world)


@pytest.mark.parametrize(
    ("six", "wh", "place"),
    [
        # A quarter of its size: (X, Y) / 4.
        ([0.25, 0, 0, 0, 0.25, 0], (10, 5), (0, 1)),
        # Upside down: the top row, at Y 16 to 20 of 20, comes to lie at 0 to 1 of 5.
        ([0.25, 0, 0, 0, -0.25, 5], (10, 5), (4, 1)),
        # EXIF 6: upright x is Y, upright y counted from the top is X, so Y' = 10 − X/4.
        ([0, 0.25, 0, -0.25, 0, 10], (5, 10), (1, 4)),
        # Moved 3 to the right and 2 up in an input that is larger.
        ([0.25, 0, 3, 0, 0.25, 2], (15, 8), (8 - 2 - 5, 3 + 1)),
    ],
)
def test_core_image_draws_upwards(
    six: list[float], wh: tuple[int, int], place: tuple[int, int]
) -> None:
    """The block's place in the model's input, (row from the top, column), worked out by hand."""
    corner = [3, 2, 10, 5] if wh == (15, 8) else [0, 0, *wh]
    ask = {"model_wh": wh, "core_image_from_frame": six, "picture_ci": corner, "pad": 0}
    shown = core.drawn(block(0, 1), ask)
    assert shown.shape == (wh[1], wh[0], 3)
    assert np.argwhere(shown[..., 0] > 250).tolist() == [list(place)]


def test_what_the_picture_does_not_cover_is_padding() -> None:
    """10 × 5 in 10 × 9, two rows below it: Core Image's y is 2."""
    ask = {
        "model_wh": (10, 9),
        "core_image_from_frame": [0.25, 0, 0, 0, 0.25, 2],
        "picture_ci": [0, 2, 10, 5],
        "pad": 114,
    }
    shown = core.drawn(block(0, 0), ask)
    assert shown[:2].tolist() == shown[7:].tolist() == [[[114] * 3] * 10] * 2
    assert shown[2, 0].tolist() == [255] * 3 and shown[2:7, 1:].max() == 0


def test_an_aimodel_that_nobody_exported_has_the_agreed_contract() -> None:
    """Decoded candidates for the detector, the tensor contract for what has no NMS."""
    cats = Path(__file__).resolve().parents[2] / "ios_sample/CatCam"
    detector = core._stand_in(open_bundle(cats / "Model/Bundle", verify=False))
    assert (detector.kind, detector.format, detector.contract) == (
        "coreai", "aimodel", "candidates",
    )  # fmt: skip
    assert list(detector.outputs) == ["candidate_boxes", "candidate_scores"]
    points = core._stand_in(open_bundle(cats / "LandmarkModel/Bundle", verify=False))
    assert points.contract == "tensor"
    assert list(points.outputs) == ["boxes", "scores", "class_ids", "landmarks", "count"]

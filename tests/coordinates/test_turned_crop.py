"""A turned crop of a frame that no connection turned: one map from the buffer, and the way back."""

from __future__ import annotations

import numpy as np
import pytest

from mobilecat.geometry.affine import Size
from mobilecat.geometry.bilinear import bilinear
from mobilecat.geometry.crops import CropRotation, CropRule, plan_crop
from mobilecat.geometry.drawing import Drawing
from mobilecat.geometry.orientation import (
    Orientation,
    apply_orientation,
    inverse_orientation,
    upright_from_stored,
    upright_size,
)
from mobilecat.geometry.views import View

PALM = CropRule(
    square=True, edge="pad", scale=3.5, shift=(0.0, -0.5), rotation=CropRotation(0, 1, 90.0)
)
WIDTH, HEIGHT = 70, 50
# The palm's box, and wrist and knuckle along 3, 4, 5: up to the right.
BOX, POINTS = (30.0, 20.0, 40.0, 32.0), [(32.0, 34.0), (38.0, 26.0)]
UP, RIGHT = np.array([0.6, -0.8]), np.array([0.8, 0.6])
CENTRE, SIDE = np.array([35.0, 26.0]) + 0.5 * 12 * UP, 3.5 * 12
# A fingertip in the hand model's 24×24 input, and by hand in the picture.
TIP_MODEL = np.array([12.0, 3.0])
TIP = CENTRE + (12 / 24 - 0.5) * SIDE * RIGHT - (3 / 24 - 0.5) * SIDE * UP


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    rng = np.random.default_rng(8)
    small = rng.integers(0, 256, (HEIGHT // 5, WIDTH // 5, 3), dtype=np.uint8)
    return small.repeat(5, axis=0).repeat(5, axis=1)


@pytest.mark.parametrize("orientation", list(Orientation), ids=lambda o: o.cg_name)
def test_drawn_from_the_unturned_buffer_it_is_the_same_crop(
    picture: np.ndarray, orientation: Orientation
) -> None:
    plan = plan_crop(BOX, (WIDTH, HEIGHT), (24, 24), PALM, points_xy=POINTS)
    stored = np.ascontiguousarray(apply_orientation(picture, inverse_orientation(orientation)))
    buffer_wh = Size(stored.shape[1], stored.shape[0])
    assert upright_size(orientation, buffer_wh) == Size(WIDTH, HEIGHT)
    image_from_frame = upright_from_stored(orientation, buffer_wh)
    drawing = Drawing(buffer_wh, Size(24, 24), plan.model_from_image @ image_from_frame)
    drawn = bilinear(stored, drawing.model_from_frame.inverse(), (24, 24), 9)
    seen = bilinear(picture, plan.image_from_model, (24, 24), 9)
    assert np.abs(drawn.astype(int) - seen).max() <= 1
    assert (seen == 9).all(axis=-1).any()  # the crop reaches outside, where the pad is
    # Core Image counts from below on both sides: the fingertip's place in the buffer.
    frame = image_from_frame.inverse().points(TIP)
    below = (frame[0], buffer_wh.h - frame[1])
    x, y = drawing.core_image_from_frame.points(below)
    np.testing.assert_allclose((x, 24 - y), TIP_MODEL, atol=1e-9)


@pytest.mark.parametrize("mirrored", [False, True])
def test_its_landmark_lands_on_the_screen_where_the_finger_is(mirrored: bool) -> None:
    plan = plan_crop(BOX, (WIDTH, HEIGHT), (24, 24), PALM, points_xy=POINTS)
    np.testing.assert_allclose(plan.image_from_model.points(TIP_MODEL), TIP, atol=1e-9)
    view = View(Size(200, 100), "resizeAspectFill", mirrored)
    at = view.view_from_image((WIDTH, HEIGHT)).points(plan.image_from_model.points(TIP_MODEL))
    # Filled: 200/70 both ways, the rest above and below is cut off in equal parts.
    scale = 200 / 70
    x, y = TIP[0] * scale, TIP[1] * scale - (HEIGHT * scale - 100) / 2
    np.testing.assert_allclose(at, (200 - x if mirrored else x, y), atol=1e-9)

"""Turned crops: where their landmarks lie, pixels against Pillow, laws over any line."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mobilecat.geometry.affine import Affine, GeometryError
from mobilecat.geometry.bilinear import bilinear
from mobilecat.geometry.crops import CropRotation, CropRule, crop_angle, crop_rect, plan_crop

PALM = CropRule(
    square=True, edge="pad", scale=2.6, shift=(0.0, -0.5), rotation=CropRotation(0, 2, 90.0)
)
near = st.floats(-300, 300, allow_nan=False)
lines = st.tuples(near, near, near, near)


def test_mediapipes_numbers_for_a_hand_that_points_to_the_right() -> None:
    # rotation = 90° − atan2(−0, 40) = 90°; the centre moves by half the box's height, 25, to the
    # right; 2.6 · the longer side 50 = 130 a side. The crop's top is the image's right.
    points = [(100.0, 80.0), (0.0, 0.0), (140.0, 80.0)]
    plan = plan_crop((90, 55, 130, 105), (640, 480), (224, 224), PALM, points_xy=points)
    assert plan.angle == pytest.approx(math.pi / 2)
    centre = plan.image_from_model.points([[112, 112]])[0]
    np.testing.assert_allclose(centre, (110 + 25, 80), atol=1e-9)
    np.testing.assert_allclose(
        plan.corners_xy, [[200, 15], [200, 145], [70, 145], [70, 15]], atol=1e-9
    )
    mapped = plan.model_from_image.points([points[0], points[2]])
    assert mapped[0, 0] == pytest.approx(mapped[1, 0])  # one above the other
    assert mapped[1, 1] < mapped[0, 1]


@settings(max_examples=200, deadline=None)
@given(lines, st.sampled_from([90.0, 0.0, 180.0, -90.0, 33.0]))
def test_the_line_points_where_it_was_told(ends: tuple[float, ...], target: float) -> None:
    x0, y0, x1, y1 = ends
    if math.hypot(x1 - x0, y1 - y0) < 1e-3:
        return
    rotation = CropRotation(0, 1, target)
    rule = CropRule(square=True, edge="pad", rotation=rotation)
    points = [(x0, y0), (x1, y1)]
    assert -math.pi <= crop_angle(points, rotation) < math.pi
    plan = plan_crop((10, 20, 50, 80), (99, 99), (128, 128), rule, points_xy=points)
    a, b = plan.model_from_image.points(points)
    along = (b - a) / np.linalg.norm(b - a)
    want = (math.cos(math.radians(target)), -math.sin(math.radians(target)))
    np.testing.assert_allclose(along, want, atol=1e-6)
    # Turned, never mirrored: distances keep, and so does the order of corners.
    assert plan.crop_from_image.determinant == pytest.approx(1.0)
    inside = plan.model_from_image.points(plan.corners_xy)
    np.testing.assert_allclose(inside, [[0, 0], [128, 0], [128, 128], [0, 128]], atol=1e-6)


def test_a_rule_that_turns_by_nothing_is_the_upright_rule() -> None:
    points = [(50.0, 90.0), (0.0, 0.0), (50.0, 10.0)]
    upright = CropRule(square=True, edge="pad", scale=2.6, shift=(0.0, -0.5))
    turned = plan_crop((10, 20, 50, 80), (99, 99), (64, 48), PALM, points_xy=points)
    plain = plan_crop((10, 20, 50, 80), (99, 99), (64, 48), upright)
    assert turned.model_from_image.isclose(plain.model_from_image)
    assert crop_rect((10, 20, 50, 80), (99, 99), upright) == pytest.approx((-48, -58, 108, 98))


@pytest.fixture(scope="module")
def picture() -> npt.NDArray[np.uint8]:
    rng = np.random.default_rng(6)
    grown = Image.fromarray(rng.integers(0, 256, (13, 17, 3), dtype=np.uint8)).resize((170, 130))
    return np.asarray(grown)


@pytest.mark.parametrize("degrees", [0.0, 17.0, 90.0, 133.0, 180.0, -61.0])
@pytest.mark.parametrize("scale", [0.4, 1.0, 2.3])
def test_pixels_are_pillows(picture: npt.NDArray[np.uint8], degrees: float, scale: float) -> None:
    turn = Affine.turn(math.radians(degrees))
    back = Affine.move(85.3, 61.9) @ turn @ Affine.scale_then_move(scale, scale, 3.1, -5.7)
    back = back @ Affine.move(-60, -40)
    got = bilinear(picture, back, (120, 80), 114)
    want = np.asarray(
        Image.fromarray(picture).transform(
            (120, 80),
            Image.Transform.AFFINE,
            tuple(back.matrix.ravel()),
            Image.Resampling.BILINEAR,
            fillcolor=(114, 114, 114),
        )
    )
    off = np.abs(got.astype(int) - want)
    assert off.max() <= 1, np.argwhere(off > 1)[:5]  # Pillow cuts off or rounds: one level
    assert (got == 114).all(axis=-1).mean() < 0.99


REFUSED: list[tuple[str, Any, str]] = [
    ("truncated", lambda: CropRule(rotation=CropRotation(0, 1), edge="pad", rounding="outward"),
     "rounding = 'outward' of a crop that is turned"),
    ("clipped", lambda: CropRule(rotation=CropRotation(0, 1)), "edge = 'clip'"),
    ("no scale", lambda: CropRule(scale=-1.0), "scale = -1.0"),
    ("no shift", lambda: CropRule(shift=(0.0, math.inf)), "shift = (0.0, inf)"),
    ("itself", lambda: CropRotation(3, 3), "points nowhere"),
    ("no angle", lambda: CropRotation(0, 1, math.nan), "target_degrees = nan"),
    ("about", lambda: CropRotation(0, 1, 0, "centre"), "about = 'centre'"),  # type: ignore[arg-type]
    ("as a rectangle", lambda: crop_rect((0, 0, 4, 4), (9, 9), PALM), "plan_crop"),
    ("no points", lambda: plan_crop((0, 0, 4, 4), (9, 9), (8, 8), PALM), "no landmarks"),
    ("too few", lambda: plan_crop((0, 0, 4, 4), (9, 9), (8, 8), PALM, points_xy=[[1, 2]]),
     "turns by landmark 2, and there are 1"),
    ("not finite", lambda: crop_angle([[0, math.nan], [1, 1]], CropRotation(0, 1)), "nan"),
    ("letterboxed", lambda: plan_crop((0, 0, 4, 4), (9, 9), (8, 8), PALM, "letterbox",
     points_xy=[[1, 2], [0, 0], [1, 0]]), 'mode = "letterbox"'),
    ("grey levels", lambda: bilinear(np.zeros((3, 4)), Affine.identity(), (2, 2)), "float64"),
    ("a pad", lambda: bilinear(np.zeros((3, 4, 1), np.uint8), Affine.identity(), (2, 2), 300),
     "pad = 300"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "says"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_refused_with_the_reason(make: Any, says: str) -> None:
    with pytest.raises(GeometryError) as refusal:
        make()
    assert says in str(refusal.value)

"""Turned boxes by hand, by counted pixels, and in every frame of a picture."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mobilecat.geometry.affine import Affine, GeometryError
from mobilecat.geometry.turned import (
    corners_apart,
    probiou,
    turned_corners,
    turned_from_corners,
    turned_in_frame,
    turned_iou,
)

QUARTER = math.pi / 2
WIDE = [10.0, 20.0, 30.0, 26.0]  # centre (20, 23), 20 by 6


@pytest.mark.parametrize(
    ("angle", "corners"),
    [
        (0.0, [(10, 20), (30, 20), (30, 26), (10, 26)]),
        # Clockwise as it is seen: the top-left corner goes to the top right.
        (QUARTER, [(23, 13), (23, 33), (17, 33), (17, 13)]),
        (-QUARTER, [(17, 33), (17, 13), (23, 13), (23, 33)]),
        (math.pi, [(30, 26), (10, 26), (10, 20), (30, 20)]),
        # 3-4-5: the half side (10, 0) becomes (8, 6), the half side (0, 3) becomes (−1.8, 2.4).
        (math.atan2(3, 4), [(13.8, 14.6), (29.8, 26.6), (26.2, 31.4), (10.2, 19.4)]),
    ],
)
def test_corners(angle: float, corners: list[tuple[float, float]]) -> None:
    np.testing.assert_allclose(turned_corners(WIDE, angle), corners, atol=1e-12)


def test_corners_and_back() -> None:
    rng = np.random.default_rng(0)
    low = rng.uniform(-50, 50, (40, 2))
    boxes = np.concatenate([low, low + rng.uniform(1, 80, (40, 2))], axis=1)
    angles = rng.uniform(-math.pi / 2, math.pi / 2, 40)
    again, turned = turned_from_corners(turned_corners(boxes, angles))
    np.testing.assert_allclose(again, boxes, atol=1e-9)
    np.testing.assert_allclose(turned, angles, atol=1e-9)
    # The other way round it is the same rectangle.
    other = turned_corners(*turned_from_corners(turned_corners(boxes, angles)[:, ::-1]))
    assert corners_apart(other, turned_corners(boxes, angles)).max() < 1e-9


FRAMES = {
    "same": Affine(1, 0, 0, 0, 1, 0),
    "half the size, moved": Affine(0.5, 0, 3, 0, 0.5, -7),
    "mirrored": Affine(-1, 0, 100, 0, 1, 0),
    "upside down": Affine(1, 0, 0, 0, -1, 80),
    "a quarter turn": Affine(0, -1, 80, 1, 0, 0),
    "three quarters, twice the size": Affine(0, 2, 0, -2, 0, 200),
    "transposed": Affine(0, 1, 0, 1, 0, 0),
    "half a turn": Affine(-1, 0, 100, 0, -1, 80),
}


@pytest.mark.parametrize("name", FRAMES)
def test_corners_go_where_the_map_takes_them(name: str) -> None:
    """In every frame of a picture: as points, which share nothing with the rule for angles."""
    to = FRAMES[name]
    rng = np.random.default_rng(1)
    low = rng.uniform(0, 60, (30, 2))
    boxes = np.concatenate([low, low + rng.uniform(2, 40, (30, 2))], axis=1)
    angles = rng.uniform(-math.pi, math.pi, 30)
    corners = to.points(turned_corners(boxes, angles))
    there = turned_corners(*turned_in_frame(to, boxes, angles))
    # Reflected, corners come in the other order round.
    apart = np.minimum(corners_apart(corners, there), corners_apart(corners[:, ::-1], there))
    assert apart.max() < 1e-9
    wrong = turned_corners(to.boxes_xyxy(boxes), -turned_in_frame(to, boxes, angles)[1])
    off = np.minimum(corners_apart(corners, wrong), corners_apart(corners[:, ::-1], wrong))
    assert off.max() > 1


def test_a_letterbox_of_whole_pixels_costs_little() -> None:
    """731×547 → 640×479: the axes scale by 0.87551 and 0.87569."""
    to = Affine(640 / 731, 0, 0, 0, 479 / 547, 80)
    box, angle = [300.0, 200, 600, 260], 0.6
    moved = to.points(turned_corners(box, angle))
    assert corners_apart(moved, turned_corners(*turned_in_frame(to, box, angle))) < 0.03


def test_what_has_not_moved() -> None:
    one = turned_corners(WIDE, 0.3)
    exchanged = [17.0, 13.0, 23.0, 33.0]  # the same centre, 6 by 20
    for box, angle in (
        (WIDE, 0.3 + math.pi),
        (exchanged, 0.3 + QUARTER),
        (exchanged, 0.3 - QUARTER),
    ):
        assert corners_apart(one, turned_corners(box, angle)) < 1e-12
    assert corners_apart(one, turned_corners(exchanged, 0.3)) > 6
    assert corners_apart(one, turned_corners(WIDE, 0.3 + QUARTER)) > 6
    moved = turned_corners([13.0, 24, 33, 30], 0.3)  # by (3, 4)
    assert corners_apart(one, moved) == pytest.approx(5)


def test_iou_by_hand() -> None:
    square = [0.0, 0, 2, 2]
    # Turned by 45° it is an octagon that is shared: 8(√2 − 1) of 4.
    shared = 8 * (math.sqrt(2) - 1)
    corners = [turned_corners(square, a) for a in (0.0, math.pi / 4, QUARTER)]
    found = turned_iou(np.stack(corners), np.stack(corners))
    want = shared / (8 - shared)
    np.testing.assert_allclose(found, [[1, want, 1], [want, 1, want], [1, want, 1]], atol=1e-12)
    # A 20×6 box across its like: 36 of 240 − 36.
    cross = turned_iou(turned_corners([WIDE], [0.2]), turned_corners([WIDE], [0.2 + QUARTER]))
    assert cross[0, 0] == pytest.approx(36 / 204)
    # Upright it is what it always was; touching is nothing; no area is nothing.
    boxes = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [10, 0, 20, 10], [3, 3, 3, 9]], float)
    c = turned_corners(boxes, np.zeros(4))
    np.testing.assert_allclose(turned_iou(c[:1], c), [[1, 1 / 3, 0, 0]], atol=1e-12)
    assert turned_iou(c[3:], c[3:])[0, 0] == 0
    assert turned_iou(np.zeros((0, 4, 2)), c).shape == (0, 4)


def test_iou_either_way_round_and_far_from_the_origin() -> None:
    a, b = turned_corners([[0, 0, 8, 4], [2, 1, 9, 6]], [0.7, -0.4])
    want = turned_iou([a], [b])[0, 0]
    assert 0.2 < want < 0.8
    for p, q in ((a[::-1], b), (a, b[::-1]), (b, a), (a + 1e6, b + 1e6), (np.roll(a, 2, 0), b)):
        assert turned_iou([p], [q])[0, 0] == pytest.approx(want, rel=1e-6)


def test_iou_by_counted_pixels() -> None:
    rng = np.random.default_rng(7)
    y, x = np.mgrid[0:400, 0:400] / 4.0 + 0.125
    for _ in range(12):
        low = rng.uniform(20, 50, (2, 2))
        boxes = np.concatenate([low, low + rng.uniform(5, 40, (2, 2))], axis=1)
        angles = rng.uniform(-3, 3, 2)
        masks = []
        for (x1, y1, x2, y2), t in zip(boxes, angles, strict=True):
            dx, dy = x - (x1 + x2) / 2, y - (y1 + y2) / 2
            u, v = dx * math.cos(t) + dy * math.sin(t), dy * math.cos(t) - dx * math.sin(t)
            masks.append((abs(u) < (x2 - x1) / 2) & (abs(v) < (y2 - y1) / 2))
        counted = (masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum()
        corners = turned_corners(boxes, angles)
        assert turned_iou(corners[:1], corners[1:])[0, 0] == pytest.approx(counted, abs=0.02)


def test_probiou_by_hand() -> None:
    """Equal boxes: B = 0. Moved by d along a side w: B = ¼ d² / (2w²/12) = 3d²/(2w²)."""
    box, away = [0.0, 0, 12, 4], [3.0, 0, 15, 4]
    b = 3 * 9 / (2 * 144)
    want = 1 - math.sqrt(1 - math.exp(-b))
    for angle in (0.0, QUARTER, 0.0):
        assert probiou([box], [angle], [box], [angle])[0, 0] == pytest.approx(1, abs=1e-7)
    assert probiou([box], [0.0], [away], [0.0])[0, 0] == pytest.approx(want)
    # Across each other, centres alike: variances 12 and 4/3 exchanged; |S| = (40/3)², |Σ| = 16.
    crossed = 0.5 * math.log((40 / 3) ** 2 / (4 * 16))
    want = 1 - math.sqrt(1 - math.exp(-crossed))
    assert probiou([box], [0.3], [box], [0.3 + QUARTER])[0, 0] == pytest.approx(want)
    assert probiou([[1, 1, 1, 5]], [0.0], [box], [0.0])[0, 0] == 0


def test_probiou_turns_with_the_pair() -> None:
    """Both turned together about the origin: nothing changes; the sign of xy would show here."""
    rng = np.random.default_rng(3)
    for turn in rng.uniform(-3, 3, 8):
        cos, sin = math.cos(turn), math.sin(turn)
        sides = np.array([[10.0, 4], [7, 5]])
        centres, angles = rng.uniform(-2, 2, (2, 2)), rng.uniform(-2, 2, 2)
        moved = centres @ np.array([[cos, sin], [-sin, cos]])
        values = []
        for c, a in ((centres, angles), (moved, angles + turn)):
            boxes = np.concatenate([c - sides / 2, c + sides / 2], axis=1)
            values.append(probiou(boxes[:1], a[:1], boxes[1:], a[1:])[0, 0])
        assert values[0] == pytest.approx(values[1], rel=1e-9)


def test_contradictions() -> None:
    with pytest.raises(GeometryError, match="one angle a box"):
        turned_corners([WIDE, WIDE], [0.1])
    with pytest.raises(GeometryError, match="four corners"):
        turned_from_corners([[0, 0], [1, 1], [2, 2]])

"""The losses, against hand arithmetic; they need Keras (extra `train`)."""

from __future__ import annotations

import importlib.util
import math

import numpy as np
import pytest

if importlib.util.find_spec("keras") is None:
    pytest.skip("NOT_RUN: Keras is not installed (extra train)", allow_module_level=True)

from tools.train_demo.losses import DetectorLoss, PointsLoss, ciou, smooth_l1

AT = np.array([[0.5, 0.5, 0.2, 0.4]], np.float32)  # centre y, x, height, width
FITS = np.zeros((1, 1, 4), np.float32)
ITS_BOX = np.array([[[0.4, 0.3, 0.6, 0.7]]], np.float32)


def value(loss, boxes, rows) -> float:  # type: ignore[no-untyped-def]
    return float(np.asarray(loss(boxes, rows, AT))[0, 0])


def test_a_perfect_box_costs_nothing() -> None:
    assert value(ciou, ITS_BOX, FITS) == pytest.approx(0, abs=1e-5)
    assert value(smooth_l1, ITS_BOX, FITS) == pytest.approx(0, abs=1e-5)


def test_ciou_by_hand() -> None:
    # Found: [.4, .3, .6, .7]; true: the same height, half the width, at its left: [.4, .3, .6, .5].
    boxes = np.array([[[0.4, 0.3, 0.6, 0.5]]], np.float32)
    iou = 0.5
    distance = 0.1**2 / (0.2**2 + 0.4**2)
    v = 4 / math.pi**2 * (math.atan(1) - math.atan(2)) ** 2
    expected = 1 - iou + distance + v * v / (1 - iou + v)
    assert value(ciou, boxes, FITS) == pytest.approx(expected, rel=1e-4)


def test_smooth_l1_by_hand() -> None:
    # The centre lies 0.1 to the left: 0.1 / 0.4 · 10 = 2.5, beyond the bend: 2.0; width halved:
    # ln ½ · 5 = −3.466, 2.966.
    boxes = np.array([[[0.4, 0.3, 0.6, 0.5]]], np.float32)
    expected = 2.5 - 0.5 + 5 * math.log(2) - 0.5
    assert value(smooth_l1, boxes, FITS) == pytest.approx(expected, rel=1e-4)


def test_the_focal_part_by_hand() -> None:
    # One anchor without a face, logit 0: (1 − α) · ½² · ln 2.
    true = np.array([[[0, 0, 1, 1, 0, 1]]], np.float32)
    found = np.zeros((1, 1, 5), np.float32)
    loss = DetectorLoss("ciou", AT)
    assert float(np.asarray(loss(true, found)).reshape(-1)[0]) == pytest.approx(
        0.6 * 0.25 * math.log(2), rel=1e-5
    )
    left_out = true * np.array([1, 1, 1, 1, 1, 0], np.float32)
    assert float(np.asarray(loss(left_out, found)).reshape(-1)[0]) == 0


def test_points_bend_at_one_percent() -> None:
    true, found = np.zeros((1, 18), np.float32), np.zeros((1, 18), np.float32)
    found[0, 0], found[0, 1] = 0.05, 0.005
    expected = (0.05 - 0.005) + 0.005**2 / 0.02
    got = float(np.asarray(PointsLoss()(true, found)).reshape(-1)[0])
    assert got == pytest.approx(expected, rel=1e-4)

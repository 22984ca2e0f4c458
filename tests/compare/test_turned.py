"""Turned boxes against turned boxes: by their corners, whatever they are called."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mobilecat.compare.match import compare_detections
from mobilecat.compare.tolerances import Limits
from mobilecat.geometry.affine import Affine
from mobilecat.pictures.detections import Detections

LIMITS = Limits(boxes_px=0.5, landmarks_px=0.5, scores=0.01, tensors=1e-4)
BOX = [100.0, 200, 160, 220]  # centre (130, 210), 60 by 20
EXCHANGED = [120.0, 180, 140, 240]


def found(box: list[float], angle: float, score: float = 0.9) -> Detections:
    return Detections(
        np.array([box]), np.array([score]), np.array([1]), {"angles": np.array([angle])}
    )


SAME = Affine.identity()


def verdicts(got: Detections, to: Affine = SAME) -> dict[str, str]:
    expected = found(BOX, 0.5)
    checks = compare_detections(expected.placed(to), got.placed(to), LIMITS, to.inverse(), 0.3)
    return {c.name: c.verdict for c in checks}


@pytest.mark.parametrize(
    ("box", "angle"),
    [
        (BOX, 0.5),
        (BOX, 0.5 + math.pi),
        (BOX, 0.5 - 2 * math.pi),
        (EXCHANGED, 0.5 + math.pi / 2),
        (EXCHANGED, 0.5 - math.pi / 2),
        ([100.2, 200, 160.2, 220], 0.5005),
    ],
)
@pytest.mark.parametrize("to", [SAME, Affine(0, -2, 900, 2, 0, 30)])
def test_the_same_rectangle(box: list[float], angle: float, to: Affine) -> None:
    assert set(verdicts(found(box, angle), to).values()) == {"PASS"}


@pytest.mark.parametrize(
    ("what", "box", "angle"),
    [
        ("negated", BOX, -0.5),
        ("in degrees", BOX, math.degrees(0.5)),
        ("a quarter turn off", BOX, 0.5 + math.pi / 2),
        ("sides exchanged", EXCHANGED, 0.5),
        ("upright", BOX, 0.0),
        ("a little off", BOX, 0.53),
    ],
)
def test_another_rectangle(what: str, box: list[float], angle: float) -> None:
    assert "FAIL" in verdicts(found(box, angle)).values(), what


def test_a_result_without_angles_is_not_the_same() -> None:
    plain = Detections(np.array([BOX]), np.array([0.9]), np.array([1]))
    assert verdicts(plain)["angles"] == "FAIL"


def test_json_has_the_corners_and_comes_back() -> None:
    one = found(BOX, math.pi / 2)
    (told,) = one.to_json(["a", "plane"])
    assert told["label"] == "plane" and told["angle"] == pytest.approx(math.pi / 2, abs=1e-6)
    assert told["corners"] == [[140, 180], [140, 240], [120, 240], [120, 180]]
    again = Detections.from_json([told])
    np.testing.assert_allclose(again.rows["angles"], one.rows["angles"], atol=1e-6)

"""How far lanes are apart, in one line; by hand."""

from __future__ import annotations

import numpy as np

from mobilecat.api.agreeing import Agreement, _tied
from mobilecat.compare.match import match
from mobilecat.pictures.detections import Detections


def test_points_are_told_apart_from_boxes() -> None:
    """A landmark may be ten times as far off as any corner."""
    boxes = Agreement("source", 2, (), 0.03, 6e-8)
    assert boxes.words() == "2 other lanes within 0.03 px, 6e-08 of source"
    both = Agreement("source", 2, (), 0.03, 6e-8, 0.38)
    assert both.words() == "2 other lanes within 0.03 px (points: 0.38 px), 6e-08 of source"


def test_a_classifier_has_no_objects() -> None:
    apart = Agreement("source", 2, ("onnx:a.onnx",), 0.0, 0.0, classes=True)
    assert apart.words() == "onnx:a.onnx names other classes than source"
    alike = Agreement("source", 2, (), 0.0, 6e-5, classes=True)
    assert alike.words() == "2 other lanes within 6e-05 of source"


def named(scores: list[float], classes: list[int]) -> Detections:
    boxes = np.tile([0.0, 0, 9, 9], (len(scores), 1))
    return Detections(boxes, np.array(scores), np.array(classes))


def test_classes_that_tie_with_the_last_one_named_are_no_disagreement() -> None:
    """The best three of many: which of two that score 0.2 comes third, rounding decides."""
    one, other = named([0.5, 0.3, 0.2], [7, 1, 4]), named([0.5, 0.3, 0.2004], [7, 1, 9])
    assert _tied(one, other, match(one, other, 2.0))
    wrong = named([0.5, 0.3, 0.2], [7, 2, 4])
    assert not _tied(one, wrong, match(one, wrong, 2.0))
    fewer = named([0.5, 0.3], [7, 1])
    assert not _tied(one, fewer, match(one, fewer, 2.0))

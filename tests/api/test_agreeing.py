"""How far lanes are apart, in one line; by hand."""

from __future__ import annotations

from mobilecat.api.agreeing import Agreement


def test_points_are_told_apart_from_boxes() -> None:
    """A landmark may be ten times as far off as any corner."""
    boxes = Agreement("source", 2, (), 0.03, 6e-8)
    assert boxes.words() == "2 other lanes within 0.03 px, 6e-08 of source"
    both = Agreement("source", 2, (), 0.03, 6e-8, 0.38)
    assert both.words() == "2 other lanes within 0.03 px (points: 0.38 px), 6e-08 of source"

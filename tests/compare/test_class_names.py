"""A class without a label is called "class 16": a number alone reads as one more value."""

from __future__ import annotations

import numpy as np

from mobilecat.pictures.detections import Detections, class_name
from mobilecat.shown import Line


def test_a_class_without_a_label_says_that_it_is_one() -> None:
    found = Detections(np.array([[1.0, 2, 3, 4]]), np.array([0.805]), np.array([16]))
    line = next(iter(found.words(("cat",))))
    assert isinstance(line, Line) and line.text == "  class 16 0.805  xyxy 1.0 2.0 3.0 4.0"
    assert found.said(0) == "class 16 0.805  xyxy 1.0 2.0 3.0 4.0"
    assert class_name(0, ("cat",)) == "cat" and class_name(-1, ("cat",)) == "class -1"

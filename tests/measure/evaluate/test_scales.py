"""Labels of another part of the object than the boxes: said, and only then."""

from __future__ import annotations

from typing import Any

import numpy as np

from mobilecat.measure.evaluate.metrics import Truth
from mobilecat.measure.evaluate.names import ClassMap
from mobilecat.measure.evaluate.scales import other_part
from mobilecat.measure.tune.run import few
from mobilecat.pictures.detections import Detections

CLASSES = ClassMap(("cat",), {0: 0}, {15: 0})
WHOLE, FACE = (0, 0, 100, 80), (10, 10, 50, 50)  # 8000 and 1600 square pixels: 5 times


def truth(*boxes: Any) -> Truth:
    n = len(boxes)
    none, ids = np.zeros(n, bool), np.zeros(n, np.int64)
    made = np.array(boxes, float).reshape(n, 4)
    return Truth(made, ids, np.zeros(n), none, none)


def found(*boxes: Any, class_id: int = 15) -> Detections:
    n = len(boxes)
    made = np.array(boxes, float).reshape(n, 4)
    return Detections(made, np.ones(n), np.full(n, class_id, np.int64))


def test_faces_within_cats_and_cats_around_faces() -> None:
    said = other_part([truth(FACE)] * 4, [found(WHOLE)] * 4, CLASSES)
    assert said.startswith("4 of 4 labels lie within boxes of their class, and are 5.0 times small")
    said = other_part([truth(WHOLE)] * 3, [found(FACE)] * 3, CLASSES)
    assert said.startswith(
        "3 of 3 labels lie around boxes of their class, and are 5.0 times larger"
    )


def test_nothing_is_said_of_labels_that_fit_or_are_few() -> None:
    assert other_part([truth(FACE)] * 4, [found(FACE)] * 4, CLASSES) == ""
    assert other_part([truth(FACE)] * 2, [found(WHOLE)] * 2, CLASSES) == ""
    assert other_part([truth(FACE)] * 4, [found(WHOLE, class_id=3)] * 4, CLASSES) == ""
    mixed = [found(WHOLE)] * 3 + [found(FACE)] * 3
    assert other_part([truth(FACE)] * 6, mixed, CLASSES) == ""
    assert other_part([truth()] * 3, [found()] * 3, CLASSES) == ""


def test_few_objects_settle_no_threshold() -> None:
    said = few({0: 3, 1: 1}, 1)
    assert said.startswith("4 objects in 1 picture settle no threshold") and "0.25" in said
    assert few({0: 30}, 12) == ""

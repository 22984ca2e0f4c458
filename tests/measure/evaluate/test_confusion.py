"""What each object was taken for, on a hand-drawn picture."""

from __future__ import annotations

import numpy as np

from mobilecat.measure.evaluate.confusion import confusion_of
from mobilecat.measure.evaluate.metrics import Truth
from mobilecat.measure.evaluate.names import ClassMap
from mobilecat.pictures.detections import Detections

# Of the labels: 0 cat, 1 dog. The model has 5 cat, 7 dog, 9 fox.
CLASSES = ClassMap(("cat", "dog"), {0: 0, 1: 1}, {5: 0, 7: 1})


def test_counts_by_hand() -> None:
    squares = np.array([[x, 0, x + 10, 10] for x in (0, 20, 40, 60, 80, 100)], float)
    ignore = np.array([False] * 5 + [True])
    ids = np.array([0, 0, 0, 1, 1, 1])
    truth = Truth(squares, ids, np.full(6, 100.0), ignore, np.zeros(6, bool))
    # cat as cat, cat as dog, cat as fox, dog missed, dog twice; on what is ignored; beside all.
    boxes = [*squares[[0, 1, 2, 4, 4, 5]].tolist(), [200, 0, 210, 10], [300, 0, 310, 10]]
    kinds = np.array([5, 7, 9, 7, 7, 7, 5, 9])
    found = Detections(np.array(boxes, float), np.linspace(0.9, 0.2, 8), kinds)
    told = confusion_of([truth], [found], CLASSES)
    assert told.rows == ("cat", "dog", "nothing there")
    assert told.columns == ("cat", "dog", "another class", "missed")
    assert told.counts == ((1, 1, 1, 0), (0, 1, 0, 1), (1, 1, 0, 0))


def test_nothing_at_all() -> None:
    empty = Truth(
        np.zeros((0, 4)), np.zeros(0, int), *(np.zeros(0, t) for t in (float, bool, bool))
    )
    none = Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, int))
    assert not np.any(confusion_of([empty], [none], CLASSES).counts)


def test_objects_of_which_none_is_found_are_missed() -> None:
    square = np.array([[0, 0, 10, 10]], float)
    flags = np.zeros(1, bool)
    truth = Truth(square, np.array([1]), np.full(1, 100.0), flags, flags)
    none = Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, int))
    assert confusion_of([truth], [none], CLASSES).counts == (
        (0, 0, 0, 0),
        (0, 0, 0, 1),
        (0, 0, 0, 0),
    )

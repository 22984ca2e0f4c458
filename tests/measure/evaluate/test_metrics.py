"""Average precision, matches and landmark error against hand arithmetic, and each other.

A square of side s at (x, 0) is `sq(x, s)`; objects lie 100 px apart, so that nothing else overlaps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from mobilecat.measure.evaluate.coco import coco_scores
from mobilecat.measure.evaluate.metrics import (
    Truth,
    interpolated_ap,
    landmark_error,
    match,
    overlaps,
    voc_flags,
)
from mobilecat.pictures.detections import Detections

Row = tuple[float, ...]


def sq(x: float, s: float = 10) -> Row:
    return (x, 0, x + s, s)


A, B, C, FAR = sq(0), sq(100), sq(200), sq(900)


def truth(boxes: list[Row], classes: list[int] | None = None, difficult: tuple[int, ...] = (),
          crowd: tuple[int, ...] = ()) -> Truth:  # fmt: skip
    values = np.array(boxes, np.float64).reshape(-1, 4)
    marks = [np.isin(np.arange(len(boxes)), rows) for rows in (difficult + crowd, crowd)]
    ids = np.array(classes or [0] * len(boxes), np.int64)
    return Truth(values, ids, (values[:, 2:] - values[:, :2]).prod(axis=1), *marks)


def found(*rows: tuple[float, Row], classes: list[int] | None = None) -> Detections:
    return Detections(
        np.array([b for _, b in rows], np.float64).reshape(-1, 4),
        np.array([s for s, _ in rows], np.float64),
        np.array(classes or [0] * len(rows), np.int64),
    )


@dataclass(frozen=True)
class Case:
    """ap50, ap: COCO's. voc: 11 points. Each of one class."""

    name: str
    pictures: list[tuple[Truth, Detections]]
    voc: float | None
    ap50: float | None
    ap: float | None


CASES = [
    # Right, wrong, right of two objects: precision 1, 1/2, 2/3 at recall 1/2, 1/2, 1.
    # Recall 0 to .5 has best precision 1: 6 of 11 points, 51 of 101. The rest has 2/3.
    # (6 + 5·2/3)/11 = 28/33. (51 + 50·2/3)/101 = 253/303.
    Case("right, wrong, right",
         [(truth([A, B]), found((0.9, A), (0.8, FAR), (0.7, B)))], 28 / 33, 253 / 303, 253 / 303),
    # The same with the objects in two pictures, and rows not in order of score.
    Case("over two pictures",
         [(truth([A]), found((0.8, FAR), (0.9, A))), (truth([B]), found((0.7, B)))],
         28 / 33, 253 / 303, 253 / 303),
    # Half a box: intersection 50, union 100, IoU exactly .5: found at .5 alone of ten thresholds.
    Case("IoU .5", [(truth([A]), found((0.9, (0, 0, 10, 5))))], 1.0, 1.0, 0.1),
    # Three quarters: IoU exactly .75, found at .5, .55, .6, .65, .7, .75.
    Case("IoU .75", [(truth([A]), found((0.9, (0, 0, 10, 7.5))))], 1.0, 1.0, 0.6),
    # Under a half: 49/100.
    Case("IoU .49", [(truth([A]), found((0.9, (0, 0, 10, 4.9))))], 0.0, 0.0, 0.0),
    # The second of one object is wrong: as `right, wrong, right`.
    Case("found twice",
         [(truth([A, B]), found((0.9, A), (0.8, A), (0.7, B)))], 28 / 33, 253 / 303, 253 / 303),
    # The second overlaps A most (100/110), and B with 110/140 = .786. VOC: A is taken, so wrong:
    # recall 1/2 with precision 1: 6/11. COCO: it takes B, at thresholds up to .75, and 1 there;
    # beyond, 51/101: (6·1 + 4·51/101)/10.
    Case("second choice",
         [(truth([A, (0, 0, 10, 14)]), found((0.9, A), (0.8, (0, 0, 10, 11))))],
         6 / 11, 1.0, (6 + 4 * 51 / 101) / 10),
    # One wrong first, of a difficult object: it does not count. 1, and not 1/2.
    Case("difficult", [(truth([A, B], difficult=(0,)), found((0.9, A), (0.8, B)))], 1.0, 1.0, 1.0),
    # An object missed: recall stops at 1/2: 6/11, 51/101.
    Case("missed", [(truth([A, B]), found((0.9, A)))], 6 / 11, 51 / 101, 51 / 101),
    Case("nothing found", [(truth([A]), found())], 0.0, 0.0, 0.0),
    # A wrong one in a picture without objects: precision 1/2 at recall 1.
    Case("empty picture",
         [(truth([A]), found((0.5, A))), (truth([]), found((0.6, A)))], 0.5, 0.5, 0.5),
    Case("no object at all", [(truth([]), found((0.9, A)))], None, None, None),
    Case("only difficult", [(truth([A], difficult=(0,)), found((0.9, A)))], None, None, None),
    # Equal scores: the order of pictures. Wrong first: 1/2 everywhere.
    Case("a tie",
         [(truth([]), found((0.5, A))), (truth([A]), found((0.5, A)))], 0.5, 0.5, 0.5),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_voc_11_points(case: Case) -> None:
    _, right, wanted = voc_flags(case.pictures, 0)
    assert interpolated_ap(right, wanted) == pytest.approx(case.voc, abs=1e-12)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_coco(case: Case) -> None:
    scores = coco_scores(*zip(*case.pictures, strict=True), 1)
    assert scores.ap50 == pytest.approx(case.ap50, abs=1e-9)
    assert scores.ap == pytest.approx(case.ap, abs=1e-9)
    assert scores.by_class == ((scores.ap, scores.ap50),)


# Two small detections inside a crowd: their IoU with it is 100/40000, but all of them is inside.
def test_a_crowd_swallows_what_is_inside_it() -> None:
    crowd = (0, 0, 200, 200)
    inside = [(0.9, sq(5)), (0.8, sq(25))]
    t = truth([crowd, FAR], crowd=(0,))
    d = found(*inside, (0.7, FAR))
    assert overlaps(t, d)[:, 0].tolist() == [1, 1, 0]
    assert match(t, d).extra == ()
    assert coco_scores([t], [d], 1).ap50 == pytest.approx(1)
    # As an ordinary object to ignore it swallows nothing: right comes third, 1/3.
    plain = truth([crowd, FAR], difficult=(0,))
    assert match(plain, d).extra == (0, 1)
    assert coco_scores([plain], [d], 1).ap50 == pytest.approx(1 / 3)


def test_classes_are_apart_and_empty_ones_do_not_count() -> None:
    t = truth([A, B], [0, 1])
    d = found((0.9, A), (0.8, B), classes=[0, 2])  # class 1 missed, class 2 has no object
    scores = coco_scores([t], [d], 3)
    assert scores.by_class[0] == pytest.approx((1, 1))
    assert scores.by_class[1] == (0, 0)
    assert scores.by_class[2] == (None, None)
    assert scores.ap == pytest.approx(0.5)
    assert scores.curve is not None and scores.curve.precision == pytest.approx([0.5] * 101)


def test_sizes_are_cocos() -> None:
    small, medium, large = sq(0, 31), sq(200, 33), sq(400, 97)  # 961, 1089, 9409 px²
    t = truth([small, medium, large])
    scores = coco_scores([t], [found((0.9, small), (0.8, large), (0.7, FAR))], 1)
    assert scores.by_size == pytest.approx((1, 0, 1))  # FAR, 100 px², is after the only small one


@pytest.mark.parametrize("seed", range(6))
def test_voc_and_coco_agree_where_they_mean_the_same(seed: int) -> None:
    """Objects that nothing else overlaps; 101 points for both; 7 a class, so no recall is k/100."""
    rng = np.random.default_rng(seed)
    pictures = []
    for _ in range(7):
        x = np.arange(5) * 100.0
        boxes = np.stack([x, x, x + rng.uniform(20, 60, 5), x + rng.uniform(20, 60, 5)], axis=1)
        t = truth([tuple(b) for b in boxes[:2]], [0, 1])
        at = rng.integers(0, 5, 8)  # on objects, twice or not, or on nothing
        moved = boxes[at] + rng.normal(0, 6, (8, 4))
        d = Detections(moved, rng.permutation(8) / 8 + rng.uniform(0, 0.1, 8), at % 2)
        pictures.append((t, d))
    truths, given = zip(*pictures, strict=True)
    scores = coco_scores(truths, given, 2)
    for c in range(2):
        _, right, wanted = voc_flags(pictures, c)
        assert wanted == 7
        assert interpolated_ap(right, wanted, 101) == pytest.approx(scores.by_class[c][1], abs=1e-9)


def test_match_by_falling_score() -> None:
    t = truth([A, B, C], [0, 0, 1])
    d = found((0.5, A), (0.9, A), (0.8, C), (0.7, (100, 0, 110, 8)), classes=[0, 0, 0, 0])
    matched = match(t, d)
    assert [(j, i) for j, i, _ in matched.pairs] == [(0, 1), (1, 3)]  # .9 takes A, not .5
    assert [v for _, _, v in matched.pairs] == pytest.approx([1, 0.8])
    assert matched.extra == (2, 0)  # C is of another class
    assert matched.missed == (2,)
    assert match(truth([]), found()).pairs == ()
    assert match(truth([]), found((0.9, A))).extra == (0,)
    assert match(t, found()).missed == (0, 1, 2)


# Eyes 10 apart; every point moved by (3, 4): 5 away, 5/10.
EYES = np.array([[0, 0], [10, 0], [5, 8]], np.float64)
BOX = np.array([0, 0, 25, 4], np.float64)  # √100 = 10, then 5/10 too


@pytest.mark.parametrize(
    ("points", "eyes", "expected"),
    [
        (EYES, (0, 1), 0.5),
        (EYES, None, 0.5),
        # The mouth is not labelled: the eyes alone, the same mean.
        (np.array([[0, 0], [10, 0], [np.nan] * 2]), (0, 1), 0.5),
        # An eye is not labelled: no unit; by the box, of the two others.
        (np.array([[np.nan] * 2, [10, 0], [5, 8]]), (0, 1), None),
        (np.array([[np.nan] * 2, [10, 0], [5, 8]]), None, 0.5),
        (np.full((3, 2), np.nan), None, None),
        # Both eyes at one place: nothing to divide by.
        (np.array([[4, 4], [4, 4], [5, 8]]), (0, 1), None),
    ],
)
def test_landmark_error(
    points: np.ndarray, eyes: tuple[int, int] | None, expected: float | None
) -> None:
    given = np.add(np.nan_to_num(points, nan=70.0), [3, 4])
    assert landmark_error(points, given, eyes, BOX) == pytest.approx(expected)


def test_landmark_error_is_a_mean() -> None:
    given = np.add(EYES, [[0, 0], [3, 4], [0, 10]])  # 0, 5, 10 away: mean 5, over 10
    assert landmark_error(EYES, given, (0, 1), BOX) == pytest.approx(0.5)

"""One pass for many settings against the reference, which takes one setting at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilecat.heads import Candidates
from mobilecat.heads.reference.nms import suppress
from mobilecat.heads.reference.selection import select
from mobilecat.measure.tune.ranked import Ranked, rank, suppress_at
from mobilecat.spec import NmsSpec

IOUS = (0.0, 1 / 3, 0.5, 2 / 3, 1.0)


def candidates(boxes: np.ndarray, scores: np.ndarray) -> Candidates:
    landmarks = np.arange(len(boxes) * 6, dtype=np.float64).reshape(1, -1, 6)
    return Candidates(boxes[None], scores[None], {"landmarks": landmarks})


def hold(boxes: np.ndarray, scores: np.ndarray, per_class: bool, floor: float) -> None:
    ranked = rank(candidates(boxes, scores), floor)
    most = 7
    kept = suppress_at(ranked, IOUS, most, per_class)
    for iou, rows in zip(IOUS, kept, strict=True):
        assert len(rows) <= most
        for score_threshold in {floor, 0.5, 0.75}:
            for k in (1, 3, most):
                expected = suppress(boxes, scores, score_threshold, iou, k, per_class)
                n = min(int((ranked.scores[rows] > score_threshold).sum()), k)
                got = rows[:n]
                np.testing.assert_array_equal(ranked.boxes_xyxy[got], boxes[expected])
                np.testing.assert_array_equal(
                    ranked.scores[got], scores[expected].max(axis=1, initial=0)
                )
                np.testing.assert_array_equal(
                    ranked.class_ids[got], scores[expected].argmax(axis=1)
                )
                # The first coordinate of a row's points is 6 times its number: the same rows.
                assert (ranked.rows["landmarks"][got, 0, 0] / 6).tolist() == expected


@given(st.data(), st.integers(0, 24), st.integers(1, 3), st.booleans())
@settings(max_examples=80, deadline=None)
def test_every_setting_as_the_reference(
    data: st.DataObject, n: int, classes: int, per_class: bool
) -> None:
    # Coarse coordinates and scores, so that ties and IoU at a threshold happen.
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    low = rng.integers(0, 6, (n, 2)).astype(np.float64) * 4
    boxes = np.concatenate([low, low + rng.integers(0, 4, (n, 2)) * 4], axis=1)
    hold(boxes, rng.integers(0, 5, (n, classes)) / 4, per_class, 0.25)


def test_boxes_that_are_not_finite_suppress_as_in_the_reference() -> None:
    boxes = np.array([[0, 0, 8, 4], [0, 0, np.inf, 4], [0, 0, np.nan, 4], [0, 0, 8, 4.5]])
    with np.errstate(invalid="ignore"):
        hold(boxes, np.array([[0.9], [0.8], [0.7], [0.6]]), True, 0.1)


def test_none_above_the_floor() -> None:
    ranked = rank(candidates(np.array([[0.0, 0, 8, 4]]), np.array([[0.25]])), 0.25)
    assert (len(ranked), ranked.decoded) == (0, 1)
    assert ranked.rows["landmarks"].shape == (0, 3, 2)
    assert [k.tolist() for k in suppress_at(ranked, IOUS, 5, True)] == [[]] * len(IOUS)


@pytest.mark.parametrize(("floor", "left"), [(0.3, 2), (0.5, 1), (0.75, 0)])
def test_above_is_strict(floor: float, left: int) -> None:
    boxes, scores = np.zeros((3, 4)), np.array([[0.5], [0.75], [0.25]])
    ranked: Ranked = rank(candidates(boxes, scores), 0.1).above(floor)
    assert (len(ranked), ranked.floor) == (left, floor)


@pytest.mark.parametrize("overlap", ["probiou", "polygon"])
@pytest.mark.parametrize("seed", range(3))
def test_turned_boxes_as_the_reference_has_them(overlap: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 30, (60, 2))
    boxes = np.concatenate([low, low + rng.uniform(4, 40, (60, 2))], axis=1)
    angles, scores = rng.uniform(-2, 2, 60), rng.random((60, 3))
    found = Candidates(boxes[None], scores[None], {"angles": angles[None, :, None]})
    ranked = rank(found, 0.3)
    for iou, rows in zip(IOUS, suppress_at(ranked, IOUS, 9, True, overlap), strict=True):
        nms = NmsSpec(score_threshold=0.3, iou_threshold=iou, max_detections=9, overlap=overlap)  # type: ignore[arg-type]
        kept = select(boxes, scores, nms, angles)
        np.testing.assert_array_equal(ranked.boxes_xyxy[rows], boxes[kept.rows])
    upright = suppress_at(ranked, [0.2], 60, True)[0]
    assert upright.tolist() != suppress_at(ranked, [0.2], 60, True, overlap)[0].tolist()

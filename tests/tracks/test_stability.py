"""Tracks and their steadiness, held to arithmetic by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mobilecat.pictures.detections import Detections
from mobilecat.tracks.follow import Follower
from mobilecat.tracks.stability import Stability, Steadiness, faults


def at(*boxes: tuple[float, float], score: float = 0.9, side: float = 40) -> Detections:
    """Boxes of 40 × 40 by their upper left corners."""
    corners = np.array([(x, y, x + side, y + side) for x, y in boxes], float).reshape(-1, 4)
    n = len(boxes)
    return Detections(corners, np.full(n, score), np.zeros(n, np.int64))


def followed(frames: list[Detections]) -> tuple[Follower, list[list[int]]]:
    follower = Follower()
    return follower, [follower.add(k, f) for k, f in enumerate(frames)]


def test_jitter_of_what_trembles_and_of_what_moves() -> None:
    trembling = [at((k % 2, 0)) for k in range(12)]
    # x1 and x2 go 0 1 0 1: second differences ±2, squares 4, of two of four coordinates: mean 2.
    totals = followed(trembling)[0].finish()
    assert totals.corner_jitter == pytest.approx((2 / 6) ** 0.5)
    moving = [at((3 * k, 2 * k)) for k in range(12)]
    assert followed(moving)[0].finish().corner_jitter == 0
    assert followed(moving[:2])[0].finish().corner_jitter is None
    rng = np.random.default_rng(0)
    noisy = [
        Detections(f.boxes_xyxy + rng.normal(0, 0.7, (1, 4)), f.scores, f.class_ids)
        for f in [at((3 * k, 0)) for k in range(3000)]
    ]
    assert followed(noisy)[0].finish().corner_jitter == pytest.approx(0.7, rel=0.05)


def test_landmarks_tremble_apart_from_their_box() -> None:
    frames = []
    for k in range(5):
        box = at((10, 10))
        marks = np.array([[[20.0, 20 + k % 2], [30.0, 20.0]]])
        frames.append(Detections(box.boxes_xyxy, box.scores, box.class_ids, {"landmarks": marks}))
    totals = followed(frames)[0].finish()
    assert totals.corner_jitter == 0
    assert totals.landmark_jitter == pytest.approx((4 / 4 / 6) ** 0.5)


def test_a_track_lost_for_one_frame_flickers_and_for_two_is_in_fragments() -> None:
    here, gone = at((10, 10)), at()
    follower, ids = followed([here, here, gone, here, gone, gone, here, gone, gone, gone, here])
    totals = follower.finish()
    assert (totals.flickers, totals.fragments, totals.tracks) == (1, 1, 2)
    assert ids[6] == [0] and ids[10] == [1]


def test_two_tracks_stay_apart() -> None:
    _, ids = followed([at((0, 0), (100, 0)), at((98, 0), (3, 0)), at((6, 0), (96, 0))])
    assert ids == [[0, 1], [1, 0], [0, 1]]


def compared(source: list[Detections], lane: list[Detections]) -> Stability:
    own, other = Steadiness(0.4), Steadiness(0.4)
    for k, (want, got) in enumerate(zip(source, lane, strict=True)):
        other.add(k, got, want, own.add(k, want))
    return other.finish()


MOVING = [at((12 * k, 0)) for k in range(10)]


def test_an_artifact_that_follows_its_source_has_no_fault() -> None:
    steady = compared(MOVING, MOVING)
    assert faults(steady, steady, 0.5) == []
    assert (steady.lost, steady.id_switches, steady.late_frames, steady.lag_frames) == (0,) * 4


@pytest.mark.parametrize(
    ("lane", "says"),
    [
        ([MOVING[0], *MOVING[:-1]], "boxes are those of the frame before"),
        ([*MOVING[:5], at(), *MOVING[6:]], "1 times a box is gone for one frame"),
        ([at(), at(), *MOVING[2:]], "found 2 frames later"),
        ([at()] * 10, "found 10 frames later"),
        (
            [at((12 * k + 2 * (-1) ** k, 0)) for k in range(10)],
            "corners tremble by 2.31 px of the model input, the source's by 0.00; at most 0.125",
        ),
    ],
)
def test_what_is_less_steady_is_named(lane: list[Detections], says: str) -> None:
    # ±2 px: second differences ±8, squares 64, of two of four coordinates: 32 / 6 = 2.309².
    source = compared(MOVING, MOVING)
    assert says in " ".join(faults(compared(MOVING, lane), source, 0.5))


def test_an_identity_switch_is_counted_against_the_sources_tracks() -> None:
    source = [at((0, 0), (100, 0))] * 8
    lane = [*source[:3], at((100, 0)), at((100, 0)), at((100, 0)), at((100, 0)), source[7]]
    found = compared(source, lane)  # gone for four frames: a new track
    assert found.id_switches == 1


def test_a_borderline_box_may_come_and_go() -> None:
    weak = [at((10, 10), score=0.42)] * 6
    found = compared(weak, [*weak[:3], at(), *weak[4:]])
    assert found.lost == 0 and found.flickers == 1

"""Detections against detections: matching, units, borderline. Values by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mobilecat.compare.match import Ties, compare_detections, corner_distances, match
from mobilecat.compare.tolerances import Limits
from mobilecat.geometry.affine import Affine
from mobilecat.geometry.boxes import iou
from mobilecat.pictures.detections import Detections

LIMITS = Limits(boxes_px=0.5, landmarks_px=0.5, scores=1e-3, tensors=1e-4)
SAME = Affine.identity()


def found(*rows: tuple[list[float], float, int], points: object = None) -> Detections:
    n = len(rows)
    return Detections(
        np.array([r[0] for r in rows], dtype=np.float64).reshape(n, 4),
        np.array([r[1] for r in rows], dtype=np.float64),
        np.array([r[2] for r in rows], dtype=np.int64),
        {} if points is None else {"landmarks": np.array(points, float).reshape(n, -1, 2)},
    )


A, B = [10.0, 10, 30, 50], [100.0, 20, 130, 60]


def verdicts(e: Detections, g: Detections, plan: Affine = SAME, **limits: float) -> dict[str, str]:
    used = Limits(**{**LIMITS.__dict__, **limits})  # type: ignore[arg-type]
    checks = compare_detections(e, g, used, plan, 0.3)
    assert len({c.name for c in checks}) == len(checks) or "borderline" in {c.name for c in checks}
    return {c.name: c.verdict for c in checks}


def test_iou_by_hand() -> None:
    # 2×3 and 2×3 overlapping by 1×3: 3 / (6 + 6 − 3); a box inside: 1/6; apart; both empty
    a = np.array([[0.0, 0, 2, 3], [5, 5, 5, 5]])
    b = np.array([[1.0, 0, 3, 3], [0, 0, 1, 1], [2, 0, 4, 3], [5, 5, 5, 5]])
    assert iou(a, b) == pytest.approx(np.array([[3 / 9, 1 / 6, 0, 0], [0, 0, 0, 0]]))
    assert iou(np.zeros((0, 4)), b).shape == (0, 4)


def test_corner_distance_is_of_the_corner_that_moved_most() -> None:
    a, b = np.array([0.0, 0, 10, 10]), np.array([3.0, 0, 10, 14])
    assert corner_distances(a, b) == pytest.approx(5.0)  # corner (x1, y2): 3 across, 4 down


def test_equal_passes_in_any_order() -> None:
    e = found((A, 0.9, 0), (B, 0.8, 1))
    g = found((B, 0.8, 1), (A, 0.9, 0))
    assert verdicts(e, g) == {"count": "PASS", "boxes": "PASS", "scores": "PASS"}


def test_nothing_against_nothing_is_a_count_of_zero() -> None:
    assert verdicts(found(), found()) == {"count": "PASS"}


@pytest.mark.parametrize("swap", [False, True], ids=["missing", "extra"])
def test_one_more_on_either_side_fails(swap: bool) -> None:
    sides = [found((A, 0.9, 0), (B, 0.8, 1)), found((A, 0.9, 0))]
    assert verdicts(*(sides[::-1] if swap else sides))["count"] == "FAIL"
    assert verdicts(*((found(), sides[1]) if swap else (sides[1], found()))) == {"count": "FAIL"}


def test_another_class_is_no_match_and_says_so() -> None:
    checks = compare_detections(found((A, 0.9, 2)), found((A, 0.9, 3)), LIMITS, SAME, 0.3)
    assert [c.verdict for c in checks] == ["FAIL"]
    assert "a box of class 3 is there, IoU 1.00" in checks[0].detail


def test_duplicates_do_not_share_a_match() -> None:
    e, g = found((A, 0.9, 0), (B, 0.8, 0)), found((A, 0.9, 0), (A, 0.8, 0))
    assert verdicts(e, g)["count"] == "FAIL"


def test_one_box_cannot_answer_for_two() -> None:
    near = [10.2, 10, 30.2, 50]
    e, g = found((A, 0.9, 0), (near, 0.9, 0)), found((A, 0.9, 0))
    assert verdicts(e, g)["count"] == "FAIL"
    assert verdicts(g, e)["count"] == "FAIL"


def test_the_best_overlap_wins_not_the_first() -> None:
    near = [12.0, 10, 32, 50]
    e, g = found((A, 0.9, 0), (near, 0.8, 0)), found((near, 0.8, 0), (A, 0.9, 0))
    assert match(e, g, 0.5).pairs == ((0, 1), (1, 0))


def test_a_displaced_box_reads_as_moved() -> None:
    moved = [13.0, 14, 33, 54]  # 3 right, 4 down
    checks = compare_detections(found((A, 0.9, 0)), found((moved, 0.9, 0)), LIMITS, SAME, 0.3)
    by_name = {c.name: c for c in checks}
    assert by_name["count"].verdict == "PASS"
    assert by_name["boxes"].verdict == "FAIL"
    assert by_name["boxes"].value == pytest.approx(5.0)


def test_boxes_without_area_match_by_their_corners() -> None:
    flat, near, far = [5.0, 5, 5, 9], [5.3, 5, 5.3, 9], [6.0, 5, 6, 9]
    assert verdicts(found((flat, 0.9, 0)), found((near, 0.9, 0)))["count"] == "PASS"
    assert verdicts(found((flat, 0.9, 0)), found((far, 0.9, 0)))["count"] == "FAIL"


def test_distances_are_in_pixels_of_the_model_input() -> None:
    # 1920×1080 → 640×360 in a 640×640 input: a third, 140 rows of padding
    plan = Affine.scale_then_move(1 / 3, 1 / 3, 0, 140)
    e = found((A, 0.9, 0), points=[[[10, 10], [20, 20]]])
    shifted = [v + 1.4 for v in A]
    g = found((shifted, 0.9, 0), points=[[[10, 10], [20, 21.4]]])
    checks = {c.name: c for c in compare_detections(e, g, LIMITS, plan, 0.3)}
    assert checks["boxes"].value == pytest.approx(1.4 * 2**0.5 / 3)
    assert checks["boxes"].verdict == "FAIL"  # 0.66 px of the model input
    assert "1.98 of the image" in checks["boxes"].detail
    assert checks["landmarks"].value == pytest.approx(1.4 / 3)
    assert checks["landmarks"].verdict == "PASS"


def test_each_axis_has_its_own_scale() -> None:
    plan = Affine.scale_then_move(0.5, 2.0)
    g = found(([10.0, 10.2, 30, 50.2], 0.9, 0))
    check = compare_detections(found((A, 0.9, 0)), g, LIMITS, plan, 0.3)[1]
    assert check.value == pytest.approx(0.4)


POINTS = [[[12, 20], [28, 21]]]
LANDMARKS = {
    "equal": (POINTS, "PASS"),
    "off by 0.4": ([[[12, 20], [28, 21.4]]], "PASS"),
    "off by 0.6": ([[[12, 20], [28, 21.6]]], "FAIL"),
    "exchanged": ([[[28, 21], [12, 20]]], "FAIL"),
    "one fewer": ([[[12, 20]]], "FAIL"),
    "none": (None, "FAIL"),
}


@pytest.mark.parametrize("name", LANDMARKS)
def test_landmarks(name: str) -> None:
    points, verdict = LANDMARKS[name]
    e, g = found((A, 0.9, 0), points=POINTS), found((A, 0.9, 0), points=points)
    assert verdicts(e, g)["landmarks"] == verdict
    if points is None:
        assert verdicts(g, e)["landmarks"] == "FAIL"


@pytest.mark.parametrize(("off", "verdict"), [(0.0009, "PASS"), (0.0011, "FAIL")])
def test_scores(off: float, verdict: str) -> None:
    e, g = found((A, 0.9, 0)), found((A, 0.9 + off, 0))
    assert verdicts(e, g)["scores"] == verdict


@pytest.mark.parametrize("part", ["boxes", "scores", "landmarks"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_fails(part: str, bad: float) -> None:
    e = found((A, 0.9, 0), points=POINTS)
    g = found(
        ([bad, 10, 30, 50] if part == "boxes" else A, bad if part == "scores" else 0.9, 0),
        points=[[[bad, 20], [28, 21]]] if part == "landmarks" else POINTS,
    )
    assert set(verdicts(e, g).values()) == {"FAIL"}


def test_borderline_is_said_and_never_silent() -> None:
    e, g = found((A, 0.9, 0), (B, 0.3005, 1)), found((A, 0.9, 0))
    for one, other in ((e, g), (g, e)):
        checks = compare_detections(one, other, LIMITS, SAME, 0.3)
        line = next(c for c in checks if c.name == "borderline")
        assert (line.verdict, line.limit) == ("PASS", 1e-3)
        assert line.value == pytest.approx(0.0005)
        assert "from the threshold 0.3" in line.detail
        assert next(c for c in checks if c.name == "count").verdict == "PASS"


def test_beyond_the_borderline_fails() -> None:
    e, g = found((A, 0.9, 0), (B, 0.302, 1)), found((A, 0.9, 0))
    assert verdicts(e, g)["count"] == "FAIL"
    assert "borderline" not in verdicts(e, g)


def test_without_nms_nothing_is_borderline() -> None:
    checks = compare_detections(found((A, 0.3, 0)), found(), LIMITS, SAME, None)
    assert [(c.name, c.verdict) for c in checks] == [("count", "FAIL")]


def test_a_borderline_box_on_both_sides_is_compared() -> None:
    moved = [v + 2 for v in B]
    e, g = found((A, 0.9, 0), (B, 0.3005, 1)), found((A, 0.9, 0), (moved, 0.3005, 1))
    assert verdicts(e, g)["boxes"] == "FAIL"


def test_rows_of_two_candidates_differ_in_their_points_alone() -> None:
    """One cell was kept for another: the same box and score, other points."""
    e = found((A, 0.9, 0), points=[[12, 12, 20, 20]])
    g = found((A, 0.9, 0), points=[[12, 12, 26, 20]])

    def with_ties(lost: bool, new: bool) -> dict[str, str]:
        tied = Ties(lambda i, j: False, lost=lambda i: lost, new=lambda j: new)
        return {c.name: c.verdict for c in compare_detections(e, g, LIMITS, SAME, 0.3, tied=tied)}

    assert with_ties(True, True) == {"count": "PASS", "ties": "PASS"}
    for lost, new in ((True, False), (False, True), (False, False)):
        assert with_ties(lost, new)["landmarks"] == "FAIL"


def test_of_a_whole_picture_the_words_have_classes_and_probabilities() -> None:
    checks = compare_detections(
        found((A, 0.9, 2)), found((A, 0.8, 3)), LIMITS, SAME, None, whole=True
    )
    assert checks[0].verdict == "FAIL"
    assert checks[0].detail == (
        "1 found, 1 expected; missing: class 2, probability 0.900 (class 3, probability 0.800, in "
        "its place); extra: class 3, probability 0.800 (class 2, probability 0.900, in its place)"
    )
    off = compare_detections(found((A, 0.9, 2)), found((A, 0.8, 2)), LIMITS, SAME, None, whole=True)
    assert [c.detail for c in off if c.name == "scores"] == [
        "class 2, probability 0.900 is off by 0.1"
    ]

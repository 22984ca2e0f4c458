"""Whole tensors, each value by its own channel's unit; limits that follow rounding. By hand."""

from __future__ import annotations

import numpy as np

from mobilecat.compare.compare import compare_in_full, unit_scale
from mobilecat.compare.match import Ties, compare_detections
from mobilecat.compare.tolerances import Bound
from mobilecat.geometry.affine import Affine
from mobilecat.pictures.detections import Detections
from tests.compare.test_match import LIMITS

SAME = Affine.identity()


def mixed() -> np.ndarray:
    """Two channels of 64: pixels up to 630, and scores of some 1e-5."""
    rows = np.arange(64, dtype=np.float32)
    return np.stack([rows * 10, 1e-5 * (1 + rows / 64)])[None]


def test_channels_with_units_of_their_own_are_scaled_by_their_own_largest_value() -> None:
    scale = unit_scale(np.abs(mixed()).astype(np.float64))
    assert scale.shape == (1, 2, 1)
    assert np.allclose(scale.reshape(-1), [630, 6.3e-4])  # no unit below a millionth of the whole
    same = np.ones((1, 2, 64)) * [[[3.0], [1.0]]]
    assert unit_scale(same).reshape(-1).tolist() == [3.0]


def test_scores_that_are_all_zero_fail_beside_boxes_in_pixels() -> None:
    got = mixed()
    got[0, 1] = 0
    check = compare_in_full("raw", "t", mixed(), got, Bound(1e-3), "source", lambda _: None)
    assert check.verdict == "FAIL"
    assert check.max_rel is not None and check.max_rel < 1e-6  # the whole tensor's scale hid it
    assert check.value is not None and check.limit is not None and check.value > check.limit


def test_a_limit_is_what_rounding_moves_the_source_where_that_is_more() -> None:
    e = np.linspace(-1, 1, 64, dtype=np.float32).reshape(1, 64)
    bound = Bound(1e-4, times=4.0)
    off, shaken = e + np.float32(3e-4), e + np.float32(1e-4)
    assert compare_in_full("raw", "t", e, off, bound, "source", lambda _: None).verdict == "FAIL"
    check = compare_in_full("raw", "t", e, off, bound, "source", lambda _: shaken)
    assert check.verdict == "PASS" and check.limit is not None
    assert abs(check.limit - 4e-4) < 1e-6 and "moves it by 0.0001" in check.detail
    far = compare_in_full("raw", "t", e, e + np.float32(5e-4), bound, "source", lambda _: shaken)
    assert far.verdict == "FAIL"


def test_what_a_spec_says_is_not_widened() -> None:
    e = np.linspace(-1, 1, 64, dtype=np.float32).reshape(1, 64)
    asked: list[str] = []
    check = compare_in_full(
        "raw", "t", e, e + np.float32(3e-4), Bound(1e-4), "source", lambda n: asked.append(n)
    )
    assert check.verdict == "FAIL" and not asked


def test_candidates_that_can_become_detections_are_measured_apart() -> None:
    e = np.zeros((1, 4, 4), np.float32)
    near = np.array([True, True, False, False])
    shaken = e.copy()
    shaken[0, 3] = 10  # a row far below the threshold moves by 10 px, near ones by nothing
    got = e.copy()
    got[0, 3] = 20
    bound = Bound(0.5, relative=False, times=3.0)
    check = compare_in_full(
        "candidates", "b", e, got, bound, "source", lambda _: shaken, lambda: near
    )
    assert check.verdict == "PASS"
    got[0, 0] = 1
    check = compare_in_full(
        "candidates", "b", e, got, bound, "source", lambda _: shaken, lambda: near
    )
    assert check.verdict == "FAIL" and check.limit == 0.5


def found(*rows: tuple[list[float], float]) -> Detections:
    boxes = np.array([r[0] for r in rows], dtype=np.float64)
    return Detections(boxes, np.array([r[1] for r in rows]), np.zeros(len(rows), np.int64))


TIE = Ties(lambda i, j: (i, j) == (0, 0))
A, NEXT, FAR = [10.0, 10, 50, 50], [18.0, 10, 58, 50], [200.0, 10, 240, 50]


def test_rows_that_tie_are_one_set_and_it_is_said() -> None:
    e, g = found((A, 0.7), (FAR, 0.5)), found((NEXT, 0.7), (FAR, 0.5))
    plain = {c.name: c.verdict for c in compare_detections(e, g, LIMITS, SAME, 0.3)}
    assert plain["boxes"] == "FAIL"
    checks = compare_detections(e, g, LIMITS, SAME, 0.3, tied=TIE)
    said = {c.name: c for c in checks}
    assert all(c.verdict == "PASS" for c in checks)
    assert "1 of 2 tie" in said["ties"].detail


def test_a_tie_excuses_no_other_row() -> None:
    e, g = found((A, 0.7), (FAR, 0.5)), found((NEXT, 0.7), ([210.0, 10, 250, 50], 0.5))
    checks = compare_detections(e, g, LIMITS, SAME, 0.3, tied=TIE)
    assert {c.name for c in checks if c.verdict == "FAIL"} == {"boxes"}

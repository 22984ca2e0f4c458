"""Cells of padding score the same, and suppression keeps one of them: which, rounding decides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.judge.fake import LANE, Tensors, check, healthy, write_bundle

A = [34.0, 10, 60, 40]  # the second detection of the fake bundle, score 0.8, class 0
B = [38.0, 10, 64, 40]  # a stride further: IoU 22/30


def two_cells(score: float = 0.8) -> Tensors:
    """Return the healthy lane with one more candidate of class 0 beside the second detection."""
    tensors = healthy()
    boxes, scores = tensors["decode/boxes"].copy(), tensors["decode/scores"].copy()
    boxes[0, 3], scores[0, 3] = B, [score, 0.05]
    return {**tensors, "decode/boxes": boxes, "decode/scores": scores}


def other_cell(tensors: Tensors) -> Tensors:
    """The lane keeps the other cell."""
    if "boxes" not in tensors:
        return tensors
    boxes = tensors["boxes"].copy()
    boxes[0, 1] = B
    return {**tensors, "boxes": boxes}


def test_another_cell_of_the_same_score_is_a_tie(tmp_path: Path) -> None:
    shop = replace(write_bundle(tmp_path), tensors=two_cells).approved()
    shop.faults[LANE] = other_cell
    report = check(shop)
    assert report.held, [r.check for r in report.failed]
    ties = [r.check for r in report.results if r.check.name == "ties"]
    assert ties and "1 of 3 tie" in ties[0].detail


def test_another_cell_of_another_score_is_a_fault(tmp_path: Path) -> None:
    shop = replace(write_bundle(tmp_path), tensors=lambda: two_cells(0.7)).approved()
    shop.faults[LANE] = other_cell
    assert {r.check.name for r in check(shop).failed if r.lane == LANE} == {"boxes"}


def test_a_box_that_is_no_candidate_is_a_fault(tmp_path: Path) -> None:
    shop = write_bundle(tmp_path).approved()
    shop.faults[LANE] = other_cell
    assert {r.check.name for r in check(shop).failed if r.lane == LANE} == {"boxes"}


def test_rows_swapped_with_other_scores_are_a_fault(tmp_path: Path) -> None:
    shop = replace(write_bundle(tmp_path), tensors=two_cells).approved()

    def swapped(tensors: Tensors) -> Tensors:
        if "boxes" not in tensors:
            return tensors
        boxes = tensors["boxes"].copy()
        boxes[0, [1, 2]] = boxes[0, [2, 1]]
        return {**tensors, "boxes": boxes}

    shop.faults[LANE] = swapped
    assert not check(shop).held
    assert np.allclose(two_cells()["decode/boxes"][0, 1], A)


C = [46.0, 10, 72, 40]  # IoU with A 14/38, with B 18/34: B suppresses it, A does not
OUT = [90.0, 90, 99, 99]


def chain(a: float, b: float, rows: list[tuple[list[float], float, int, int]]) -> Tensors:
    """Candidates A, B, C beside the other two, and the results by hand.

    rows: box, score, class and candidate of each result, best first.
    """
    tensors = healthy()
    boxes, scores = tensors["decode/boxes"].copy(), tensors["decode/scores"].copy()
    boxes[0, 3:5], scores[0, 1, 0] = [B, C], a
    scores[0, 3:5] = [[b, 0.05], [0.6, 0.02]]
    out = {name: np.zeros_like(tensors[name]) for name in ("boxes", "scores", "class_ids")}
    out["landmarks"] = np.zeros_like(tensors["landmarks"])
    for k, (box, score, kind, at) in enumerate(rows):
        out["boxes"][0, k], out["scores"][0, k], out["class_ids"][0, k] = box, score, kind
        out["landmarks"][0, k] = tensors["decode/landmarks"][0, at].reshape(2, 2)
    out["count"] = np.array([len(rows)], np.int32)
    return {**tensors, **out, "decode/boxes": boxes, "decode/scores": scores}


FIRST = ([10.0, 8, 30, 28], 0.9, 1, 0)
THIRD = ([4.0, 30, 16, 42], 0.5, 0, 2)


def of_the_source() -> Tensors:
    """A suppresses B, so that C stays."""
    return chain(0.8, 0.7996, [FIRST, (A, 0.8, 0, 1), (C, 0.6, 0, 4), THIRD])


def of_the_lane() -> Tensors:
    """A and B by 4e-4 the other way: B is kept, and takes A and C with it."""
    return chain(0.7996, 0.8, [FIRST, (B, 0.8, 0, 3), THIRD])


def with_lane(tmp_path: Path, given: Tensors) -> list[str]:
    """Return the names of what fails where the lane gives `given`."""
    shop = replace(write_bundle(tmp_path), tensors=of_the_source).approved()
    shop.faults[LANE] = lambda asked: {n: given[n] for n in asked}
    report = check(shop)
    said = [r.check.detail for r in report.results if r.check.name == "ties"]
    assert bool(said) or not report.held
    return sorted({r.check.name for r in report.failed if r.lane == LANE})


def test_what_an_exact_suppression_makes_of_candidates_that_tie_is_said(tmp_path: Path) -> None:
    assert with_lane(tmp_path, of_the_lane()) == []


def test_a_row_that_the_lanes_own_candidates_would_keep_is_missed(tmp_path: Path) -> None:
    """C is gone, though the lane keeps A, which does not suppress it."""
    given = chain(0.8, 0.7996, [FIRST, (A, 0.8, 0, 1), THIRD])
    assert with_lane(tmp_path, given) == ["count"]


def test_candidates_beyond_the_limit_excuse_nothing(tmp_path: Path) -> None:
    """B scores .83 for .7996: the suppression is exact, and the candidate is wrong."""
    given = chain(0.7996, 0.83, [FIRST, (B, 0.83, 0, 3), THIRD])
    assert {"boxes", "decode/scores"} <= set(with_lane(tmp_path, given))


def test_a_row_that_is_nobodys_candidate_is_a_fault(tmp_path: Path) -> None:
    given = chain(0.7996, 0.8, [FIRST, (B, 0.8, 0, 3), (OUT, 0.55, 0, 5), THIRD])
    assert "count" in with_lane(tmp_path, given)

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

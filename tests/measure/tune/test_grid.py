"""What a user may write for a sweep, and everything that is wrong with it at once."""

from __future__ import annotations

import pytest

from mobilecat.errors import MobileCatError
from mobilecat.measure.tune.grid import MOST_ROWS, Setting, grid_of, with_baked
from mobilecat.spec import NmsSpec

LISTS = [
    ("0.3", (0.3,)),
    ("0.45, .3,0.45", (0.3, 0.45)),
    ("0.1:0.9:0.1", (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)),
    ("0.1:0.5:0.15", (0.1, 0.25, 0.4)),
    ("0.01,0.05,0.1:0.3:0.1", (0.01, 0.05, 0.1, 0.2, 0.3)),
    ("0.2:0.2:0.1", (0.2,)),
    ("0,1", (0.0, 1.0)),
    ("1e-3", (0.001,)),
]


@pytest.mark.parametrize(("text", "expected"), LISTS, ids=[t for t, _ in LISTS])
def test_lists_and_ranges(text: str, expected: tuple[float, ...]) -> None:
    # Equal, not nearly: 0.3 of a range is the 0.3 that a user writes.
    assert grid_of(scores=text).scores == expected
    assert grid_of(ious=text).ious == expected


def test_combinations() -> None:
    grid = grid_of("0.5,0.2", "0.45", "3000,300")
    assert grid.settings == (
        Setting(0.2, 0.45, 300),
        Setting(0.2, 0.45, 3000),
        Setting(0.5, 0.45, 300),
        Setting(0.5, 0.45, 3000),
    )


def test_the_default_has_what_a_sweep_of_a_detector_needs() -> None:
    grid = grid_of()
    assert {300, 3000} == set(grid.max_detections)
    assert {0.01, 0.05} < set(grid.scores)
    assert {0.45, 0.55, 0.65} < set(grid.ious)


WRONG = [
    ("", "no value and no range"),
    ("0.1,,0.2", "no value and no range"),
    ("abc", "'abc'"),
    ("nan", "'nan'"),
    ("inf", "'inf'"),
    ("-0.1", "'-0.1'"),
    ("0.1:0.5", "'0.1:0.5'"),
    ("1.5", "1.5 is not in 0..1"),
    ("0.5:1.5:0.5", "1.5 is not in 0..1"),
    ("0.5:0.1:0.1", "must rise"),
    ("0.1:0.5:0", "must rise"),
    ("0:1:0.0000001", "too many steps"),
    ("٣", "'٣'"),
]


@pytest.mark.parametrize(("text", "words"), WRONG, ids=[t for t, _ in WRONG])
def test_refusals(text: str, words: str) -> None:
    with pytest.raises(MobileCatError) as caught:
        grid_of(scores=text)
    assert any(words in p.what and p.where == "--score" for p in caught.value.problems)


@pytest.mark.parametrize("text", ["0", "2.5", "100001"])
def test_max_detections_is_a_count(text: str) -> None:
    with pytest.raises(MobileCatError) as caught:
        grid_of(max_detections=text)
    assert "whole number" in str(caught.value)


def test_all_problems_at_once() -> None:
    with pytest.raises(MobileCatError) as caught:
        grid_of("0.1:2:0.1,x", "0.9:0.1:0.1", "0")
    assert [p.where for p in caught.value.problems] == [
        "--score",
        "--score",
        "--iou",
        "--max-detections",
    ]


def test_too_many_rows() -> None:
    with pytest.raises(MobileCatError, match="cannot be swept") as caught:
        grid_of("0:1:0.01", "0:1:0.01", "300")
    assert f"{101 * 101} combinations, at most {MOST_ROWS}" in str(caught.value)


def test_a_default_sweep_holds_what_is_baked_in() -> None:
    baked = NmsSpec(score_threshold=0.37, iou_threshold=0.5, max_detections=42)
    grid = with_baked(grid_of(), baked)
    assert Setting(0.37, 0.5, 42) in grid.settings
    chosen = grid_of("0.2,0.3", "0.4", "10")
    assert with_baked(chosen, baked) == chosen
    ranked = baked.model_copy(update={"selection": "best"})
    assert with_baked(grid_of(), ranked).ious == grid_of().ious

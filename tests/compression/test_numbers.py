"""Orders, losses and weights by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mobilecat.compression.greedy import Option, farthest, frontier, path_of
from mobilecat.compression.losses import groups_of, spread_of
from mobilecat.compression.recipes import Keys, stored_as
from mobilecat.compression.weighted import moved


def test_least_error_for_what_is_saved_comes_first() -> None:
    # a: 10 bytes saved at 1 → 0.1 a byte; b: 4 saved at 0.1 → 0.025, 2 more at 0.3 → 0.15.
    a = [Option(20, 0), Option(10, 1)]
    b = [Option(8, 0), Option(4, 0.1), Option(2, 0.4)]
    assert path_of([a, b]) == ((0, 0), (0, 1), (1, 1), (1, 2))


def test_an_option_that_a_mixture_beats_is_never_taken() -> None:
    # The middle one is 0.5 a byte; straight to the last is 2/8 = 0.25.
    options = [Option(10, 0), Option(8, 1), Option(2, 2)]
    assert path_of([options]) == ((0,), (2,))


def test_what_saves_nothing_stays() -> None:
    assert path_of([[Option(10, 0), Option(12, 0)], [Option(10, 0), Option(5, 0)]]) == (
        (0, 0),
        (0, 1),
    )


def test_less_error_in_fewer_bytes_comes_before_all() -> None:
    luck = [Option(10, 0.5), Option(5, 0.1)]
    assert path_of([[Option(10, 0), Option(5, 0)], luck])[1] == (0, 1)


def test_the_last_state_that_fits_is_found_by_halving() -> None:
    asked: list[int] = []

    def fits(i: int) -> bool:
        asked.append(i)
        return i <= 5

    assert farthest(16, fits) == 5
    assert asked == [15, 7, 3, 5, 6]
    assert farthest(16, lambda i: True) == 15
    assert farthest(4, lambda i: False) is None
    assert farthest(0, lambda i: True) is None


def test_the_frontier_leaves_out_what_another_beats_in_both() -> None:
    assert frontier([(8.0, 0.0), (4.0, 0.1), (5.0, 0.3), (2.0, 3.0), (2.0, 4.0)]) == (3, 1, 0)


def test_the_spread_is_the_jackknifes() -> None:
    # Of a mean the jackknife's error is s/√n: of 1, 2, 3, 6 s² = 14/3, so that √(14/12).
    values = [1.0, 2.0, 3.0, 6.0]
    left_out = [(sum(values) - v) / 3 for v in values]
    assert spread_of(left_out) == pytest.approx(math.sqrt(14 / 12))
    assert spread_of([1.0]) == 0
    assert groups_of(3) == ((1, 2), (0, 2), (0, 1))
    assert all(len(g) in (30, 31) for g in groups_of(34)) and len(groups_of(34)) == 10


def _candidates(score: float, background: float = 0.0) -> dict[str, np.ndarray]:
    boxes = np.array([[[0, 0, 10, 10], [50, 50, 60, 60]]], float)
    return {"boxes": boxes, "scores": np.array([[[score], [background]]])}


def test_a_score_counts_as_much_as_it_is_near_a_detection() -> None:
    assert moved(_candidates(0.8), _candidates(0.8)) == 0
    # 0.8²·0.2 / 0.8²: only the first has a weight.
    assert moved(_candidates(0.8), _candidates(0.6)) == pytest.approx(0.2)
    # A false alarm of 0.6 beside it: 0.6²·0.6 / (0.8² + 0.6²).
    assert moved(_candidates(0.8), _candidates(0.8, 0.6)) == pytest.approx(0.216)


def test_boxes_of_background_do_not_count() -> None:
    one, other = _candidates(0.8), _candidates(0.8)
    other["boxes"][0, 1] += 20
    assert moved(one, other) == 0
    other = _candidates(0.8)
    other["boxes"][0, 0] += (5, 0, 5, 0)  # half of it: IoU 50 / 150
    assert moved(one, other) == pytest.approx(2 / 3)


def test_landmarks_count_in_sides_of_their_box() -> None:
    one = _candidates(1.0) | {"landmarks": np.zeros((1, 2, 4))}
    other = _candidates(1.0) | {"landmarks": np.zeros((1, 2, 4))}
    other["landmarks"][0, 0] = (3, 4, 0, 0)  # one of two is 5 px off, of a side of 10
    assert moved(one, other) == pytest.approx(0.25)


def test_what_is_no_number_moves_most() -> None:
    broken = _candidates(0.8)
    broken["scores"][0, 0] = np.nan
    assert moved(_candidates(0.8), broken) > 1


@pytest.mark.parametrize(
    ("keys", "stored"),
    [
        ({"precision": "int8", "keep_float": ("a/*", "node")}, "float"),
        ({"precision": "int8", "keep_float": ("a/*",)}, "int8"),
        ({"precision": "float16"}, "float16"),
        ({"weights": "int4"}, "int4"),
        ({"weights": "palette4", "block": 16}, "palette4 of 16 channels"),
        ({"weights": "palette4", "block": 8}, "palette4 8"),
        ({"activations": "int8"}, "int8 activations"),
        ({"weights": "int4", "layers": ({"nodes": ("other",), "weights": "float"},)}, "int4"),
        ({"weights": "int4", "layers": ({"nodes": ("no*",), "weights": "float"},)}, "float"),
        (
            {
                "layers": (
                    {"nodes": ("node",), "weights": "palette6"},
                    {"nodes": ("*",), "weights": "int8"},
                )
            },
            "palette6",
        ),
        ({}, "float"),
    ],
)
def test_how_a_layer_is_stored_in_a_recipes_words(keys: Keys, stored: str) -> None:
    assert stored_as(keys, "node") == stored

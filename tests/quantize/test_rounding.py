"""Weights rounded by what they are multiplied with: by hand, and against every choice there is."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mobilecat.quantize.rounding import alike, fitted, moved, nearest, scales_of


def test_inputs_that_are_always_equal_share_their_rounding() -> None:
    """0.4 and 0.4 are 0 and 0 to the nearest; of x·0.4 + x·0.4 = 0.8x, 1x is nearer than 0."""
    w = np.array([[0.4, 0.4, 127.0]])
    scales = scales_of(w)
    moments = np.zeros((3, 3))
    moments[:2, :2], moments[2, 2] = 1.0, 1.0
    assert scales == 1.0
    assert nearest(w, scales).tolist() == [[0, 0, 127]]
    found = fitted(w, scales, moments)
    assert sorted(found[0, :2]) == [0, 1] and found[0, 2] == 127
    assert moved(w, nearest(w, scales), scales, moments) == pytest.approx(0.8**2)
    assert moved(w, found, scales, moments) == pytest.approx(0.2**2)


def test_inputs_that_have_nothing_in_common_go_to_the_nearest() -> None:
    rng = np.random.default_rng(0)
    w = rng.normal(size=(6, 20))
    moments = np.diag(rng.uniform(0.1, 2.0, 20))
    assert (fitted(w, scales_of(w), moments) == nearest(w, scales_of(w))).all()


@pytest.mark.parametrize("seed", range(5))
def test_of_all_choices_it_finds_one_of_the_best(seed: int) -> None:
    rng = np.random.default_rng(seed)
    w = rng.normal(size=(1, 10))
    x = rng.normal(size=(200, 3)) @ rng.normal(size=(3, 10)) + 0.2 * rng.normal(size=(200, 10))
    moments, scales = x.T @ x / 200, scales_of(w)
    low = np.clip(np.floor(w / scales), -127, 127)
    choices = low + np.array(list(itertools.product((0, 1), repeat=10)))
    every = [moved(w, np.clip(c, -127, 127)[None], scales, moments) for c in choices]
    found = moved(w, fitted(w, scales, moments), scales, moments)
    assert found <= moved(w, nearest(w, scales), scales, moments)
    assert (np.array(every) < found - 1e-12).sum() <= 0.05 * len(every)


@pytest.mark.parametrize("depth", [64, 150])
def test_no_weight_goes_further_than_to_its_neighbours(depth: int) -> None:
    rng = np.random.default_rng(depth)
    w = rng.normal(size=(9, depth))
    x = rng.normal(size=(300, 5)) @ rng.normal(size=(5, depth)) + 0.1 * rng.normal(size=depth)
    scales = scales_of(w)
    found = fitted(w, scales, x.T @ x / 300)
    assert np.abs(found - w / scales).max() < 1 + 1e-5
    assert np.abs(found).max() <= 127 and (found == np.round(found)).all()
    assert alike(found - w / scales).all()
    plain = nearest(w, scales)
    assert moved(w, found, scales, x.T @ x) < 0.2 * moved(w, plain, scales, x.T @ x)


@pytest.mark.parametrize("moments", [np.zeros((4, 4)), np.full((4, 4), np.nan)])
def test_where_nothing_was_seen_it_is_the_nearest(moments: np.ndarray) -> None:
    w = np.array([[0.3, -1.0, 0.4, 2.0]])
    assert (fitted(w, scales_of(w), moments) == nearest(w, scales_of(w))).all()


def test_an_output_without_weights_stays_zero() -> None:
    assert not fitted(np.zeros((2, 3)), scales_of(np.zeros((2, 3))), np.ones((3, 3))).any()


def test_other_ways_to_round_are_told_from_fitting() -> None:
    """Down is half a step to one side on the mean; the farther number 0.75 of a step away."""
    w = np.random.default_rng(1).uniform(-120, 120, (8, 200))
    low = np.floor(w)
    farther = np.where(w - low < 0.5, low + 1, low)
    assert not alike(low - w).any() and not alike(low + 1 - w).any()
    assert not alike(farther - w).any()
    assert alike(np.round(w) - w).all()


def test_errors_are_told_by_hand() -> None:
    lean = [[0.6, 0.3, 0.3], [0.6, 0.1, 0.2], [0.4, 0.4, 0.4], [0.9, -0.8, 0.1], [0.6, -0.4, 0.2]]
    # means 0.4, 0.3, 0.4 (each within half a step); sizes 0.6 and 0.4
    assert alike(np.array(lean)).tolist() == [False, True, True, False, True]

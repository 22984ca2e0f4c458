"""The table of docs/evaluate.md: which ways are beside which, and shares over draws, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mobilecat.measure.evaluate.paired import Paired
from mobilecat.spec import ImageSpec
from tools.preprocessing_table import beside, chances, given_up, shares, ways_of

RIGHT, BGR, STRETCH = ("RGB", "a", "letterbox"), ("BGR", "a", "letterbox"), ("RGB", "a", "stretch")
BOTH = ("BGR", "a", "stretch")
WAYS = (RIGHT, BGR, STRETCH, BOTH)


def _values(first: float, second: float, pictures: int = 20) -> list[np.ndarray]:
    """Return one object a picture: score × IoU, IoU."""
    return [np.array([[first, second]])] * pictures


def test_every_mix_is_run_and_those_beside_differ_in_one_key() -> None:
    """Two orders of colours, four ranges, two fits; a network of whole numbers has one range."""
    image = ImageSpec(size=(8, 8))
    assert len(ways_of(image, whole=False)) == 16 and len(ways_of(image, whole=True)) == 4
    assert list(beside(RIGHT, WAYS)) == [("color", BGR), ("resize", STRETCH)]


def test_the_shares_of_a_fault_that_every_draw_shows() -> None:
    """Colours cost 0.6 of score on every object, fits nothing. Of 16 objects that is no chance:
    spread 0.1 · √(4/19), t = 0.59 / (0.0459 / 4) = 51."""
    values = {
        RIGHT: _values(0.9, 0.9),
        BGR: _values(0.3, 0.9),
        STRETCH: _values(0.9, 0.9),
        BOTH: _values(0.3, 0.9),
    }
    tells = [True] * 20
    right = shares(values, RIGHT, RIGHT, 16, 20, tells)
    assert (right.others, right.leaning) == (0, 0)
    wrong = shares(values, BGR, RIGHT, 16, 20, tells)
    assert (wrong.named, wrong.to_right, wrong.leaning, wrong.others) == (1, 1, 1, 0)
    # One object settles nothing, and a fit that costs nothing is never told.
    assert shares(values, BGR, RIGHT, 1, 20, tells).leaning == 0
    assert shares(values, STRETCH, RIGHT, 16, 20, tells).leaning == 0


def test_a_right_network_that_another_fit_suits_better_is_counted() -> None:
    values = {RIGHT: _values(0.9, 0.5), BGR: _values(0.9, 0.5), STRETCH: _values(0.9, 0.9),
              BOTH: _values(0.9, 0.9)}  # fmt: skip
    right = shares(values, RIGHT, RIGHT, 16, 20, [True] * 20)
    assert (right.others, right.leaning) == (1, 1)
    # Where no picture is wide or high enough, a fit is not asked.
    assert shares(values, RIGHT, RIGHT, 16, 20, [False] * 20).others == pytest.approx(0)


def test_many_draws_at_once_are_what_evaluate_says_of_each() -> None:
    rng = np.random.default_rng(7)
    kept = rng.uniform(0, 1, (40, 6))
    other = kept + rng.normal(0.1, 0.2, kept.shape)
    kept[::3, 4:] = other[::3, 4:] = np.nan
    own = [
        Paired(a[~np.isnan(a)], b[~np.isnan(b)], 5).chance()
        for a, b in zip(kept, other, strict=True)
    ]
    assert chances(kept, other, 5) == pytest.approx(np.array(own), rel=1e-9)


def test_draws_whose_first_eight_pictures_surely_lose() -> None:
    """0.6 on each of the first eight, or of the last eight: the second way sees all sixteen, and
    wins or loses by all of them."""
    kept = np.full((2, 16, 1), 0.7)
    other = np.array([[0.1] * 8 + [0.7] * 8, [0.7] * 8 + [0.1] * 8])[..., None]
    assert given_up(kept, other, 5).tolist() == [True, False]
    assert given_up(kept[:, :8], other[:, :8], 5).tolist() == [False, False]  # nothing to spare

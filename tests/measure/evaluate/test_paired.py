"""Whether one way is better than another on the same objects: by hand, and by scipy's t."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import t as student

from mobilecat.geometry.chance import t_tail
from mobilecat.measure.evaluate.paired import Paired

KEPT = np.array([0.2, 0.3, 0.4, 0.2])


@pytest.mark.parametrize("t", [-3.0, -0.5, 0.0, 0.7, 2.0, 12.0])
@pytest.mark.parametrize("n", [4.0, 7.0, 40.0])
def test_the_tail_is_students(t: float, n: float) -> None:
    assert t_tail(t, n) == pytest.approx(student.sf(t, n), rel=1e-9)


def test_by_hand() -> None:
    """Differences 0.3, 0.5, 0.3, 0.5: mean 0.4, squares about it 4 · 0.01. The spread that is there
    before any is seen is 0.1 for four objects: variance (4 · 0.01 + 0.04) / 7, and 0.01 is no gain.
    """
    pair = Paired(KEPT, KEPT + np.array([0.3, 0.5, 0.3, 0.5]), tries=5)
    assert pair.gain == pytest.approx(0.4) and pair.higher == 4
    t = (0.4 - 0.01) / math.sqrt(0.08 / 7 / 4)
    assert t == pytest.approx(7.296, abs=1e-3)
    assert pair.chance() == pytest.approx(5 * student.sf(t, 7))
    assert pair.chance() < 0.001 and pair.verdict == "better"
    # Of 13 ways, one may look so by chance in a little more than once in 1000.
    assert Paired(pair.kept, pair.other, tries=13).verdict == "leaning"
    assert Paired(pair.other, pair.kept, tries=5).verdict == "worse"


def test_three_objects_that_agree_by_chance_are_not_believed() -> None:
    """A plain t has 31 here, and p below 0.001; its variance is of three numbers alone."""
    other = KEPT[:3] + np.array([0.30, 0.31, 0.32])
    d = other - KEPT[:3]
    plain = d.mean() / (d.std(ddof=1) / math.sqrt(3))
    assert student.sf(plain, 2) < 0.001 and Paired(KEPT[:3], other, 5).verdict == "leaning"


def test_a_small_difference_says_nothing_however_many_objects() -> None:
    kept = np.full(400, 0.5)
    assert Paired(kept, kept + 0.009, 5).verdict == "close"
    assert Paired(kept, kept + 0.05, 5).verdict == "better"


@pytest.mark.parametrize("n", [0, 1])
def test_one_object_settles_nothing(n: int) -> None:
    assert Paired(np.zeros(n), np.ones(n)).verdict == "close"

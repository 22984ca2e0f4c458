"""Histograms and the three methods, against hand arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from mobilecat.quantize import Histogram, Range, minmax, mse, percentile
from mobilecat.quantize.histogram import BINS


def _of(values: np.ndarray, low: float | None = None, high: float | None = None) -> Histogram:
    seen = Histogram(
        float(values.min()) if low is None else low, float(values.max()) if high is None else high
    )
    for part in np.array_split(values.astype(np.float32), 3):
        seen.add(part)
    return seen


def test_every_value_is_counted_once_in_its_bin() -> None:
    seen = Histogram(0.0, float(BINS))
    seen.add(np.array([[0.0, 0.5], [1.5, BINS]], np.float32))
    assert seen.counts[:2].tolist() == [2, 1]
    assert seen.counts[-1] == 1  # the upper end belongs to the last bin
    assert seen.counts.sum() == 4


def test_what_is_not_finite_is_not_counted() -> None:
    seen = Histogram(0.0, 1.0)
    seen.add(np.array([0.5, np.nan, np.inf], np.float32))
    assert seen.counts.sum() == 1


def test_minmax_is_all_that_was_seen() -> None:
    assert minmax(_of(np.array([-3.0, 0.0, 8.0]))) == Range(-3.0, 8.0)


def test_percentile_cuts_a_share_off_each_end() -> None:
    values = np.linspace(0, 1, 10_001)
    found = percentile(_of(values), 99.0)
    assert found.low == pytest.approx(0.01, abs=2 / BINS)
    assert found.high == pytest.approx(0.99, abs=2 / BINS)


def test_percentile_100_is_minmax() -> None:
    assert percentile(_of(np.linspace(-1, 3, 1000)), 100.0) == Range(-1.0, 3.0)


def test_one_outlier_among_ten_thousand_is_cut() -> None:
    values = np.append(np.linspace(0, 1, 100_000), 100.0)
    found = percentile(_of(values), 99.99)
    assert found.high < 1.1


def test_mse_keeps_uniform_values_whole() -> None:
    """Rounding is (1/255)²/12; cutting 1 % off uniform values costs far more: 0.01³/3."""
    found = mse(_of(np.linspace(0, 1, 100_000)))
    assert found.high == pytest.approx(1.0)


def test_mse_gives_an_outlier_up_where_rounding_costs_more() -> None:
    """10⁶ values to 1 and one of 4. Kept: step 4/255, (4/255)²/12 = 2.05e-5 a value. Cut at 1:
    (1/255)²/12 = 1.28e-6, and 3²/10⁶ = 9e-6 for the outlier. In between, at c, the sum
    c²/780300 + (4 − c)²/10⁶ is least at c = 4/(1 + 10⁶/780300) = 1.754."""
    values = np.append(np.linspace(0, 1, 1_000_000), 4.0)
    assert mse(_of(values)).high == pytest.approx(1.754, abs=0.05)


def test_a_constant_has_a_range_without_width() -> None:
    seen = _of(np.full(5, 2.0))
    assert minmax(seen) == percentile(seen, 99.0) == mse(seen) == Range(2.0, 2.0)


def test_two_ranges_joined_hold_both() -> None:
    assert Range(-1, 2) | Range(0, 5) == Range(-1, 5)

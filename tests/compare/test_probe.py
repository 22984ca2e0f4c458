"""Probes: what a golden keeps of a tensor, and that it is enough."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest

from mobilecat.compare.probe import SAMPLES, Probe, compare_probe, compare_probes, probe
from mobilecat.compare.tolerances import EXACT, Bound

TIGHT = Bound(1e-6)


def tensor(shape: tuple[int, ...] = (3, 5, 40), seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_a_small_tensor_is_kept_whole() -> None:
    p = probe("raw", "t", np.array([[1.5, -2, 4]], np.float32))
    assert (p.shape, p.dtype, p.positions, p.values) == (
        (1, 3),
        "float32",
        (0, 1, 2),
        (1.5, -2.0, 4.0),
    )
    assert (p.low, p.high, p.nonfinite) == (-2.0, 4.0, 0)
    assert p.mean == pytest.approx(3.5 / 3)


def test_places_are_seeded_and_hold_both_ends() -> None:
    x = tensor()
    p = probe("raw", "t", x)
    assert p == probe("raw", "t", x)
    assert p.positions != probe("raw", "u", x).positions
    assert {int(x.argmax()), int(x.argmin())} <= set(p.positions)
    assert SAMPLES <= len(p.positions) <= SAMPLES + 2
    assert list(p.positions) == sorted(set(p.positions))


def test_values_survive_the_file_to_float32s_last_bit() -> None:
    x = tensor()
    back = Probe.model_validate_json(json.dumps(probe("raw", "t", x).model_dump(mode="json")))
    for at, value in zip(back.positions, back.values, strict=True):
        assert struct.pack("f", float(value)) == struct.pack("f", x.reshape(-1)[at])


def test_itself_passes_and_says_zero() -> None:
    x = tensor()
    check = compare_probe("t", probe("raw", "t", x), x, TIGHT)
    assert (check.verdict, check.against, check.stage) == ("PASS", "golden", "raw")
    assert check.max_abs == pytest.approx(0, abs=1e-8)


CHANGES = {
    "the maximum": lambda x: np.where(x == x.max(), x + 1e-4, x),
    "a new maximum anywhere": lambda x: np.where(np.arange(x.size).reshape(x.shape) == 301, 9, x),
    "scaled": lambda x: x * np.float32(1.0001),
    "shifted": lambda x: x + np.float32(1e-4),
    "rows in another order": lambda x: x[:, ::-1],
    "negated": lambda x: -x,
    "transposed": lambda x: x.transpose(0, 2, 1),
    "reshaped": lambda x: x.reshape(5, 3, 40),
    "another type": lambda x: x.astype(np.float64),
    "a NaN anywhere": lambda x: np.where(np.arange(x.size).reshape(x.shape) == 302, np.nan, x),
    "one in ten changed": lambda x: np.where(np.arange(x.size).reshape(x.shape) % 10 == 3, 0, x),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_fails(name: str) -> None:
    x = tensor()
    stored = probe("raw", "t", x)
    got = np.asarray(CHANGES[name](x))
    check = compare_probe("t", stored, got if name == "another type" else _f32(got), TIGHT)
    assert check.verdict == "FAIL"


def test_a_changed_value_is_placed_in_the_tensor() -> None:
    x = tensor()
    stored = probe("raw", "t", x)
    at = stored.positions[40]
    got = x.copy()
    got.reshape(-1)[at] += 1e-4
    check = compare_probe("t", stored, got, TIGHT)
    index = ", ".join(str(int(i)) for i in np.unravel_index(at, x.shape))
    assert check.verdict == "FAIL"
    assert f"at [{index}]" in check.detail


def _f32(x: np.ndarray) -> np.ndarray:
    return x.astype(np.float32)


def unseen(x: np.ndarray, stored: Probe, count: int) -> list[int]:
    """Return places that the probe does not keep."""
    return [i for i in range(x.size) if i not in stored.positions][:count]


def test_a_nan_where_no_value_is_kept_fails_even_if_the_limit_is_wide() -> None:
    x = tensor()
    stored = probe("raw", "t", x)
    x.reshape(-1)[unseen(x, stored, 1)] = np.nan
    check = compare_probe("t", stored, x, Bound(0.5))
    assert check.verdict == "FAIL" and "1 of 600 values are NaN" in check.detail


def test_the_range_is_held_where_no_value_is_kept_and_the_mean_stays() -> None:
    x = tensor()
    stored = probe("raw", "t", x)
    x.reshape(-1)[unseen(x, stored, 2)] += np.array([9, -9], np.float32)
    check = compare_probe("t", stored, x, Bound(0.5))
    assert check.verdict == "FAIL" and ("minimum" in check.detail or "maximum" in check.detail)


def test_the_limit_is_relative_to_the_whole_tensors_range() -> None:
    x = tensor((40, 50)) * np.float32(10)
    x.reshape(-1)[0] = 1000
    stored = probe("raw", "t", x)
    got = x + np.float32(0.05)
    assert compare_probe("t", stored, got, Bound(6e-5)).verdict == "PASS"
    check = compare_probe("t", stored, got, Bound(4e-5))
    assert check.verdict == "FAIL"
    assert check.max_rel == pytest.approx(5e-5, rel=2e-3)


def test_whole_numbers_are_exact_and_may_be_long() -> None:
    x = np.array([[2**40 + 1, 3, -7]], np.int64)
    stored = probe("raw", "t", x)
    assert compare_probe("t", stored, x, EXACT).verdict == "PASS"
    assert compare_probe("t", stored, x + np.array([1, 0, 0]), EXACT).verdict == "FAIL"
    assert compare_probe("t", stored, np.array([[3, 3, 3]], np.int32), EXACT).verdict == "FAIL"


def test_nan_and_inf_are_kept_and_compared() -> None:
    x = np.array([1, np.nan, np.inf, -np.inf, 2], np.float32)
    stored = Probe.model_validate_json(probe("raw", "t", x).model_dump_json())
    assert stored.values == (1.0, "nan", "inf", "-inf", 2.0)
    assert compare_probe("t", stored, x, TIGHT).verdict == "PASS"
    for other in ([1, np.nan, np.inf, np.inf, 2], [np.nan, 1, np.inf, -np.inf, 2]):
        assert compare_probe("t", stored, np.array(other, np.float32), TIGHT).verdict == "FAIL"
    nan = np.full((2, 3), np.nan, np.float32)
    assert compare_probe("t", probe("raw", "t", nan), nan, TIGHT).verdict == "FAIL"


def test_an_empty_tensor_is_equal_only_to_an_empty_one() -> None:
    empty = np.zeros((0, 4), np.float32)
    stored = probe("raw", "t", empty)
    assert compare_probe("t", stored, empty, TIGHT).verdict == "PASS"
    assert compare_probe("t", stored, np.zeros((1, 4), np.float32), TIGHT).verdict == "FAIL"


def test_two_records_compare_where_both_have_a_place() -> None:
    x = tensor()
    y = np.where(x == x.max(), -9, x).astype(np.float32)  # other ends, so other places
    old, new = probe("raw", "t", x), probe("raw", "t", y)
    assert old.positions != new.positions
    assert compare_probes("t", old, old, TIGHT).verdict == "PASS"
    assert compare_probes("t", old, new, TIGHT).verdict == "FAIL"


def test_a_nan_of_the_golden_is_kept_and_asked_for_where_it_was() -> None:
    x = np.array([[1, 2, np.nan, 4, np.inf, -np.inf]], np.float32)
    p = probe("raw", "t", x)
    assert p.values == (1.0, 2.0, "nan", 4.0, "inf", "-inf") and p.nonfinite == 3
    assert compare_probe("t", p, x, TIGHT).verdict == "PASS"
    for there in (
        [1, 2, 3, 4, np.inf, -np.inf],  # lost
        [1, np.nan, 2, 4, np.inf, -np.inf],  # as many, elsewhere
        [1, 2, np.nan, 4, -np.inf, np.inf],  # the signs
        [1, 2, np.inf, 4, np.nan, -np.inf],  # NaN for inf
    ):
        got = np.array([there], np.float32)
        assert compare_probe("t", p, got, TIGHT).verdict == "FAIL", there


def test_a_value_that_is_not_kept_shows_in_the_mean() -> None:
    x = tensor()
    p = probe("raw", "t", x)
    middle = np.argsort(x.reshape(-1))[x.size // 4 : x.size // 2]  # it may rise and stay inside
    at = next(i for i in middle if i not in p.positions)
    moved = x.reshape(-1).copy()
    moved[at] = np.median(x)
    check = compare_probe("t", p, moved.reshape(x.shape), TIGHT)
    assert check.verdict == "FAIL" and "at mean" in check.detail

"""Tensors: key sets, shapes, types, NaN, values. Expected verdicts by hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from mobilecat.compare.compare import compare_tensor, compare_tensors
from mobilecat.compare.tolerances import DEFAULTS, EXACT, Bound

F = np.float32
NAN, INF = np.nan, np.inf


@dataclass(frozen=True)
class TensorCase:
    name: str
    expected: np.ndarray
    got: np.ndarray
    bound: Bound
    verdict: str
    value: float | None = None
    says: str = ""


def arr(*values: object, dtype: object = F) -> np.ndarray:
    return np.array(values, dtype=dtype)  # type: ignore[arg-type]


REL = Bound(1e-3)
ABS = Bound(0.5, relative=False)
CASES = [
    # relative to max(1, max |expected|)
    TensorCase("small values: scale 1", arr(0.1, 0.2), arr(0.1, 0.201), Bound(1e-2), "PASS", 0.001),
    TensorCase("small values: beyond", arr(0.1, 0.2), arr(0.1, 0.202), REL, "FAIL", 0.002, "[1]"),
    TensorCase("scale 100, largest decides", arr(-100, 1), arr(-100, 1.05), REL, "PASS", 5e-4),
    TensorCase("scale 100: beyond", arr(-100, 1), arr(-100.5, 1), REL, "FAIL", 5e-3, "-100.5"),
    TensorCase("equal to the limit", arr(0, 0), arr(0, 0.5), Bound(0.5), "PASS", 0.5),
    # absolute
    TensorCase("absolute: equal to the limit", arr(100), arr(100.5), ABS, "PASS", 0.5),
    TensorCase("absolute: beyond", arr(100), arr(100.625), ABS, "FAIL", 0.625),
    # shapes
    TensorCase("shape", arr(1, 2), arr(1), REL, "FAIL", None, "shape [1], expected [2]"),
    TensorCase("rank", arr([1, 2]), arr(1, 2), REL, "FAIL", None, "shape [2]"),
    TensorCase(
        "transposed", np.zeros((3, 5), F), np.zeros((5, 3), F), REL, "FAIL", None, "transposed?"
    ),
    TensorCase("empty both", np.zeros((0, 4), F), np.zeros((0, 4), F), REL, "PASS", 0.0, "empty"),
    TensorCase("empty, other shape", np.zeros((0, 4), F), np.zeros((4, 0), F), REL, "FAIL"),
    TensorCase("scalar", np.array(2, F), np.array(2, F), REL, "PASS", 0.0),
    # types
    TensorCase("int64 ← int32", arr(1, 2, dtype="i8"), arr(1, 2, dtype="i4"), EXACT, "PASS", 0.0),
    TensorCase("int32 ← int64", arr(1, 2, dtype="i4"), arr(1, 2, dtype="i8"), EXACT, "PASS", 0.0),
    TensorCase("float32 ← float64", arr(1), arr(1, dtype="f8"), REL, "FAIL", None, "float64"),
    TensorCase("float32 ← float16", arr(1), arr(1, dtype="f2"), REL, "FAIL", None, "float16"),
    TensorCase("int32 ← int16", arr(1, dtype="i4"), arr(1, dtype="i2"), EXACT, "FAIL"),
    TensorCase("int32 ← uint32", arr(1, dtype="i4"), arr(1, dtype="u4"), EXACT, "FAIL"),
    TensorCase("bool ← uint8", arr(True, dtype="?"), arr(1, dtype="u1"), EXACT, "FAIL"),
    TensorCase("text", arr("a", dtype=object), arr("a", dtype=object), EXACT, "FAIL"),
    # whole numbers
    TensorCase("whole: one off", arr(7, 9000, dtype="i8"), arr(7, 9001, dtype="i8"), EXACT, "FAIL"),
    TensorCase(
        "whole, beyond float64's gaps",
        arr(2**60, dtype="i8"),
        arr(2**60 + 1, dtype="i8"),
        EXACT,
        "FAIL",
        1.0,
    ),
    TensorCase("bool", arr(True, False, dtype="?"), arr(True, True, dtype="?"), EXACT, "FAIL", 1.0),
    # NaN and inf
    TensorCase("new NaN", arr(1, 2), arr(1, NAN), REL, "FAIL", None, "1 of 2 values are NaN"),
    TensorCase("new inf", arr(1, 2), arr(1, INF), REL, "FAIL", None, "inf where a finite"),
    TensorCase("same NaN", arr(1, NAN), arr(1, NAN), REL, "PASS", 0.0),
    TensorCase("NaN lost", arr(1, NAN), arr(1, 0), REL, "FAIL", None, "finite where NaN"),
    TensorCase("NaN moved", arr(1, NAN), arr(NAN, 1), REL, "FAIL"),
    TensorCase("same inf", arr(1, -INF), arr(1, -INF), REL, "PASS", 0.0),
    TensorCase("inf of other sign", arr(1, -INF), arr(1, INF), REL, "FAIL", None, "another of"),
    TensorCase("NaN for inf", arr(1, INF), arr(1, NAN), REL, "FAIL", None, "another of"),
    TensorCase("all NaN", arr(NAN, NAN), arr(NAN, NAN), REL, "FAIL", None, "nothing can be"),
    TensorCase("beside an inf, values still count", arr(1, INF), arr(1.1, INF), REL, "FAIL", 0.1),
    # hints
    TensorCase("all zero", arr(1, 2), arr(0, 0), REL, "FAIL", 1.0, "all zero"),
    TensorCase("shuffled", arr(1, 2, 3), arr(3, 1, 2), REL, "FAIL", 2 / 3, "another order"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_one_tensor(case: TensorCase) -> None:
    check = compare_tensor("raw", "t", case.expected, case.got, case.bound)
    assert check.verdict == case.verdict, check
    if case.value is None:
        assert check.value is None or case.verdict == "FAIL"
    else:
        assert check.value == pytest.approx(case.value, rel=1e-4, abs=1e-9)
    assert case.says in check.detail
    assert check.limit == case.bound.limit


def test_fewer_bits_have_wider_limits() -> None:
    """255 values a channel, 64, and 16 a tensor; palette8 moves no farther than int8."""
    int8, eight, six, four = (
        DEFAULTS["coreml", name] for name in ("int8-weights", "palette8", "palette6", "palette4")
    )
    for key in ("boxes_px", "landmarks_px", "scores", "tensors"):
        assert int8.of(key) == eight.of(key) and six.of(key) == 4 * int8.of(key) <= four.of(key)
    assert six.times == 4 * int8.times


def test_both_forms_of_the_difference_are_reported() -> None:
    check = compare_tensor("raw", "t", arr(-8, 2), arr(-8, 2.5), Bound(1e-3))
    assert (check.max_abs, check.max_rel) == (0.5, 0.0625)


def verdicts(expected: dict[str, np.ndarray], got: dict[str, np.ndarray]) -> dict[str, str]:
    checks = compare_tensors("raw", expected, got, lambda *_: REL)
    return {c.name: c.verdict for c in checks}


def test_names_are_never_matched_by_position() -> None:
    one = {"a": arr(1), "b": arr(2)}
    assert verdicts(one, {"b": arr(2), "a": arr(1)}) == {"a": "PASS", "b": "PASS"}
    assert verdicts(one, {"a": arr(1)}) == {"b": "FAIL", "a": "PASS"}
    assert verdicts(one, {**one, "c": arr(3)}) == {"c": "FAIL", "a": "PASS", "b": "PASS"}
    assert verdicts(one, {"x": arr(1), "y": arr(2)}) == dict.fromkeys("abxy", "FAIL")
    assert verdicts(one, {}) == {"a": "FAIL", "b": "FAIL"}
    assert verdicts({}, one) == {"a": "FAIL", "b": "FAIL"}


def test_nothing_against_nothing_fails() -> None:
    assert list(verdicts({}, {}).values()) == ["FAIL"]

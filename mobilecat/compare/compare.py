"""Tensors against what is expected: exact key sets, then shapes, types, NaN, then values.

Nothing here falls back: names are never matched by position, a missing or extra tensor fails, and a
comparison that finds nothing to compare fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from mobilecat.compare.tolerances import Bound
from mobilecat.graph import Array

Verdict = Literal["PASS", "FAIL", "NOT_RUN"]
Stage = Literal["golden", "load", "run", "contract", "input", "raw", "candidates", "detections"]
STAGES: tuple[Stage, ...] = (
    "golden",
    "load",
    "run",
    "contract",
    "input",
    "raw",
    "candidates",
    "detections",
)
"""In the order in which a fault shows: raw outputs differ → preprocessing or network; candidates
differ where raw outputs agree → decode; detections differ where candidates agree → NMS."""


@dataclass(frozen=True)
class Check:
    """One thing that was held against what is expected.

    value, limit: what decided, in one unit (see the detail). max_abs: largest |got − expected|.
    max_rel: max_abs / max(1, max |expected|). against: `golden`, `source`, or "" for the contract.
    """

    stage: Stage
    name: str
    verdict: Verdict
    value: float | None = None
    limit: float | None = None
    detail: str = ""
    against: str = ""
    max_abs: float | None = None
    max_rel: float | None = None


def passed(holds: bool) -> Verdict:
    """Return PASS or FAIL. NaN compares false, so it fails."""
    return "PASS" if holds else "FAIL"


def dtypes_agree(expected: np.dtype[Any], got: np.dtype[Any]) -> bool:
    """Return whether the types are equal, or int64 and int32.

    Core ML has no int64 at all, and TFLite ops give int32 indices.
    """
    whole = {np.dtype(np.int64), np.dtype(np.int32)}
    return expected == got or {expected, got} == whole


def compare_tensors(
    stage: Stage,
    expected: Mapping[str, Array],
    got: Mapping[str, Array],
    bound: Callable[[str, Array], Bound],
    against: str = "source",
) -> list[Check]:
    """Return one check a tensor; missing and extra ones fail, and so does an empty comparison."""
    if not expected and not got:
        return [Check(stage, "tensors", "FAIL", detail="there is nothing to compare")]
    checks = [
        Check(stage, n, "FAIL", detail="is missing", against=against)
        for n in expected
        if n not in got
    ]
    checks += [
        Check(stage, n, "FAIL", detail=f"is not one of {', '.join(expected)}", against=against)
        for n in got
        if n not in expected
    ]
    return checks + [
        compare_tensor(stage, n, e, got[n], bound(n, e), against)
        for n, e in expected.items()
        if n in got
    ]


def compare_tensor(
    stage: Stage, name: str, expected: Array, got: Array, bound: Bound, against: str = "source"
) -> Check:
    """Return the check of one tensor: shape, type, NaN and inf pattern, values."""

    def failed(detail: str) -> Check:
        return Check(stage, name, "FAIL", None, bound.limit, detail, against)

    if reason := form_fault(expected.shape, expected.dtype, got):
        return failed(reason)
    if got.size == 0:
        return Check(stage, name, "PASS", 0.0, bound.limit, "empty, as expected", against, 0.0, 0.0)
    if reason := nonfinite_fault(expected, got):
        return failed(reason)
    e, g = as_floats(expected), as_floats(got)
    finite = np.isfinite(e)
    if not finite.any():
        return failed("no value is finite: nothing can be compared")
    difference = np.zeros(e.shape)
    np.subtract(g, e, out=difference, where=finite)
    difference = np.abs(difference)
    max_abs = float(difference.max())
    if max_abs == 0 and expected.dtype.kind in "iub" and not np.array_equal(expected, got):
        max_abs = 1.0  # whole numbers beyond 2⁵³, where float64 has gaps
    max_rel = max_abs / max(1.0, float(np.abs(e[finite]).max()))
    value = max_rel if bound.relative else max_abs
    if value <= bound.limit:
        return Check(stage, name, "PASS", value, bound.limit, "", against, max_abs, max_rel)
    at = np.unravel_index(int(difference.argmax()), difference.shape)
    where = f"[{', '.join(str(int(i)) for i in at)}]"
    detail = f"{g[at]:.6g} at {where}, expected {e[at]:.6g}{_hint(e, g)}"
    return Check(stage, name, "FAIL", value, bound.limit, detail, against, max_abs, max_rel)


def form_fault(shape: tuple[int, ...], dtype: np.dtype[Any], got: Array) -> str:
    """Return why shape or type are not the expected ones, or ""."""
    if got.shape != shape:
        permuted = sorted(got.shape) == sorted(shape)
        hint = "; the same sides in another order: transposed?" if permuted else ""
        return f"shape {list(got.shape)}, expected {list(shape)}{hint}"
    if not dtypes_agree(dtype, got.dtype):
        return f"type {got.dtype}, expected {dtype}"
    if dtype.kind not in "fiub":
        return f"type {dtype} cannot be compared"
    return ""


def nonfinite_fault(expected: Array, got: Array) -> str:
    """Return how the NaN and inf patterns differ, or ""."""
    e, g = as_floats(expected), as_floats(got)
    new = int((~np.isfinite(g) & np.isfinite(e)).sum())
    if new:
        kinds = "NaN" if np.isnan(g).any() else "inf"
        return f"{new} of {g.size} values are {kinds} where a finite one is expected"
    lost = int((np.isfinite(g) & ~np.isfinite(e)).sum())
    if lost:
        return f"{lost} of {g.size} values are finite where NaN or inf is expected"
    odd = ~np.isfinite(e) & (np.isnan(e) != np.isnan(g))
    odd |= np.isinf(e) & np.isinf(g) & (e != g)
    return f"{int(odd.sum())} of {g.size} values are another of NaN, inf, −inf" if odd.any() else ""


def as_floats(values: Array) -> npt.NDArray[np.float64]:
    """Return `values` as float64."""
    return np.asarray(values, dtype=np.float64)


def _hint(e: npt.NDArray[np.float64], g: npt.NDArray[np.float64]) -> str:
    """Say what a wrong tensor looks like, where it is one of the usual faults."""
    if not np.isfinite(g).all() or not np.isfinite(e).all() or not g.any():
        return "; all zero" if not g.any() else ""
    if np.allclose(np.sort(e, axis=None), np.sort(g, axis=None), rtol=1e-3, atol=1e-4):
        return "; the same values in another order"
    return ""

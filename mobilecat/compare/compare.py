"""Tensors against what is expected: exact key sets, then shapes, types, NaN, then values.

Nothing here falls back: names are never matched by position, a missing or extra tensor fails, and a
comparison that finds nothing to compare fails.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from mobilecat.compare.peaks import peaks
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


NO_LIMIT = "no limit can be told from so much"
"""Of values that rounding moves farther than the model input is wide: a wrong range, mostly. It is
said of the source and a picture, whatever an artifact gives."""
MADE = "made values"
"""What the end of an artifact is held to where no picture leads: `judge.made`."""

Shaken = Callable[[str], Array | None]
"""A tensor's name → what the source gives with its weights rounded, where that can be known."""

Near = Callable[[], "npt.NDArray[np.bool_] | None"]
"""Gives which rows can become detections; None where none is told from another."""


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
    shaken: Shaken | None = None,
    near: Near = lambda: None,
    sizes: dict[str, Size] | None = None,
) -> list[Check]:
    """Return one check a tensor; missing and extra ones fail, and so does an empty comparison.

    shaken, near: see `compare_in_full`, which judges where `shaken` is given. sizes: of what is
    expected, by name, kept for the next that is held to the same.
    """
    known = {} if sizes is None else sizes
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
        if shaken is None
        else compare_in_full(stage, n, e, got[n], bound(n, e), against, shaken, near, known)
        for n, e in expected.items()
        if n in got
    ]


def compare_in_full(
    stage: Stage,
    name: str,
    expected: Array,
    got: Array,
    bound: Bound,
    against: str,
    shaken: Shaken,
    near: Near = lambda: None,
    sizes: dict[str, Size] | None = None,
) -> Check:
    """Return the check of one whole tensor, each value by the unit of its own channel.

    A limit that is relative is one to the largest value of the channel, where channels have other
    units (a box in pixels beside a score), or else of the tensor. shaken: gives what the source
    gives with its weights rounded, and is asked where a value is beyond the limit; what that moves,
    in the channel, times `bound.times`, is the limit where it is larger. near: gives which rows
    [1,N,…] can become detections, [N]; they and the rest are measured apart. sizes: of what is
    expected, by name; it is added where it is not there.
    """
    if expected.dtype.kind != "f" or not got.size or bound.limit == 0:
        return compare_tensor(stage, name, expected, got, bound, against)
    known = {} if sizes is None else sizes
    if (quick := _quickly(name, expected, got, bound, known)) is not None:
        max_abs, value, limit = quick
        max_rel = max_abs / max(1.0, known[name].largest)
        return Check(stage, name, "PASS", value, limit, "", against, max_abs, max_rel)
    # NaN equals nothing, and where nothing is finite there is nothing to compare.
    same = expected.dtype == got.dtype and np.array_equal(expected, got)
    if same and np.isfinite(expected).any():
        return Check(stage, name, "PASS", 0.0, bound.limit, "", against, 0.0, 0.0)
    reason = form_fault(expected.shape, expected.dtype, got) or nonfinite_fault(expected, got)
    e, g = (as_floats(expected), as_floats(got)) if not reason else (np.zeros(1), np.zeros(1))
    whole = all_finite(e)
    finite = np.isfinite(e) if not whole else np.ones((1,) * e.ndim, bool)
    if not finite.any():
        reason = reason or "no value is finite: nothing can be compared"
    if reason:
        return Check(stage, name, "FAIL", None, bound.limit, reason, against)
    if whole:
        off, size = np.asarray(np.subtract(g, e)), np.abs(e)
        np.abs(off, out=off)
    else:
        off = np.abs(np.subtract(g, e, out=np.zeros(e.shape), where=finite))
        size = np.where(finite, np.abs(e), 0)
    max_abs, largest = float(off.max()), float(size.max())
    scale = unit_scale(size) if bound.relative else np.ones((1,) * e.ndim)
    allowed = bound.limit * scale
    excess = off / allowed
    moved: npt.NDArray[np.float64] | None = None
    if bound.times and float(excess.max()) > 1:
        moved = _moved(e, shaken(name), scale, bound.relative, near())
    if moved is not None:
        allowed = np.maximum(allowed, np.minimum(bound.times * moved, bound.most))
        excess = off / allowed
    at = np.unravel_index(int(excess.argmax()), excess.shape)

    def there(values: npt.NDArray[np.float64]) -> float:
        return float(np.broadcast_to(values, e.shape)[at])

    unit = there(scale)
    value, limit = float(off[at]) / unit, there(allowed) / unit
    said = []
    if float(excess[at]) > 1:
        where = f"[{', '.join(str(int(i)) for i in at)}]"
        said.append(f"{g[at]:.6g} at {where}, expected {e[at]:.6g}{_hint(e, g)}")
    if moved is not None and limit > bound.limit:
        said.append(f"rounding the source's weights moves it by {there(moved) / unit:.2g}")
        if bound.times * there(moved) > bound.most:
            said.append(
                f"{NO_LIMIT}: {bound.most:g}, the model input's longer "
                "side, is taken; look at `range`, `mean` and `std` of [input]"
            )
    max_rel = max_abs / max(1.0, largest)
    verdict = passed(float(excess[at]) <= 1)
    detail = "; ".join(said)
    return Check(stage, name, verdict, value, limit, detail, against, max_abs, max_rel)


CLEAR = 0.999
"""Of a limit: what is below it in float32 is below it in float64, too."""


def _quickly(
    name: str, e: Array, g: Array, bound: Bound, sizes: dict[str, Size]
) -> tuple[float, float, float] | None:
    """Return (largest difference, value, limit) where every value is well within its limit.

    In float32, without a copy in float64: a difference there is exact where two values are within a
    factor of two, and else within 6e-8 of itself. None: another type, something not finite, or a
    value near its limit or beyond it; then float64 decides.
    """
    if e.dtype != np.float32 or g.dtype != np.float32 or e.shape != g.shape or not e.ndim:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        off = np.subtract(g, e)
        np.abs(off, out=off)
        if name not in sizes:
            sizes[name] = size_of(e)
        scale = sizes[name].scale if bound.relative else np.ones((1,) * e.ndim)
        axes = tuple(i for i in range(e.ndim) if scale.shape[i] == 1)
        most = as_floats(peaks(off, axes))
        share = most / (bound.limit * scale)
    at = int(share.argmax())
    if not float(share.flat[at]) < CLEAR:  # NaN, too
        return None
    return float(most.max()), float(most.flat[at]) / float(scale.flat[at]), bound.limit


@dataclass(frozen=True)
class Size:
    """largest: of |values|. scale: see `unit_scale`. NaN where a value is."""

    largest: float
    scale: npt.NDArray[np.float64]


def size_of(values: Array) -> Size:
    size = np.abs(values)
    return Size(float(size.max()), unit_scale(size))


def _moved(
    e: npt.NDArray[np.float64],
    shaken: Array | None,
    scale: npt.NDArray[np.float64],
    relative: bool,
    near: npt.NDArray[np.bool_] | None,
) -> npt.NDArray[np.float64] | None:
    """Return how far rounding moves each value's channel, or its kind of row; None if unknown."""
    if shaken is None or shaken.shape != e.shape:
        return None
    s = as_floats(shaken)
    both = np.isfinite(e) & np.isfinite(s)
    moved = np.abs(np.subtract(s, e, out=np.zeros(e.shape), where=both))
    if not relative:
        return _by_rows(moved, near)
    axes = tuple(i for i in range(e.ndim) if scale.shape[i] == 1)
    return np.asarray(moved.max(axis=axes, keepdims=True))


FAINT = 1e-4
"""The least that a channel counts for: below lie the tails of sigmoids, where engines differ by
more than a share of the value (onnxruntime's is 0 from −18 on)."""
MIXED = 16.0
"""Channels whose largest values differ by more have units of their own."""


def unit_scale(size: Array) -> npt.NDArray[np.float64]:
    """Return the largest of |values| `size`: of each channel where units are mixed, else of all.

    The axis of the channels is the one along which sizes differ most, of at most 512 channels with
    32 values or more in each. Shape: `size`'s, with 1 for every other axis.
    """
    whole = float(size.max())
    best, found = MIXED, np.full((1,) * size.ndim, max(whole, FAINT))
    for axis in range(1, size.ndim):
        if not 1 < size.shape[axis] <= 512 or size.size // size.shape[axis] < 32:
            continue
        others = tuple(i for i in range(size.ndim) if i != axis)
        most = as_floats(peaks(size, others))
        most = np.maximum(most, max(1e-6 * whole, FAINT))
        if (ratio := float(most.max() / most.min())) > best:
            best, found = ratio, most
    return found


def _by_rows(
    moved: npt.NDArray[np.float64], near: npt.NDArray[np.bool_] | None
) -> npt.NDArray[np.float64]:
    """Return the largest of `moved` [1,N,…], of the rows that are near and of the rest apart."""
    if near is None or moved.ndim < 2 or moved.shape[1] != near.size:
        return np.full(moved.shape, moved.max(initial=0))
    rows = moved.reshape(moved.shape[1], -1).max(axis=1, initial=0)
    far = rows[~near].max(initial=0)
    each = np.where(near, rows[near].max(initial=0), far)
    return np.broadcast_to(each.reshape(1, -1, *(1,) * (moved.ndim - 2)), moved.shape)


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
    whole = all_finite(e)
    finite = np.True_ if whole else np.isfinite(e)
    if not whole and not finite.any():
        return failed("no value is finite: nothing can be compared")
    difference = np.asarray(np.subtract(g, e)) if whole else np.zeros(e.shape)
    if not whole:
        np.subtract(g, e, out=difference, where=finite)
    np.abs(difference, out=difference)
    max_abs = float(difference.max())
    if max_abs == 0 and expected.dtype.kind in "iub" and not np.array_equal(expected, got):
        max_abs = 1.0  # whole numbers beyond 2⁵³, where float64 has gaps
    max_rel = max_abs / float(np.abs(e).max(initial=1.0, where=finite))
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
    if all_finite(expected) and all_finite(got):
        return ""
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


def all_finite(values: Array) -> bool:
    """Return whether no value is NaN or infinite: the sum of such is none, nor is it finite."""
    if values.dtype.kind in "iub":
        return True
    if values.dtype.itemsize > 2 and values.size > 64:  # a sum of halves overflows
        with np.errstate(over="ignore", invalid="ignore"):
            if math.isfinite(float(values.sum())):
                return True
    return bool(np.isfinite(values).all())


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

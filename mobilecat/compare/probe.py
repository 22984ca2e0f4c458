"""What a golden keeps of a tensor: shape, type, range, and some 128 values at seeded places.

A few kB a case instead of megabytes, and yet no fault that touches 1 value in 20 slips through: the
chance that 128 places all miss it is below 0.2 %. The live source, where it can run, is compared in
full besides.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from mobilecat.compare.compare import Check, as_floats, compare_tensor, form_fault
from mobilecat.compare.tolerances import Bound
from mobilecat.graph import Array

SAMPLES = 128
Number = float | Literal["nan", "inf", "-inf"]


class Probe(BaseModel):
    """low, high, mean: over the finite values, None where there is none.

    positions: flat, rising; the largest and the smallest value's are among them. values: those
    there, exact to float32's last bit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: Literal["raw", "candidates"]
    shape: tuple[int, ...]
    dtype: str
    nonfinite: int
    low: float | None
    high: float | None
    mean: float | None
    positions: tuple[int, ...]
    values: tuple[Number, ...]


def probe(stage: Literal["raw", "candidates"], name: str, tensor: Array) -> Probe:
    """Return the probe of a tensor; the same name and size give the same places."""
    return _probe_at(stage, tensor, _positions(name, as_floats(tensor).reshape(-1)))


def _probe_at(stage: Literal["raw", "candidates"], tensor: Array, positions: Array) -> Probe:
    flat = as_floats(tensor).reshape(-1)
    fine = np.isfinite(flat)
    finite = flat if fine.all() else flat[fine]
    return Probe(
        stage=stage,
        shape=tensor.shape,
        dtype=tensor.dtype.name,
        nonfinite=int(flat.size - finite.size),
        low=_short(finite.min()) if finite.size else None,
        high=_short(finite.max()) if finite.size else None,
        mean=_short(finite.mean()) if finite.size else None,
        positions=tuple(positions.tolist()),
        values=tuple(map(_number, flat[positions].tolist())),
    )


def _positions(name: str, flat: Array) -> Array:
    if flat.size <= SAMPLES:
        return np.arange(flat.size)
    seed = int.from_bytes(hashlib.sha256(f"{name} {flat.size}".encode()).digest()[:8], "big")
    at = np.random.default_rng(seed).choice(flat.size, SAMPLES, replace=False)
    finite = np.isfinite(flat)
    ends = [
        int(np.where(finite, flat, -np.inf).argmax()),
        int(np.where(finite, flat, np.inf).argmin()),
    ]
    return np.unique([*at, *ends])


def compare_probe(name: str, expected: Probe, got: Array, bound: Bound) -> Check:
    """Hold a tensor to a golden's probe: shape, type, NaN count, range, mean, every kept value."""
    if reason := form_fault(expected.shape, np.dtype(expected.dtype), got):
        return Check(expected.stage, name, "FAIL", None, bound.limit, reason, "golden")
    size = math.prod(expected.shape)
    wide = got if got.dtype.kind == "f" and got.dtype.itemsize in (4, 8) else as_floats(got)
    flat = wide.reshape(-1)
    low, high = (float(x) for x in (flat.min(), flat.max())) if size else (0.0, 0.0)
    if not size or not (math.isfinite(low) and math.isfinite(high)) or got.dtype == np.float64:
        # float64 has no short form that gives back its last bit: both sides are rounded alike.
        at = np.array(expected.positions, dtype=np.int64)
        return compare_probes(name, expected, _probe_at(expected.stage, got, at), bound)
    if expected.nonfinite:
        return _other_count(expected, name, 0, bound)
    e = _exact(np.array([*expected.values, expected.low, expected.high], np.float64), got.dtype)
    g = np.array([*flat[np.array(expected.positions, np.int64)].tolist(), low, high])
    if got.dtype.kind == "f":
        e = np.append(e, float(expected.mean or 0.0))
        g = np.append(g, _short(flat.mean(dtype=np.float64)))
    return _held(name, expected, expected.positions, e, g, bound)


def _exact(values: Array, dtype: np.dtype[Any]) -> Array:
    """Return kept values as they were: nine digits give back a float32 to the last bit."""
    return values.astype(dtype).astype(np.float64) if dtype.kind == "f" else values


def compare_probes(name: str, expected: Probe, got: Probe, bound: Bound) -> Check:
    """Hold one probe to another: range, mean, and the values at the places that both have."""

    def failed(detail: str) -> Check:
        return Check(expected.stage, name, "FAIL", None, bound.limit, detail, "golden")

    size = math.prod(expected.shape)
    blank = np.broadcast_to(np.zeros((), dtype=got.dtype), got.shape)
    if reason := form_fault(expected.shape, np.dtype(expected.dtype), blank):
        return failed(reason)
    if size == 0:
        detail = "empty, as expected"
        return Check(expected.stage, name, "PASS", 0.0, bound.limit, detail, "golden", 0.0, 0.0)
    if got.nonfinite != expected.nonfinite:
        return _other_count(expected, name, got.nonfinite, bound)
    if expected.low is None or got.low is None:
        return failed("no value is finite: nothing can be compared")
    there = set(got.positions)
    places = [p for p in expected.positions if p in there]
    e, g = (_numbers(x, places) for x in (expected, got))
    return _held(name, expected, places, e, g, bound)


def _other_count(expected: Probe, name: str, got: int, bound: Bound) -> Check:
    have = f"{got} of {math.prod(expected.shape)} values are NaN or inf"
    said = f"{have}, expected {expected.nonfinite}"
    return Check(expected.stage, name, "FAIL", None, bound.limit, said, "golden")


def _held(
    name: str, expected: Probe, places: Sequence[int], e: Array, g: Array, bound: Bound
) -> Check:
    """Hold values at `places`, then minimum, maximum and mean, to those of the golden."""
    check = compare_tensor(expected.stage, name, e, g, bound, "golden")
    if check.value is None or check.verdict == "PASS":
        return check
    words = [*(_at(p, expected.shape) for p in places), "minimum", "maximum", "mean"]
    return _placed(check, e, g, words)


def _numbers(of: Probe, places: list[int]) -> Array:
    """Return the values at `places`, then low, high and mean; high also scales a relative limit."""
    values = dict(zip(of.positions, of.values, strict=True))
    numbers = [*(float(values[p]) for p in places), of.low, of.high]
    if np.dtype(of.dtype).kind == "f":  # whole numbers are held exactly, and a mean has rounding
        numbers.append(of.mean)
    return np.array(numbers, dtype=np.float64)


def _placed(check: Check, e: Array, g: Array, places: list[str]) -> Check:
    """Say where: the place in the tensor, not in the list that was compared."""
    finite = np.isfinite(e)
    worst = int(np.abs(np.subtract(g, e, out=np.zeros_like(e), where=finite)).argmax())
    return replace(check, detail=f"{g[worst]:.6g} at {places[worst]}, expected {e[worst]:.6g}")


def _at(flat: int, shape: tuple[int, ...]) -> str:
    return f"[{', '.join(str(int(i)) for i in np.unravel_index(flat, shape))}]"


def _number(value: float) -> Any:
    if value != value:
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return _short(value)


def _short(value: float) -> float:
    """Nine digits hold a float32; longer whole numbers stay whole."""
    exact = float(value)
    return exact if exact.is_integer() else float(f"{exact:.9g}")

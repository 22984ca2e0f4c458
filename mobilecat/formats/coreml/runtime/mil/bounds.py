"""What could have been rounded to compressed weights: for each of them, from where to where.

Each op's own arithmetic, run backwards: a weight lies within half a step of its integer times the
scale that is stored, nearest to its entry among those of its palette, nearer to 0 than all that a
mask keeps. Where the arithmetic is float16, the weight had been rounded to that first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecat.formats.coreml.runtime.mil.op import Op
from mobilecat.formats.coreml.runtime.weights import unpack

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Bounds:
    """low, high: in the weight's shape. entry: which value of which palette each one is."""

    low: Array
    high: Array
    entry: Array | None = None


def bounds_of(op: Op, dense: Array) -> Bounds | None:
    """Return the bounds of `dense`, which `op` makes; None where none are known."""
    find = _BOUNDS.get(op.type)
    if find is None:
        return None
    low, high, entry = find(op, dense.astype(np.float64))
    half = dense.dtype == np.float16
    return Bounds(low - _rounding(low, half), high + _rounding(high, half), entry)


def _rounding(bound: Array, half: bool) -> Array:
    """Return how far rounding moves a value that lies at `bound`: a step of float16, or little."""
    size = np.abs(np.where(np.isfinite(bound), bound, 0))
    found = np.spacing(size.astype(np.float16)) if half else 1e-5 * size + 1e-12
    return np.asarray(found, np.float64)


def _affine(op: Op, dense: Array) -> tuple[Array, Array, None]:
    scale = op["scale"].stored().astype(np.float64)
    spread = [1] * dense.ndim
    spread[op.axis(rank=dense.ndim)] = -1
    half = np.abs(scale).reshape(spread if scale.size > 1 else [1] * dense.ndim) / 2
    return dense - half, dense + half, None


def _blocks(op: Op, dense: Array) -> tuple[Array, Array, None]:
    half = np.abs(op["scale"].stored().astype(np.float64)) / 2
    for axis, (d, n) in enumerate(zip(dense.shape, half.shape, strict=True)):
        half = np.repeat(half, d // n, axis)
    return dense - half, dense + half, None


def _palette(op: Op, dense: Array) -> tuple[Array, Array, Array | None]:
    lut = op["lut"].stored()
    if "shape" in op:
        count = dense.size
        bits = int(lut.size).bit_length() - 1
        codes = unpack(op["indices"].stored().reshape(-1).view(np.uint8), f"uint{bits}", count)
        tables, group = lut.reshape(1, -1), np.zeros(dense.shape, np.intp)
        codes = codes.reshape(dense.shape)
    else:
        codes, rank = op["indices"].stored(), dense.ndim
        if lut.shape[-1] != 1:
            return np.full(dense.shape, np.inf), np.full(dense.shape, -np.inf), None
        tables = lut.reshape(-1, lut.shape[-2])
        group = np.zeros(dense.shape, np.intp)
        for axis, (d, n) in enumerate(zip(dense.shape, lut.shape[:rank], strict=True)):
            spread = [1] * rank
            spread[axis] = -1
            group = group * n + (np.arange(d) // (d // n)).reshape(spread)
    lows, highs = np.empty(tables.shape), np.empty(tables.shape)
    for i, table in enumerate(tables.astype(np.float64)):
        order = np.argsort(table, kind="stable")
        middle = (table[order][1:] + table[order][:-1]) / 2
        lows[i, order] = np.concatenate([[-np.inf], middle])
        highs[i, order] = np.concatenate([middle, [np.inf]])
    entry = group * tables.shape[1] + codes.astype(np.intp)
    return lows.reshape(-1)[entry], highs.reshape(-1)[entry], entry


def _sparse(op: Op, dense: Array) -> tuple[Array, Array, None]:
    values = np.abs(op["nonzero_data"].stored().astype(np.float64))
    least = float(values.min(initial=np.inf)) if values.size else np.inf
    pruned = np.where(dense == 0, least, 0.0)
    return dense - pruned, dense + pruned, None


_BOUNDS: dict[str, Callable[[Op, Array], tuple[Array, Array, Array | None]]] = {
    "constexpr_affine_dequantize": _affine,
    "constexpr_blockwise_shift_scale": _blocks,
    "constexpr_lut_to_dense": _palette,
    "constexpr_sparse_to_dense": _sparse,
}

"""Weights as something smaller. Pure: an array in, what is stored out, each with its way back.

`dense` of each is what Core ML computes with: in the type of its scales or its table, so that what
is written is what was measured. Definitions: coremltools' `constexpr_*` ops,
https://apple.github.io/coremltools/source/coremltools.converters.mil.mil.ops.defs.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecat.graph import Array

Float = npt.DTypeLike
_ROUNDS = 100


@dataclass(frozen=True)
class Affine:
    """scale · q: q int8 in the weight's shape, scale [channels along `axis`]."""

    q: Array
    scale: Array
    axis: int

    @property
    def dense(self) -> Array:
        spread = [1] * self.q.ndim
        spread[self.axis] = -1
        return self.q.astype(self.scale.dtype) * self.scale.reshape(spread)


@dataclass(frozen=True)
class Blocks:
    """scale · q: q int8 of −8 to 7 in the weight's shape, a scale for each block of it."""

    q: Array
    scale: Array

    @property
    def dense(self) -> Array:
        return self.q.astype(self.scale.dtype) * _over(self.scale, self.q.shape)


@dataclass(frozen=True)
class Palette:
    """table[group, index]: index uint8 in the weight's shape, table [groups, 2^bits] rising.

    A group is a run of channels along `axis`; one group is the whole tensor.
    """

    index: Array
    table: Array
    axis: int

    @property
    def dense(self) -> Array:
        moved = np.moveaxis(self.index, self.axis, 0)
        rows = moved.reshape(len(self.table), -1)
        found = np.take_along_axis(self.table, rows.astype(np.intp), axis=1)
        return np.moveaxis(found.reshape(moved.shape), 0, self.axis)


@dataclass(frozen=True)
class Sparse:
    """Those values that are not zero, in order, and where they are."""

    values: Array
    mask: Array

    @property
    def dense(self) -> Array:
        made = np.zeros(self.mask.shape, self.values.dtype)
        made[self.mask] = self.values
        return made


def affine(w: Array, axis: int, dtype: Float) -> Affine:
    """int8, symmetric, one scale a channel: scale = max |w| / 127."""
    others = tuple(a for a in range(w.ndim) if a != axis)
    scale = _scale(np.abs(w).max(axis=others), 127, dtype)
    spread = [1] * w.ndim
    spread[axis] = -1
    return Affine(_rounded(w, scale.reshape(spread), 127), scale, axis)


def blocks(w: Array, axis: int, inputs: int, size: int, dtype: Float) -> Blocks:
    """int4, symmetric: a scale = max |w| / 7 for each output and `size` inputs of it.

    axis, inputs: the axes of outputs and of inputs. A block's size divides the inputs.
    """
    side = largest_divisor(w.shape[inputs], size)
    parts: list[int] = []
    for a, d in enumerate(w.shape):
        parts += [d, 1] if a == axis else [d // side, side] if a == inputs else [1, d]
    inner = tuple(range(1, 2 * w.ndim, 2))
    largest = np.abs(w).reshape(parts).max(axis=inner)
    scale = _scale(largest, 7, dtype)
    return Blocks(_rounded(w, _over(scale, w.shape), 7), scale)


def largest_divisor(n: int, most: int) -> int:
    return next(d for d in range(min(n, most), 0, -1) if n % d == 0)


def palette(w: Array, bits: int, axis: int, channels: int | None, dtype: Float) -> Palette:
    """2^bits values by k-means, a table for each `channels` of `axis`; None: for all of them."""
    rows = w.shape[axis] if channels is None else largest_divisor(w.shape[axis], channels)
    moved = np.moveaxis(w, axis, 0)
    groups = moved.reshape(w.shape[axis] // rows, -1)
    table = np.stack([_settled(_means(g, 1 << bits), g, dtype) for g in groups])
    index = np.stack([_nearest(g, t) for g, t in zip(groups, table, strict=True)])
    return Palette(np.moveaxis(index.reshape(moved.shape), 0, axis), table, axis)


def sparse(w: Array, share: float | None, dtype: Float) -> Sparse:
    """The weight without its zeros, and without the `share` of its values nearest to 0."""
    stored = w.astype(dtype)
    if share:
        size = np.abs(w).reshape(-1)
        low = np.argsort(size, kind="stable")[: int(share * size.size)]
        stored = stored.copy()
        stored.reshape(-1)[low] = 0
    mask = stored != 0
    return Sparse(stored[mask], mask)


def _scale(largest: Array, top: int, dtype: Float) -> Array:
    """Return the scales in their stored type, none so small that its values are cut off."""
    wanted = np.where(largest > 0, largest / top, 1).astype(np.float32)
    stored = np.maximum(wanted.astype(dtype), np.nextafter(np.zeros(1, dtype), np.ones(1, dtype)))
    short = largest > (top + 0.49) * stored.astype(np.float32)
    up = np.nextafter(stored, np.asarray(np.inf, dtype))
    return np.asarray(np.where(short, up, stored), dtype)


def _rounded(w: Array, scale: Array, top: int) -> Array:
    steps = np.rint(w.astype(np.float32) / scale.astype(np.float32))
    return np.clip(steps, -top, top).astype(np.int8)


def _over(scale: Array, shape: tuple[int, ...]) -> Array:
    for axis, (d, n) in enumerate(zip(shape, scale.shape, strict=True)):
        scale = np.repeat(scale, d // n, axis)
    return scale


def _means(values: Array, count: int) -> Array:
    """Return `count` centres by Lloyd's rounds on sorted values, from their quantiles.

    In one dimension a cluster is a run of the sorted values, so that a round is a few look-ups in
    running sums, however many weights there are.
    """
    x, times = np.unique(values.astype(np.float64), return_counts=True)
    if x.size <= count:
        return np.concatenate([x, np.full(count - x.size, x[-1])])
    ends = np.concatenate([[0], np.cumsum(times)])
    sums = np.concatenate([[0.0], np.cumsum(x * times)])
    tried = [_lloyd(x, ends, sums, c) for c in _starts(x, ends, times, count)]
    return np.asarray(min(tried, key=_cost(x, times)))


def _settled(centres: Array, values: Array, dtype: Float) -> Array:
    """Return the table as it is stored: rounding it moves values between entries, and an entry
    stays the mean of what it stands for."""
    table = np.sort(centres.astype(dtype))
    for _ in range(_ROUNDS):
        index = _nearest(values, table)
        held = np.bincount(index, minlength=table.size)
        total = np.bincount(index, values, minlength=table.size)
        again = np.where(held > 0, total / np.maximum(held, 1), table).astype(dtype)
        again.sort()
        if np.array_equal(again, table):
            break
        table = again
    return table


def _starts(x: Any, ends: Any, times: Any, count: int) -> list[Any]:
    """Return first centres: as dense as a power of the values' density. The cube root is where many
    centres belong (Panter and Dite, 1951), and fewer are freer; 1 has as many values in each."""
    middle = (np.arange(count) + 0.5) / count
    found = []
    for values in (8, 32, 128):
        held, edges = np.histogram(x, max(int(ends[-1]) // values, count), weights=times)
        for power in (0.2, 1 / 3, 0.6):
            dense = np.concatenate([[0.0], np.cumsum(held**power + 1e-9)])
            found.append(np.interp(middle * dense[-1], dense, edges))
    by_count = x[np.searchsorted(ends[1:], middle * ends[-1]).clip(0, x.size - 1)]
    return [*found, by_count]


def _lloyd(x: Any, ends: Any, sums: Any, centres: Any) -> Any:
    last = None
    for _ in range(_ROUNDS):
        cuts = np.searchsorted(x, (centres[1:] + centres[:-1]) / 2)
        if last is not None and np.array_equal(cuts, last):
            break
        last = cuts
        edges = np.concatenate([[0], cuts, [x.size]])
        held = np.diff(ends[edges])
        total = np.diff(sums[edges])
        centres = np.sort(np.where(held > 0, total / np.maximum(held, 1), centres))
    return centres


def _cost(x: Any, times: Any) -> Any:
    def cost(centres: Any) -> float:
        cuts = np.searchsorted(x, (centres[1:] + centres[:-1]) / 2)
        own = centres[np.searchsorted(cuts, np.arange(x.size), side="right")]
        return float((times * (x - own) ** 2).sum())

    return cost


def _nearest(values: Array, table: Array) -> Array:
    wide = table.astype(np.float64)
    return np.searchsorted((wide[1:] + wide[:-1]) / 2, values).astype(np.uint8)


def packed_bits(codes: Array, bits: int) -> Array:
    """Return codes as bytes, low bits first, as iOS 16 stores indices and masks."""
    flat = codes.reshape(-1, 1).astype(np.uint8)
    each = (flat >> np.arange(bits, dtype=np.uint8)) & 1
    return np.packbits(each.reshape(-1), bitorder="little")

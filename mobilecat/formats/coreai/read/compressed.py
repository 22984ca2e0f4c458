"""Weights that lie in the file as something smaller, and quantised activations.

Weights are worked out while reading, in float32, as they are when the model is loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mobilecat.formats.coreai.read.casts import saturated
from mobilecat.formats.coreai.read.ir import ELEMENTS, NARROW
from mobilecat.formats.coreai.read.op import Call, is_float, reads
from mobilecat.formats.coreai.read.writer import FLOAT, FLOATS, MAX_ELEMENTS, Refused

if TYPE_CHECKING:
    from mobilecat.graph import Array


@reads("coreai.blockwise_shift_scale")
def blockwise_shift_scale(c: Call) -> str | Array:
    """scale · (data − offset1) + offset2, each of them for a block of data."""
    shape = c.inputs[0].shape
    scale, first, second = (_spread(c.array(i, "scales"), shape) for i in (1, 2, 3))
    data = c.const(0)
    if data is not None:
        made: Array = scale * (data.astype(np.float32) - first) + second
        return made
    shifted = c.g("Sub", c.g.cast(c[0], FLOAT), c.g.const(first))
    return c.g("Add", c.g("Mul", shifted, c.g.const(scale)), c.g.const(second))


def _spread(blocks: Array, shape: Sequence[int]) -> Array:
    """Repeat each number of `blocks` over its block of a tensor of `shape`."""
    made = blocks.astype(np.float32)
    if made.ndim != len(shape):
        raise Refused(f"blocks of rank {made.ndim} over a tensor of rank {len(shape)}")
    for axis, side in enumerate(shape):
        held = made.shape[axis]
        if held == 0 or side % held:
            raise Refused(f"{held} blocks over a side of {side}")
        if held not in (1, side):
            made = np.repeat(made, side // held, axis)
    return made


@reads("coreai.lut_to_dense", moves=True)
def lut_to_dense(c: Call) -> Array:
    """Indices into palettes: [blocks…, entries, vector] has one for each block of indices."""
    indices = c.array(0, "palette indices")
    palettes, axis = c.array(1, "palette"), c.axis(2)
    rank = indices.ndim
    if palettes.ndim != rank + 2 or palettes.size * indices.size == 0:
        raise Refused(f"a palette of rank {palettes.ndim} for indices of rank {rank}")
    where = []
    for i, side in enumerate(indices.shape):
        if side % palettes.shape[i]:
            raise Refused(f"{palettes.shape[i]} palettes over a side of {side}")
        size = side // palettes.shape[i]
        where.append((np.arange(side) // size).reshape([-1 if j == i else 1 for j in range(rank)]))
    if int(indices.max()) >= palettes.shape[rank] or int(indices.min()) < 0:
        raise Refused("an index behind the palette's end")
    if indices.size * palettes.shape[-1] > MAX_ELEMENTS:
        raise Refused("more weights than a network has")
    found = palettes[(*where, indices.astype(np.int64))]  # [indices…, vector]
    moved = np.moveaxis(found, -1, axis + 1)
    shape = list(indices.shape)
    shape[axis] *= palettes.shape[-1]
    return np.ascontiguousarray(moved).reshape(shape)


@reads("coreai.build_sparse_with_bitmask", moves=True)
def build_sparse(c: Call) -> Array:
    values, mask = c.array(0, "values"), c.array(1, "mask")
    places = mask.astype(bool)
    if int(places.sum()) != values.size:
        raise Refused(f"{values.size} values for {int(places.sum())} places")
    dense = np.zeros(mask.shape, values.dtype)
    dense[places] = values.reshape(-1)
    return dense


@reads("coreai.sparse_with_bitmask_to_dense", moves=True)
def sparse_to_dense(c: Call) -> Array:
    return c.array(0, "weights")


@reads("coreai.dequantize")
def dequantize(c: Call) -> str:
    """(x − offset1) · scale + offset2."""
    scale, first, second = _parameters(c)
    shifted = c.g("Sub", c.g.cast(c[0], FLOAT), first)
    return c.g("Add", c.g("Mul", shifted, scale), second)


@reads("coreai.quantize")
def quantize(c: Call) -> str:
    """round((x − offset2) / scale) + offset1, half to even, saturating."""
    element = c.result.element
    if element in FLOATS or element in NARROW or element not in ELEMENTS:
        raise Refused(f"to {element}")
    scale, first, second = _parameters(c)
    x = c[0] if is_float(c.inputs[0]) else c.g.cast(c[0], FLOAT)
    steps = c.g("Round", c.g("Div", c.g("Sub", x, second), scale))
    return saturated(c.g, c.g("Add", steps, first), element)


def _parameters(c: Call) -> tuple[str, str, str]:
    """Return scale, offset1 and offset2 as float32 that broadcasts along the axis they are for."""
    axes = c.axes(4)
    shape = [1] * c.inputs[0].rank
    if c.inputs[1].rank:
        if len(axes) != 1:
            raise Refused("with one scale for each of several axes")
        shape[axes[0]] = -1
    made = []
    for i in (1, 2, 3):
        name = c[i] if is_float(c.inputs[i]) else c.g.cast(c[i], FLOAT)
        made.append(c.g("Reshape", name, c.g.ints(shape)))
    return made[0], made[1], made[2]

"""Compressed weights: `constexpr_*` ops, unpacked with numpy when a program is traced.

Results are rounded to the type of their scale or table, as a float16 program stores them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecat.formats.coreml.runtime.graph import Val
from mobilecat.formats.coreml.runtime.mil.op import Op
from mobilecat.formats.coreml.runtime.mil.table import mil_op
from mobilecat.formats.coreml.runtime.values import check_size
from mobilecat.formats.coreml.runtime.weights import unpack

Array = npt.NDArray[Any]


def _stored(op: Op, name: str) -> Array:
    """Return a parameter in its stored type."""
    v = op[name]
    if not v.const:
        raise op.broken(f"{name} is no constant")
    return v.stored()


def _optional(op: Op, name: str) -> Array | None:
    return _stored(op, name) if name in op else None


def _const(op: Op, array: Array) -> Val:
    return Val(op.g, array, const=True)


def _shape(op: Op) -> list[int]:
    shape = op.ints("shape")
    if any(d < 0 for d in shape):
        raise op.broken(f"the shape {shape}")
    check_size(shape, op.where)
    return shape


@mil_op("constexpr_cast", moves=True)
def onnx_from_constexpr_cast(op: Op) -> Val:
    to = {"fp32": np.float32, "fp16": np.float16}.get(op.text("output_dtype"))
    if to is None:
        raise op.refuse(f"constexpr_cast to {op.text('output_dtype')!r}")
    return _const(op, _stored(op, "source_val").astype(to))


@mil_op("constexpr_affine_dequantize", moves=True)
def onnx_from_constexpr_affine_dequantize(op: Op) -> Val:
    """scale · (data − zero_point), both along one axis."""
    data, scale = _stored(op, "quantized_data"), _stored(op, "scale")
    zero = _stored(op, "zero_point")
    axis = op.axis(rank=data.ndim)

    def along(v: Array) -> Array:
        if v.size not in (1, data.shape[axis]):
            raise op.broken(f"{v.size} parameters for axis {axis} of {data.shape}")
        spread = [1] * data.ndim
        spread[axis] = -1
        return v.astype(np.float32).reshape(spread)

    return _const(op, (along(scale) * (data.astype(np.float32) - along(zero))).astype(scale.dtype))


# one table or many ----------------------------------------------------------------------------


@mil_op("constexpr_lut_to_dense", moves=True)
def onnx_from_constexpr_lut_to_dense(op: Op) -> Val:
    indices, lut = _stored(op, "indices"), _stored(op, "lut")
    if "shape" in op:  # iOS 16: one table, bits packed low first
        shape = _shape(op)
        bits = int(math.log2(lut.size)) if lut.size else 0
        if lut.ndim != 1 or lut.size != 1 << bits or not 1 <= bits <= 8:
            raise op.broken(f"a table of {lut.size} entries")
        codes = unpack(indices.reshape(-1).view(np.uint8), f"uint{bits}", math.prod(shape))
        return _const(op, lut[codes].reshape(shape))
    return _const(op, _looked_up(op, indices, lut))


def _looked_up(op: Op, indices: Array, lut: Array) -> Array:
    """lut: [groups…, entries, vector]; a vector is laid along vector_axis."""
    rank = indices.ndim
    if lut.ndim != rank + 2 or any(
        n == 0 or d % n for d, n in zip(indices.shape, lut.shape, strict=False)
    ):
        raise op.broken(f"tables {lut.shape} do not fit indices {indices.shape}")
    if indices.size and int(indices.max()) >= lut.shape[-2]:
        raise op.broken("an index is not in its table")
    vector = lut.shape[-1]
    axis = op.integer("vector_axis", 0 if vector == 1 else None)
    axis = op.front(axis, rank)
    check_size((*indices.shape, vector), op.where)
    groups = np.ix_(
        *[np.arange(d) // (d // n) for d, n in zip(indices.shape, lut.shape[:rank], strict=True)]
    )
    found = lut[(*groups, indices.astype(np.intp))]  # [*indices.shape, vector]
    moved = np.moveaxis(found, -1, axis + 1)
    shape = list(indices.shape)
    shape[axis] *= vector
    return moved.reshape(shape)


@mil_op("constexpr_lut_to_sparse", moves=True)
def onnx_from_constexpr_lut_to_sparse(op: Op) -> tuple[Val, Val]:
    mask, lut = _stored(op, "indices_mask"), _stored(op, "lut")
    indices = _scattered(op, mask, _stored(op, "indices_nonzero_data"))
    dense = _looked_up(op, indices, lut)
    if lut.shape[-1] > 1:
        mask = np.repeat(mask, lut.shape[-1], op.front(op.integer("vector_axis"), mask.ndim))
    return _const(op, mask), _const(op, dense[mask != 0])


# blocks ---------------------------------------------------------------------------------------


@mil_op("constexpr_blockwise_shift_scale", moves=True)
def onnx_from_constexpr_blockwise_shift_scale(op: Op) -> Val:
    data = _stored(op, "data")
    return _const(op, _shift_scaled(op, data))


def _shift_scaled(op: Op, data: Array) -> Array:
    """scale · (data − offset); a block's size is the ratio of the shapes."""
    scale, offset = _stored(op, "scale"), _optional(op, "offset")
    values = data.astype(np.float32)
    if offset is not None:
        values = values - _spread(op, offset.astype(np.float32), data.shape)
    return (values * _spread(op, scale.astype(np.float32), data.shape)).astype(scale.dtype)


def _spread(op: Op, parameter: Array, shape: Sequence[int]) -> Array:
    if parameter.ndim != len(shape) or any(
        n == 0 or d % n for d, n in zip(shape, parameter.shape, strict=False)
    ):
        raise op.broken(f"blocks {parameter.shape} do not fit {tuple(shape)}")
    for axis, (d, n) in enumerate(zip(shape, parameter.shape, strict=True)):
        if n not in (1, d):
            parameter = np.repeat(parameter, d // n, axis)
    return parameter


@mil_op("constexpr_sparse_blockwise_shift_scale", moves=True)
def onnx_from_constexpr_sparse_blockwise_shift_scale(op: Op) -> tuple[Val, Val]:
    mask = _stored(op, "data_mask")
    dense = _shift_scaled(op, _scattered(op, mask, _stored(op, "nonzero_data")))
    return _const(op, mask), _const(op, dense[mask != 0])


# sparse ---------------------------------------------------------------------------------------


@mil_op("constexpr_sparse_to_dense", moves=True)
def onnx_from_constexpr_sparse_to_dense(op: Op) -> Val:
    mask, values = _stored(op, "mask"), _stored(op, "nonzero_data")
    if "shape" in op:  # iOS 16: a packed mask, low bits first
        shape = _shape(op)
        mask = unpack(mask.reshape(-1).view(np.uint8), "uint1", math.prod(shape)).reshape(shape)
    return _const(op, _scattered(op, mask, values))


def _scattered(op: Op, mask: Array, values: Array) -> Array:
    dense = np.zeros(mask.shape, values.dtype)
    kept = mask != 0
    if np.count_nonzero(kept) != values.size:
        raise op.broken(f"{np.count_nonzero(kept)} places for {values.size} values")
    dense[kept] = values.reshape(-1)
    return dense

"""MIL types and literal values as numpy: stored type outside, compute type inside.

Inside the runtime there are four element types: float32, int32, bool and, for op parameters only,
int64. Narrow integers compute in int32, half floats in float32 (`mil/interpret.py` on rounding).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from mobilecat.formats.coreml.runtime.errors import malformed, refused
from mobilecat.formats.coreml.runtime.weights import WeightFiles, unpack

Array = npt.NDArray[Any]


class Restore(Protocol):
    """What constants were rounded from, by their names; themselves where nothing fits."""

    def __call__(self, name: str, stored: Array, /) -> Array:
        """Return the float32 values that were rounded to float16 ones."""
        ...

    def packed(
        self, name: str, dense: Array, low: Array, high: Array, entry: Array | None
    ) -> Array:
        """Return the values that compressed weights stand for, each between `low` and `high`.

        dense: what they unpack to. entry: which entry of which palette each one is.
        """
        ...


MAX_ELEMENTS = 1 << 28  # 1 GiB of float32: no tensor of a phone's model is larger
MAX_RANK = 16

# MILSpec.DataType → name
DTYPES = {
    1: "bool",
    2: "string",
    10: "fp16",
    11: "fp32",
    12: "fp64",
    13: "bf16",
    21: "int8",
    22: "int16",
    23: "int32",
    24: "int64",
    25: "int4",
    31: "uint8",
    32: "uint16",
    33: "uint32",
    34: "uint64",
    35: "uint4",
    36: "uint2",
    37: "uint1",
    38: "uint6",
    39: "uint3",
}
FLOATS = frozenset({"fp16", "fp32", "fp64", "bf16"})
NUMPY = {
    "bool": np.bool_,
    "fp16": np.float16,
    "fp32": np.float32,
    "fp64": np.float64,
    "bf16": np.float32,
    "int8": np.int8,
    "int16": np.int16,
    "int32": np.int32,
    "int64": np.int64,
    "uint8": np.uint8,
    "uint16": np.uint16,
    "uint32": np.uint32,
    "uint64": np.uint64,
    "int4": np.int8,
    "uint4": np.uint8,
    "uint3": np.uint8,
    "uint6": np.uint8,
    "uint2": np.uint8,
    "uint1": np.uint8,
    "string": np.str_,
}


@dataclass(frozen=True)
class TensorType:
    """A MIL tensor type; None stands for a dimension that is known only when it runs."""

    dtype: str
    shape: tuple[int | None, ...]
    variadic: bool = False  # the rank is known only when it runs

    @property
    def is_static(self) -> bool:
        return None not in self.shape and not self.variadic


def compute_dtype(mil_type: str) -> np.dtype[Any]:
    """Return the type in which values of `mil_type` are computed."""
    if mil_type in FLOATS:
        return np.dtype(np.float32)
    if mil_type in ("bool", "string"):
        return np.dtype(NUMPY[mil_type])
    return np.dtype(np.int32)


def to_compute(array: Array) -> Array:
    """Return `array` in its compute type; ArtifactError for integers beyond 32 bits."""
    if array.dtype.kind == "f":
        return array.astype(np.float32, copy=False)
    if array.dtype.kind in "iu" and array.dtype != np.int32:
        if array.dtype.itemsize >= 4 and array.size and not _fits_int32(array):
            raise refused("integers beyond 32 bits are not computed")
        return array.astype(np.int32)
    return array


def _fits_int32(array: Array) -> bool:
    return int(array.min()) >= -(1 << 31) and int(array.max()) < 1 << 31


def tensor_type(value_type: Any, where: str = "") -> TensorType:
    """Return the tensor type in a `ValueType` (a state's wrapped type too)."""
    kind = value_type.WhichOneof("type")
    if kind == "stateType":
        return tensor_type(value_type.stateType.wrappedType, where)
    if kind != "tensorType":
        raise malformed(f"a tensor type was expected, found {kind}", where)
    tensor = value_type.tensorType
    if tensor.dataType not in DTYPES:
        raise refused(f"element type {tensor.dataType} is not supported", where)
    if tensor.rank != len(tensor.dimensions) or tensor.rank > MAX_RANK:
        raise malformed(f"a tensor of rank {tensor.rank} has {len(tensor.dimensions)} sizes", where)
    shape = tuple(
        int(d.constant.size) if d.WhichOneof("dimension") == "constant" else None
        for d in tensor.dimensions
    )
    check_size(shape, where)
    variadic = any(d.unknown.variadic for d in tensor.dimensions)
    return TensorType(DTYPES[tensor.dataType], shape, variadic)


def check_size(shape: Sequence[int | None], where: str = "") -> None:
    """ArtifactError where a tensor of `shape` could not be meant."""
    if math.prod(d for d in shape if d) > MAX_ELEMENTS or any(
        d and d > MAX_ELEMENTS for d in shape
    ):
        raise malformed(f"a tensor of shape {list(shape)} is absurdly large", where)


def literal(value: Any, weights: WeightFiles, where: str = "") -> Array | list[Array]:
    """Return a MIL `Value` as a numpy array in its stored type (a list for tuples and lists)."""
    kind = value.WhichOneof("value")
    if kind == "blobFileValue":
        t = _static(tensor_type(value.type, where), where)
        blob = value.blobFileValue
        return weights.read(blob.fileName, blob.offset, t.dtype, _shape(t))
    if kind != "immediateValue":
        raise malformed("a constant has no value", where)
    immediate = value.immediateValue
    which = immediate.WhichOneof("value")
    if which == "tensor":
        return _tensor_literal(
            immediate.tensor, _static(tensor_type(value.type, where), where), where
        )
    if which in ("tuple", "list"):
        items = getattr(immediate, which).values
        found = [literal(v, weights, where) for v in items]
        return [a for a in found if not isinstance(a, list)]
    raise refused(f"a constant of kind {which} is not supported", where)


def _static(t: TensorType, where: str) -> TensorType:
    if not t.is_static:
        raise malformed("a constant has an unknown size", where)
    return t


def _shape(t: TensorType) -> tuple[int, ...]:
    return tuple(d for d in t.shape if d is not None)


def _tensor_literal(tensor: Any, t: TensorType, where: str) -> Array:
    field = tensor.WhichOneof("value")
    if field is None:
        raise malformed("a constant tensor has no data", where)
    values = getattr(tensor, field).values
    shape = _shape(t)
    count = math.prod(shape)
    if field == "bytes":
        array = unpack(np.frombuffer(values, np.uint8), t.dtype, count)
    else:
        if len(values) != count:
            raise malformed(f"a constant of shape {list(shape)} has {len(values)} elements", where)
        if (field == "strings") != (t.dtype == "string"):
            raise malformed(f"a constant of type {t.dtype} holds {field}", where)
        try:
            array = np.array(values, NUMPY[t.dtype])
        except (OverflowError, ValueError):
            raise malformed(f"a constant does not fit its type {t.dtype}", where) from None
    return array.reshape(shape)

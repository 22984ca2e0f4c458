"""One NeuralNetwork layer as a translation function sees it: inputs, parameters, weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecat.formats.coreml.runtime.errors import malformed, refused
from mobilecat.formats.coreml.runtime.graph import BOOL, FLOAT, INT64, Graph, Val
from mobilecat.formats.coreml.runtime.values import Restore, check_size

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Layer:
    """A layer with its inputs bound. All blobs are float32.

    p:       the layer's own parameter message.
    network: runs an inner network (branch, loop) on the same blobs.
    unrounded: what weights stored as float16 stand for.
    """

    type: str
    name: str
    p: Any
    xs: Sequence[Val]
    outputs: Sequence[str]
    g: Graph
    rank5: bool = False
    network: Callable[[Any], str] = lambda _: ""
    blobs: dict[str, Any] = field(default_factory=dict)
    unrounded: Restore | None = None

    @property
    def where(self) -> str:
        return f"{self.type} {self.name!r}"

    @property
    def x(self) -> Val:
        """The first input."""
        return self.at(0)

    def at(self, index: int) -> Val:
        if index >= len(self.xs):
            raise malformed(f"the layer has {len(self.xs)} inputs", self.where)
        return self.xs[index]

    def broken(self, reason: str) -> Exception:
        return malformed(reason, self.where)

    def refuse(self, reason: str) -> Exception:
        return refused(reason, self.where)

    def axis(self, axis: int, rank: int) -> int:
        if not -rank <= axis < rank:
            raise malformed(f"axis {axis} does not exist in rank {rank}", self.where)
        return axis % rank

    def weight(self, params: Any, shape: Sequence[int], axis: int = 0) -> Array:
        """Return the weights in `params` as float32, in `shape`; dequantised along `axis`."""
        check_size(tuple(shape), self.where)
        if params.float16Value and not params.HasField("quantization") and self.unrounded:
            stored = np.frombuffer(params.float16Value, np.float16)
            if stored.size == math.prod(shape):
                return np.asarray(self.unrounded(self.name, stored), np.float32).reshape(shape)
        dense = _weights(params, self.where, shape, axis)
        if self.unrounded and (scale := params.quantization.linearQuantization.scale):
            spread = [1] * len(shape)
            spread[axis] = -1
            half = np.abs(np.asarray(scale, np.float64)).reshape(spread) / 2
            half = half * (1 + 1e-3)  # float32: scale · byte + bias cancels most of a byte's digits
            return np.asarray(
                self.unrounded.packed(self.name, dense, dense - half, dense + half, None),
                np.float32,
            )
        return dense

    def scalar(self, value: float) -> Val:
        return self.g.const(np.float32(value))

    def ints(self, index: int) -> list[int]:
        """Return input `index`'s numbers (it may make what is pending run)."""
        numbers = self.at(index).numpy().reshape(-1)
        if not np.isfinite(numbers).all():
            raise malformed("a size or index is not finite", self.where)
        return [int(n) for n in numbers]

    def truth(self, v: Val) -> Val:
        """Return `v` as booleans: what is not zero."""
        return self.g("Cast", v, to=BOOL)

    def index(self, v: Val) -> Val:
        return self.g("Cast", v, to=INT64)

    def blob(self, v: Val) -> Val:
        """Return `v` as a blob: float32."""
        if v.dtype == np.float32:
            return v
        return self.g("Cast", v, to=FLOAT)

    def picture(self, v: Val, rank: int = 4) -> tuple[Val, list[int]]:
        """Return `v` as [N, C, H, W] and the leading sizes that were folded into N."""
        if v.rank == rank:
            return v, [v.shape[0]]
        if v.rank < rank - 1:
            raise malformed(f"a blob of rank {v.rank} is no picture", self.where)
        lead = list(v.shape[: v.rank - rank + 1])
        tail = list(v.shape[v.rank - rank + 1 :])
        return self.g("Reshape", v, np.array([math.prod(lead), *tail])), lead

    def restore(self, v: Val, lead: Sequence[int]) -> Val:
        """Undo `picture`'s folding after the other axes changed."""
        if len(lead) == 1:
            return v
        return self.g("Reshape", v, np.array([*lead, *v.shape[1:]]))


def _weights(params: Any, where: str, shape: Sequence[int], axis: int) -> Array:
    if params.HasField("quantization"):
        return _dequantised(params, where, shape, axis)
    if params.float16Value:
        flat = np.frombuffer(params.float16Value[: len(params.float16Value) // 2 * 2], np.float16)
    else:
        flat = np.asarray(params.floatValue, np.float32)
    if flat.size != math.prod(shape):
        raise malformed(f"{flat.size} weights where {list(shape)} are needed", where)
    return flat.astype(np.float32).reshape(shape)


def _dequantised(params: Any, where: str, shape: Sequence[int], axis: int) -> Array:
    """Return weights from n-bit codes, packed high bits first: a linear map or a lookup table."""
    q, count = params.quantization, math.prod(shape)
    bits = int(q.numberOfBits)
    if not 1 <= bits <= 8:
        raise malformed(f"weights of {bits} bits", where)
    raw = params.int8RawValue or params.rawValue
    if len(raw) * 8 < count * bits:
        raise malformed(f"{len(raw)} bytes do not hold {count} weights of {bits} bits", where)
    if bits == 8:
        codes = np.frombuffer(raw, np.int8 if params.int8RawValue else np.uint8, count)
    else:
        flat = np.unpackbits(np.frombuffer(raw, np.uint8))[: count * bits].reshape(count, bits)
        codes = (flat << np.arange(bits)[::-1].astype(np.uint8)).sum(axis=1, dtype=np.uint8)
    which = q.WhichOneof("QuantizationType")
    if which == "lookupTableQuantization":
        table = np.asarray(q.lookupTableQuantization.floatValue, np.float32)
        if not table.size or int(codes.max(initial=0)) >= table.size:
            raise malformed(f"the lookup table has {table.size} entries", where)
        return table[codes].reshape(shape)
    values = codes.astype(np.float32).reshape(shape)
    spread = [1] * len(shape)
    if shape:
        spread[axis] = -1
    for numbers, apply in (
        (q.linearQuantization.scale or [1.0], np.multiply),
        (q.linearQuantization.bias or [0.0], np.add),
    ):
        vector = np.asarray(numbers, np.float32)
        if vector.size not in (1, shape[axis] if shape else 1):
            raise malformed(f"{vector.size} quantisation parameters for shape {list(shape)}", where)
        values = apply(values, vector.reshape(spread))
    return values

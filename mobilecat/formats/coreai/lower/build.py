"""A Core AI graph in the making: its ops in numpy's terms, constants written once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx_ir as ir

from mobilecat.formats.coreai.dialect import dialect, ir_module
from mobilecat.formats.coreai.weights import Packed
from mobilecat.graph import Array

Var = Any  # a value of the MLIR graph; coreai-core ships no types for its private modules
Operand = Any  # a Var, or an array that becomes a constant

_NUMPY_OF_MLIR = {
    "f32": "float32", "i1": "bool",
    "si8": "int8", "si16": "int16", "si32": "int32", "si64": "int64",
    "ui8": "uint8", "ui16": "uint16", "ui32": "uint32", "ui64": "uint64",
}  # fmt: skip
_SUM, _PRODUCT = "sum", "product"


def shape_of_var(x: Var) -> tuple[int, ...]:
    return tuple(int(d) for d in x.type.shape)


def dtype_of_var(x: Var) -> np.dtype[Any]:
    return np.dtype(_NUMPY_OF_MLIR[str(x.type.element_type)])


@dataclass
class Build:
    """Emits ops into the graph that is being written; `values` holds what each graph value became.

    `_chains` remembers which values came from adding or from multiplying a constant. Apple's
    compiler merges two of those into one, with other values where the first step rounds or
    overflows: (x + 1e8) − 1e8 becomes x. `maximum(x, −inf)` changes nothing and stops that.
    """

    values: dict[ir.Value, Var] = field(default_factory=dict)
    packed: Mapping[str, Packed] = field(default_factory=dict)
    lints: dict[str, None] = field(default_factory=dict)  # a set that keeps its order
    settled: Var | None = None
    """Whether the suppression in this graph came to its end: int32 [1], 1 or 0."""
    shared: set[Var] = field(default_factory=set)
    """Values that several nodes read. Apple's compiler moves a factor behind a convolution into its
    weights; where something else reads the convolution too, it would make two of it."""
    _constants: dict[tuple[str, tuple[int, ...], bytes], Var] = field(default_factory=dict)
    _weights: dict[str, Var] = field(default_factory=dict)
    _is_constant: set[Var] = field(default_factory=set)
    _chains: dict[Var, str] = field(default_factory=dict)

    def lint(self, text: str) -> None:
        self.lints[text] = None

    def op(self, name: str, *operands: Any, **options: Any) -> Var:
        """Emit the dialect's op `name`; arrays among the operands become constants."""
        return getattr(dialect(), name)(*(self.var(v) for v in operands), **options)

    def var(self, x: Operand) -> Any:
        return self.const(x) if isinstance(x, np.ndarray | np.generic) else x

    def const(self, array: Any) -> Var:
        """Return a constant; equal small ones are one."""
        array = np.asarray(array)
        array = np.ascontiguousarray(array).reshape(array.shape)
        key = (array.dtype.name, array.shape, array.tobytes()) if array.size <= 64 else None
        if key is None or key not in self._constants:
            made = dialect().constant(array)
            self._is_constant.add(made)
            if key is None:
                return made
            self._constants[key] = made
        return self._constants[key]

    def weight(self, name: str) -> Var:
        """Return what int8 weights stand for; they lie in the file as they are, once."""
        if name not in self._weights:
            found = self.packed[name]
            zeros = (np.zeros(found.scale.shape, t) for t in (np.int8, np.float32))
            self._weights[name] = self.op("blockwise_shift_scale", found.q, found.scale, *zeros)
        return self._weights[name]

    # Arithmetic: numpy's broadcasting; constants of the other operand's type.

    def add(self, a: Operand, b: Operand) -> Var:
        return self._linear("broadcasting_add", a, b, _SUM)

    def sub(self, a: Operand, b: Operand) -> Var:
        return self._linear("broadcasting_sub", a, b, _SUM)

    def mul(self, a: Operand, b: Operand) -> Var:
        return self._linear("broadcasting_mul", a, b, _PRODUCT)

    def div(self, a: Operand, b: Operand) -> Var:
        return self._linear("broadcasting_divide", a, b, _PRODUCT)

    def _linear(self, name: str, a: Operand, b: Operand, kind: str) -> Var:
        a, b = self.var(a), self.var(b)
        constant = a in self._is_constant or b in self._is_constant
        if constant:
            a, b = (self._apart(v, kind) for v in (a, b))
        out = self.op(name, a, b)
        if constant:
            self._chains[out] = kind
        return out

    def _apart(self, x: Var, kind: str) -> Var:
        merges = self._chains.get(x) == kind or (kind == _PRODUCT and x in self.shared)
        return self.apart(x) if merges else x

    def apart(self, x: Var) -> Var:
        """Return `x` such that Apple's compiler merges nothing across it.

        Whole numbers as well: (x / 3) · 3 became x, although the division drops its rest.
        """
        dtype = dtype_of_var(x)
        if dtype == np.float32:
            return self.maximum(x, np.float32(-np.inf))
        return self.maximum(x, dtype.type(np.iinfo(dtype).min)) if dtype.kind in "iu" else x

    def maximum(self, a: Operand, b: Operand) -> Var:
        return self.op("broadcasting_maximum", a, b)

    def minimum(self, a: Operand, b: Operand) -> Var:
        return self.op("broadcasting_minimum", a, b)

    def greater(self, a: Operand, b: Operand) -> Var:
        return self.op("broadcasting_greater", a, b)

    def less(self, a: Operand, b: Operand) -> Var:
        """a < b, as b > a: the dialect has `greater` only."""
        return self.greater(b, a)

    def equal(self, a: Operand, b: Operand) -> Var:
        return self.op("broadcasting_equal", a, b)

    def either(self, a: Operand, b: Operand) -> Var:
        return self.op("broadcasting_or", a, b)

    def both(self, a: Operand, b: Operand) -> Var:
        return self.op("broadcasting_and", a, b)

    def where(self, condition: Operand, a: Operand, b: Operand) -> Var:
        return self.op("broadcasting_where", condition, a, b)

    def matmul(self, a: Operand, b: Operand) -> Var:
        """numpy's matmul of two matrices or stacks of them."""
        return self.op("broadcasting_batch_matmul", a, b)

    def cast(self, x: Var, dtype: Any) -> Var:
        dtype = np.dtype(dtype)
        return x if dtype_of_var(x) == dtype else self.op("cast", x, dtype.type)

    def reduce(self, how: str, x: Var, axes: Sequence[int], keep: bool = True) -> Var:
        """`how`: max, min, sum, mean, product."""
        out = self.op(f"reduce_{how}", x, np.array(axes, np.int32))
        if keep:
            return out
        return self.reshape(out, [d for i, d in enumerate(shape_of_var(x)) if i not in axes])

    # Moving values.

    def _moved(self, x: Var, out: Var) -> Var:
        """Apple's compiler looks through these for what it can merge."""
        if x in self._chains:
            self._chains[out] = self._chains[x]
        return out

    def reshape(self, x: Var, shape: Sequence[int]) -> Var:
        if shape_of_var(x) == tuple(shape):
            return x
        return self._moved(x, self.op("reshape", x, np.array(shape, np.uint32)))

    def own(self, x: Var) -> Var:
        """Return `x` from an op that no rewrite merges with another, or moves a reshape across:
        turned round along an axis of one."""
        shape = shape_of_var(x)
        if 1 not in shape:
            return x
        return self.op("reverse", x, np.array([shape.index(1)], np.int32))

    def transpose(self, x: Var, perm: Sequence[int]) -> Var:
        if tuple(perm) == tuple(range(len(perm))):
            return x
        return self._moved(x, self.op("transpose", x, np.array(perm, np.uint32)))

    def concat(self, xs: Sequence[Operand], axis: int) -> Var:
        if len(xs) == 1:
            return self.var(xs[0])
        return self.op("concat", np.int32(axis), [self.var(x) for x in xs])

    def slice(self, x: Var, ranges: Sequence[range]) -> Var:
        """Take `ranges` of each axis, which are not empty; a falling one is reversed after."""
        backwards = [a for a, r in enumerate(ranges) if r.step < 0 and len(r) > 1]
        rising = [r if r.step > 0 else r[::-1] for r in ranges]
        if any(r != range(d) for r, d in zip(rising, shape_of_var(x), strict=True)):
            starts = [r[0] for r in rising]
            ends = [r[-1] + 1 for r in rising]
            steps = [r.step if len(r) > 1 else 1 for r in rising]
            cuts = [np.array(v, np.int32) for v in (starts, ends, steps)]
            x = self._moved(x, self.op("slice_", x, *cuts))
        return self.op("reverse", x, np.array(backwards, np.int32)) if backwards else x

    def take(self, x: Var, axis: int, run: range) -> Var:
        """Take `run` of one axis, all of the others."""
        whole = [range(d) for d in shape_of_var(x)]
        return self.slice(x, [*whole[:axis], run, *whole[axis + 1 :]])

    def broadcast_to(self, x: Var, shape: Sequence[int]) -> Var:
        have = shape_of_var(x)
        if have == tuple(shape):
            return x
        x = self.reshape(x, (1,) * (len(shape) - len(have)) + have)
        if shape_of_var(x) == tuple(shape):
            return x
        return self.op("broadcast_to", x, np.array(shape, np.uint32))

    def pad(self, x: Var, pairs: Sequence[tuple[int, int]], value: Any = 0) -> Var:
        """Put constants around `x`: (before, after) an axis; negative amounts crop."""
        crops = [
            range(max(0, -b), d - max(0, -e))
            for (b, e), d in zip(pairs, shape_of_var(x), strict=True)
        ]
        x = self.slice(x, crops)
        flat = [max(0, p) for pair in pairs for p in pair]
        if not any(flat):
            return x
        return self.op("pad", x, np.array(flat, np.uint32), np.asarray(value, dtype_of_var(x)))

    def gather(self, x: Var, indices: Operand, axis: int = 0) -> Var:
        """numpy's take: `indices` (si32, in range; negative from the end) of one axis."""
        indices = self.var(indices)
        rank, inner = len(shape_of_var(x)), shape_of_var(indices)
        front = [axis, *(a for a in range(rank) if a != axis)]
        out = self.op("gather_nd", self.transpose(x, front), self.reshape(indices, (*inner, 1)))
        width = len(inner)
        back = [*range(width, width + axis), *range(width), *range(width + axis, width + rank - 1)]
        return self.transpose(out, back)

    def first(self, order: Var, count: int) -> Var:
        """Return the first `count` of a flat value."""
        return self.take(order, 0, range(count))

    def falling(self, keys: Var, axis: int = 0) -> Var:
        """Return where the values come from in falling order, si32; of equals the first first."""
        return self.op("argsort", keys, np.int32(axis), np.True_, np.True_)

    def flat(self, x: Var) -> Var:
        return self.reshape(x, [int(np.prod(shape_of_var(x), dtype=np.int64))])


def type_of(shape: Sequence[int], dtype: Any) -> Any:
    """Return the type of a value as the dialect's constructors take it."""
    from coreai.authoring import TensorType

    return TensorType(tuple(int(d) for d in shape), np.dtype(dtype).type)._to_mlir()


def attribute(text: str) -> Any:
    return ir_module().Attribute.parse(text)


def whole(array: Array) -> Array:
    """Return index arrays in the one type that the dialect takes."""
    return np.asarray(array, np.int32)

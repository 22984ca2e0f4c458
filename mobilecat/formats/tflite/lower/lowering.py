"""The TFLite lowering table, and what a lowering sees of its node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import onnx_ir as ir

from mobilecat.formats.base.lowering import Check, LoweringTable
from mobilecat.formats.tflite.lower.layout import (
    Perm,
    Shape,
    identity,
    logical_shape,
    physical_shape,
    same_bytes,
    transposition,
)
from mobilecat.formats.tflite.program import Program, Tensor, constant
from mobilecat.graph import Array, attr, const_of, dtype_of, op_of, opt_input, shape_of

T = TypeVar("T")
Lower = Callable[["Node"], None]
Operand = Tensor | Array | np.generic | float | int

LOWERINGS: LoweringTable[Lower] = LoweringTable("TFLite")

FLOAT = frozenset({"float32"})
NUMBERS = frozenset({"float32", "int32", "int64"})
BOOL = frozenset({"bool"})
INTS = frozenset({"int8", "uint8", "int16", "uint16", "int32", "uint32", "int64"})
# What TRANSPOSE, RESHAPE, SLICE, TILE, BROADCAST_TO and SELECT_V2 move; measured in LiteRT 2.3.
MOVABLE = INTS | {"bool", "float16", "float32", "float64", "uint64"}
# GATHER, PAD and CONCATENATION know fewer types.
GATHERABLE = frozenset({"bool", "float16", "float32", "int8", "uint8", "int16", "int32", "int64"})

MAX_RANK = 6  # XNNPACK takes no more, and refuses the model where it should have passed

# Wider types that hold every value of a type, and wrap like it when cast back; nearest first.
_WIDER = {
    "bool": ("uint8", "int32", "float32"),
    "float16": ("float32",),
    "int8": ("int32", "int64", "float32"),
    "uint8": ("int32", "int64", "float32"),
    "int16": ("int32", "int64", "float32"),
    "uint16": ("int32", "int64", "float32"),
    "int32": ("int64",),
    "uint32": ("int64",),
}
_NATIVE: dict[str, frozenset[str]] = {}


def lowers(
    *names: str, natively: frozenset[str] = FLOAT, check: Check | None = None
) -> Callable[[Lower], Lower]:
    """Register a lowering whose kernels compute in the types `natively`.

    Values of a narrower type are cast to one of those and back; a type with no such way is refused.
    """

    def whole_check(node: ir.Node) -> str | None:
        return _shape_problem(node) or (check and check(node)) or _type_problem(node, natively)

    _NATIVE.update(dict.fromkeys(names, natively))
    return LOWERINGS.op(*names, check=whole_check)


def _shape_problem(node: ir.Node) -> str | None:
    inputs = node.inputs[:1] if node.op_type == "CastLike" else node.inputs  # only input 1's type
    values = [v for v in (*inputs, *node.outputs) if v is not None and v.name]
    for value in values:
        if value.shape is None or not value.shape.is_static():
            return f"the shape of {value.name!r} is not known"
        shape = shape_of(value)
        if len(shape) > MAX_RANK:
            return f"{len(shape)} dimensions, TFLite goes to {MAX_RANK}"
        if 0 in shape and const_of(value) is None:
            return f"{value.name!r} is empty: shape {shape}"
    return None


def _type_problem(node: ir.Node, natively: frozenset[str]) -> str | None:
    values = [v for v in (*node.inputs, *node.outputs) if v is not None and v.name]
    for value in values:
        if value.dtype is None:
            return f"the type of {value.name!r} is not known"
        name = value.dtype.name.lower()
        if value.dtype == ir.DataType.STRING or name not in _ONNX_TYPES:
            return f"{name} values have no TFLite form"
    main = [dtype_of(v).name for v in values if const_of(v) is None]
    for name in main:
        if name not in natively and computed_as(name, natively) is None:
            return f"{name} has no TFLite kernel for it"
    return None


_ONNX_TYPES = {
    "float", "float16", "double", "bool",
    "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
}  # fmt: skip


def computed_as(dtype: str, natively: frozenset[str]) -> str | None:
    """Return the type in which kernels of the types `natively` compute `dtype`; None if in none."""
    if dtype in natively:
        return dtype
    return next((wide for wide in _WIDER.get(dtype, ()) if wide in natively), None)


@dataclass(frozen=True)
class Held:
    """A graph value as it lies in the program."""

    tensor: Tensor
    perm: Perm

    @property
    def shape(self) -> Shape:
        """The logical shape."""
        return logical_shape(self.tensor.shape, self.perm)


@dataclass
class Build:
    """The program in the making, and where it holds each graph value."""

    program: Program = field(default_factory=Program)
    held: dict[ir.Value, Held] = field(default_factory=dict)
    _moved: dict[tuple[Tensor, str, Any], Tensor] = field(default_factory=dict)

    def op(
        self,
        code: str,
        inputs: Sequence[Any],
        shape: Sequence[int],
        dtype: Any = None,
        **options: Any,
    ) -> Tensor:
        """Append an operator with one output of physical `shape`, of input 0's type by default."""
        return self.ops(code, inputs, [shape], dtype, **options)[0]

    def ops(
        self,
        code: str,
        inputs: Sequence[Any],
        shapes: Sequence[Sequence[int]],
        dtype: Any = None,
        **options: Any,
    ) -> list[Tensor]:
        """Append an operator with an output of each shape."""
        operands = list(inputs)
        first = next(x for x in operands if isinstance(x, Tensor))
        tensors = [None if x is None else self.tensor(x, first.dtype) for x in operands]
        kind = np.dtype(first.dtype if dtype is None else dtype)
        outputs = [Tensor(code.lower(), tuple(int(d) for d in s), kind) for s in shapes]
        self.program.add(code, tensors, outputs, **options)
        return outputs

    def tensor(self, x: Operand, dtype: Any) -> Tensor:
        """Return `x` as a tensor: a Python number becomes a scalar of `dtype`."""
        if isinstance(x, Tensor):
            return x
        return constant("const", x if isinstance(x, np.ndarray) else np.array(x, dtype=dtype))

    def ew(self, code: str, *operands: Operand, dtype: Any = None) -> Tensor:
        """Append an elementwise operator; the shapes broadcast."""
        shapes = [x.shape for x in operands if isinstance(x, Tensor | np.ndarray)]
        return self.op(code, operands, np.broadcast_shapes(*shapes), dtype)

    def reshape(self, x: Tensor, shape: Sequence[int]) -> Tensor:
        shape = tuple(int(d) for d in shape)
        if x.shape == shape:
            return x
        if x.data is not None:
            return constant(x.name, x.data.reshape(shape))
        return self._once(
            x,
            "RESHAPE",
            shape,
            lambda: self.op("RESHAPE", [x, np.array(shape, np.int32)], shape, newShape=list(shape)),
        )

    def transpose(self, x: Tensor, axes: Sequence[int]) -> Tensor:
        axes = tuple(int(a) for a in axes)
        if axes == identity(len(axes)):
            return x
        if x.data is not None:
            return constant(x.name, x.data.transpose(axes))
        shape = physical_shape(x.shape, axes)
        return self._once(
            x,
            "TRANSPOSE",
            axes,
            lambda: self.op("TRANSPOSE", [x, np.array(axes, np.int32)], shape),
        )

    def cast(self, x: Tensor, dtype: Any) -> Tensor:
        wanted = np.dtype(dtype)
        if x.dtype == wanted:
            return x
        if x.data is not None:
            return constant(x.name, x.data.astype(wanted))
        return self._once(x, "CAST", wanted.name, lambda: self.op("CAST", [x], x.shape, wanted))

    def _once(self, x: Tensor, code: str, key: Any, make: Callable[[], Tensor]) -> Tensor:
        if (x, code, key) not in self._moved:
            self._moved[x, code, key] = make()
        return self._moved[x, code, key]

    def laid_out(self, held: Held, perm: Perm) -> Tensor:
        """Return `held` with its axes in the order `perm`; moves bytes only if it must."""
        if held.perm == perm:
            return held.tensor
        shape = held.shape
        if same_bytes(shape, held.perm, perm):
            return self.reshape(held.tensor, physical_shape(shape, perm))
        return self.transpose(held.tensor, transposition(held.perm, perm))

    def is_free(self, held: Held, perm: Perm) -> bool:
        """Say whether `laid_out(held, perm)` moves no bytes at run time, or has done so before."""
        return (
            held.tensor.data is not None
            or same_bytes(held.shape, held.perm, perm)
            or (held.tensor, "TRANSPOSE", transposition(held.perm, perm)) in self._moved
        )

    def value(self, value: ir.Value) -> Held:
        """Return where `value` lies; a constant lies in logical order."""
        if value not in self.held:
            array = const_of(value)
            assert array is not None, f"{value.name!r} is used before it is made"
            tensor = constant(value.name or "const", array)
            self.held[value] = Held(tensor, identity(array.ndim))
        return self.held[value]


@dataclass(frozen=True)
class Node:
    """A node to lower: its inputs as held values, in the types that its kernels compute in."""

    node: ir.Node
    build: Build

    def attr(self, name: str, default: T) -> T:
        return attr(self.node, name, default)

    def has(self, i: int) -> bool:
        return opt_input(self.node, i) is not None

    def input(self, i: int) -> ir.Value:
        value = self.node.inputs[i]
        assert value is not None
        return value

    def shape(self, i: int = 0) -> Shape:
        return shape_of(self.input(i))

    def out_shape(self, i: int = 0) -> Shape:
        return shape_of(self.node.outputs[i])

    def dtype(self, i: int = 0) -> np.dtype[Any]:
        """Return the type in which input `i` is computed."""
        return self._wide(dtype_of(self.input(i)))

    def out_dtype(self, i: int = 0) -> np.dtype[Any]:
        return self._wide(dtype_of(self.node.outputs[i]))

    def held(self, i: int = 0) -> Held:
        found = self.build.value(self.input(i))
        return Held(self.build.cast(found.tensor, self._wide(found.tensor.dtype)), found.perm)

    def const(self, i: int) -> Array | None:
        """Return input `i` where it is a constant, in the type that it is computed in."""
        array = const_of(opt_input(self.node, i))
        return None if array is None else array.astype(self._wide(array.dtype), copy=False)

    def ints(self, i: int) -> tuple[int, ...] | None:
        """Return input `i`, a constant list of integers; None where the node leaves it out."""
        array = const_of(opt_input(self.node, i))
        return None if array is None else tuple(int(v) for v in array.reshape(-1))

    def logical(self, i: int = 0) -> Tensor:
        """Return input `i` in logical order."""
        held = self.held(i)
        return self.build.laid_out(held, identity(len(held.perm)))

    def put(self, tensor: Tensor, perm: Perm | None = None, i: int = 0) -> None:
        """Make `tensor` output `i`, laid out as `perm` (logical order if not given)."""
        value = self.node.outputs[i]
        perm = identity(tensor.rank) if perm is None else perm
        assert logical_shape(tensor.shape, perm) == shape_of(value), (
            self.node.name,
            tensor.shape,
            perm,
            shape_of(value),
        )
        self.build.held[value] = Held(self.build.cast(tensor, dtype_of(value)), perm)

    def wants(self, i: int) -> bool:
        """Say whether anyone reads output `i`."""
        if i >= len(self.node.outputs) or not self.node.outputs[i].name:
            return False
        out = self.node.outputs[i]
        return bool(out.uses()) or out.is_graph_output()

    def _wide(self, dtype: np.dtype[Any]) -> np.dtype[Any]:
        return np.dtype(computed_as(dtype.name, _NATIVE[op_of(self.node)]) or dtype)


def axis_of(n: Node, axis: int, rank: int | None = None) -> int:
    """Return a logical axis counted from the front."""
    return axis % (len(n.shape()) if rank is None else rank)


def const_inputs(*indices: int) -> Check:
    """Return the check that inputs `indices`, where given, are constants."""

    def check(node: ir.Node) -> str | None:
        for i in indices:
            value = opt_input(node, i)
            if value is not None and const_of(value) is None:
                return f"input {i} ({value.name!r}) is computed, TFLite needs a constant"
        return None

    return check


def first_of(*checks: Check) -> Check:
    """Return the check that gives the first reason of `checks`."""

    def check(node: ir.Node) -> str | None:
        return next((reason for c in checks if (reason := c(node))), None)

    return check

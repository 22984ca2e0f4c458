"""The Core AI lowering table, and what a lowering sees of its node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir

from mobilecat.formats.base.lowering import Check, LoweringTable, prepared
from mobilecat.formats.base.node import NodeAsked
from mobilecat.formats.coreai.lower.build import Build, Var
from mobilecat.graph import Array, const_of, dtype_of, opt_input, shape_of

Lower = Callable[["Node"], "Var | Sequence[Var]"]

LOWERINGS: LoweringTable[Lower] = LoweringTable("Core AI")

FLOAT = frozenset({"float32"})
INTEGERS = frozenset({"int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"})
NUMBERS = FLOAT | INTEGERS
BOOL = frozenset({"bool"})
ANY = NUMBERS | BOOL

_WIDE = {
    "FLOAT16": "float16 values; Core AI files are written in float32 only",
    "BFLOAT16": "bfloat16 values; Core AI files are written in float32 only",
    "DOUBLE": "float64 values, which neither Apple's GPUs nor its Neural Engine compute",
}


def lowers(
    *names: str, types: frozenset[str] = FLOAT, check: Check | None = None
) -> Callable[[Lower], Lower]:
    """Register a lowering for nodes whose values all have one of `types`, measured in Apple's
    interpreter; `check` returns why a node has no form, or None."""

    def whole_check(node: ir.Node) -> str | None:
        return _value_problem(node, types) or (check(node) if check else None)

    return LOWERINGS.op(*names, check=whole_check)


def prepared_for(model: ir.Model) -> ir.Model:
    """Return the graph as it is lowered; a value may have as many dimensions as it likes."""
    return prepared(model, LOWERINGS, ranks=99)


def _value_problem(node: ir.Node, types: frozenset[str]) -> str | None:
    for value in (*node.inputs, *node.outputs):
        if value is None or not value.name:
            continue
        if value.dtype is None:
            return f"the type of {value.name!r} is not known"
        if value.dtype.name in _WIDE:
            return _WIDE[value.dtype.name]
        if const_of(value) is not None:
            continue  # shapes, axes and the like; what becomes a value shares the output's type
        if dtype_of(value).name not in types:
            return f"{value.name!r} holds {value.dtype.name.lower()} values"
        if 0 in shape_of(value):
            return f"{value.name!r} is empty: shape {list(shape_of(value))}"
    return None


@dataclass(frozen=True)
class Node(NodeAsked):
    """A node to lower: its inputs as values of the Core AI graph, or as constants."""

    build: Build

    def x(self, i: int = 0, dtype: Any = None) -> Var:
        """Return input `i` as a value; `dtype` casts it."""
        value = self.value(i)
        constant = const_of(value)
        if (name := value.name or "") in self.build.packed:
            return self.build.weight(name)
        if constant is not None:
            return self.build.const(constant if dtype is None else constant.astype(dtype))
        found = self.build.values[value]
        return found if dtype is None else self.build.cast(found, dtype)

    def xs(self) -> list[Var]:
        return [self.x(i) for i, v in enumerate(self.node.inputs) if v is not None]

    def dtype(self, i: int = 0) -> np.dtype[Any]:
        return dtype_of(self.value(i))

    def out_dtype(self, k: int = 0) -> np.dtype[Any]:
        return dtype_of(self.node.outputs[k])

    def num(self, value: Any) -> Array:
        """Return a literal in the element type of input 0."""
        return np.asarray(value, self.dtype())


def used(node: ir.Node, k: int) -> bool:
    """Return whether anything reads output `k` of `node`."""
    if k >= len(node.outputs) or not node.outputs[k].name:
        return False
    out = node.outputs[k]
    return bool(out.uses()) or out.is_graph_output()


def constant(*inputs: int, name: str = "") -> Check:
    """Return a check that the listed inputs, where present, are constants."""

    def check(node: ir.Node) -> str | None:
        for i in inputs:
            value = opt_input(node, i)
            if value is not None and const_of(value) is None:
                return f"{name or f'input {i}'} ({value.name!r}) must be a constant"
        return None

    return check

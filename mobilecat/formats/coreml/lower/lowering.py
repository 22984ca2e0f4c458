"""The Core ML lowering table, and what a lowering sees of its node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import onnx_ir as ir

from mobilecat.formats.base.lowering import LoweringTable
from mobilecat.formats.base.node import NodeAsked
from mobilecat.formats.coreml.lower.activations import Activations
from mobilecat.formats.coreml.lower.mil import NUMPY_OF_MIL, Var, cast, mb
from mobilecat.graph import Array, const_of, dtype_of

Format = Literal["mlpackage", "mlmodel"]
Lower = Callable[["Node"], "Var | Sequence[Var]"]

LOWERINGS: LoweringTable[Lower] = LoweringTable("Core ML")

MAX_RANK = (
    5  # https://apple.github.io/coremltools/docs-guides/source/model-intermediate-language.html
)
_FP16_MAX = 65504.0


class NeedsFloat32(Exception):
    """A constant of the node does not fit float16; the driver lowers the node again in float32."""


def kind_of(value: ir.Value) -> str:
    """Return `float`, `int` or `bool`: what is left of ONNX's element types in Core ML."""
    return kind_of_dtype(dtype_of(value))


def kind_of_dtype(dtype: np.dtype[Any]) -> str:
    if dtype == np.bool_:
        return "bool"
    return "int" if np.issubdtype(dtype, np.integer) else "float"


@dataclass
class Build:
    """One MIL program in the making: the variable behind each graph value, and the lints so far."""

    format: Format
    ios: int
    values: dict[ir.Value, Var] = field(default_factory=dict)
    constants: dict[tuple[ir.Value, str], Var] = field(default_factory=dict)
    casts: dict[tuple[int, str], Var] = field(default_factory=dict)
    lints: dict[str, None] = field(default_factory=dict)  # a set that keeps its order
    activations: Activations | None = None

    @property
    def is_nn(self) -> bool:
        return self.format == "mlmodel"

    def lint(self, text: str) -> None:
        self.lints[text] = None

    def cast(self, var: Var, dtype: str) -> Var:
        key = (id(var), dtype)
        if key not in self.casts:
            self.casts[key] = cast(var, dtype)
        return self.casts[key]


@dataclass(frozen=True)
class Node(NodeAsked):
    """A node to lower: its inputs as MIL variables or constants, typed for its precision.

    float_type: `fp32` or `fp16`, the type in which this node computes.
    """

    build: Build
    float_type: str

    def mil_type(self, kind: str) -> str:
        return {"float": self.float_type, "int": "int32", "bool": "bool"}[kind]

    def x(self, i: int = 0, dtype: str | None = None) -> Var:
        """Return input `i` as a variable; a constant becomes one here, once per type."""
        value = self.value(i)
        dtype = dtype or self.mil_type(kind_of(value))
        constant = const_of(value)
        if constant is None:
            return self.build.cast(self.build.values[value], dtype)
        key = (value, dtype)
        if key not in self.build.constants:
            self.build.constants[key] = mb.const(val=self.typed(constant, dtype))
        return self.build.constants[key]

    def fed(self, i: int = 0) -> Var:
        """Return input `i` of a product with constant weights: quantised, where that is asked."""
        x, activations = self.x(i), self.build.activations
        if activations is None or self.node.name in activations.exact:
            return x
        return activations.quantised(self.value(i), x)

    def xs(self) -> list[Var]:
        return [self.x(i) for i, v in enumerate(self.node.inputs) if v is not None]

    def kind(self, i: int = 0) -> str:
        return kind_of(self.value(i))

    def out_kind(self, k: int = 0) -> str:
        return kind_of(self.node.outputs[k])

    def typed(self, array: Any, dtype: str) -> Array:
        array = np.asarray(array)
        if dtype == "fp16" and array.size:
            wide = array[np.isfinite(array)] if array.dtype.kind == "f" else array
            if wide.size and np.abs(wide.astype(np.float64)).max() > _FP16_MAX:
                raise NeedsFloat32
        typed: Array = array.astype(NUMPY_OF_MIL[dtype])[()]
        return typed

    def num(self, value: Any, kind: str = "float") -> Array:
        """Return a literal as numpy, in the type in which this node computes `kind`."""
        return self.typed(value, self.mil_type(kind))

    def as_kind(self, x: Var, kind: str) -> Var:
        return cast(x, self.mil_type(kind))


def used(node: ir.Node, k: int) -> bool:
    """Return whether anything reads output `k` of `node`."""
    if k >= len(node.outputs) or not node.outputs[k].name:
        return False
    out = node.outputs[k]
    return bool(out.uses()) or out.is_graph_output()

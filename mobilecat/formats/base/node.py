"""What a lowering asks of its node whatever the format: inputs, constants, attributes, shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import onnx_ir as ir

from mobilecat.graph import Array, attr, const_of, opt_input, shape_of

T = TypeVar("T")


@dataclass(frozen=True)
class NodeAsked:
    """A node that is to be lowered, as the graph has it."""

    node: ir.Node

    def value(self, i: int) -> ir.Value:
        found = opt_input(self.node, i)
        assert found is not None, f"{self.node.op_type} lacks input {i}"
        return found

    def has(self, i: int) -> bool:
        return opt_input(self.node, i) is not None

    def const(self, i: int) -> Array | None:
        """Return input `i` as a numpy array where it is a constant, else None."""
        return const_of(opt_input(self.node, i))

    def ints(self, i: int) -> tuple[int, ...]:
        """Return the constant integer input `i`, flat; only after a check that it is constant."""
        found = self.const(i)
        assert found is not None
        return tuple(int(v) for v in found.reshape(-1))

    def attr(self, name: str, default: T) -> T:
        return attr(self.node, name, default)

    def shape(self, i: int = 0) -> tuple[int, ...]:
        return shape_of(self.value(i))

    def out_shape(self, k: int = 0) -> tuple[int, ...]:
        return shape_of(self.node.outputs[k])

    def axis(self, default: int = 0, name: str = "axis") -> int:
        """Return attribute `axis`, counted from the front of input 0."""
        return self.attr(name, default) % max(len(self.shape(0)), 1)

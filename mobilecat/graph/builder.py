"""Write nodes into a frozen graph: constants by value, names with one prefix, shapes kept known."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from mobilecat.graph import Array
from mobilecat.graph.passes import shapes

Operand = ir.Value | Array | None


class Builder:
    """Appends nodes to `model`, each named `<prefix>/<output name>`."""

    def __init__(self, model: ir.Model, prefix: str) -> None:
        self.model = model
        self.prefix = prefix
        self.node_names: list[str] = []
        self._used: set[str] = set()

    def op(self, op_type: str, name: str, *inputs: Operand, **attributes: Any) -> ir.Value:
        """Append a node with one output called `<prefix>/<name>`; arrays become initializers."""
        full = self._unused(name)
        values = [
            self.const(f"{name}.{i}", v) if isinstance(v, np.ndarray) else v
            for i, v in enumerate(inputs)
        ]
        node = ir.node(op_type, values, attributes, outputs=[ir.Value(name=full)], name=full)
        self.append(node)
        return node.outputs[0]

    def ops(
        self, op_type: str, name: str, outputs: int, *inputs: Operand, **attributes: Any
    ) -> tuple[ir.Value, ...]:
        """Append a node of several outputs, the first called `<prefix>/<name>`, `<name>.1`, …"""
        full = self._unused(name)
        values = [
            self.const(f"{name}.in_{i}", v) if isinstance(v, np.ndarray) else v
            for i, v in enumerate(inputs)
        ]
        names = [full, *(self._unused(f"{name}.{i}") for i in range(1, outputs))]
        made = [ir.Value(name=n) for n in names]
        self.append(ir.node(op_type, values, attributes, outputs=made, name=full))
        return tuple(made)

    def append(self, node: ir.Node) -> None:
        """Append a node made elsewhere."""
        self.model.graph.append(node)
        self.node_names.append(node.name or "")

    def const(self, name: str, array: Array) -> ir.Value:
        """Return a new initializer called `<prefix>/<name>`."""
        full = self._unused(name)
        value = ir.Value(
            name=full,
            const_value=ir.tensor(array, name=full),
            shape=ir.Shape(array.shape),
            type=ir.TensorType(ir.DataType.from_numpy(array.dtype)),
        )
        self.model.graph.register_initializer(value)
        return value

    def _unused(self, name: str) -> str:
        full = f"{self.prefix}/{name}"
        if full in self._used:
            raise ValueError(f"{full} is written twice")
        self._used.add(full)
        return full


def typed(name: str, shape: tuple[int, ...], dtype: ir.DataType) -> ir.Value:
    """Return a value whose shape and type are known."""
    return ir.Value(name=name, shape=ir.Shape(shape), type=ir.TensorType(dtype))


def rename(value: ir.Value, name: str) -> ir.Value:
    """Give `value` another name, as graph outputs need; nodes keep theirs."""
    value.name = name
    return value


def infer_shapes(model: ir.Model) -> ir.Model:
    """Fill in the shapes of newly written nodes."""
    return shapes.infer_shapes(model)[0]

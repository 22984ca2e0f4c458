"""Write what stands for a node in its place, named after it; constants by value."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from mobilecat.graph.base import Array

Operand = ir.Value | Array | float


class Writer:
    """Writes nodes before `node`, with names that begin with `prefix`; no shapes: infer them."""

    def __init__(self, model: ir.Model, node: ir.Node, word: str) -> None:
        self._model = model
        self._node = node
        self._prefix = f"{node.name}__{word}"
        self._count = 0

    def op(self, op_type: str, *inputs: Operand | None, **attributes: Any) -> ir.Value:
        return self.ops(op_type, 1, *inputs, **attributes)[0]

    def ops(
        self, op_type: str, outputs: int, *inputs: Operand | None, **attributes: Any
    ) -> tuple[ir.Value, ...]:
        values = [v if v is None or isinstance(v, ir.Value) else self.const(v) for v in inputs]
        full = self._name()
        names = [full] if outputs == 1 else [f"{full}_{i}" for i in range(outputs)]
        made = [ir.Value(name=n) for n in names]
        node = ir.node(op_type, values, attributes, outputs=made, name=full)
        self._model.graph.insert_before(self._node, node)
        return tuple(made)

    def const(self, given: Array | float) -> ir.Value:
        """A plain number is a float32."""
        array = given if isinstance(given, np.ndarray) else np.array(given, np.float32)
        name = self._name()
        value = ir.Value(
            name=name,
            const_value=ir.tensor(array, name=name),
            shape=ir.Shape(array.shape),
            type=ir.TensorType(ir.DataType.from_numpy(array.dtype)),
        )
        self._model.graph.register_initializer(value)
        return value

    def reshape(self, x: ir.Value, *shape: int) -> ir.Value:
        return self.op("Reshape", x, np.array(shape, np.int64))

    def piece(self, x: ir.Value, axis: int, start: int, end: int) -> ir.Value:
        """Return x[start:end] of one axis."""
        ends = (np.array([v], np.int64) for v in (start, end, axis))
        return self.op("Slice", x, *ends)

    def replace(self, i: int, new: ir.Value) -> None:
        """Let `new` stand for the node's output `i`, under its name."""
        old = self._node.outputs[i]
        for user, index in tuple(old.uses()):
            user.replace_input_with(index, new)
        for k, out in enumerate(self._model.graph.outputs):
            if out is old:
                self._model.graph.outputs[k] = new
        name, old.name = old.name, f"{old.name}__whole"
        new.name, new.shape, new.type = name, old.shape, old.type

    def done(self) -> None:
        """Take the node out, of which nothing is read any more."""
        self._model.graph.remove(self._node, safe=True)

    def _name(self) -> str:
        self._count += 1
        return f"{self._prefix}_{self._count}"

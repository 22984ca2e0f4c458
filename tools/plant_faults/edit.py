"""Changes of a frozen graph before it is lowered: a value through one more op, a constant, a node.

What goes through another op keeps its name, so that a tap of that name shows the change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx_ir as ir

from mobilecat.graph import Array, const_of
from mobilecat.graph.builder import infer_shapes

Operand = ir.Value | Array


class Editor:
    """One graph, edited in place. `finish` sorts it and fills in the new shapes."""

    def __init__(self, model: ir.Model) -> None:
        self.model = model
        self.count = 0

    def finish(self) -> None:
        self.model.graph.sort()
        infer_shapes(self.model)

    def node(self, name: str) -> ir.Node:
        return next(n for n in self.model.graph if n.name == name)

    def value(self, name: str) -> ir.Value:
        graph = self.model.graph
        made = [*graph.inputs, *(v for n in graph for v in n.outputs)]
        return next(v for v in made if v.name == name)

    def of_type(self, op_type: str) -> list[ir.Node]:
        return [n for n in self.model.graph if n.op_type == op_type]

    def const(self, array: Array) -> ir.Value:
        self.count += 1
        name = f"planted/const_{self.count}"
        value = ir.Value(
            name=name,
            const_value=ir.tensor(np.array(array, order="C"), name=name),
            shape=ir.Shape(array.shape),
            type=ir.TensorType(ir.DataType.from_numpy(array.dtype)),
        )
        self.model.graph.register_initializer(value)
        return value

    def op(self, op_type: str, *inputs: Operand, **attributes: Any) -> ir.Value:
        values = [self.const(v) if isinstance(v, np.ndarray) else v for v in inputs]
        self.count += 1
        name = f"planted/{op_type}_{self.count}"
        node = ir.node(op_type, values, attributes, outputs=[ir.Value(name=name)], name=name)
        self.model.graph.append(node)
        return node.outputs[0]

    def through(self, name: str, make: Callable[[Editor, ir.Value], ir.Value]) -> None:
        """Replace value `name` for all its readers by what `make` computes from it."""
        old = self.value(name)
        readers = tuple(old.uses())
        new = make(self, old)
        for user, index in readers:
            user.replace_input_with(index, new)
        outputs = self.model.graph.outputs
        if old in list(outputs):
            outputs[list(outputs).index(old)] = new
        old.name, new.name = f"{name}__before", name
        new.shape, new.type = old.shape, old.type

    def feed(self, node: str, index: int, make: Callable[[Editor, ir.Value], ir.Value]) -> None:
        """Replace input `index` of one node by what `make` computes from it."""
        user = self.node(node)
        old = user.inputs[index]
        assert old is not None
        user.replace_input_with(index, make(self, old))

    def set_const(self, node: str, index: int, change: Callable[[Array], Array]) -> None:
        """Replace constant input `index` of one node."""
        user = self.node(node)
        array = const_of(user.inputs[index])
        assert array is not None, f"{node} input {index} is no constant"
        user.replace_input_with(index, self.const(change(array).astype(array.dtype)))

    def swap_inputs(self, node: str, i: int, j: int) -> None:
        user = self.node(node)
        a, b = user.inputs[i], user.inputs[j]
        user.replace_input_with(i, b)
        user.replace_input_with(j, a)

    def skip(self, node: str) -> None:
        """Take a node out: its readers get its first input, times 1 so that the name stays."""
        old = self.node(node)
        one, source = np.array(1, dtype=np.float32), old.inputs[0]
        assert source is not None
        self.through(old.outputs[0].name or "", lambda e, _: e.op("Mul", source, one))

    def set_attr(self, node: str, name: str, value: Any) -> None:
        self.node(node).attributes[name] = ir.convenience.convert_attribute(name, value)

"""An ONNX graph in the making: nodes, constants, names."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mobilecat.graph import Array

OPSET = 21
FLOAT, FLOAT16, INT32, INT64, BOOL = (
    int(TensorProto.FLOAT),
    int(TensorProto.FLOAT16),
    int(TensorProto.INT32),
    int(TensorProto.INT64),
    int(TensorProto.BOOL),
)


class Writer:
    """Appends nodes. `at`: the name of what is being written, from which others are made."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, Array] = {}
        self.at = ""
        self._count = 0

    def op(self, op_type: str, *inputs: str | Array | None, **attributes: Any) -> str:
        """Append a node of one output and return it; arrays become constants."""
        return self.ops(op_type, 1, *inputs, **attributes)[0]

    def ops(
        self, op_type: str, count: int, *inputs: str | Array | None, **attributes: Any
    ) -> tuple[str, ...]:
        """Append a node of `count` outputs and return them."""
        domain = attributes.pop("domain", "")
        names = [self.const(i) if isinstance(i, np.ndarray) else i or "" for i in inputs]
        made = tuple(self.fresh() for _ in range(count))
        given = {k: v for k, v in attributes.items() if v is not None}
        self.nodes.append(helper.make_node(op_type, names, made, made[0], domain=domain, **given))
        return made

    def const(self, array: Array) -> str:
        name = self.fresh()
        self.constants[name] = array
        return name

    def fresh(self) -> str:
        self._count += 1
        return f"{self.at}/{self._count}"

    def rename(self, old: str, new: str, since: int) -> None:
        """Call a value, made and read only by the nodes from number `since` on, by another name."""
        for node in self.nodes[since:]:
            for ends in (node.input, node.output):
                for i, name in enumerate(ends):
                    if name == old:
                        ends[i] = new
            if node.name == old:
                node.name = new

    def model(
        self, inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto]
    ) -> onnx.ModelProto:
        read = {name for node in self.nodes for name in node.input}
        tensors = [numpy_helper.from_array(a, n) for n, a in self.constants.items() if n in read]
        graph = helper.make_graph(self.nodes, "main", inputs, outputs, tensors)
        return helper.make_model(
            graph, ir_version=10, opset_imports=[helper.make_opsetid("", OPSET)]
        )

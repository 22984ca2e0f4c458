"""The ops of a .tflite, as `base.operations` has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mobilecat.disk import mapped
from mobilecat.formats.base.operations import Operand, Operation
from mobilecat.formats.tflite.inspect import _given_shapes, _op_name, _shape, _type_name
from mobilecat.formats.tflite.read.file import shared_tflite, text

_MATRICES = {"FULLY_CONNECTED", "BATCH_MATMUL"}


def operations(path: Path) -> tuple[Operation, ...]:
    """Return the main subgraph's ops, in the order in which they run."""
    model = shared_tflite(mapped(path), str(path))
    graph = model.subgraphs[0]
    given = _given_shapes(model)
    operands = [
        Operand(
            text(t.name),
            _type_name(t.type),
            given.get(i, _shape(t)),
            model.buffers[t.buffer].data is not None and len(model.buffers[t.buffer].data) > 0,
        )
        for i, t in enumerate(graph.tensors)
    ]
    return tuple(_operation(op, model, operands) for op in graph.operators or ())


def _operation(op: Any, model: Any, operands: list[Operand]) -> Operation:
    kind = _op_name(model.operatorCodes[op.opcodeIndex])
    inputs = tuple(operands[i] for i in op.inputs if i >= 0)
    outputs = tuple(operands[i] for i in op.outputs if i >= 0)
    found = vars(op.builtinOptions) if op.builtinOptions is not None else {}
    options = {k: v for k, v in found.items() if isinstance(v, bool | int | float)}
    if model.operatorCodes[op.opcodeIndex].customCode:
        options["custom"] = True
    name = outputs[0].name if outputs else ""
    return Operation(kind, name, inputs, outputs, options, _macs(kind, inputs, outputs))


def _macs(kind: str, inputs: tuple[Operand, ...], outputs: tuple[Operand, ...]) -> int:
    """Filters are [out, rows, columns, in], a depthwise one's [1, rows, columns, out]."""
    shapes = [o.shape or () for o in (*inputs, *outputs)]
    made = outputs[0].elements if outputs else 0
    if kind == "CONV_2D" and len(shapes[1]) == 4:
        return made * shapes[1][1] * shapes[1][2] * shapes[1][3]
    if kind == "DEPTHWISE_CONV_2D" and len(shapes[1]) == 4:
        return made * shapes[1][1] * shapes[1][2]
    if kind == "TRANSPOSE_CONV" and len(inputs) > 2 and len(shapes[1]) == 4:
        return inputs[2].elements * shapes[1][0] * shapes[1][1] * shapes[1][2]
    if kind in _MATRICES and shapes and shapes[0]:
        inner = shapes[1][-1] if kind == "FULLY_CONNECTED" else shapes[0][-1]
        return made * inner
    return 0

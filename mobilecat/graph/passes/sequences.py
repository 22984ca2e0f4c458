"""Sequences of known length, as `torch.split` and indexing leave them, said in plain tensors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from mobilecat.graph import Array, attr, const_of, opt_input

Members = list[ir.Value]


def drop_sequences(model: ir.Model) -> bool:
    """Replace ops that read a sequence of known members by those that read the members.

    Given:   x[3] → SplitToSequence → s → SequenceAt(1) → y
    Result:  x[3] → Split → (a, y, c)
    """
    known: dict[ir.Value, Members] = {}
    changed = False
    for node in tuple(model.graph):
        if node.domain:
            continue
        if (members := _members(model, node, known)) is not None:
            known[node.outputs[0]] = members
        elif (result := _read(model, node, known)) is not None:
            _replace(model, node.outputs[0], result)
            changed = True
    return changed


def _members(model: ir.Model, node: ir.Node, known: dict[ir.Value, Members]) -> Members | None:
    """Return what the sequence that `node` makes holds; None where it makes none, or is unknown."""
    match node.op_type:
        case "SequenceConstruct":
            return [v for v in node.inputs if v is not None]
        case "SequenceEmpty":
            return []
        case "SplitToSequence":
            return _split(model, node) if node.outputs[0].uses() else None
        case "Identity" if node.inputs[0] in known:
            return known[node.inputs[0]]
        case "SequenceInsert" | "SequenceErase" if node.inputs[0] in known:
            return _edited(node, list(known[node.inputs[0]]))
    return None


def _edited(node: ir.Node, members: Members) -> Members | None:
    inserts = node.op_type == "SequenceInsert"
    given = opt_input(node, 2 if inserts else 1)
    position = const_of(given)
    if given is not None and position is None:
        return None
    at = int(position.item()) if position is not None else len(members) - (not inserts)
    at += len(members) if at < 0 else 0
    if inserts and node.inputs[1] is not None and 0 <= at <= len(members):
        return [*members[:at], node.inputs[1], *members[at:]]
    return [*members[:at], *members[at + 1 :]] if not inserts and at < len(members) else None


def _split(model: ir.Model, node: ir.Node) -> Members | None:
    """A scalar `split` is the size of each part, the last may be smaller; none means parts of 1."""
    x, given = node.inputs[0], opt_input(node, 1)
    split = const_of(given)
    if x is None or x.shape is None or (given is not None and split is None):
        return None
    axis = attr(node, "axis", 0) % len(x.shape)
    size = x.shape[axis]
    if not isinstance(size, int):
        return None
    if split is None or split.ndim == 0:
        each = 1 if split is None else int(split)
        lengths = [min(each, size - start) for start in range(0, size, each)]
    else:
        lengths = [int(n) for n in split]
    writer = _Writer(model, node)
    parts = writer.add(
        "Split", [x, writer.const("lengths", lengths)], "part", len(lengths), axis=axis
    )
    if split is None and not attr(node, "keepdims", 1):
        axes = writer.const("axes", [axis])
        parts = [writer.add("Squeeze", [p, axes], f"squeezed_{i}")[0] for i, p in enumerate(parts)]
    return parts


def _read(model: ir.Model, node: ir.Node, known: dict[ir.Value, Members]) -> ir.Value | None:
    """Return the tensor that `node` reads out of a known sequence."""
    source = node.inputs[0] if node.inputs else None
    if source is None or source not in known:
        return None
    members = known[source]
    writer = _Writer(model, node)
    match node.op_type:
        case "SequenceAt":
            position = const_of(node.inputs[1])
            if position is None or not -len(members) <= int(position) < len(members):
                return None
            return writer.add("Identity", [members[int(position)]], "member")[0]
        case "SequenceLength":
            length = writer.const("length", len(members))
            return writer.add("Identity", [length], "known")[0]
        case "ConcatFromSequence" if members:
            axis = attr(node, "axis", 0)
            if attr(node, "new_axis", 0):
                axes = writer.const("axes", [axis])
                members = [
                    writer.add("Unsqueeze", [m, axes], f"row_{i}")[0] for i, m in enumerate(members)
                ]
            return writer.add("Concat", members, "joined", axis=axis)[0]
    return None


def _replace(model: ir.Model, old: ir.Value, new: ir.Value) -> None:
    for user, index in tuple(old.uses()):
        user.replace_input_with(index, new)
    if old.is_graph_output():
        name = old.name
        for i, out in enumerate(model.graph.outputs):
            if out is old:
                model.graph.outputs[i] = new
        old.name, new.name = f"{name}__sequence", name


class _Writer:
    """Writes nodes before `node`, named after it."""

    def __init__(self, model: ir.Model, node: ir.Node) -> None:
        self._model = model
        self._node = node

    def const(self, name: str, values: int | Sequence[int]) -> ir.Value:
        full = f"{self._node.name}__{name}"
        array: Array = np.array(values, np.int64)
        value = ir.Value(
            name=full,
            const_value=ir.tensor(array, name=full),
            shape=ir.Shape(array.shape),
            type=ir.TensorType(ir.DataType.INT64),
        )
        self._model.graph.register_initializer(value)
        return value

    def add(
        self, op_type: str, inputs: Sequence[ir.Value], name: str, count: int = 1, **more: int
    ) -> list[ir.Value]:
        full = f"{self._node.name}__{name}"
        outputs = [ir.Value(name=f"{full}_{i}" if count > 1 else full) for i in range(count)]
        made = ir.node(op_type, inputs, more, outputs=outputs, name=full)
        self._model.graph.insert_before(self._node, made)
        return list(outputs)

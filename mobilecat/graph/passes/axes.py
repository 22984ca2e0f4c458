"""Ops that work along single axes of values of many dimensions, said on merged axes.

The axes that an op touches stay apart; those between them, which it only passes over, become one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence

import numpy as np
import onnx_ir as ir

from mobilecat.graph.base import Array, attr, const_of, opt_input, shape_of

Shape = tuple[int, ...]


def along_axes(writer: RankWriter, node: ir.Node, limit: int) -> None:
    """Bring one node of `_OPS` to at most `limit` dimensions, where merging is enough for that."""
    found = _OPS.get(node.op_type)
    if found is not None and node.outputs:
        found(writer, node, limit)


def _groups(rank: int, alone: Collection[int], alike: bool = False) -> list[list[int]]:
    """Return the axes in order, neighbours outside `alone` together; alike: those inside too."""
    groups: list[list[int]] = []
    for axis in range(rank):
        same = bool(groups) and (groups[-1][-1] in alone) == (axis in alone)
        if same and (alike or axis not in alone):
            groups[-1].append(axis)
        else:
            groups.append([axis])
    return groups


def _merged(shape: Shape, groups: list[list[int]]) -> Shape:
    return tuple(math.prod(shape[a] for a in g) for g in groups)


def _at(groups: list[list[int]], axis: int) -> int:
    return next(k for k, g in enumerate(groups) if axis in g)


def _slice(writer: RankWriter, node: ir.Node, limit: int) -> None:
    x, out = node.inputs[0], node.outputs[0]
    assert x is not None
    starts, ends = (const_of(opt_input(node, i)) for i in (1, 2))
    if starts is None or ends is None:
        return
    axes = const_of(opt_input(node, 3))
    steps = const_of(opt_input(node, 4))
    shape, rank = shape_of(x), len(shape_of(x))
    named = [int(a) % rank for a in axes] if axes is not None else list(range(len(starts)))
    if (opt_input(node, 3) is not None and axes is None) or len(set(named)) < len(named):
        return
    each = steps if steps is not None else np.ones(len(named), np.int64)
    if opt_input(node, 4) is not None and steps is None:
        return
    groups = _groups(rank, named)
    if len(groups) > limit:
        return
    made = writer.node(
        node,
        "Slice",
        [
            writer.reshape(node, x, _merged(shape, groups)),
            *(writer.ints(v) for v in (starts, ends, [_at(groups, a) for a in named], each)),
        ],
        _merged(shape_of(out), groups),
    )
    writer.replace(node, writer.reshape(node, made, shape_of(out)))


def _along_one(writer: RankWriter, node: ir.Node, limit: int) -> None:
    """Concat, Softmax, LogSoftmax: what comes before the axis, it, and what comes behind."""
    out = shape_of(node.outputs[0])
    axis = attr(node, "axis", -1) % len(out)
    groups = _groups(len(out), [axis])
    given = [
        writer.reshape(node, v, _merged(shape_of(v), groups)) for v in node.inputs if v is not None
    ]
    made = writer.node(node, node.op_type, given, _merged(out, groups), axis=_at(groups, axis))
    writer.replace(node, writer.reshape(node, made, out))


def _split(writer: RankWriter, node: ir.Node, limit: int) -> None:
    x = node.inputs[0]
    assert x is not None
    axis = attr(node, "axis", 0) % len(shape_of(x))
    groups = _groups(len(shape_of(x)), [axis])
    start, source = 0, writer.reshape(node, x, _merged(shape_of(x), groups))
    for out in node.outputs:
        shape = shape_of(out)
        end = start + shape[axis]
        ends = [writer.ints([v]) for v in (start, end, _at(groups, axis))]
        part = writer.node(node, "Slice", [source, *ends], _merged(shape, groups))
        writer.replace_value(node, out, writer.reshape(node, part, shape))
        start = end


def _gather(writer: RankWriter, node: ir.Node, limit: int) -> None:
    x, indices, out = node.inputs[0], node.inputs[1], node.outputs[0]
    assert x is not None and indices is not None
    shape, inner = shape_of(x), shape_of(indices)
    axis = attr(node, "axis", 0) % len(shape)
    groups = _groups(len(shape), [axis])
    merged, at = _merged(shape, groups), _at(groups, axis)
    flat = writer.reshape(node, indices, (math.prod(inner),))
    made = writer.node(
        node,
        "Gather",
        [writer.reshape(node, x, merged), flat],
        (*merged[:at], math.prod(inner), *merged[at + 1 :]),
        axis=at,
    )
    writer.replace(node, writer.reshape(node, made, shape_of(out)))


def _reduce(writer: RankWriter, node: ir.Node, limit: int) -> None:
    x, axes, out = node.inputs[0], const_of(opt_input(node, 1)), node.outputs[0]
    assert x is not None
    if axes is None or not axes.size:
        return
    shape = shape_of(x)
    over = {int(a) % len(shape) for a in axes.reshape(-1)}
    groups = _groups(len(shape), over, alike=True)
    if len(groups) > limit:
        return
    merged = _merged(shape, groups)
    reduced = [k for k, g in enumerate(groups) if g[0] in over]
    sides = tuple(1 if k in reduced else side for k, side in enumerate(merged))
    given = [writer.reshape(node, x, merged), writer.ints(reduced)]
    made = writer.node(node, node.op_type, given, sides, keepdims=1)
    writer.replace(node, writer.reshape(node, made, shape_of(out)))


def _expand(writer: RankWriter, node: ir.Node, limit: int) -> None:
    """Axes that are repeated stay apart from those that are not."""
    x, out = node.inputs[0], shape_of(node.outputs[0])
    assert x is not None
    aligned = (1,) * (len(out) - len(shape_of(x))) + shape_of(x)
    if len(aligned) > len(out):
        return
    over = [a for a, side in enumerate(out) if aligned[a] != side]
    groups = _groups(len(out), over, alike=True)
    if len(groups) > limit:
        return
    merged = _merged(out, groups)
    given = [writer.reshape(node, x, _merged(aligned, groups)), writer.ints(merged)]
    writer.replace(node, writer.reshape(node, writer.node(node, "Expand", given, merged), out))


_REDUCTIONS = ("L1", "L2", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare")
_OPS: dict[str, Callable[[RankWriter, ir.Node, int], None]] = {
    "Slice": _slice,
    "Split": _split,
    "Gather": _gather,
    "Expand": _expand,
    **dict.fromkeys(("Concat", "Softmax", "LogSoftmax"), _along_one),
    **{f"Reduce{kind}": _reduce for kind in _REDUCTIONS},
}


class RankWriter:
    """Writes nodes before another, named after it, with the shapes that they give."""

    def __init__(self, model: ir.Model) -> None:
        self.model = model
        self._count = 0

    def node(
        self,
        before: ir.Node,
        op_type: str,
        inputs: Sequence[ir.Value | None],
        shape: Shape,
        **attributes: object,
    ) -> ir.Value:
        self._count += 1
        name = f"{before.name}__rank_{self._count}"
        out = ir.Value(name=name, shape=ir.Shape(shape), type=before.outputs[0].type)
        made = ir.node(op_type, inputs, attributes, outputs=[out], name=name)  # type: ignore[arg-type]
        self.model.graph.insert_before(before, made)
        return out

    def reshape(
        self, before: ir.Node, x: ir.Value, shape: Shape, *, always: bool = False
    ) -> ir.Value:
        if not always and shape_of(x) == shape:
            return x
        constant = const_of(x)
        if constant is not None:
            return self._const(f"{x.name}__rank_{self._count}", constant.reshape(shape))
        sizes = self._const(f"{before.name}__sizes_{self._count}", np.array(shape, np.int64))
        out = self.node(before, "Reshape", [x, sizes], shape)
        out.type = x.type
        return out

    def ints(self, values: Sequence[int] | Array) -> ir.Value:
        return self._const(f"ints__rank_{self._count}", np.array(values, np.int64))

    def _const(self, name: str, array: Array) -> ir.Value:
        self._count += 1
        value = ir.Value(
            name=name,
            const_value=ir.tensor(array, name=name),
            shape=ir.Shape(array.shape),
            type=ir.TensorType(ir.DataType.from_numpy(array.dtype)),
        )
        self.model.graph.register_initializer(value)
        return value

    def replace(self, node: ir.Node, new: ir.Value) -> None:
        """Let `new` stand for what `node` gave, under its name."""
        self.replace_value(node, node.outputs[0], new)

    def replace_value(self, node: ir.Node, old: ir.Value, new: ir.Value) -> None:
        if new is node.inputs[0]:
            new = self.node(node, "Identity", [new], shape_of(old))
        for user, index in tuple(old.uses()):
            user.replace_input_with(index, new)
        for i, out in enumerate(self.model.graph.outputs):
            if out is old:
                self.model.graph.outputs[i] = new
        name, old.name = old.name, f"{old.name}__many"
        new.name = name

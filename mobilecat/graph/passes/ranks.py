"""Values of more dimensions than a target has, said in fewer: Swin's windows, pixel unshuffle."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import onnx_ir as ir
import onnx_ir.passes.common as common

from mobilecat.graph.base import attr, shape_of
from mobilecat.graph.passes.axes import RankWriter, along_axes

Shape = tuple[int, ...]

_RESHAPES = ("Reshape", "Squeeze", "Unsqueeze", "Flatten")
_ELEMENTWISE = frozenset(
    [
        "Abs",
        "Add",
        "And",
        "Cast",
        "Ceil",
        "Clip",
        "Cos",
        "Div",
        "Elu",
        "Equal",
        "Erf",
        "Exp",
        "Floor",
        "Gelu",
        "Greater",
        "GreaterOrEqual",
        "HardSigmoid",
        "HardSwish",
        "Identity",
        "LeakyRelu",
        "Less",
        "LessOrEqual",
        "Log",
        "Max",
        "Min",
        "Mod",
        "Mul",
        "Neg",
        "Not",
        "Or",
        "Pow",
        "Reciprocal",
        "Relu",
        "Round",
        "Sigmoid",
        "Sign",
        "Sin",
        "Softplus",
        "Sqrt",
        "Sub",
        "Swish",
        "Tanh",
        "Where",
        "Xor",
    ]
)
_ONE_OPERAND = frozenset({"Clip"})  # the others of its inputs are bounds, not operands


def within_rank(model: ir.Model, limit: int) -> ir.Model:
    """Return the model with no value of more than `limit` dimensions, as far as this is known how.

    The model itself where it has none; else a copy, in which transpositions, elementwise ops, and
    ops along single axes (`passes.axes`) of such values run on merged axes, and reshapes in a row
    are one. What is left is for the target to refuse.

    Given:   x[1,56,56,96] → Reshape[1,8,7,8,7,96] → Transpose(0,1,3,2,4,5) → Reshape[64,49,96]
    Result:  x[1,56,56,96] → Reshape[8,7,8,672] → Transpose(0,2,1,3) → Reshape[64,49,96]
    """
    if not any(_is_over(v, limit) for n in model.graph for v in n.outputs):
        return model
    copy = model.clone()
    writer = RankWriter(copy)
    for node in tuple(copy.graph):
        if node.domain:
            continue
        if any(_is_over(v, limit) for v in node.outputs):
            if node.op_type == "Transpose":
                _transposed(writer, node, limit)
            elif node.op_type in _ELEMENTWISE and len(node.outputs) == 1:
                _merged(writer, node, limit)
        if any(_is_over(v, limit) for v in (*node.inputs, *node.outputs)):
            along_axes(writer, node, limit)
    _join_reshapes(writer)
    return common.RemoveUnusedNodesPass()(copy).model


def _is_over(value: ir.Value | None, limit: int) -> bool:
    return value is not None and value.shape is not None and len(value.shape) > limit


def _transposed(writer: RankWriter, node: ir.Node, limit: int) -> None:
    """Drop axes of 1 and merge what stays together; where that is not enough, go in steps."""
    source = node.inputs[0]
    assert source is not None
    shape = shape_of(source)
    perm: Sequence[int] = attr(node, "perm", tuple(reversed(range(len(shape)))))
    blocks, order = _blocks(shape, perm)
    x = source
    for sizes, step in _steps(blocks, order, limit):
        x = writer.reshape(node, x, sizes)
        x = writer.node(node, "Transpose", [x], _permuted(sizes, step), perm=list(step))
    writer.replace(node, writer.reshape(node, x, _permuted(shape, perm)))


def _permuted(shape: Sequence[int], perm: Sequence[int]) -> Shape:
    return tuple(shape[p] for p in perm)


def _blocks(shape: Shape, perm: Sequence[int]) -> tuple[Shape, Shape]:
    """Return merged sizes in the source's order, and how the result orders them."""
    kept = [p for p in perm if shape[p] != 1]
    runs: list[list[int]] = []
    source_order = sorted(kept)
    follows = dict(pairwise(source_order))
    for p in kept:
        if runs and follows.get(runs[-1][-1]) == p:
            runs[-1].append(p)
        else:
            runs.append([p])
    by_source = sorted(range(len(runs)), key=lambda r: runs[r][0])
    sizes = tuple(math.prod(shape[p] for p in runs[r]) for r in by_source)
    return sizes, tuple(by_source.index(r) for r in range(len(runs)))


def _steps(sizes: Shape, order: Shape, limit: int) -> Iterator[tuple[Shape, Shape]]:
    """Yield (sizes, perm) of transpositions within `limit` that lead to `order` one after another.

    Too many blocks: bring the first to its place, which takes three (what is passed, it, the rest),
    and go on with what is behind it as one block less.
    """
    done: Shape = ()
    while len(sizes) + len(done) > limit:
        at = order[0]
        before, block, after = sizes[:at], sizes[at], sizes[at + 1 :]
        if at:
            moved = (*done, math.prod(before), block, math.prod(after))
            lead = tuple(range(len(done)))
            yield moved, (*lead, len(done) + 1, len(done), len(done) + 2)
        sizes = (*before, *after)
        order = tuple(o - (o > at) for o in order[1:])
        done = (math.prod(done) * block,)
    if order != tuple(range(len(order))):
        lead = tuple(range(len(done)))
        yield (*done, *sizes), (*lead, *(o + len(done) for o in order))


def _merged(writer: RankWriter, node: ir.Node, limit: int) -> None:
    """Merge neighbouring axes over which every operand either runs or is repeated throughout."""
    count = 1 if node.op_type in _ONE_OPERAND else len(node.inputs)
    operands = [v for v in node.inputs[:count] if v is not None]
    out = shape_of(node.outputs[0])
    aligned = [(1,) * (len(out) - len(shape_of(v))) + shape_of(v) for v in operands]
    groups: list[list[int]] = []
    for axis, size in enumerate(out):
        runs = [size == 1 or a[axis] == size for a in aligned]
        if groups and (size == 1 or _same_pattern(groups[-1], axis, out, aligned, runs)):
            groups[-1].append(axis)
        else:
            groups.append([axis])
    if len(groups) > limit:
        return
    given = [
        writer.reshape(node, v, tuple(math.prod(a[i] for i in g) for g in groups))
        if len(shape_of(v)) > 0
        else v
        for v, a in zip(operands, aligned, strict=True)
    ]
    merged = tuple(math.prod(out[i] for i in g) for g in groups)
    attributes = {k: a.value for k, a in node.attributes.items()}
    y = writer.node(node, node.op_type, [*given, *node.inputs[count:]], merged, **attributes)
    writer.replace(node, writer.reshape(node, y, out))


def _same_pattern(
    group: list[int], axis: int, out: Shape, aligned: list[Shape], runs: list[bool]
) -> bool:
    wide = [i for i in group if out[i] != 1]
    return not wide or all(
        (a[wide[-1]] == out[wide[-1]]) == run for a, run in zip(aligned, runs, strict=True)
    )


def _join_reshapes(writer: RankWriter) -> None:
    """Let each reshape read what the reshapes before it read."""
    for node in tuple(writer.model.graph):
        if node.op_type not in _RESHAPES or node.domain:
            continue
        source = node.inputs[0]
        first = source
        while first is not None and (made := first.producer()) is not None:
            if made.op_type not in _RESHAPES or made.domain:
                break
            first = made.inputs[0]
        if first is source or first is None:
            continue
        out = node.outputs[0]
        writer.replace(node, writer.reshape(node, first, shape_of(out), always=True))

"""Branches, loops, and blocks that are another one's body."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper

from mobilecat.formats.coreai.read.op import Call, reads
from mobilecat.formats.coreai.read.writer import BOOL, INT64, Refused, Val, Writer, carried

MAX_ROUNDS = 10_000


@reads("coreai.isolated_group", moves=True)
def isolated_group(c: Call) -> Sequence[str]:
    return [v.name for v in c.block(c.g, 0, c.inputs)]


@reads("coreai.if", moves=True)
def if_(c: Call) -> Sequence[str]:
    if len(c.op.regions) != 2:
        raise Refused("without a branch for false")
    branches = {}
    for i, name in enumerate(("then_branch", "else_branch")):
        inner = Writer(c.g)
        found = c.block(inner, i, ())
        branches[name] = _graph(inner, name, [], [inner("Identity", v.name) for v in found])
    count = len(c.op.results)
    return c.g.several(count, "If", _one(c.g, c[0]), **branches)


@reads("coreai.while", moves=True)
def while_(c: Call) -> Sequence[str]:
    """ONNX's Loop asks its condition at the end of a round, so the first time stands before it."""
    begun = c.block(c.g, 0, c.inputs)
    goes_on, state = begun[0], begun[1:]
    inner = Writer(c.g)
    names = [inner.fresh() for _ in range(2 + len(state))]
    inside = [Val(n, v.type) for n, v in zip(names[2:], state, strict=True)]
    again = c.block(inner, 0, c.block(inner, 1, inside))
    outputs = [inner("Identity", _one(inner, again[0].name))]
    outputs += [inner("Identity", outputs[0])]
    outputs += [inner("Identity", v.name) for v in again[1:]]
    inputs = [
        helper.make_tensor_value_info(names[0], INT64, []),
        helper.make_tensor_value_info(names[1], BOOL, []),
        helper.make_tensor_value_info(f"{names[1]}b", BOOL, []),
        *(
            helper.make_tensor_value_info(
                n,
                carried(v.element),
                [d if d is not None else f"{n}_{i}" for i, d in enumerate(v.tensor.dims)],
            )
            for n, v in zip(names[2:], state, strict=True)
        ),
    ]
    body = _graph(inner, "body", inputs, outputs)
    first = _one(c.g, goes_on.name)
    made = c.g.several(
        1 + len(state),
        "Loop",
        c.g.const(MAX_ROUNDS, np.int64),
        first,
        first,
        *(v.name for v in state),
        body=body,
    )
    ended = c.g("Not", made[0])
    if c.g is not c.g._root:
        raise Refused("a loop inside of a loop or a branch")
    c.g.checks.append(ended)
    return made[1:]


def _one(g: Writer, condition: str) -> str:
    return g("Reshape", condition, g.const(np.zeros(0, np.int64)))


def _graph(inner: Writer, name: str, inputs: list[Any], outputs: Sequence[str]) -> onnx.GraphProto:
    infos = [onnx.ValueInfoProto(name=n) for n in outputs]
    return helper.make_graph(inner.nodes, name, inputs, infos)

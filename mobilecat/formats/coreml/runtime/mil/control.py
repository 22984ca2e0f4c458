"""Choices, loops, state and class labels.

A branch and a loop look at their condition, so what is pending runs there; each piece between is a
session that is compiled once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mobilecat.formats.coreml.runtime.graph import Val
from mobilecat.formats.coreml.runtime.mil.elementwise import as_type
from mobilecat.formats.coreml.runtime.mil.op import ListVal, Op
from mobilecat.formats.coreml.runtime.mil.table import mil_op
from mobilecat.formats.coreml.runtime.network import classified


@mil_op("select", moves=True)
def onnx_from_select(op: Op) -> Val:
    a, b = op["a"], op["b"]
    if a.dtype != b.dtype:
        kind = np.float32 if "f" in (a.dtype.kind, b.dtype.kind) else np.int32
        a, b = as_type(op, a, kind), as_type(op, b, kind)
    return op.g("Where", as_type(op, op["cond"], np.bool_), a, b)


@mil_op("cond", moves=True)
def onnx_from_cond(op: Op) -> list[Any]:
    if len(op.blocks) != 2 or op.run_block is None:
        raise op.broken(f"{len(op.blocks)} blocks where two belong")
    taken = op.blocks[0 if op.flag("pred") else 1]
    return op.run_block(taken, dict(op.env))


@mil_op("while_loop", moves=True)
def onnx_from_while_loop(op: Op) -> list[Any]:
    if len(op.blocks) != 2 or op.run_block is None:
        raise op.broken(f"{len(op.blocks)} blocks where two belong")
    condition, body = op.blocks
    values = list(op.inputs.get("loop_vars", ()))
    where = op.g.where
    while True:
        op.g.where = where
        op.g.count_round()
        (go,) = op.run_block(
            condition, {**op.env, **dict(zip(condition.inputs, values, strict=True))}
        )
        op.g.where = where
        if not isinstance(go, Val) or go.shape not in ((), (1,)):
            raise op.broken("the condition is no single truth value")
        if not bool(go.numpy().reshape(-1)[0]):
            return values
        values = op.run_block(body, {**op.env, **dict(zip(body.inputs, values, strict=True))})


@mil_op("read_state", moves=True)
def onnx_from_read_state(op: Op) -> Val:
    return op.g("Identity", op["input"])


@mil_op("coreml_update_state", "write_state", moves=True)
def onnx_from_update_state(op: Op) -> Val:
    """Replace a state; `coreml_update_state` also returns the new value."""
    state = op["state" if "state" in op else "input"]
    value = op["value" if "value" in op else "data"]
    for name, held in list(op.env.items()):
        if held is state and name in op.state:
            op.state[name] = value
            op.env[name] = value
            return value
    raise op.broken("what is written is no state")


@mil_op("classify", moves=True)
def onnx_from_classify(op: Op) -> list[Any]:
    """Return the best label and the dictionary of all."""
    found = op.inputs.get("classes", ())
    labels: list[Any] = []
    for v in found:
        items = v.items if isinstance(v, ListVal) else [v]
        for item in items:
            if item is None:
                raise op.broken("a label is missing")
            labels += item.stored().reshape(-1).tolist()
    made = classified(op["probabilities"], labels, "label", "table")
    return [made["label"], made["table"]]

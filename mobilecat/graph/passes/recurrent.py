"""LSTM, GRU and RNN step by step, in plain ops: a sequence of known length needs no loop.

Formulas: https://onnx.ai/onnx/operators/onnx__LSTM.html, …GRU.html, …RNN.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import onnx_ir as ir

from mobilecat.graph.base import Array, attr, const_of, opt_input, shape_of
from mobilecat.graph.passes.shapes import infer_shapes
from mobilecat.graph.passes.writer import Writer

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
MOST_STEPS = 1024
"""Of both directions together: a step is some ten operators."""
_DEFAULT = {"LSTM": ("Sigmoid", "Tanh", "Tanh"), "GRU": ("Sigmoid", "Tanh"), "RNN": ("Tanh",)}
_ACTIVATIONS = {
    **dict.fromkeys(("Sigmoid", "Tanh", "Relu", "Softplus", "Softsign"), ()),
    "HardSigmoid": (0.2, 0.5),
    "LeakyRelu": (0.01,),
    "Elu": (1.0,),
    "ThresholdedRelu": (1.0,),
}
"""Those that ONNX has as ops, with the defaults of alpha and beta."""


def without_recurrence(model: ir.Model, has_form: Callable[[ir.Node], bool]) -> ir.Model:
    """Return the model with every LSTM, GRU and RNN that a target has no form of, step by step.

    The model itself where there is none; else a copy. What `problem` refuses stays.

    Given:   GRU(x[T,B,I], W, R) → Y, Y_h
    Result:  x · Wᵀ → T times (Slice, MatMul R, gates) → Concat → Y
    """

    def kept(node: ir.Node) -> bool:
        other = node.op_type not in GATES or bool(node.domain)
        return other or has_form(node) or problem(node) is not None

    if all(kept(n) for n in model.graph):
        return model
    copy = model.clone()
    for node in tuple(copy.graph):
        if not kept(node):
            _unrolled(copy, node)
    return infer_shapes(copy)[0]


def problem(node: ir.Node) -> str | None:
    """Return why a node cannot be said step by step; None where it can."""
    x = node.inputs[0]
    assert x is not None
    steps, batch = _steps_and_batch(node, shape_of(x))
    lengths = const_of(given) if (given := opt_input(node, 4)) is not None else np.array(steps)
    if lengths is None or not bool((lengths == steps).all()):
        return (
            f"sequence_lens: lengths of their own for {batch} sequences; every sequence must be of "
            f"all {steps} steps"
        )
    if any(const_of(node.inputs[i]) is None for i in (1, 2)):
        return "its weights must be constants"
    if (bias := opt_input(node, 3)) is not None and const_of(bias) is None:
        return "its bias must be a constant"
    if node.op_type == "LSTM" and (p := opt_input(node, 7)) is not None and const_of(p) is None:
        return "its peepholes must be constants"
    unknown = [a for a in _names(node) if a not in _ACTIVATIONS]
    if unknown:
        return f"activation {unknown[0]!r}; {', '.join(_ACTIVATIONS)} have forms"
    total = steps * len(_directions(node))
    if total > MOST_STEPS:
        return f"{total} steps, written one by one, are more than {MOST_STEPS}"
    return None


def _steps_and_batch(node: ir.Node, shape: Sequence[int]) -> tuple[int, int]:
    return (shape[1], shape[0]) if attr(node, "layout", 0) else (shape[0], shape[1])


def _directions(node: ir.Node) -> tuple[bool, ...]:
    """Return whether each direction goes backwards."""
    said = attr(node, "direction", "forward")
    return {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}[said]


def _names(node: ir.Node) -> tuple[str, ...]:
    given: tuple[str, ...] = attr(node, "activations", ())
    own = _DEFAULT[node.op_type] * len(_directions(node))
    known = {name.lower(): name for name in _ACTIVATIONS}
    return tuple(known.get(a.lower()) or a for a in given) or own


Activation = Callable[[ir.Value], ir.Value]


@dataclass(frozen=True)
class _Cell:
    """One direction: weights by gate, in ONNX's order. w: [I,G·H]; r: [H,G·H]; biases [G·H]."""

    write: Writer
    node: ir.Node
    hidden: int
    w: Array
    r: Array
    w_bias: Array
    r_bias: Array
    peepholes: Array | None
    act: tuple[Activation, ...]

    def gate(self, x: ir.Value, k: int) -> ir.Value:
        return self.write.piece(x, 1, k * self.hidden, (k + 1) * self.hidden)

    def clipped(self, x: ir.Value) -> ir.Value:
        limit = float(attr(self.node, "clip", 0.0))
        op = self.write.op
        return op("Min", op("Max", x, -limit), limit) if limit else x


def _unrolled(model: ir.Model, node: ir.Node) -> None:
    write = Writer(model, node, "step")
    x = node.inputs[0]
    assert x is not None
    if attr(node, "layout", 0):
        x = write.op("Transpose", x, perm=[1, 0, 2])
    steps, batch = _steps_and_batch(node, shape_of(node.inputs[0]))  # type: ignore[arg-type]
    hidden = shape_of(node.inputs[2])[2]  # type: ignore[arg-type]
    flat = write.reshape(x, steps * batch, shape_of(node.inputs[0])[2])  # type: ignore[arg-type]
    every: list[list[ir.Value]] = []
    last: list[tuple[ir.Value, ...]] = []
    for d, backwards in enumerate(_directions(node)):
        cell = _cell(write, node, d, hidden)
        bias = cell.w_bias if node.op_type == "GRU" else cell.w_bias + cell.r_bias
        given = write.op("Add", write.op("MatMul", flat, cell.w), bias)
        state = _start(write, node, d, batch, hidden)
        found: list[ir.Value] = []
        for t in reversed(range(steps)) if backwards else range(steps):
            now = write.piece(given, 0, t * batch, (t + 1) * batch)
            state = _CELLS[node.op_type](cell, now, state)
            found.append(state[0])
        every.append(found[::-1] if backwards else found)
        last.append(state)
    _put(write, node, every, last, batch, hidden)
    write.done()


def _cell(write: Writer, node: ir.Node, d: int, hidden: int) -> _Cell:
    w, r = (const_of(node.inputs[i]) for i in (1, 2))
    assert w is not None and r is not None
    bias = const_of(opt_input(node, 3))
    wide = GATES[node.op_type] * hidden
    biases = np.zeros(2 * wide, w.dtype) if bias is None else bias[d]
    peepholes = const_of(opt_input(node, 7)) if node.op_type == "LSTM" else None
    many = len(_DEFAULT[node.op_type])
    act = _activations(write, node)[d * many : (d + 1) * many]
    return _Cell(
        write,
        node,
        hidden,
        np.ascontiguousarray(w[d].T),
        np.ascontiguousarray(r[d].T),
        biases[:wide],
        biases[wide:],
        None if peepholes is None else peepholes[d],
        act,
    )


def _activations(write: Writer, node: ir.Node) -> tuple[Activation, ...]:
    """alphas and betas: one for each activation that takes any, in their order."""
    alphas: list[float] = list(attr(node, "activation_alpha", ()))
    betas: list[float] = list(attr(node, "activation_beta", ()))
    made: list[Activation] = []
    for name in _names(node):
        said = {}
        for key, values, default in zip(
            ("alpha", "beta"), (alphas, betas), _ACTIVATIONS[name], strict=False
        ):
            said[key] = float(values.pop(0)) if values else default
        made.append(partial(write.op, name, **said))
    return tuple(made)


def _start(write: Writer, node: ir.Node, d: int, batch: int, hidden: int) -> tuple[ir.Value, ...]:
    """Return h [B,H], and of an LSTM c, before the first step."""
    found = []
    for i in (5, 6)[: 2 if node.op_type == "LSTM" else 1]:
        given = opt_input(node, i)
        if given is None:
            found.append(write.const(np.zeros((batch, hidden), np.float32)))
            continue
        axis = 1 if attr(node, "layout", 0) else 0
        found.append(write.reshape(write.piece(given, axis, d, d + 1), batch, hidden))
    return tuple(found)


def _lstm(cell: _Cell, x: ir.Value, state: tuple[ir.Value, ...]) -> tuple[ir.Value, ...]:
    """Gates i, o, f, c; peepholes i, o, f."""
    op, (h, c) = cell.write.op, state
    f, g, act_h = cell.act
    gates = op("Add", x, op("MatMul", h, cell.r))
    peek = None if cell.peepholes is None else cell.peepholes.reshape(3, cell.hidden)

    def gate(k: int, seen: ir.Value) -> ir.Value:
        value = cell.gate(gates, k)
        if peek is not None:
            value = op("Add", value, op("Mul", seen, peek[k]))
        return f(cell.clipped(value))

    i = gate(0, c)
    forget = op("Sub", 1.0, i) if attr(cell.node, "input_forget", 0) else gate(2, c)
    new = g(cell.clipped(cell.gate(gates, 3)))
    c = op("Add", op("Mul", forget, c), op("Mul", i, new))
    return op("Mul", gate(1, c), act_h(c)), c


def _gru(cell: _Cell, x: ir.Value, state: tuple[ir.Value, ...]) -> tuple[ir.Value, ...]:
    """Gates z, r, h."""
    op, (h,) = cell.write.op, state
    f, g = cell.act
    size = cell.hidden
    rows, bias = cell.r, cell.r_bias
    if attr(cell.node, "linear_before_reset", 0):
        again = op("Add", op("MatMul", h, rows), bias)
        z, r = (f(cell.clipped(op("Add", cell.gate(x, k), cell.gate(again, k)))) for k in (0, 1))
        reset = op("Mul", r, cell.gate(again, 2))
    else:
        first = np.ascontiguousarray(rows[:, : 2 * size])
        again = op("Add", op("MatMul", h, first), bias[: 2 * size])
        z, r = (f(cell.clipped(op("Add", cell.gate(x, k), cell.gate(again, k)))) for k in (0, 1))
        third = np.ascontiguousarray(rows[:, 2 * size :])
        reset = op("Add", op("MatMul", op("Mul", r, h), third), bias[2 * size :])
    new = g(cell.clipped(op("Add", cell.gate(x, 2), reset)))
    return (op("Add", op("Mul", op("Sub", 1.0, z), new), op("Mul", z, h)),)


def _rnn(cell: _Cell, x: ir.Value, state: tuple[ir.Value, ...]) -> tuple[ir.Value, ...]:
    op = cell.write.op
    return (cell.act[0](cell.clipped(op("Add", x, op("MatMul", state[0], cell.r)))),)


_CELLS = {"LSTM": _lstm, "GRU": _gru, "RNN": _rnn}


def _put(
    write: Writer,
    node: ir.Node,
    every: list[list[ir.Value]],
    last: list[tuple[ir.Value, ...]],
    batch: int,
    hidden: int,
) -> None:
    """Give the node's outputs: Y [T,D,B,H], then h and c [D,B,H]; batch first with layout 1."""
    first = bool(attr(node, "layout", 0))
    wanted = [bool(o.name) and (bool(o.uses()) or o.is_graph_output()) for o in node.outputs]
    if wanted[0]:
        rows = [
            write.reshape(h, 1, 1, batch, hidden)
            for t in range(len(every[0]))
            for h in (steps[t] for steps in every)
        ]
        joined = write.op("Concat", *rows, axis=0) if len(rows) > 1 else rows[0]
        y = write.reshape(joined, len(every[0]), len(every), batch, hidden)
        write.replace(0, write.op("Transpose", y, perm=[2, 0, 1, 3]) if first else y)
    for i, want in enumerate(wanted[1:]):
        if want:
            ends = [write.reshape(state[i], 1, batch, hidden) for state in last]
            joined = write.op("Concat", *ends, axis=0) if len(ends) > 1 else ends[0]
            whole = write.reshape(joined, len(ends), batch, hidden)
            write.replace(i + 1, write.op("Transpose", whole, perm=[1, 0, 2]) if first else whole)

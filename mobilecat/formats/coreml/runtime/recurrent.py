"""One recurrent layer as ONNX, for ML Programs and NeuralNetworks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecat.formats.coreml.runtime.errors import refused
from mobilecat.formats.coreml.runtime.graph import Graph, Val

Array = npt.NDArray[Any]

# Core ML's activation → ONNX's
_ACTIVATIONS = {
    "relu": "Relu",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "sigmoid_hard": "HardSigmoid",
    "hard_sigmoid": "HardSigmoid",
    "linear": "Affine",
    "scaled_tanh": "ScaledTanh",
}
# alpha and beta where ONNX's defaults are not Core ML's
_PARAMETERS = {"HardSigmoid": (0.2, 0.5), "Affine": (1.0, 0.0), "ScaledTanh": (1.0, 1.0)}

MAX_UNROLLED = 2048


@dataclass(frozen=True)
class Weights:
    """One direction, ONNX's order: input [G·H,I], recurrent [G·H,H], bias [G·H], peephole [3·H]."""

    inputs: Array
    hidden: Array
    bias: Array
    peephole: Array | None = None


def activation(name: str, where: str) -> str:
    if name not in _ACTIVATIONS:
        raise refused(f"recurrent activation {name!r}", where)
    return _ACTIVATIONS[name]


def reordered(array: Array, order: Sequence[int]) -> Array:
    """Return the gates of `array` (stacked along axis 0) in another order."""
    parts = np.split(array.astype(np.float32), len(order), axis=0)
    return np.concatenate([parts[i] for i in order], axis=0)


def recurrent(
    g: Graph,
    kind: str,
    x: Val,
    directions: Sequence[Weights],
    initial: Sequence[Val],
    activations: Sequence[str],
    direction: str,
    clip: float | None = None,
    coupled: bool = False,
) -> tuple[Val, list[Val]]:
    """Return every step's output [S, B, D·H] and the final states [B, D·H].

    kind: LSTM, GRU (reset before the product) or RNN. x: [S, B, I]. initial: states [B, D·H].
    "reverse" alone gives its outputs in the order in which they were made, last input first.
    clip: bounds the LSTM's cell state (ONNX's clip bounds other things), coupled: f = 1 − i.
    """
    if kind == "LSTM" and (clip is not None or coupled):
        return _unrolled_lstm(g, x, directions, initial, activations, direction, clip, coupled)
    hidden, count = directions[0].hidden.shape[1], len(directions)
    batch, steps = x.shape[1], x.shape[0]
    states = [
        g("Transpose", g("Reshape", v, np.array([batch, count, hidden])), perm=[1, 0, 2])
        for v in initial
    ]
    biases = [np.concatenate([w.bias, np.zeros_like(w.bias)]) for w in directions]
    peepholes = [w.peephole for w in directions if w.peephole is not None]
    names = [a for _ in directions for a in activations]
    operands: list[Any] = [
        x,
        np.stack([w.inputs for w in directions]),
        np.stack([w.hidden for w in directions]),
        np.stack(biases).astype(np.float32),
        None,
        *states,
    ]
    if kind == "LSTM" and peepholes:
        operands.append(np.stack(peepholes).astype(np.float32))
    made = g.several(
        len(initial) + 1,
        kind,
        *operands,
        hidden_size=hidden,
        direction=direction,
        activations=names,
        # each activation that has parameters takes the next one
        activation_alpha=[_PARAMETERS[n][0] for n in names if n in _PARAMETERS] or None,
        activation_beta=[_PARAMETERS[n][1] for n in names if n in _PARAMETERS] or None,
    )
    every = g("Reshape", g("Transpose", made[0], perm=[0, 2, 1, 3]), np.array([steps, batch, -1]))
    if direction == "reverse":
        every = flipped(g, every)
    finals = [
        g("Reshape", g("Transpose", v, perm=[1, 0, 2]), np.array([batch, -1])) for v in made[1:]
    ]
    return every, finals


def flipped(g: Graph, v: Val) -> Val:
    """Return `v` with its first axis reversed."""
    ends = np.array([-(1 << 31)])
    return g("Slice", v, np.array([-1]), ends, np.array([0]), np.array([-1]))


def _unrolled_lstm(
    g: Graph,
    x: Val,
    directions: Sequence[Weights],
    initial: Sequence[Val],
    activations: Sequence[str],
    direction: str,
    clip: float | None,
    coupled: bool,
) -> tuple[Val, list[Val]]:
    """Step by step: for what ONNX's LSTM cannot say."""
    steps, hidden = x.shape[0], directions[0].hidden.shape[1]
    if steps > MAX_UNROLLED:
        raise refused(f"a clipped or coupled LSTM of {steps} steps", g.where)
    if 0 in x.shape:
        raise refused("a clipped or coupled LSTM without steps", g.where)
    everything, last_h, last_c = [], [], []
    for d, w in enumerate(directions):
        backward = direction == "reverse" or d == 1
        h, c = (
            g("Slice", v, np.array([d * hidden]), np.array([(d + 1) * hidden]), np.array([1]))
            for v in initial
        )
        made = []
        for step in range(steps)[:: -1 if backward else 1]:
            h, c = _lstm_step(
                g, g("Gather", x, np.array(step), axis=0), h, c, w, activations, clip, coupled
            )
            made.append(g("Unsqueeze", h, np.array([0])))
        if backward and direction == "bidirectional":
            made.reverse()
        everything.append(g("Concat", *made, axis=0))
        last_h.append(h)
        last_c.append(c)
    return g("Concat", *everything, axis=2), [g("Concat", *v, axis=1) for v in (last_h, last_c)]


def _lstm_step(
    g: Graph,
    x: Val,
    h: Val,
    c: Val,
    w: Weights,
    activations: Sequence[str],
    clip: float | None,
    coupled: bool,
) -> tuple[Val, Val]:
    gates = g("Add", g("MatMul", x, w.inputs.T.copy()), g("MatMul", h, w.hidden.T.copy()))
    gates = g("Add", gates, w.bias)
    size = w.hidden.shape[1]
    i, o, f, z = g.several(4, "Split", gates, np.array([size] * 4), axis=1)
    peep = np.split(w.peephole, 3) if w.peephole is not None else None
    if peep is not None:
        i, f = g("Add", i, g("Mul", c, peep[0])), g("Add", f, g("Mul", c, peep[2]))
    i = _activated(g, i, activations[0])
    f = g("Sub", g.const(np.float32(1)), i) if coupled else _activated(g, f, activations[0])
    c = g("Add", g("Mul", f, c), g("Mul", i, _activated(g, z, activations[1])))
    if clip is not None:
        c = g("Clip", c, g.const(np.float32(-clip)), g.const(np.float32(clip)))
    if peep is not None:
        o = g("Add", o, g("Mul", c, peep[1]))
    o = _activated(g, o, activations[0])
    return g("Mul", o, _activated(g, c, activations[2])), c


def _activated(g: Graph, x: Val, name: str) -> Val:
    y: Val
    if name == "Affine":
        return x
    if name == "HardSigmoid":
        y = g(name, x, alpha=0.2, beta=0.5)
        return y
    y = g("Tanh" if name == "ScaledTanh" else name, x)
    return y


def last_step(g: Graph, finals: Sequence[Val]) -> Val:
    """Return the final output as a sequence of one: each direction's last state."""
    return g("Unsqueeze", finals[0], np.array([0]))

"""One recurrent layer as ONNX, for ML Programs and NeuralNetworks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecat.runtime.errors import refused
from mobilecat.runtime.graph import Graph, Val

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


@dataclass(frozen=True)
class Weights:
    """One direction: input [G·H, I], recurrent [G·H, H], bias [G·H], peephole [3·H], ONNX's order."""

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
) -> tuple[Val, list[Val]]:
    """Return every step's output [S, B, D·H] and the final states [B, D·H].

    kind: LSTM, GRU (reset after the product) or RNN. x: [S, B, I]. initial: states [B, D·H].
    """
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
    extra: dict[str, Any] = {"linear_before_reset": 1} if kind == "GRU" else {}
    made = g(
        kind,
        *operands,
        outputs=len(initial) + 1,
        hidden_size=hidden,
        direction=direction,
        activations=names,
        # each activation that has parameters takes the next one
        activation_alpha=[_PARAMETERS[n][0] for n in names if n in _PARAMETERS] or None,
        activation_beta=[_PARAMETERS[n][1] for n in names if n in _PARAMETERS] or None,
        clip=clip,
        **extra,
    )
    every = g("Reshape", g("Transpose", made[0], perm=[0, 2, 1, 3]), np.array([steps, batch, -1]))
    finals = [
        g("Reshape", g("Transpose", v, perm=[1, 0, 2]), np.array([batch, -1])) for v in made[1:]
    ]
    return every, finals


def last_step(g: Graph, every: Val, finals: Sequence[Val]) -> Val:
    """Return the final output as a sequence of one: each direction's last state."""
    result: Val = g("Unsqueeze", finals[0], np.array([0]))
    return result

"""Recurrent layers: blobs are [S, B, C, 1, 1]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mobilecat.formats.coreml.runtime.graph import Graph, Val
from mobilecat.formats.coreml.runtime.nn.layer import Layer
from mobilecat.formats.coreml.runtime.nn.table import nn_layer
from mobilecat.formats.coreml.runtime.recurrent import Weights, activation, last_step, recurrent

_NAMES = {"ReLU": "relu", "sigmoidHard": "sigmoid_hard", "scaledTanh": "scaled_tanh"}


def _activations(layer: Layer, found: Sequence[Any], defaults: Sequence[str]) -> list[str]:
    kinds = [a.WhichOneof("NonlinearityType") or "linear" for a in found] or list(defaults)
    return [activation(_NAMES.get(k, k), layer.where) for k in kinds]


def _sequence(layer: Layer) -> Val:
    """Return the input as [S, B, C]."""
    x = layer.x
    shape = x.shape if x.rank == 5 else (x.shape[0], *([1] if x.rank == 1 else []), *x.shape[1:])
    if len(shape) < 3 or any(d != 1 for d in shape[3:]):
        raise layer.broken(f"a sequence of shape {x.shape}")
    return layer.g("Reshape", x, np.array(shape[:3]))


def _initial(layer: Layer, index: int, batch: int, size: int) -> Val:
    if len(layer.xs) > index:
        return layer.g("Reshape", layer.at(index), np.array([batch, size]))
    return layer.g.const(np.zeros((batch, size), np.float32))


def _blob(g: Graph, v: Val) -> Val:
    return g("Unsqueeze", v, np.array([v.rank, v.rank + 1]))


def _results(layer: Layer, every: Val, finals: list[Val], sequence: bool) -> tuple[Val, ...]:
    g = layer.g
    y = every if sequence else last_step(g, finals)
    states = [_blob(g, g("Unsqueeze", s, np.array([0]))) for s in finals]
    return _blob(g, y), *states


def _stacked(layer: Layer, source: Any, names: Sequence[str], suffix: str, shape: list[int]) -> Any:
    parts = [layer.weight(getattr(source, f"{n}{suffix}"), shape) for n in names]
    return np.concatenate(parts, axis=0)


@nn_layer("simpleRecurrent")
def onnx_from_simpleRecurrent(layer: Layer) -> tuple[Val, ...]:
    p = layer.p
    x, i, h = _sequence(layer), int(p.inputVectorSize), int(p.outputVectorSize)
    bias = layer.weight(p.biasVector, [h]) if p.hasBiasVector else np.zeros(h, np.float32)
    w = Weights(layer.weight(p.weightMatrix, [h, i]), layer.weight(p.recursionMatrix, [h, h]), bias)
    names = _activations(layer, [p.activation], ["tanh"])
    direction = "reverse" if p.reverseInput else "forward"
    start = [_initial(layer, 1, x.shape[1], h)]
    every, finals = recurrent(layer.g, "RNN", x, [w], start, names, direction)
    return _results(layer, every, finals, bool(p.sequenceOutput))


_GRU_GATES = ("updateGate", "resetGate", "outputGate")


@nn_layer("gru")
def onnx_from_gru(layer: Layer) -> tuple[Val, ...]:
    p = layer.p
    x, i, h = _sequence(layer), int(p.inputVectorSize), int(p.outputVectorSize)
    bias = np.zeros(3 * h, np.float32)
    if p.hasBiasVectors:
        bias = _stacked(layer, p, _GRU_GATES, "BiasVector", [h])
    w = Weights(
        _stacked(layer, p, _GRU_GATES, "WeightMatrix", [h, i]),
        _stacked(layer, p, _GRU_GATES, "RecursionMatrix", [h, h]),
        bias,
    )
    names = _activations(layer, p.activations, ["sigmoid", "tanh"])
    direction = "reverse" if p.reverseInput else "forward"
    start = [_initial(layer, 1, x.shape[1], h)]
    every, finals = recurrent(layer.g, "GRU", x, [w], start, names, direction)
    return _results(layer, every, finals, bool(p.sequenceOutput))


_LSTM_GATES = ("inputGate", "outputGate", "forgetGate", "blockInput")
_LSTM_PEEPHOLES = ("inputGate", "outputGate", "forgetGate")


def _lstm_weights(layer: Layer, q: Any, i: int, h: int) -> Weights:
    params = layer.p.params
    bias = np.zeros(4 * h, np.float32)
    if params.hasBiasVectors:
        bias = _stacked(layer, q, _LSTM_GATES, "BiasVector", [h])
    if params.forgetBias:
        bias[2 * h : 3 * h] += 1
    peephole = None
    if params.hasPeepholeVectors:
        peephole = _stacked(layer, q, _LSTM_PEEPHOLES, "PeepholeVector", [h])
    return Weights(
        _stacked(layer, q, _LSTM_GATES, "WeightMatrix", [h, i]),
        _stacked(layer, q, _LSTM_GATES, "RecursionMatrix", [h, h]),
        bias,
        peephole,
    )


@nn_layer("uniDirectionalLSTM", "biDirectionalLSTM")
def onnx_from_lstm(layer: Layer) -> tuple[Val, ...]:
    """A bidirectional layer reads and gives forward and backward states one after the other."""
    p, g = layer.p, layer.g
    both = layer.type == "biDirectionalLSTM"
    x, i, h = _sequence(layer), int(p.inputVectorSize), int(p.outputVectorSize)
    batch = x.shape[1]
    sources = list(p.weightParams) if both else [p.weightParams]
    if len(sources) != (2 if both else 1):
        raise layer.broken(f"weights of {len(sources)} directions")
    starts = [_initial(layer, n, batch, h) for n in range(1, 2 * len(sources) + 1)]
    initial = [g("Concat", *starts[k::2], axis=1) for k in (0, 1)]
    found = p.activationsForwardLSTM if both else p.activations
    clip = float(p.params.cellClipThreshold)
    every, finals = recurrent(
        g,
        "LSTM",
        x,
        [_lstm_weights(layer, q, i, h) for q in sources],
        initial,
        _activations(layer, found, ["sigmoid", "tanh", "tanh"]),
        "bidirectional" if both else "reverse" if p.reverseInput else "forward",
        clip if 0 < clip < 1e6 else None,
        bool(p.params.coupledInputAndForgetGate),
    )
    sequence = bool(p.params.sequenceOutput)
    if not both:
        return _results(layer, every, finals, sequence)
    halves = [g.several(2, "Split", v, np.array([h, h]), axis=1) for v in finals]
    y = every if sequence else last_step(g, finals)
    states = [halves[0][0], halves[1][0], halves[0][1], halves[1][1]]
    return _blob(g, y), *[_blob(g, g("Unsqueeze", s, np.array([0]))) for s in states]

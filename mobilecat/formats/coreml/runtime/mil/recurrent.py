"""Recurrent ops."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecat.formats.coreml.runtime.graph import Val
from mobilecat.formats.coreml.runtime.mil.op import Op
from mobilecat.formats.coreml.runtime.mil.table import mil_op
from mobilecat.formats.coreml.runtime.recurrent import (
    Weights,
    activation,
    last_step,
    recurrent,
    reordered,
)

Array = npt.NDArray[Any]

_LSTM = (0, 2, 1, 3)  # i f o z → i o f z
_LSTM_PEEPHOLE = (0, 2, 1)  # i f o → i o f
_GRU = (2, 0, 1)  # r o z → z r o


def _weights(op: Op, suffix: str, order: tuple[int, ...]) -> Weights:
    inputs = op.array(f"weight_ih{suffix}")
    hidden = op.array(f"weight_hh{suffix}")
    if inputs.ndim != 2 or hidden.ndim != 2 or hidden.shape[0] % len(order):
        raise op.broken(f"weights {inputs.shape} and {hidden.shape}")
    bias = op.array(f"bias{suffix}", np.zeros(hidden.shape[0], np.float32))
    peephole: Array | None = None
    if len(order) == 4 and f"peephole{suffix}" in op:
        peephole = reordered(op.array(f"peephole{suffix}"), _LSTM_PEEPHOLE)
    return Weights(
        reordered(inputs, order), reordered(hidden, order), reordered(bias, order), peephole
    )


def _sequence(op: Op, every: Val, finals: list[Val]) -> Val:
    return every if op.flag("output_sequence", False) else last_step(op.g, finals)


@mil_op("lstm")
def onnx_from_lstm(op: Op) -> tuple[Val, ...]:
    direction = op.text("direction", "forward")
    suffixes = ["", "_back"] if direction == "bidirectional" else [""]
    names = [
        op.text(n, d)
        for n, d in (
            ("recurrent_activation", "sigmoid"),
            ("cell_activation", "tanh"),
            ("activation", "tanh"),
        )
    ]
    every, finals = recurrent(
        op.g,
        "LSTM",
        op["x"],
        [_weights(op, s, _LSTM) for s in suffixes],
        [op["initial_h"], op["initial_c"]],
        [activation(n, op.where) for n in names],
        direction,
        op.number("clip") if "clip" in op else None,
    )
    return _sequence(op, every, finals), finals[0], finals[1]


@mil_op("gru")
def onnx_from_gru(op: Op) -> tuple[Val, ...]:
    names = [op.text("recurrent_activation", "sigmoid"), op.text("activation", "tanh")]
    every, finals = recurrent(
        op.g,
        "GRU",
        op["x"],
        [_weights(op, "", _GRU)],
        [op["initial_h"]],
        [activation(n, op.where) for n in names],
        op.text("direction", "forward"),
    )
    return _sequence(op, every, finals), finals[0]


@mil_op("rnn")
def onnx_from_rnn(op: Op) -> tuple[Val, ...]:
    every, finals = recurrent(
        op.g,
        "RNN",
        op["x"],
        [_weights(op, "", (0,))],
        [op["initial_h"]],
        [activation(op.text("activation", "tanh"), op.where)],
        op.text("direction", "forward"),
    )
    return _sequence(op, every, finals), finals[0]

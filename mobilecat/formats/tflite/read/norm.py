"""What is normalised over one axis, most often the channels."""

from __future__ import annotations

import numpy as np

from mobilecat.formats.tflite.read.op import Call, First, Given, lain, reads


def _channels(call: Call) -> tuple[str, bool, int]:
    x, first = call.kept()
    return x, first, 1 if first else call.rank(0) - 1


@reads("SOFTMAX")
def read_softmax(call: Call) -> Given:
    x, first, axis = _channels(call)
    beta = float(call.option("beta", 1.0))
    if beta != 1:
        x = call.g.op("Mul", x, np.array(beta, np.float32))
    return lain(call.g.op("Softmax", x, axis=axis), first)


@reads("LOG_SOFTMAX")
def read_log_softmax(call: Call) -> Given:
    x, first, axis = _channels(call)
    return lain(call.g.op("LogSoftmax", x, axis=axis), first)


@reads("L2_NORMALIZATION")
def read_l2(call: Call) -> Given:
    x, first, axis = _channels(call)
    squares = call.g.op("Mul", x, x)
    total = call.g.op("ReduceSum", squares, np.array([axis], np.int64), keepdims=1)
    # The kernel's own smallest divisor.
    length = call.g.op("Max", call.g.op("Sqrt", total), np.array(1e-6, np.float32))
    return lain(call.activated(call.g.op("Div", x, length)), first)


@reads("LOCAL_RESPONSE_NORMALIZATION")
def read_lrn(call: Call) -> Given:
    size = 2 * int(call.option("radius")) + 1
    y = call.g.op(
        "LRN",
        call.first(0),
        size=size,
        alpha=float(call.option("alpha", 1.0)) * size,  # ONNX divides it by the size
        beta=float(call.option("beta", 0.5)),
        bias=float(call.option("bias", 1.0)),
    )
    return First(y)

"""Poolings: of each channel by itself."""

from __future__ import annotations

from mobilecat.formats.tflite.read.conv import pads_of, steps
from mobilecat.formats.tflite.read.op import Call, First, Given, Refused, reads


def _settings(call: Call) -> dict[str, list[int]]:
    kernel = [int(call.option("filterHeight")), int(call.option("filterWidth"))]
    if min(kernel) < 1 or call.rank(0) != 4:
        raise Refused(f"a window {kernel} on {list(call.shape(0))}")
    strides = steps(call, "stride", "H", "W")
    pads = pads_of(call, kernel, strides, [1, 1])
    return {"kernel_shape": kernel, "strides": strides, "pads": pads}


@reads("MAX_POOL_2D")
def read_max_pool(call: Call) -> Given:
    return First(call.activated(call.g.op("MaxPool", call.first(0), **_settings(call))))


@reads("AVERAGE_POOL_2D")
def read_average_pool(call: Call) -> Given:
    y = call.g.op("AveragePool", call.first(0), count_include_pad=0, **_settings(call))
    return First(call.activated(y))


@reads("L2_POOL_2D")
def read_l2_pool(call: Call) -> Given:
    x = call.first(0)
    squares = call.g.op("Mul", x, x)
    mean = call.g.op("AveragePool", squares, count_include_pad=0, **_settings(call))
    return First(call.activated(call.g.op("Sqrt", mean)))

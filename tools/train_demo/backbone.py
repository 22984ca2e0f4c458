"""MobileNetV2 in Keras layers, batch normalisation folded, weights read from an SSD's TFLite file.

Architecture: https://arxiv.org/abs/1801.04381, table 2. The file has its 52 convolutions in order,
each with a bias; weights are OHWI (depthwise 1HWC) in float16.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

# expansion, channels, repeats, first stride
BLOCKS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def mobilenet_v2(x: Any, weights: Iterator[tuple[Any, Any]] | None, frozen: int) -> dict[str, Any]:
    """Return the feature maps `block_0` … `block_16` and `block_13_expand`, NHWC.

    `weights` yields (kernel, bias) in the file's order; None leaves them random. Blocks below
    `frozen` keep their weights, which spares most of the backward pass: they are the largest maps.
    """
    maps: dict[str, Any] = {}
    x = _convolved(x, weights, "stem", frozen > 0, filters=32, kernel=3, stride=2)
    index = 0
    for expansion, channels, repeats, first_stride in BLOCKS:
        for repeat in range(repeats):
            name, fixed = f"block_{index}", index < frozen
            inside = x
            if expansion > 1:
                wide = x.shape[-1] * expansion
                inside = _convolved(inside, weights, f"{name}_expand", fixed, filters=wide)
                maps[f"{name}_expand"] = inside
            stride = first_stride if repeat == 0 else 1
            inside = _convolved(
                inside, weights, f"{name}_depthwise", fixed, kernel=3, stride=stride
            )
            inside = _convolved(
                inside, weights, f"{name}_project", fixed, filters=channels, relu=False
            )
            x = layers.Add(name=f"{name}_add")([x, inside]) if repeat else inside
            maps[name] = x
            index += 1
    return maps


def _convolved(
    x: Any,
    weights: Iterator[tuple[Any, Any]] | None,
    name: str,
    fixed: bool,
    *,
    filters: int | None = None,
    kernel: int = 1,
    stride: int = 1,
    relu: bool = True,
) -> Any:
    """Convolve, depthwise where `filters` is None."""
    settings = {"strides": stride, "padding": "same", "name": name, "trainable": not fixed}
    layer = (
        layers.DepthwiseConv2D(kernel, **settings)
        if filters is None
        else layers.Conv2D(filters, kernel, **settings)
    )
    x = layer(x)
    if weights is not None:
        layer.set_weights(next(weights))
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if relu else x


def weights_from_tflite(file: Path) -> Iterator[tuple[Any, Any]]:
    """Yield (kernel, bias) of every convolution in execution order, in Keras' layouts."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    # Without delegates, and with every tensor kept: the weights pass through DEQUANTIZE.
    interpreter = Interpreter(
        str(file),
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    size = interpreter.get_input_details()[0]
    interpreter.set_tensor(size["index"], np.zeros(size["shape"], np.float32))
    interpreter.invoke()
    names = {d["index"]: d["name"] for d in interpreter.get_tensor_details()}
    for op in interpreter._get_ops_details():
        convolves = op["op_name"] in ("CONV_2D", "DEPTHWISE_CONV_2D")
        if not convolves or "Predictor/biases" in names[op["inputs"][2]]:
            continue
        kernel, bias = (interpreter.get_tensor(i).copy() for i in op["inputs"][1:3])
        # OHWI to HWIO; a depthwise 1HWC to HWC1 is the same turn.
        yield kernel.transpose(1, 2, 3, 0), bias


def normal() -> Any:
    """Return the initialiser of prediction layers."""
    return keras.initializers.RandomNormal(stddev=0.01)

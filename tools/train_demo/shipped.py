"""The weights of a network that was frozen before, to go on training from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

_LAYER = re.compile(r"(?:functional_\d+/)?(?P<name>\w+?)_1/Squeeze:0")


def weights_from_onnx(file: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return (kernel, bias) of every convolution by its layer's name, in Keras' layouts.

    file: as `tools.train_demo.freeze` writes it; its biases are called after the layers.
    """
    proto = onnx.load(file)
    held = {t.name: numpy_helper.to_array(t) for t in proto.graph.initializer}
    for node in proto.graph.node:  # large weights lie in float16, each behind a Cast
        if node.op_type == "Cast" and node.input[0] in held:
            held[node.output[0]] = held[node.input[0]].astype(np.float32)
    found = {}
    for node in proto.graph.node:
        layer = _LAYER.fullmatch(node.input[2]) if len(node.input) == 3 else None
        if node.op_type != "Conv" or layer is None:
            continue
        kernel, bias = (held[name] for name in node.input[1:])
        # OIHW to HWIO; a depthwise C1HW to HWC1.
        turn = (2, 3, 0, 1) if kernel.shape[1] == 1 and _depthwise(node) else (2, 3, 1, 0)
        found[layer["name"]] = kernel.transpose(turn), bias
    return found


def take_weights(network: Any, file: Path) -> None:
    """Give a Keras network the weights of a frozen one; KeyError where a layer has none there."""
    weights = weights_from_onnx(file)
    for layer in network.layers:
        if layer.get_weights():
            layer.set_weights(weights[layer.name])


def _depthwise(node: onnx.NodeProto) -> bool:
    return any(a.name == "group" and a.i > 1 for a in node.attribute)

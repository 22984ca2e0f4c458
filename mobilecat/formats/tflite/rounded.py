"""What a target of a .tflite computes with where the graph has a weight, and what that takes."""

from __future__ import annotations

from fnmatch import fnmatchcase

import numpy as np

from mobilecat.formats.tflite.quantise import steps
from mobilecat.formats.tflite.quantise.weights import FEW, SMALL
from mobilecat.formats.tflite.target import TfliteTarget
from mobilecat.graph import Array

_SCALE = 12
"""Bytes of a channel's scale and zero point in the file."""


def rounded(
    target: TfliteTarget, node: str, values: Array, axes: tuple[int, int]
) -> tuple[Array, float]:
    """Return (the weights of `node` as they are computed with, the bytes that they take).

    axes: of `values`, that of the outputs and that of the inputs.
    """
    kept = any(fnmatchcase(node, pattern) for pattern in target.float_nodes)
    stored: str = target.precision
    if kept:
        stored = "float32" if stored == "float16" else f"{target.float_weights}-weights"
    if stored.startswith("float32"):
        return values, 4.0 * values.size
    channels = values.shape[axes[0]]
    few = stored == "int8-weights" and (values.size < SMALL or values.size // channels <= FEW)
    if stored.startswith("float16") or few:
        return values.astype(np.float16).astype(np.float32), 2.0 * values.size
    shared = any(fnmatchcase(node, pattern) for pattern in target.one_scale)
    quant = steps.of_weights(values, axes[0], shared=shared)
    whole = steps.stored(values, quant, steps.INT8)
    spread = [1] * values.ndim
    spread[axes[0]] = -1
    made = whole.astype(np.float32) * quant.scales.reshape(spread)
    return made, values.size + float(_SCALE * quant.scales.size)

"""What the numpy forms share: picking outputs, boxes from centres, the two squashing functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from mobilecat.graph import Array
from mobilecat.heads.base import ANCHORS

Arrays = Mapping[str, Array]


def pick(outputs: Arrays, name: str | None, fits: Callable[[Array], bool]) -> str:
    """Return `name`, or the first output that fits."""
    return name or next(k for k, v in outputs.items() if k != ANCHORS and fits(v))


def table(array: Array) -> Array:
    """Return [N,columns] float64 of [1,N,columns] or [1,N,1,columns]."""
    return array.reshape(-1, array.shape[-1]).astype(np.float64)


def from_centres(cx: Array, cy: Array, w: Array, h: Array) -> Array:
    """Return [1,N,4] xyxy."""
    boxes = np.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], axis=-1)
    return boxes.reshape(1, -1, 4)


def sigmoid(x: Array) -> Array:
    with np.errstate(over="ignore"):
        result: Array = 1 / (1 + np.exp(-x))
    return result


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    result: Array = e / e.sum(axis=-1, keepdims=True)
    return result


def activate(x: Array, activation: str) -> Array:
    if activation == "none":
        return x
    return sigmoid(x) if activation == "sigmoid" else softmax(x)

"""NeuralNetwork models: one small function per layer type."""

from __future__ import annotations

import importlib
from functools import cache

_FAMILIES = (
    "control",
    "conv",
    "cut",
    "elementwise",
    "gather",
    "norm",
    "random",
    "recurrent",
    "shape",
)


@cache
def load_translations() -> None:
    """Fill the table: import every family of layers."""
    for family in _FAMILIES:
        importlib.import_module(f"{__name__}.{family}")

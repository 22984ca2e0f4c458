"""ML Programs: parsing, and one small function per MIL op."""

from __future__ import annotations

import importlib
from functools import cache

_FAMILIES = (
    "activation",
    "control",
    "conv",
    "compressed",
    "elementwise",
    "gather",
    "linear",
    "lists",
    "nms",
    "norm",
    "pool",
    "quantize",
    "random",
    "recurrent",
    "reduce",
    "resize",
    "shape",
    "slicing",
)


@cache
def load_translations() -> None:
    """Fill the table: import every family of ops."""
    for family in _FAMILIES:
        importlib.import_module(f"{__name__}.{family}")

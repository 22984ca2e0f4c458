"""An artifact's inner values under the graph's names: what a lowering makes of a name, undone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mobilecat.graph import Array

Shapes = Mapping[str, tuple[int, ...]]
"""The graph's values by name."""


@dataclass(frozen=True)
class Given:
    """A value that an artifact gave. name: its name there."""

    name: str
    array: Array


def fitted(array: Array, shape: tuple[int, ...]) -> Array | None:
    """Return `array` in `shape` where only axes of size 1 differ; None where more does."""
    same = [d for d in array.shape if d != 1] == [d for d in shape if d != 1]
    return array.reshape(shape) if same else None

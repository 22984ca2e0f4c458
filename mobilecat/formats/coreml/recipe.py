"""How a Core ML file stores weights and activations, and which system reads that."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, Literal

Weights = Literal[
    "int8", "int4", "palette1", "palette2", "palette3", "palette4", "palette6", "palette8", "sparse"
]

OPSETS = {"int8": 16, "int4": 18, "sparse": 16}
"""The first system whose programs can hold it: coremltools' operator sets, and
https://apple.github.io/coremltools/docs-guides/source/opt-overview.html"""


@dataclass(frozen=True)
class LayerRecipe:
    """How the weights of some nodes are stored. nodes: patterns of the graph's names."""

    nodes: tuple[str, ...]
    weights: Weights | None
    block: int | None = None

    def names(self, nodes: Collection[str]) -> bool:
        """Return whether it is for a layer of these nodes."""
        return any(fnmatchcase(n, p) for p in self.nodes for n in nodes)


@dataclass(frozen=True)
class Recipe:
    """weights: how the large ones are stored; None as `precision` says.

    block: inputs that share a scale (int4), or channels that share a palette.
    sparsity: the share of each weight that becomes 0.
    activations: whether what goes into convolutions and matrix products is int8.
    layers: nodes whose weights are stored otherwise; the first that names a node counts.
    """

    weights: Weights | None = None
    block: int | None = None
    sparsity: float | None = None
    activations: bool = False
    layers: tuple[LayerRecipe, ...] = ()

    @property
    def plain(self) -> bool:
        return self.weights is None and not self.activations and not self.layers

    def of(self, nodes: Collection[str]) -> Recipe:
        """Return how the weights of a layer are stored. nodes: the graph's, by name."""
        for own in self.layers:
            if own.names(nodes):
                sparsity = self.sparsity if own.weights == "sparse" else None
                return replace(
                    self, weights=own.weights, block=own.block, sparsity=sparsity, layers=()
                )
        return replace(self, layers=())

    @property
    def bits(self) -> int:
        """Return how many bits an index of a palette has; 0 where there is none."""
        found = self.weights or ""
        return int(found.removeprefix("palette")) if found.startswith("palette") else 0

    @property
    def ios(self) -> int:
        """Return the oldest system that reads it; 15 is what every ML Program needs."""
        needed = [15, *(Recipe(own.weights, own.block).ios for own in self.layers)]
        if self.bits:
            needed.append(18 if self.block or self.bits == 3 else 16)
        elif self.weights:
            needed.append(OPSETS[self.weights])
        if self.activations:
            needed.append(17)
        return max(needed)

    @property
    def words(self) -> str:
        """Return what bundle.json calls the precision, "" where it is that of the arithmetic."""
        if self.activations:
            return "w8a8"
        every = [w for w in (self.weights, *(own.weights for own in self.layers)) if w is not None]
        return min(every, key=_coarseness, default="")


def _coarseness(weights: str) -> tuple[int, bool]:
    """Return bits and whether they are int8: of mixed layers the coarsest say how far they move."""
    digits = "".join(c for c in weights if c.isdigit())
    return int(digits or 0), weights.startswith("int")


PLAIN = Recipe()
"""Weights and activations in the type of the arithmetic."""

Measure = Callable[[Any], Mapping[str, tuple[float, float]]]
"""A graph → the range of each of its values that was measured, (low, high) by name."""

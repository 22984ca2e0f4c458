"""What a target asks of its bits, and the program that has them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

import onnx_ir as ir

from mobilecat.errors import Problem, SpecError
from mobilecat.formats.tflite.program import Program, Tensor
from mobilecat.graph import Array

if TYPE_CHECKING:
    from mobilecat.quantize import Calibration

Precision = Literal["float32", "float16", "int8-weights", "int8-dynamic", "int8", "int16x8"]
CALIBRATED = frozenset({"int8", "int16x8"})
FITTED = frozenset({"int8-weights"})
"""Whose weights are rounded by what pictures show, where there are some."""


@dataclass(frozen=True)
class Recipe:
    """keep_float: patterns of graph nodes that stay float. exact: nodes that compute pixels.
    float_weights: how the weights of the former are stored, where others are whole numbers.
    one_scale: patterns of nodes whose int8 weights have one scale, not one an output.

    input: the type of the picture in the file. whole: no operator of the network may stay float.
    outputs: the network's own, before they are decoded. auto: whether the layers that the network
    cannot bear to have rounded stay float besides; watched: the values that tell, by name. kept:
    the nodes that were found so.
    """

    precision: Precision
    input: Literal["uint8", "int8", "float32"] = "uint8"
    keep_float: tuple[str, ...] = ()
    float_weights: Literal["float16", "int8", "float32"] = "float16"
    one_scale: tuple[str, ...] = ()
    whole: bool = False
    exact: Collection[str] = frozenset()
    outputs: tuple[str, ...] = ()
    calibration: Calibration | None = None
    auto: bool = False
    watched: tuple[str, ...] = ()
    kept: frozenset[str] = frozenset()

    @property
    def fits(self) -> bool:
        """Whether weights are rounded by what pictures show (`fitting.fit`)."""
        return self.precision in FITTED and self.calibration is not None

    def keeps(self, node: str) -> bool:
        """Return whether the graph's node stays float."""
        if node in self.exact or node in self.kept or node in self.keep_float:
            return True
        return any(fnmatchcase(node, p) for p in self.keep_float)

    def shares(self, node: str) -> bool:
        """Return whether all outputs of the graph's node share a scale of their weights."""
        return any(node == p or fnmatchcase(node, p) for p in self.one_scale)


FLOAT32 = Recipe("float32")


def apply(
    recipe: Recipe,
    program: Program,
    model: ir.Model,
    values: dict[Tensor, str],
    scales: Mapping[str, Array] | None = None,
) -> tuple[str, ...]:
    """Give `program`, in place, the bits that `recipe` asks for; return what a user must know.

    model: the graph that was lowered. values: the graph's name of each tensor that has one.
    scales: of weights that are whole numbers already (`fitting.fit`).
    Errors: SpecError for patterns that name no node; UnsupportedError where `whole` cannot be.
    """
    if recipe.precision == "float32":
        return ()
    require_nodes(recipe, model)
    if recipe.precision in CALIBRATED:
        from mobilecat.formats.tflite.quantise.integers import in_integers

        return in_integers(recipe, program, model, values)
    from mobilecat.formats.tflite.quantise.weights import with_stored_weights

    return with_stored_weights(recipe, program, scales)


def require_nodes(recipe: Recipe, model: ir.Model) -> None:
    """Raise SpecError for each pattern that names no node of the graph."""
    nodes = [node.name or "" for node in model.graph]
    fix = "`mobilecat inspect` of the .onnx target lists the nodes; * stands for any characters"
    for key, patterns in (("keep_float", recipe.keep_float), ("one_scale", recipe.one_scale)):
        lost = [p for p in patterns if p not in nodes and not any(fnmatchcase(n, p) for n in nodes)]
        if lost:
            raise SpecError(
                f"{key} names nodes that are not there",
                [Problem(f"{p!r} fits no node of the graph", key, fix) for p in lost],
            )

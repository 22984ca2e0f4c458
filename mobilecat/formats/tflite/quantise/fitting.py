"""`int8-weights` with pictures: weights rounded so that layers give what they gave, and which of
them detections cannot bear to have rounded.

The graph that is lowered has the rounded weights in it: whatever a lowering makes of them, their
whole numbers are found again by the steps that go beside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import onnx_ir as ir

from mobilecat.formats.tflite.quantise.islands import words
from mobilecat.formats.tflite.quantise.recipe import Recipe, require_nodes
from mobilecat.formats.tflite.quantise.weights import few
from mobilecat.graph import Array, const_of
from mobilecat.quantize.calibrate import Calibration
from mobilecat.quantize.fitted import Fitted, fitted_weights, with_fitted
from mobilecat.quantize.moments import outputs_axis
from mobilecat.quantize.sensitivity import WEIGHTS_LIMIT
from mobilecat.quantize.simulate import Layer
from mobilecat.quantize.trial import Trial


@dataclass(frozen=True, eq=False)
class Fit:
    """recipe, model: what is to be lowered, and how. scales: of a node's weights, one an output.
    lints: what a user must know."""

    recipe: Recipe
    model: ir.Model
    scales: Mapping[str, Array] = field(default_factory=dict)
    lints: tuple[str, ...] = ()


def fit(recipe: Recipe, model: ir.Model) -> Fit:
    """Return the recipe and graph with weights fitted to the calibration, where there is one.

    model: as it is lowered; it stays as it is. Errors: SpecError for patterns that name no node.
    """
    calibration = recipe.calibration
    if not recipe.fits or not isinstance(calibration, Calibration):
        return Fit(recipe, model)
    require_nodes(recipe, model)
    rounded = _rounded(recipe, model)
    names = {v for v in rounded.values() if v is not None}
    weights = fitted_weights(calibration, model, names)
    recipe, lints = _kept_float(recipe, model, rounded, weights)
    left = {v for node, v in rounded.items() if recipe.keeps(node)}
    used = {name: w for name, w in weights.items() if name not in left}
    scales = {node: used[v].scales for node, v in rounded.items() if v in used}
    return Fit(recipe, with_fitted(model, used), scales, lints)


def _rounded(recipe: Recipe, model: ir.Model) -> dict[str, str]:
    """Return the nodes whose weights int8 stands for, and the names of those."""
    found = {}
    for node in model.graph:
        axis = outputs_axis(node)
        w = const_of(node.inputs[1]) if axis is not None else None
        name = node.name or ""
        if axis is None or w is None or recipe.keeps(name) or few(w.shape, axis):
            continue
        assert node.inputs[1] is not None
        found[name] = node.inputs[1].name or ""
    return found


def sizes(model: ir.Model, rounded: Mapping[str, str]) -> dict[str, float]:
    """Return how many weights each node has: what it costs to keep them float."""
    stored = {v.name or "": v.const_value for v in model.graph.initializers.values()}
    found = {node: stored[name] for node, name in rounded.items() if name in stored}
    return {node: float(c.size) for node, c in found.items() if c is not None}


def _kept_float(
    recipe: Recipe, model: ir.Model, rounded: Mapping[str, str], weights: Mapping[str, Fitted]
) -> tuple[Recipe, tuple[str, ...]]:
    there = {v.name for node in model.graph for v in node.outputs}
    watched = tuple(name for name in recipe.watched if name in there)
    assert isinstance(recipe.calibration, Calibration)
    if not (recipe.auto and watched and rounded):
        return recipe, ()
    layers = [Layer(node, (node,), weights=(node,)) for node in rounded]
    values = {node: weights[v].values for node, v in rounded.items() if v in weights}
    trial = Trial(recipe.calibration, model, watched, {}, values)
    found = trial.found(layers, WEIGHTS_LIMIT, sizes(model, rounded))
    names = frozenset(layer.name for layer in found.kept)
    return replace(recipe, kept=names), words(found, len(layers), WEIGHTS_LIMIT, weights_alone=True)

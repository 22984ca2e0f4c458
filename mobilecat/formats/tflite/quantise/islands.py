"""Which layers stay float for detections to stay where they are: asked of the float network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import onnx_ir as ir

from mobilecat.formats.tflite.program import Op, Tensor
from mobilecat.formats.tflite.quantise.kernels import KERNELS, WEIGHED
from mobilecat.formats.tflite.quantise.plan import Scales, data_of
from mobilecat.formats.tflite.quantise.recipe import Recipe
from mobilecat.quantize.calibrate import Calibration
from mobilecat.quantize.sensitivity import LIMIT, Found
from mobilecat.quantize.simulate import Layer, Step
from mobilecat.quantize.trial import Trial

_MANY = 3
"""A third of the layers. YuNet with 26 of 53 float is 0.94 of float32 (docs/quantize.md)."""
_SHOWN = 40
"""Names in a sentence; what is more is counted."""


def layers_of(
    done: Sequence[Op], values: Mapping[Tensor, str], shares: Callable[[str], bool]
) -> list[Layer]:
    """Return what of a plan stays float together: a weighed operator and what follows it lightly.

    values: the graph's names. shares: of a node, whether its weights have one scale. What stands in
    front of all weights is no layer: it moves bytes.
    """
    owner: dict[Tensor, int] = {}
    members: list[list[Op]] = []
    for op in done:
        at = next((owner[t] for t in data_of(op) if t in owner), None)
        if op.code in WEIGHED:
            at = len(members)
            members.append([])
        if at is not None:
            members[at].append(op)
            owner.update(dict.fromkeys(op.outputs, at))
    return [_layer(ops, values, shares) for ops in members]


def _layer(ops: Sequence[Op], values: Mapping[Tensor, str], shares: Callable[[str], bool]) -> Layer:
    weights = tuple(op.node for op in ops if KERNELS[op.code].weights is not None)
    return Layer(
        ops[0].node,
        tuple(dict.fromkeys(op.node for op in ops)),
        tuple((op.node, values[t]) for op in ops for t in data_of(op) if t in values),
        tuple(values[t] for op in ops for t in op.outputs if t in values),
        weights,
        tuple(n for n in weights if shares(n)),
    )


def steps_of(
    done: Sequence[Op], values: Mapping[Tensor, str], scales: Scales, dtype: np.dtype[np.generic]
) -> dict[str, Step]:
    """Return how each named value of a plan is rounded."""
    found = {}
    for t in (t for op in done for t in (*data_of(op), *op.outputs)):
        if t.data is None and t in values:
            quant = scales.of(t)
            scale, zero = float(quant.scales[0]), int(quant.zero_points[0])
            found[values[t]] = Step(scale, zero, dtype.name)
    return found


def kept_float(
    recipe: Recipe,
    model: ir.Model,
    values: Mapping[Tensor, str],
    done: Sequence[Op],
    scales: Scales,
) -> tuple[Recipe, tuple[str, ...]]:
    """Return the recipe with those layers float that have to be, and what a user must know.

    Nothing is asked where the recipe has no pictures, or nothing that detections are told by.
    """
    calibration = recipe.calibration
    there = {v.name for node in model.graph for v in node.outputs}
    watched = tuple(name for name in recipe.watched if name in there)
    layers = layers_of(done, values, recipe.shares)
    if not (recipe.auto and watched and layers and isinstance(calibration, Calibration)):
        return recipe, ()
    steps = steps_of(done, values, scales, scales.dtype)
    found = Trial(calibration, model, watched, steps).found(layers)
    names = frozenset(layer.name for layer in found.kept)  # what a pasted list would say
    return replace(recipe, kept=names), words(found, len(layers))


def words(
    found: Found, layers: int, limit: float = LIMIT, weights_alone: bool = False
) -> tuple[str, ...]:
    """Return which layers stay float and why, in a line that can be pasted into a spec."""
    if not found.kept:
        return ()
    names = [layer.name for layer in found.kept]
    listed = ", ".join(f'"{n}"' for n in names[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    said = (
        f"{len(names)} of {layers} layers stay float: with all of them rounded, what is found on "
        f"the calibration pictures moves by {found.whole:.2g}, so by {found.left:.2g}, and "
        f"{limit:g} is let pass; the worst first: keep_float = [{listed}]{more}"
    )
    if weights_alone or len(names) * _MANY < layers:
        return (said,)
    instead = (
        'With so many, little of int8 is left: precision = "int8-weights" keeps all values float, '
        "needs no calibration, and lost less in each network that docs/quantize.md has"
    )
    return (f"{said}. {instead}",)

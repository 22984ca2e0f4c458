"""A recipe applied to a program that is built, and named, already."""

from __future__ import annotations

from dataclasses import replace

import onnx_ir as ir

from mobilecat.formats.coreml.compress.activations import Measure, quantise_activations
from mobilecat.formats.coreml.compress.weights import compress_weights
from mobilecat.formats.coreml.program import Program
from mobilecat.formats.coreml.recipe import Recipe


def compressed(
    program: Program, model: ir.Model, recipe: Recipe, calibration: Measure | None
) -> Program:
    """Return the program with its weights and activations as the recipe stores them.

    model: the graph that was lowered, whose values `calibration` measures.
    """
    count = compress_weights(program.mil, recipe, program.float32_layers)
    lints = list(program.lints)
    if not count:
        lints.append(f"no weight of {recipe.words}: none is large enough, or gains by it")
    if recipe.activations:
        assert calibration is not None, "the target says that it is calibrated"
        lints += quantise_activations(program, calibration(model))
    return replace(program, lints=tuple(lints))

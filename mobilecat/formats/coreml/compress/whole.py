"""A recipe applied to a program that is built, and named, already."""

from __future__ import annotations

from dataclasses import replace

from mobilecat.formats.coreml.compress.weights import compress_weights
from mobilecat.formats.coreml.lower.activations import Activations
from mobilecat.formats.coreml.program import Program
from mobilecat.formats.coreml.recipe import Recipe


def compressed(program: Program, recipe: Recipe, activations: Activations | None) -> Program:
    """Return the program with its weights as the recipe stores them.

    activations: those that the program quantised when it was built, if it was asked to.
    """
    lints = list(program.lints)
    if not compress_weights(program.mil, recipe, program.float32_layers, program.nodes):
        lints.append(f"no weight is stored as {recipe.weights}: none is large enough")
    if activations is None:
        return replace(program, lints=tuple(lints))
    if not activations.used:
        lints.append("no activation is int8: nothing that was measured goes into a product")
    elif activations.left:
        named = ", ".join(list(activations.left)[:3])
        lints.append(f"{len(activations.left)} inputs of products stay float: {named}")
    return replace(program, lints=tuple(lints), ranges=activations.used)

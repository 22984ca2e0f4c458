"""Weights in fewer bits, arithmetic in float.

float16, int8-weights: the constant is stored so, and DEQUANTIZE in front of its reader makes it
    float again: once, when the file is loaded.
int8-dynamic: the reader takes the int8 itself, and quantises its input at each run.
int8, int16x8: what stays float beside whole numbers has its weights as one of the first two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mobilecat.formats.tflite.program import Op, Program, Tensor
from mobilecat.formats.tflite.quantise import steps
from mobilecat.formats.tflite.quantise.kernels import KERNELS
from mobilecat.formats.tflite.quantise.recipe import CALIBRATED, Recipe
from mobilecat.graph import Array

_SMALLEST = 16
"""Values: what has fewer costs more to unpack than it saves."""
FEW = 32
"""Weights of an output, such as a depthwise window's: rounding one of so few moves the result most,
and int8 saves little, with a scale for each output besides. They are stored as float16."""
SMALL = 1024
"""Weights of a layer: so few are stored as float16, too, as Core ML's passes leave them alone. They
are no bytes to speak of, and YuNet's cost it 0.35 points of mAP in int8 (docs/quantize.md)."""
_DYNAMIC = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})
_KINDS = {"float16": "float16", "int8-weights": "int8", "int8-dynamic": "dynamic"}
_LARGEST_HALF = float(np.finfo(np.float16).max)


def with_stored_weights(
    recipe: Recipe, program: Program, scales: Mapping[str, Array] | None = None
) -> tuple[str, ...]:
    """Store constants of `program` in fewer bits, in place; return what a user must know.

    Those of whole numbers stay as they are. Layers that stay float among whole numbers, values or
    weights, have their weights as `float_weights` says. scales: of nodes whose weights are whole
    numbers of such steps already, one an output.
    """
    ops: list[Op] = []
    unpacked: dict[tuple[Tensor, bool], Tensor] = {}
    for op in program.ops:
        kind = _kind(recipe, op)
        for at in _places(op, recipe) if kind is not None else ():
            c = op.inputs[at]
            assert c is not None
            if kind == "dynamic" and op.code in _DYNAMIC:
                op.inputs[at] = steps.weights(c, _axis(op))
                if op.code == "FULLY_CONNECTED":
                    op.options["asymmetricQuantizeInputs"] = True
                continue
            half = (kind == "float16" or is_few(op, c)) and _fits_half(c)
            if kind == "float16" and not half:
                continue
            if (c, half) not in unpacked:
                given = None if scales is None or half else scales.get(op.node)
                kept = _half(c) if half else steps.weights(c, _axis(op), given=given)
                unpacked[c, half] = Tensor(f"{c.name}/float", c.shape, c.dtype)
                ops.append(Op("DEQUANTIZE", [kept], [unpacked[c, half]], {}, node=op.node))
            op.inputs[at] = unpacked[c, half]
        ops.append(op)
    program.ops = ops
    return ()


def is_few(op: Op, c: Tensor) -> bool:
    """Return whether `c`, weights of `op`, are so few an output that int8 is not worth it."""
    return few(c.shape, _axis(op))


def few(shape: Sequence[int], axis: int) -> bool:
    """Return the same of weights whose outputs lie along `axis`."""
    size = int(np.prod(shape, dtype=np.int64))
    return size < SMALL or size // shape[axis] <= FEW


def _kind(recipe: Recipe, op: Op) -> str | None:
    """Return how an operator's float weights are stored; None: as they are."""
    if op.node in recipe.exact:
        return None
    if not (recipe.keeps(op.node) or recipe.precision in CALIBRATED):
        return _KINDS[recipe.precision]
    as_they_are = recipe.precision == "float16" or recipe.float_weights == "float32"
    return None if as_they_are else recipe.float_weights


def _places(op: Op, recipe: Recipe) -> list[int]:
    """Return which inputs are constants to store in fewer bits."""
    kernel = KERNELS.get(op.code)
    if kernel is None or kernel.weights is None:
        return []
    places = range(len(op.inputs)) if recipe.precision == "float16" else [kernel.weights[0]]
    return [i for i in places if _is_stored(op.inputs[i])]


def _is_stored(c: Tensor | None) -> bool:
    return c is not None and c.data is not None and c.dtype == np.float32 and c.size >= _SMALLEST


def _fits_half(c: Tensor) -> bool:
    assert c.data is not None
    return float(np.abs(c.data).max()) <= _LARGEST_HALF


def _axis(op: Op) -> int:
    weights = KERNELS[op.code].weights
    assert weights is not None
    return weights[1]


def _half(c: Tensor) -> Tensor:
    assert c.data is not None
    return Tensor(c.name, c.shape, np.dtype(np.float16), c.data.astype(np.float16))

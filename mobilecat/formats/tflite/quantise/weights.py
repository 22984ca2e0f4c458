"""Weights in fewer bits, arithmetic in float.

float16, int8-weights: the constant is stored so, and DEQUANTIZE in front of its reader makes it
    float again: once, when the file is loaded.
int8-dynamic: the reader takes the int8 itself, and quantises its input at each run.
"""

from __future__ import annotations

import numpy as np

from mobilecat.formats.tflite.program import Op, Program, Tensor
from mobilecat.formats.tflite.quantise import steps
from mobilecat.formats.tflite.quantise.kernels import KERNELS
from mobilecat.formats.tflite.quantise.recipe import Recipe

_SMALLEST = 16
"""Values: what has fewer costs more to unpack than it saves."""
_FEW = 32
"""Weights of an output, such as a depthwise window's: rounding one of so few moves the result most,
and int8 saves little, with a scale for each output besides. They are stored as float16."""
_DYNAMIC = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})
_LARGEST_HALF = float(np.finfo(np.float16).max)


def with_stored_weights(recipe: Recipe, program: Program) -> tuple[str, ...]:
    """Store constants of `program` in fewer bits, in place; return what a user must know."""
    ops: list[Op] = []
    unpacked: dict[Tensor, Tensor] = {}
    for op in program.ops:
        if not recipe.keeps(op.node):
            for at in _places(op, recipe):
                c = op.inputs[at]
                assert c is not None
                if recipe.precision == "int8-dynamic" and op.code in _DYNAMIC:
                    op.inputs[at] = steps.weights(c, _axis(op))
                    if op.code == "FULLY_CONNECTED":
                        op.options["asymmetricQuantizeInputs"] = True
                    continue
                if c not in unpacked:
                    kept = _half(c) if _halved(recipe, op, c) else steps.weights(c, _axis(op))
                    unpacked[c] = Tensor(f"{c.name}/float", c.shape, c.dtype)
                    ops.append(Op("DEQUANTIZE", [kept], [unpacked[c]], {}, node=op.node))
                op.inputs[at] = unpacked[c]
        ops.append(op)
    program.ops = ops
    return ()


def _places(op: Op, recipe: Recipe) -> list[int]:
    """Return which inputs are constants to store in fewer bits."""
    kernel = KERNELS.get(op.code)
    if kernel is None or kernel.weights is None:
        return []
    places = range(len(op.inputs)) if recipe.precision == "float16" else [kernel.weights[0]]
    return [i for i in places if _is_stored(op.inputs[i], recipe)]


def _halved(recipe: Recipe, op: Op, c: Tensor) -> bool:
    return recipe.precision == "float16" or c.size // c.shape[_axis(op)] <= _FEW


def _is_stored(c: Tensor | None, recipe: Recipe) -> bool:
    if c is None or c.data is None or c.dtype != np.float32 or c.size < _SMALLEST:
        return False
    return recipe.precision != "float16" or float(np.abs(c.data).max()) <= _LARGEST_HALF


def _axis(op: Op) -> int:
    weights = KERNELS[op.code].weights
    assert weights is not None
    return weights[1]


def _half(c: Tensor) -> Tensor:
    assert c.data is not None
    return Tensor(c.name, c.shape, np.dtype(np.float16), c.data.astype(np.float16))

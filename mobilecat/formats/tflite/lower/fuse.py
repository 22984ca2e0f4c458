"""Rewrites of a finished program: activations, scales, biases, paddings into their neighbours."""

from __future__ import annotations

import numpy as np

from mobilecat.formats.tflite.program import (
    NONE,
    RELU,
    RELU6,
    RELU_N1_TO_1,
    SAME,
    VALID,
    Op,
    Program,
    Tensor,
    constant,
)
from mobilecat.graph import Array

_ACTIVATIONS = {"RELU": RELU, "RELU6": RELU6, "RELU_N1_TO_1": RELU_N1_TO_1}
_TAKE_ACTIVATION = frozenset(
    {
        "ADD",
        "AVERAGE_POOL_2D",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "DIV",
        "FULLY_CONNECTED",
        "MAX_POOL_2D",
        "MUL",
        "SUB",
    }
)
# Operators with weights and a bias: (index of the weights, axis of the outputs in them).
_AFFINE = {
    "CONV_2D": (1, 0),
    "DEPTHWISE_CONV_2D": (1, 3),
    "FULLY_CONNECTED": (1, 0),
    "TRANSPOSE_CONV": (1, 0),
}


def fuse(program: Program) -> None:
    """Apply every rewrite until none applies."""
    program.drop_unused()
    rewrites = (_merge_reshapes, _fold_affine, _fold_pad, _fold_activation)
    changed = True
    while changed:
        changed = sum(rewrite(program) for rewrite in rewrites) > 0
        program.drop_unused()


def _sole_maker(
    x: Tensor | None, program: Program, makers: dict[Tensor, Op], users: dict[Tensor, list[Op]]
) -> Op | None:
    """Return the operator behind `x` if nobody but one reader sees it."""
    if x is None or x in program.outputs or len(users.get(x, ())) != 1:
        return None
    return makers.get(x)


def _fold_activation(program: Program) -> bool:
    """Given: CONV_2D → x → RELU → y.  Result: CONV_2D(RELU) → y."""
    makers, users = program.makers(), program.users()
    changed = False
    for op in tuple(program.ops):
        kind = _ACTIVATIONS.get(op.code)
        maker = _sole_maker(op.inputs[0], program, makers, users) if kind else None
        if maker is None or maker.code not in _TAKE_ACTIVATION:
            continue
        if maker.options.get("fusedActivationFunction", NONE) != NONE:
            continue
        maker.options["fusedActivationFunction"] = kind
        _take_over(program, maker, op, makers)
        changed = True
    return changed


def _take_over(program: Program, maker: Op, op: Op, makers: dict[Tensor, Op]) -> None:
    """Let `maker` write what `op` wrote."""
    maker.outputs = list(op.outputs)
    makers[op.outputs[0]] = maker
    program.ops.remove(op)


def _constant_operand(op: Op) -> tuple[Tensor, Array] | None:
    """Return (computed operand, constant) of a binary operator."""
    a, b = op.inputs
    assert a is not None and b is not None
    if a.data is None and b.data is not None:
        return a, b.data
    if b.data is None and a.data is not None and op.code in ("ADD", "MUL"):
        return b, a.data
    return None


def _per_output(value: Array, count: int) -> Array | None:
    """Return a constant that varies along the last axis only as [count] values."""
    if value.size == 1:
        return np.full(count, value.reshape(()))
    return value.reshape(-1) if value.size == count == value.shape[-1] else None


def _fold_affine(program: Program) -> bool:
    """Given: CONV_2D → x → MUL or ADD a constant a channel → y.  Result: CONV_2D → y.

    The weights are scaled in float64, so that batch norms fold without losing bits.
    """
    makers, users = program.makers(), program.users()
    changed = False
    for op in tuple(program.ops):
        if op.code not in ("ADD", "SUB", "MUL", "DIV") or op.outputs[0].dtype != np.float32:
            continue
        found = _constant_operand(op)
        maker = _sole_maker(found[0], program, makers, users) if found else None
        if found is None or maker is None or not _can_absorb(maker, op):
            continue
        at, axis = _AFFINE[maker.code]
        weights, bias = maker.inputs[at], maker.inputs[-1]
        assert weights is not None and bias is not None
        assert weights.data is not None and bias.data is not None
        value = _per_output(found[1], weights.shape[axis])
        if value is None:
            continue
        value = value.astype(np.float64)
        w, b = weights.data, bias.data.astype(np.float64)
        if op.code in ("MUL", "DIV"):
            if not value.all() or not np.isfinite(value).all():
                continue  # ∞ and NaN do not pass through a sum as they pass through one product
            factor = value if op.code == "MUL" else 1 / value
            shape = [1] * w.ndim
            shape[axis] = -1
            w = w.astype(np.float64) * factor.reshape(shape)
            b = b * factor
        else:
            b = b + value if op.code == "ADD" else b - value
        maker.inputs[at] = constant(weights.name, w.astype(np.float32))
        maker.inputs[-1] = constant(bias.name, b.astype(np.float32))
        maker.options["fusedActivationFunction"] = op.options.get("fusedActivationFunction", NONE)
        _take_over(program, maker, op, makers)
        changed = True
    return changed


def _can_absorb(maker: Op, op: Op) -> bool:
    return (
        maker.code in _AFFINE
        and all(t is None or t.data is not None for t in _weights(maker))
        and maker.options.get("fusedActivationFunction", NONE) == NONE
        and op.outputs[0].shape == maker.outputs[0].shape
    )


def _weights(op: Op) -> list[Tensor | None]:
    return [op.inputs[_AFFINE[op.code][0]], op.inputs[-1]]


def _fold_pad(program: Program) -> bool:
    """Given: PAD → x → VALID convolution.  Result: a SAME convolution, where it pads just so."""
    makers = program.makers()
    changed = False
    for op in program.ops:
        if op.code not in ("CONV_2D", "DEPTHWISE_CONV_2D") or op.options["padding"] != VALID:
            continue
        x, w = op.inputs[0], op.inputs[1]
        assert x is not None and w is not None
        maker = makers.get(x)
        if maker is None or maker.code != "PAD":
            continue
        source, table = maker.inputs
        assert source is not None and table is not None and table.data is not None
        if _is_same(op, source, w, table.data):
            op.inputs[0] = source
            op.options["padding"] = SAME
            changed = True
    return changed


def _is_same(op: Op, source: Tensor, w: Tensor, table: Array) -> bool:
    if table[0].any() or table[3].any():
        return False
    for axis, letter in ((1, "H"), (2, "W")):
        stride, dilation = op.options[f"stride{letter}"], op.options[f"dilation{letter}Factor"]
        size, out = source.shape[axis], op.outputs[0].shape[axis]
        reach = (w.shape[axis] - 1) * dilation + 1
        total = max((out - 1) * stride + reach - size, 0)
        before, after = (int(v) for v in table[axis])
        # What a VALID window never reaches may be padded with anything.
        reached = total - before <= after
        if out != -(-size // stride) or before != total // 2 or not reached:
            return False
    return True


def _merge_reshapes(program: Program) -> bool:
    """Given: RESHAPE → RESHAPE.  Result: one RESHAPE, or none where the shape comes back."""
    makers = program.makers()
    changed = False
    for op in tuple(program.ops):
        if op.code != "RESHAPE":
            continue
        x = op.inputs[0]
        maker = makers.get(x) if x is not None else None
        if maker is not None and maker.code == "RESHAPE":
            op.inputs[0] = x = maker.inputs[0]
            changed = True
        if (
            x is not None
            and x.shape == op.outputs[0].shape
            and op.outputs[0] not in program.outputs
        ):
            _replace(program, op.outputs[0], x)
            program.ops.remove(op)
            changed = True
    return changed


def _replace(program: Program, old: Tensor, new: Tensor) -> None:
    for op in program.ops:
        op.inputs = [new if t is old else t for t in op.inputs]

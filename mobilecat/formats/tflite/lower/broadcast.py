"""Operands of one elementwise operator, brought to one layout that broadcasts as ONNX says."""

from __future__ import annotations

from collections.abc import Sequence

from mobilecat.formats.tflite.lower.layout import Perm, identity, physical_shape
from mobilecat.formats.tflite.lower.lowering import Build, Held, Node
from mobilecat.formats.tflite.program import Tensor, constant
from mobilecat.graph import Array


def common_layout(build: Build, values: Sequence[Held], rank: int) -> Perm:
    """Return the layout, among those that `values` have, which moves the fewest elements."""
    candidates = [_extended(v.perm, rank) for v in values if v.tensor.data is None]
    if not candidates:
        return identity(rank)

    def cost(perm: Perm) -> int:
        restricted = [_restricted(perm, len(v.perm)) for v in values]
        return sum(
            v.tensor.size
            for v, p in zip(values, restricted, strict=True)
            if not build.is_free(v, p)
        )

    # Of equal cost: the layout of the largest operand, so that a reshaped crumb does not decide.
    sizes = [v.tensor.size for v in values if v.tensor.data is None]
    ranked = sorted(
        zip(candidates, sizes, range(len(sizes)), strict=True),
        key=lambda c: (cost(c[0]), -c[1], c[2]),
    )
    return ranked[0][0]


def aligned(n: Node, indices: Sequence[int] | None = None) -> tuple[list[Tensor], Perm]:
    """Return the node's inputs as tensors that broadcast against each other, and their layout."""
    rank = len(n.out_shape())
    values = [n.held(i) for i in (range(len(n.node.inputs)) if indices is None else indices)]
    perm = common_layout(n.build, values, rank)
    return [in_layout(n.build, v, perm) for v in values], perm


def in_layout(build: Build, held: Held, perm: Perm) -> Tensor:
    """Return `held` such that it broadcasts, from the right, against a value laid out as `perm`."""
    rank = len(held.perm)
    missing = len(perm) - rank
    if held.tensor.data is not None:
        array = held.tensor.data.reshape((1,) * missing + held.shape)
        return constant(held.tensor.name, _without_leading_ones(array.transpose(perm)))
    tensor = build.laid_out(held, _restricted(perm, rank))
    if all(axis < missing for axis in perm[:missing]):
        return tensor
    shape = (1,) * missing + held.shape
    return build.reshape(tensor, physical_shape(shape, perm))


def _extended(perm: Perm, rank: int) -> Perm:
    missing = rank - len(perm)
    return (*range(missing), *(axis + missing for axis in perm))


def _restricted(perm: Perm, rank: int) -> Perm:
    missing = len(perm) - rank
    return tuple(axis - missing for axis in perm if axis >= missing)


def _without_leading_ones(array: Array) -> Array:
    keep = next((i for i, d in enumerate(array.shape) if d != 1), array.ndim)
    return array.reshape(array.shape[keep:])

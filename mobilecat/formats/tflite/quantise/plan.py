"""Which operators compute in whole numbers, and which values share a scale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mobilecat.formats.tflite.program import Op, Program, Quant, Tensor
from mobilecat.formats.tflite.quantise import steps
from mobilecat.formats.tflite.quantise.kernels import KERNELS, WEIGHED, data_places
from mobilecat.formats.tflite.quantise.recipe import Recipe
from mobilecat.quantize.ranges import Range

_MOST_RANK = 4
"""Of values that are broadcast against each other: integer kernels take no more."""


def data_of(op: Op) -> list[Tensor]:
    """Return the inputs of an operator of `KERNELS` that carry values."""
    found = [op.inputs[i] for i in data_places(op.code, len(op.inputs))]
    return [t for t in found if t is not None]


def network(program: Program, recipe: Recipe, whole: Iterable[Tensor] = ()) -> list[Op]:
    """Return the operators that lead to a weighed one, it included, in order.

    whole: values up to which all operators belong to it. What follows is decode and suppression,
    or too little to be worth a scale.
    """
    wanted = set(whole)
    found: list[Op] = []
    for op in reversed(program.ops):
        own = op.code in WEIGHED and op.node not in recipe.exact
        if own or any(t in wanted for t in op.outputs):
            found.append(op)
            wanted.update(t for t in op.inputs if t is not None)
    return found[::-1]


def has_kernel(op: Op, dtype: np.dtype[Any]) -> bool:
    """Return whether there is an integer kernel for the operator as it stands."""
    kernel = KERNELS.get(op.code)
    if kernel is None or (dtype == steps.INT16 and not kernel.wide):
        return False
    values = [*data_of(op), *op.outputs]
    if any(t.dtype != np.float32 or (t.rank == 0 and t.data is None) for t in values):
        return False
    if kernel.weights is not None:
        constants = [op.inputs[kernel.weights[0]], op.inputs[-1]]
        return all(c is not None and c.data is not None for c in constants)
    if kernel.same and any(t.data is not None for t in data_of(op)):
        return False
    shapes = {t.shape for t in data_of(op)}
    return (
        op.code not in ("ADD", "MUL", "SUB")
        or len(shapes) == 1
        or (max(map(len, shapes)) <= _MOST_RANK)
    )


def chosen(
    ops: Iterable[Op],
    recipe: Recipe,
    dtype: np.dtype[Any],
    given: Iterable[Tensor],
    ranges: Mapping[Tensor, Range] | None = None,
) -> list[Op]:
    """Return those of `ops` that compute in whole numbers.

    given: values that come as whole numbers already. ranges: where they are known, an operator
    without one stays float. A light operator needs an input in whole numbers: alone it is not worth
    the way there and back.
    """
    whole = set(given)
    found = []
    for op in ops:
        if recipe.keeps(op.node) or not has_kernel(op, dtype):
            continue
        if ranges is not None and not _known(op, whole, ranges):
            continue
        if op.code in WEIGHED or whole.intersection(data_of(op)):
            found.append(op)
            whole.update(op.outputs)
    return found


def _known(op: Op, whole: set[Tensor], ranges: Mapping[Tensor, Range]) -> bool:
    kernel = KERNELS[op.code]
    inputs = [t for t in data_of(op) if t.data is None]
    if any(t not in whole and t not in ranges for t in inputs):
        return False
    return kernel.same or bool(kernel.fixed) or all(t in ranges for t in op.outputs)


@dataclass
class Scales:
    """The scale of each value: of a group that shares one, where kernels want that."""

    dtype: np.dtype[Any]
    ranges: Mapping[Tensor, Range]
    _parent: dict[Tensor, Tensor] = field(default_factory=dict)
    _members: dict[Tensor, list[Tensor]] = field(default_factory=dict)
    _fixed: dict[Tensor, Quant] = field(default_factory=dict)
    _made: dict[Tensor, Quant] = field(default_factory=dict)

    def fix(self, t: Tensor, quant: Quant) -> None:
        self._fixed[self.root(t)] = quant

    def root(self, t: Tensor) -> Tensor:
        while self._parent.get(t, t) is not t:
            t = self._parent[t]
        return t

    def may_join(self, a: Tensor, b: Tensor) -> bool:
        """Return whether two values can share a scale: not where kernels insist on two."""
        a, b = self.root(a), self.root(b)
        return a is b or not (a in self._fixed or b in self._fixed)

    def join(self, a: Tensor, b: Tensor) -> None:
        a, b = self.root(a), self.root(b)
        if a is b:
            return
        self._members[a] = [*self._of(a), *self._of(b)]
        self._parent[b] = a
        if b in self._fixed:
            self._fixed[a] = self._fixed.pop(b)

    def _of(self, root: Tensor) -> list[Tensor]:
        return self._members.get(root, [root])

    def of(self, t: Tensor) -> Quant:
        """Return the scale of `t`, once all groups are joined."""
        root = self.root(t)
        if root in self._fixed:
            return self._fixed[root]
        if root not in self._made:
            known = [self.ranges[m] for m in self._of(root) if m in self.ranges]
            seen = known[0]
            for other in known[1:]:
                seen |= other
            self._made[root] = steps.of_range(seen, self.dtype)
        return self._made[root]


def scales_of(
    ops: list[Op],
    program: Program,
    dtype: np.dtype[Any],
    ranges: Mapping[Tensor, Range],
    given: Mapping[Tensor, Quant],
) -> Scales:
    """Return the scales of every value that `ops` take and give.

    Values that are put together and read nowhere else share the scale of the result; others keep
    their own and are brought to it.
    """
    scales = Scales(dtype, ranges)
    for t, quant in given.items():
        scales.fix(t, quant)
    users = program.users()
    made = {t for op in ops for t in op.outputs}
    for op in ops:
        if (own := KERNELS[op.code].given(dtype)) is not None:
            scales.fix(op.outputs[0], own)
    joined = [op for op in ops if KERNELS[op.code].same]
    for op in joined:
        if len(data_of(op)) == 1:
            for t in op.outputs:
                scales.join(data_of(op)[0], t)
    for op in joined:
        if len(data_of(op)) > 1:
            for t in data_of(op):
                alone = t in made and len(users[t]) == 1 and t not in program.outputs
                if alone and scales.may_join(op.outputs[0], t):
                    scales.join(op.outputs[0], t)
    return scales

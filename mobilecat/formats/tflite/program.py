"""A TFLite model in the making: tensors and operators, in the schema's own words.

Shapes here are physical: the order in which the bytes lie.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mobilecat.graph import Array

# https://github.com/google-ai-edge/LiteRT/blob/main/tflite/schema/schema.fbs
SAME, VALID = 0, 1
NONE, RELU, RELU_N1_TO_1, RELU6 = 0, 1, 2, 3
MIRROR_REFLECT, MIRROR_SYMMETRIC = 0, 1


@dataclass(frozen=True, eq=False)
class Quant:
    """real value = (stored − zero point) · scale, one of each or one along `axis`.

    scales: float32; zero_points: int64, zeros where it is one along an axis.
    """

    scales: Array
    zero_points: Array
    axis: int = 0


@dataclass(eq=False)
class Tensor:
    """A tensor; `data` makes it a constant, `quant` says what its whole numbers stand for."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    data: Array | None = None
    quant: Quant | None = None

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))


@dataclass(eq=False)
class Op:
    """An operator: `code` is its BuiltinOperator name, `options` the fields of its options.

    custom: the options of a custom operator, packed; `code` then is its own name. node: the name of
    the graph's node that it was made for.
    """

    code: str
    inputs: list[Tensor | None]
    outputs: list[Tensor]
    options: dict[str, Any]
    custom: bytes | None = None
    node: str = ""


@dataclass
class Program:
    """One subgraph. Operators are in execution order."""

    inputs: list[Tensor] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)

    def add(
        self,
        code: str,
        inputs: Sequence[Tensor | None],
        outputs: Iterable[Tensor],
        **options: Any,
    ) -> Op:
        """Append one operator and return it."""
        op = Op(code, list(inputs), list(outputs), options)
        self.ops.append(op)
        return op

    def makers(self) -> dict[Tensor, Op]:
        """Return the operator behind each computed tensor."""
        return {t: op for op in self.ops for t in op.outputs}

    def users(self) -> dict[Tensor, list[Op]]:
        """Return, for each tensor, the operators that read it, once for every time they do."""
        found: dict[Tensor, list[Op]] = {}
        for op in self.ops:
            for t in op.inputs:
                if t is not None:
                    found.setdefault(t, []).append(op)
        return found

    def drop_unused(self) -> None:
        """Remove operators whose results nobody reads."""
        wanted = set(self.outputs)
        kept: list[Op] = []
        for op in reversed(self.ops):
            if any(t in wanted for t in op.outputs):
                kept.append(op)
                wanted.update(t for t in op.inputs if t is not None)
        self.ops = kept[::-1]


def constant(name: str, array: Array) -> Tensor:
    """Return a constant tensor that holds `array`: no copy, transposed as it may lie."""
    return Tensor(name, array.shape, array.dtype, array)

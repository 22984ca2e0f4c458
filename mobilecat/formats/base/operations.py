"""One shape of answer for every format: the ops of a file in their order, with what each moves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_BYTES = {
    "bool": 1, "int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "float16": 2, "bfloat16": 2,
    "int32": 4, "uint32": 4, "float32": 4, "int64": 8, "uint64": 8, "float64": 8, "int4": 0.5,
    "uint4": 0.5,
}  # fmt: skip


@dataclass(frozen=True)
class Operand:
    """An input or output. shape: None where the file does not say. constant: part of the file."""

    name: str
    dtype: str
    shape: tuple[int, ...] | None
    constant: bool = False

    @property
    def elements(self) -> int:
        return math.prod(self.shape) if self.shape is not None else 0

    @property
    def bytes(self) -> int:
        return math.ceil(self.elements * _BYTES.get(self.dtype, 4))


@dataclass(frozen=True)
class Operation:
    """One op. name: of its first output. options: its settings under the format's own names.

    macs: multiply-adds of convolutions and matrix products; 0 for what is neither.
    """

    kind: str
    name: str
    inputs: tuple[Operand, ...]
    outputs: tuple[Operand, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    macs: int = 0

    @property
    def operands(self) -> tuple[Operand, ...]:
        return (*self.inputs, *self.outputs)

    @property
    def bytes(self) -> int:
        """What is read and written where nothing stays in a cache: inputs, weights, outputs."""
        return sum(o.bytes for o in self.operands)

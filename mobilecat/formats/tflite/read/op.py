"""One operator being read, and the table of who reads which. `@reads("ADD")` fills it.

A value lies as in the file, or with its channels first (axes 0, n-1, 1 … n-2), as ONNX's
convolutions take them; a reader says which it wants and which it gives, and what lies both ways is
turned once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from mobilecat.formats.tflite.read.file import Graph, Operator, Tensor
from mobilecat.formats.tflite.read.writer import BOOL, FLOAT, FLOAT16, INT32, INT64, Writer
from mobilecat.graph import Array

ELEMENT = {
    "bool": BOOL, "float16": FLOAT16, "float32": FLOAT, "float64": 11, "int8": 3, "int16": 5,
    "int32": INT32, "int64": INT64, "uint8": 2, "uint16": 4, "uint32": 12, "uint64": 13,
}  # fmt: skip
NONE, RELU, RELU_N1_TO_1, RELU6, TANH, SIGN_BIT = range(6)


class Refused(Exception):
    """This operator is not read. The message says why, in words for the user."""


@dataclass(frozen=True)
class First:
    """A value whose channels come first."""

    name: str


Given = str | First | Array
"""What a reader gives: a value as it lies in the file, one with channels first, or a constant."""


class Values(Protocol):
    """The values of the graph so far, by tensor."""

    def array(self, tensor: int) -> Array | None: ...

    def name(self, tensor: int, first: bool) -> str: ...

    def lies_first(self, tensor: int) -> bool: ...

    def lies(self, tensor: int) -> bool: ...


@dataclass(frozen=True)
class Call:
    """An operator, its values, and the graph that is being written."""

    op: Operator
    g: Writer
    graph: Graph
    values: Values

    def tensor(self, i: int) -> Tensor:
        """Return the tensor of input `i`. Refused where it is left out."""
        if not self.has(i):
            raise Refused(f"input {i} is missing")
        return self.graph.tensors[self.op.inputs[i]]

    def out(self, i: int = 0) -> Tensor:
        if i >= len(self.op.outputs):
            raise Refused(f"output {i} is missing")
        return self.graph.tensors[self.op.outputs[i]]

    def has(self, i: int) -> bool:
        return i < len(self.op.inputs) and self.op.inputs[i] >= 0

    def shape(self, i: int) -> tuple[int, ...]:
        return self.tensor(i).shape

    def size(self, i: int = 0) -> int:
        """Return how many values output `i` has."""
        return math.prod(self.out(i).shape)

    def rank(self, i: int) -> int:
        return len(self.shape(i))

    def option(self, name: str, default: Any = 0) -> Any:
        found = getattr(self.op.options, name, None)
        return default if found is None else found

    def const(self, i: int) -> Array | None:
        """Return a constant's values: real ones where it is quantised."""
        self.tensor(i)
        return self.values.array(self.op.inputs[i])

    def needs(self, i: int, what: str) -> Array:
        """Return a constant's values. Refused where they are computed."""
        found = self.const(i)
        if found is None:
            raise Refused(f"its {what} depends on data")
        return found

    def ints(self, i: int, what: str) -> list[int]:
        return [int(v) for v in self.needs(i, what).reshape(-1)]

    def x(self, i: int) -> str:
        """Return input `i` as it lies in the file."""
        self.tensor(i)
        return self.values.name(self.op.inputs[i], False)

    def first(self, i: int) -> str:
        """Return input `i`, its channels first."""
        if self.rank(i) < 3:
            raise Refused(f"input {i} has {self.rank(i)} dimensions")
        return self.values.name(self.op.inputs[i], True)

    def lies_first(self, i: int) -> bool:
        """Whether input `i` is there with its channels first, and not as in the file."""
        return self.rank(i) >= 3 and self.values.lies_first(self.op.inputs[i])

    def turned(self, i: int, order: Sequence[int]) -> str:
        """Return input `i` in another order of its axes: weights."""
        found = self.const(i)
        if self.rank(i) != len(order):
            raise Refused(f"input {i} has {self.rank(i)} dimensions")
        if found is not None:
            return self.g.const(np.ascontiguousarray(found.transpose(order)))
        return self.g.op("Transpose", self.x(i), perm=list(order))

    def alike(self, *indices: int) -> tuple[list[str], bool]:
        """Return inputs for an op that goes element by element, and whether channels come first.

        They do where a computed one lies so, and all can: constants are turned for nothing.
        """
        ranks = [self.rank(i) for i in indices]
        most = max(ranks)
        computed = [i for i in indices if self.const(i) is None]
        if (
            most >= 3
            and any(self.lies_first(i) for i in computed)
            and all(self.rank(i) in (most, 0) for i in computed)
        ):
            return [self._spread(i, most) for i in indices], True
        return [self.x(i) for i in indices], False

    def _spread(self, i: int, rank: int) -> str:
        if self.rank(i) == rank:
            return self.first(i)
        found = self.const(i)
        if found is None or (found.size == 1 and self.rank(i) == 0):
            return self.x(i)
        full = found.reshape((1,) * (rank - found.ndim) + found.shape)
        return self.g.const(np.ascontiguousarray(full.transpose(channels_first(rank))))

    def kept(self) -> tuple[str, bool]:
        """Return the first input as it lies, and whether its channels come first."""
        first = self.lies_first(0)
        return (self.first(0) if first else self.x(0)), first

    def activated(self, name: str) -> str:
        """Return the value with the operator's own activation behind it."""
        kind = self.option("fusedActivationFunction")
        if kind == RELU:
            return self.g.op("Relu", name)
        if kind in (RELU6, RELU_N1_TO_1):
            low, high = (0, 6) if kind == RELU6 else (-1, 1)
            return clip(self, name, low, high)
        if kind == TANH:
            return self.g.op("Tanh", name)
        if kind != NONE:
            raise Refused(f"its activation {kind} is not known")
        return name


def clip(call: Call, name: str, low: float, high: float) -> str:
    return call.g.op("Clip", name, np.array(low, np.float32), np.array(high, np.float32))


def lain(name: str, first: bool) -> Given:
    return First(name) if first else name


def channels_first(rank: int) -> list[int]:
    """Return the order of axes [0, n-1, 1 … n-2]."""
    return [0, rank - 1, *range(1, rank - 1)]


def axis_of(axis: int, rank: int, first: bool = False) -> int:
    """Return where an axis of the file lies, from the front. Refused where there is none."""
    if not -rank <= axis < rank:
        raise Refused(f"axis {axis} of {rank} dimensions")
    return channels_first(rank).index(axis % rank) if first else axis % rank


Read = Callable[[Call], "Given | Sequence[Given]"]
READERS: dict[str, Read] = {}
REFUSED: dict[str, str] = {
    **dict.fromkeys(("IF", "WHILE", "CALL", "CALL_ONCE", "STABLEHLO_WHILE", "STABLEHLO_CASE"),
                    "control flow: another graph of the file is run"),
    **dict.fromkeys(("VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"),
                    "a variable, which keeps its value from one run to the next"),
    **dict.fromkeys(("HASHTABLE", "HASHTABLE_FIND", "HASHTABLE_IMPORT", "HASHTABLE_SIZE",
                     "HASHTABLE_LOOKUP", "LSH_PROJECTION", "SKIP_GRAM"), "tables and texts"),
    **dict.fromkeys(("WHERE", "UNIQUE", "BUCKETIZE", "SEGMENT_SUM"),
                    "how much it gives depends on data"),
    **dict.fromkeys(("RANDOM_STANDARD_NORMAL", "RANDOM_UNIFORM", "MULTINOMIAL",
                     "STABLEHLO_RNG_BIT_GENERATOR"), "random numbers"),
    **dict.fromkeys(("RFFT2D", "COMPLEX_ABS", "REAL", "IMAG"), "complex numbers"),
}  # fmt: skip
"""Why an operator has no reader, where there is more to say than that."""


def reads(*codes: str) -> Callable[[Read], Read]:
    """Enter a function into the table: from a call to what each of its outputs is."""

    def entered(function: Read) -> Read:
        for code in codes:
            assert code not in READERS, code
            READERS[code] = function
        return function

    return entered

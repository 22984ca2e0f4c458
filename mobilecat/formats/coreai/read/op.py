"""One Core AI operation as a reader function sees it, and the table that readers enter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mobilecat.formats.coreai.read.ir import ELEMENTS, Op, Tensor
from mobilecat.formats.coreai.read.writer import (
    FLOATS,
    INT64,
    Refused,
    Val,
    Writer,
    carried,
    static,
)

if TYPE_CHECKING:
    from mobilecat.graph import Array

Blocks = Callable[[Writer, int, Sequence[Val]], list[Val]]


@dataclass(frozen=True)
class Call:
    """An operation with its operands bound.

    block: (g, i, values) translates region i into `g`. makers: ONNX name → what made the value.
    """

    op: Op
    g: Writer
    inputs: tuple[Val, ...]
    block: Blocks
    makers: Mapping[str, Call] = field(default_factory=dict)

    def maker(self, index: int) -> Call | None:
        """Return the operation that made operand `index`, None for inputs and constants."""
        return self.makers.get(self[index])

    def __getitem__(self, index: int) -> str:
        """Return the ONNX name of operand `index`."""
        return self.inputs[index].name

    @property
    def result(self) -> Tensor:
        """The type of the first result."""
        found = self.op.types[0]
        if not isinstance(found, Tensor):
            raise Refused(f"it gives a {found}")
        return found

    @property
    def shape(self) -> tuple[int, ...]:
        """The first result's static shape."""
        return static(self.result)

    def const(self, index: int) -> Array | None:
        """Return the numbers of an operand, None where they depend on an input."""
        value = self.inputs[index]
        return value.array if value.array is not None else self.g.known(value.name)

    def array(self, index: int, what: str) -> Array:
        """Return the numbers of an operand that has to be constant."""
        found = self.const(index)
        if found is None:
            raise Refused(f"its {what} is computed in the graph")
        return found

    def ints(self, index: int, what: str) -> list[int]:
        return [int(v) for v in self.array(index, what).reshape(-1)]

    def integer(self, index: int, what: str) -> int:
        found = self.ints(index, what)
        if len(found) != 1:
            raise Refused(f"its {what} has {len(found)} numbers")
        return found[0]

    def flag(self, index: int, what: str) -> bool:
        return bool(self.integer(index, what))

    def axis(self, index: int, what: str = "axis", rank: int | None = None) -> int:
        return self.front(self.integer(index, what), rank)

    def axes(self, index: int, what: str = "axes", rank: int | None = None) -> list[int]:
        return [self.front(a, rank) for a in self.ints(index, what)]

    def front(self, axis: int, rank: int | None = None) -> int:
        """Return an axis counted from the front."""
        rank = self.inputs[0].rank if rank is None else rank
        if not -rank <= axis < rank:
            raise Refused(f"axis {axis} does not exist in rank {rank}")
        return axis % rank

    def attribute(self, name: str, default: str = "") -> str:
        """Return what stands in `#coreai.name<…>`."""
        text = self.op.attributes.get(name, "")
        return text[text.index("<") + 1 : text.rindex(">")] if "<" in text else text or default

    def wide(self, index: int) -> str:
        """Return an integer operand as int64; `narrowed` wraps it on the way back."""
        return wide(self.g, self.inputs[index])

    def narrowed(self, name: str) -> str:
        """Return an int64 value in the result's type; it wraps, as integer arithmetic does."""
        to = carried(self.result.element)
        return name if to == INT64 else self.g.cast(name, to)

    def floats(self) -> None:
        """Refuse operands that are no floats."""
        if self.inputs[0].element not in FLOATS:
            raise Refused(f"on {self.inputs[0].element}")


def wide(g: Writer, value: Val) -> str:
    if value.element == "ui64":
        raise Refused("on ui64")
    if value.element in FLOATS or value.element not in ELEMENTS:
        raise Refused(f"on {value.element}")
    return value.name if value.element == "si64" else g.cast(value.name, INT64)


Reader = Callable[[Call], "str | Sequence[str] | Array"]
"""Gives the ONNX names of the results, or the numbers of the one result."""
READERS: dict[str, Reader] = {}
MOVES: set[str] = set()
"""Ops that compute nothing, so that nothing is rounded after them."""
REFUSED: Mapping[str, str] = {
    "coreai.asymmetric_quantization_statistics": "quantisation statistics are for calibration",
    "coreai.symmetric_quantization_statistics": "quantisation statistics are for calibration",
    "coreai.create_complex": "complex numbers",
    "coreai.real_part": "complex numbers",
    "coreai.imaginary_part": "complex numbers",
    "coreai.create_token": "state that lives from run to run",
    "coreai.join_token": "state that lives from run to run",
    "coreai.read_handle": "state that lives from run to run",
    "coreai.write_handle": "state that lives from run to run",
    "coreai.delegate": "code for one device, which only Apple's runtime executes",
    "coreai.metal4_kernel": "a Metal kernel, which only a GPU of Apple's executes",
    "coreai.tensor_to_image": "an output that is a picture",
    "coreai.lut_to_sparse_with_bitmask": "a sparse palette",
    "coreai.reduce": "a reduction with code of its own",
    "coreai.reduce_index": "a reduction with code of its own",
}
"""Ops of the dialect that are not read, with the reason that a user is told."""


def reads(*names: str, moves: bool = False) -> Callable[[Reader], Reader]:
    """Enter a function for the ops `names`."""

    def enter(function: Reader) -> Reader:
        for name in names:
            READERS[name] = function
            if moves:
                MOVES.add(name)
        return function

    return enter


def is_float(value: Val) -> bool:
    return value.element in FLOATS


def larger(g: Writer, a: str, b: str, *, swapped: bool = False) -> str:
    """Return the larger of two int64, or the smaller. onnxruntime's Max and Min (1.31) compare the
    lower 32 bits alone."""
    return g("Where", g("Less" if swapped else "Greater", a, b), a, b)


def int64_of(g: Writer, value: Val) -> str:
    """Return indices as int64."""
    if value.element == "si64":
        return value.name
    if value.element in FLOATS or value.element == "i1":
        raise Refused(f"indices of {value.element}")
    return g.cast(value.name, INT64)


def as_carried(array: Array, element: str) -> Array:
    """Return a constant's numbers in the type in which they are carried."""
    return array.astype(np.float32, copy=False) if element in FLOATS else array

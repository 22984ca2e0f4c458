"""A Core AI program as plain values: what is left when Apple's library has parsed the bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from mobilecat.graph import Array


ELEMENTS: Mapping[str, np.dtype[np.generic]] = {
    "i1": np.dtype(np.bool_),
    "si8": np.dtype(np.int8),
    "ui8": np.dtype(np.uint8),
    "si16": np.dtype(np.int16),
    "ui16": np.dtype(np.uint16),
    "si32": np.dtype(np.int32),
    "ui32": np.dtype(np.uint32),
    "si64": np.dtype(np.int64),
    "ui64": np.dtype(np.uint64),
    "f16": np.dtype(np.float16),
    "f32": np.dtype(np.float32),
}
"""Element types that a value of the graph can have here, with numpy's."""
NARROW = ("si2", "ui1", "ui2", "si4", "ui4")
"""Integers of less than a byte: only compressed weights have them."""


def integer_range(element: str) -> tuple[int, int]:
    """Return the lowest and the highest number of an integer type: `si8`, `ui4`, …"""
    bits = int(element[2:])
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if element[0] == "s" else (0, (1 << bits) - 1)


@dataclass(frozen=True)
class Tensor:
    """dims: None where the side is only known when it runs."""

    element: str
    dims: tuple[int | None, ...]

    def __str__(self) -> str:
        return "x".join([*("?" if d is None else str(d) for d in self.dims), self.element])


@dataclass(frozen=True)
class Image:
    """A picture argument. fourcc: `32BGRA`, `32ARGB`, `24RGB`, …"""

    fourcc: str
    height: int
    width: int

    def __str__(self) -> str:
        return f"image {self.fourcc} {self.width}×{self.height}"


@dataclass(frozen=True)
class Other:
    """A type that no picture or tensor is: a handle, a token, an encoded tensor."""

    text: str

    def __str__(self) -> str:
        return self.text


Type = Tensor | Image | Other


@dataclass(frozen=True)
class Op:
    """One operation. operands, results: numbers of values, unique in the module.

    attributes: as MLIR prints them. array: a constant's numbers. where: the node's name, "" where
    the file has none. callee: the graph that an invocation names.
    """

    name: str
    operands: tuple[int, ...]
    results: tuple[int, ...]
    types: tuple[Type, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    regions: tuple[Block, ...] = ()
    where: str = ""
    array: Array | None = None
    unread: str = ""
    callee: str = ""


@dataclass(frozen=True)
class Block:
    """Operations in order; the last one hands on what the block gives."""

    arguments: tuple[int, ...]
    types: tuple[Type, ...]
    ops: tuple[Op, ...]


@dataclass(frozen=True)
class Graph:
    """A function. inputs, outputs: names in order; private ones can only be invoked."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    results: tuple[Type, ...]
    body: Block
    private: bool = False


@dataclass(frozen=True)
class Module:
    """graphs by name; others: what else lies at the top, by op name."""

    graphs: Mapping[str, Graph]
    others: tuple[str, ...] = ()

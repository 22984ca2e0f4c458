"""One MIL operation as a translation function sees it: named inputs, literals, the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mobilecat.formats.coreml.runtime.errors import malformed, refused
from mobilecat.formats.coreml.runtime.graph import Graph, Val
from mobilecat.formats.coreml.runtime.values import TensorType

if TYPE_CHECKING:
    from mobilecat.formats.coreml.runtime.mil.program import Block

Array = npt.NDArray[Any]


@dataclass
class ListVal:
    """A MIL list: a Python list of tensors that ops replace rather than change."""

    items: list[Val | None]
    element: TensorType | None = None


Value = Val | ListVal
Env = dict[str, Any]


@dataclass(frozen=True)
class Op:
    """An operation with its inputs bound to values.

    inputs:  name → Val (several for a tuple input).
    types:   declared types of the outputs; None for what is no tensor.
    rounds:  whether a cast to float16 rounds.
    restores: whether rounding is undone, so that quantised activations keep their fractions.
    run_block: executes a nested block in an environment and returns its outputs.
    """

    type: str
    name: str
    inputs: Mapping[str, Sequence[Any]]
    outputs: Sequence[str]
    types: Sequence[TensorType | None]
    g: Graph
    opset: int
    blocks: Sequence[Block] = ()
    run_block: Callable[[Block, Env], list[Any]] | None = None
    env: Env = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)
    rounds: bool = True
    restores: bool = False

    @property
    def where(self) -> str:
        return f"{self.type} {self.name!r}"

    def __contains__(self, name: str) -> bool:
        return name in self.inputs

    def __getitem__(self, name: str) -> Val:
        """Return the one tensor bound to input `name`."""
        found = self.inputs.get(name)
        if found is None or len(found) != 1 or not isinstance(found[0], Val):
            raise malformed(f"input {name!r} is missing or no tensor", self.where)
        return found[0]

    def get(self, name: str) -> Val | None:
        """Return the tensor bound to input `name`, or None where it is left out."""
        return self[name] if name in self.inputs else None

    def many(self, name: str) -> list[Val]:
        """Return the tensors bound to a tuple input."""
        found = list(self.inputs.get(name, ()))
        if not found or not all(isinstance(v, Val) for v in found):
            raise malformed(f"input {name!r} is missing or holds no tensors", self.where)
        return found

    def array(self, name: str, default: Any = None) -> Array:
        """Return the numbers of input `name` (it may make what is pending run)."""
        if name not in self.inputs:
            if default is None:
                raise malformed(f"input {name!r} is missing", self.where)
            return np.asarray(default)
        return self[name].numpy()

    def ints(self, name: str, default: Sequence[int] | None = None) -> list[int]:
        """Return input `name` as a list of ints; a tuple input of scalars works too."""
        found = self.inputs.get(name)
        if found is not None and len(found) > 1:
            return [self._int(v.numpy(), name) for v in found]
        return [int(v) for v in self._numbers(self.array(name, default), name).reshape(-1)]

    def bools(self, name: str, count: int) -> list[bool]:
        """Return `count` flags, all False where input `name` is left out."""
        if name not in self.inputs:
            return [False] * count
        flags = [bool(v) for v in self.array(name).reshape(-1)]
        if len(flags) != count:
            raise malformed(f"{name} has {len(flags)} flags for {count} axes", self.where)
        return flags

    def integer(self, name: str, default: int | None = None) -> int:
        return self._int(self.array(name, default), name)

    def flag(self, name: str, default: bool | None = None) -> bool:
        return bool(self._int(self.array(name, default), name))

    def number(self, name: str, default: float | None = None) -> float:
        return float(self._one(self.array(name, default), name))

    def text(self, name: str, default: str | None = None) -> str:
        return str(self._one(self.array(name, default), name, numeric=False))

    def axis(self, name: str = "axis", default: int | None = None, rank: int | None = None) -> int:
        """Return an axis, counted from the front; ArtifactError where there is none such."""
        rank = self["x"].rank if rank is None else rank
        return self.front(self.integer(name, default), rank)

    def axes(self, name: str, rank: int, default: Sequence[int] | None = None) -> list[int]:
        found = [self.front(a, rank) for a in self.ints(name, default)]
        if len(set(found)) != len(found):
            raise malformed(f"{name} names an axis twice", self.where)
        return found

    def front(self, axis: int, rank: int) -> int:
        if not -rank <= axis < rank:
            raise malformed(f"axis {axis} does not exist in rank {rank}", self.where)
        return axis % rank

    def refuse(self, reason: str) -> Exception:
        return refused(reason, self.where)

    def broken(self, reason: str) -> Exception:
        return malformed(reason, self.where)

    def _int(self, a: Array, name: str) -> int:
        one = self._one(a, name)
        if not np.isfinite(one):
            raise malformed(f"{name} is not finite", self.where)
        return int(one)

    def _one(self, a: Array, name: str, numeric: bool = True) -> Any:
        if a.size != 1:
            raise malformed(f"{name} has {a.size} elements where one belongs", self.where)
        if numeric:
            self._numbers(a, name)
        return a.reshape(-1)[0]

    def _numbers(self, a: Array, name: str) -> Array:
        if a.dtype.kind not in "fiub":
            raise malformed(f"{name} is no number", self.where)
        return a

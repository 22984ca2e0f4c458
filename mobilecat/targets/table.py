"""A lowering table: one op, one small function; a second registration raises; gaps come as one list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import onnx_ir as ir

from mobilecat.errors import Problem, UnsupportedError
from mobilecat.graph import op_of, where

F = TypeVar("F", bound=Callable[..., object])
Check = Callable[[ir.Node], str | None]


@dataclass(frozen=True)
class Lowering(Generic[F]):
    """How one op becomes target ops. `check(node)` returns why a node has no form there, or None."""

    lower: F
    check: Check | None = None


class LoweringTable(Generic[F]):
    """ONNX op name (`Conv`, `mobilecat::NMS`) → Lowering, for one target."""

    def __init__(self, target: str) -> None:
        self.target = target
        self._rows: dict[str, Lowering[F]] = {}

    def op(self, *names: str, check: Check | None = None) -> Callable[[F], F]:
        """Register the decorated function for `names`; ValueError where one is taken already."""

        def register(lower: F) -> F:
            for name in names:
                if name in self._rows:
                    raise ValueError(f"{self.target} has a lowering of {name} already")
                self._rows[name] = Lowering(lower, check)
            return lower

        return register

    def __getitem__(self, name: str) -> Lowering[F]:
        return self._rows[name]

    def __contains__(self, name: str) -> bool:
        return name in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._rows))

    def require(self, model: ir.Model) -> None:
        """Raise one UnsupportedError that lists every node of `model` with no form in this target."""
        problems = [p for node in model.graph if (p := self._problem(node)) is not None]
        if problems:
            raise UnsupportedError(
                f"{self.target} has no form for {len(problems)} of this model's nodes", problems
            )

    def _problem(self, node: ir.Node) -> Problem | None:
        row = self._rows.get(op_of(node))
        if row is None:
            return Problem(f"op not supported for {self.target}", where=where(node))
        reason = row.check(node) if row.check else None
        return Problem(reason, where=where(node)) if reason else None

"""A lowering table: one op, one small function; a second raises; gaps come as one list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import onnx_ir as ir

from mobilecat.errors import Problem, UnsupportedError
from mobilecat.graph import op_of
from mobilecat.graph.passes import recurrent
from mobilecat.graph.passes.functions import expanded
from mobilecat.graph.passes.ranks import within_rank
from mobilecat.graph.passes.recurrent import without_recurrence
from mobilecat.graph.passes.sampling import without_grid_sample

F = TypeVar("F", bound=Callable[..., object])
Check = Callable[[ir.Node], str | None]


@dataclass(frozen=True)
class Lowering(Generic[F]):
    """How one op becomes target ops; `check(node)` returns why a node has no form, or None."""

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

    def __contains__(self, name: object) -> bool:
        return name in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._rows))

    def require(self, model: ir.Model) -> None:
        """Raise one UnsupportedError that names every node without a form, by op and reason."""
        gaps: dict[tuple[str, str], list[str]] = {}
        for node in model.graph:
            if (reason := self.reason(node)) is not None:
                gaps.setdefault((op_of(node), reason), []).append(node.name or "")
        if gaps:
            number = sum(map(len, gaps.values()))
            raise UnsupportedError(
                f"{self.target} has no form for {number} node{'s' if number > 1 else ''}",
                [
                    Problem(reason, f"{op} {', '.join(map(repr, names))}")
                    for (op, reason), names in gaps.items()
                ],
            )

    def reason(self, node: ir.Node) -> str | None:
        """Return why a node has no form; None where it has one."""
        row = self._rows.get(op_of(node))
        if row is None:
            why = recurrent.problem(node) if op_of(node) in recurrent.GATES else None
            return why or f"op not supported for {self.target}"
        return row.check(node) if row.check else None


TAKEN_APART = frozenset({"GridSample", *recurrent.GATES})
"""Ops that every target has, with a form of its own or without: `prepared` says them in others."""


def prepared(
    model: ir.Model, table: LoweringTable[F], ranks: int, lacks: frozenset[str] = frozenset()
) -> ir.Model:
    """Return the graph as a target lowers it: functions that it has no form of taken apart, values
    of more than `ranks` dimensions in fewer; the model itself where nothing is to do.

    lacks: ops that one form of the target has no form of, although the table has.
    """

    def has_form(node: ir.Node) -> bool:
        return op_of(node) not in lacks and table.reason(node) is None

    made = without_recurrence(expanded(model, table), has_form)
    return within_rank(without_grid_sample(made, has_form), ranks)

"""The table of MIL ops: one op, one function that emits its ONNX form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mobilecat.formats.coreml.runtime.mil.op import Op

Translate = Callable[["Op"], Any]


@dataclass(frozen=True)
class Row:
    """How one op is executed.

    moves: the op only moves or selects elements, so half floats need no rounding after it.
    """

    translate: Translate
    moves: bool = False


_rows: dict[str, Row] = {}


def mil_op(*names: str, moves: bool = False) -> Callable[[Translate], Translate]:
    """Register the decorated function for `names`; ValueError where one is taken already."""

    def register(translate: Translate) -> Translate:
        for name in names:
            if name in _rows:
                raise ValueError(f"MIL op {name} has a translation already")
            _rows[name] = Row(translate, moves)
        return translate

    return register


def row(name: str) -> Row | None:
    """Return the row of op `name`, or None."""
    return _rows.get(name)


def op_names() -> Iterator[str]:
    """Yield the names of all ops that can be executed, sorted."""
    return iter(sorted(_rows))

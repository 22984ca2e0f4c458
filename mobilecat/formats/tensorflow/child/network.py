"""A TensorFlow network opened by one of the loaders, ready to be run or frozen."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mobilecat.errors import Problem
from mobilecat.formats.onnx.input_shapes import Dims
from mobilecat.graph import Array

Say = Callable[[str], None]
Given = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Frozen:
    """Weights inside, and tensors of it (`concat:0`) by the names that we give them."""

    graph_def: Any
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]


@dataclass(frozen=True)
class Network:
    """inputs, outputs: dims by name, None where unknown.

    run:    the original, fed and read by those names.
    freeze: its frozen graph, with the shapes given for some inputs, by name.
    notes:  what was settled on the way, for the user. anchors: SSD anchors, yxhw rows, or None.
    """

    inputs: Mapping[str, Dims]
    outputs: Mapping[str, Dims]
    run: Callable[[Mapping[str, Array]], dict[str, Array]]
    freeze: Callable[[Given], Frozen]
    notes: tuple[str, ...] = ()
    anchors: Array | None = None


def dims(shape: Any) -> Dims:
    """Return a TensorShape, or Keras's tuple, as plain numbers."""
    if shape is None or getattr(shape, "rank", 0) is None:
        return None
    return tuple(None if d is None else int(d) for d in shape)


def unique(names: Iterable[str]) -> list[str]:
    """Return the names, later ones of a kind numbered: a, a_1."""
    made: list[str] = []
    for name in names:
        number, candidate = 0, name
        while candidate in made:
            number += 1
            candidate = f"{name}_{number}"
        made.append(candidate)
    return made


def unknown(
    wanted: Sequence[str],
    known: Iterable[str],
    what: str,
    key: str,
    likely: Sequence[str] = (),
) -> list[Problem]:
    """Return a problem for each name that is not there, with the nearest one that is.

    likely: what a user may have meant where none is near.
    """
    known = list(known)
    problems = []
    for name in (n for n in wanted if n not in known):
        inside = [k for k in known if k.endswith(f"/{name}")]
        near = inside[:3] or difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        fix = f"the nearest: {', '.join(near)}" if near else ""
        if not near and likely:
            more = ", …" if len(likely) > 8 else ""
            fix = f"perhaps one of {', '.join(likely[:8])}{more}"
        problems.append(Problem(f"there is no {what} {name!r}", f"import.{key}", fix))
    return problems

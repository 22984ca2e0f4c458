"""What a model's inputs are, and what the user says they shall be → static shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mobilecat.errors import ModelError, Problem

Dims = tuple[int | None, ...] | None
"""Dimensions, None for a dynamic one; None alone where not even their number is known."""

Shapes = Mapping[str, Sequence[int]]


def settle(
    inputs: Mapping[str, Dims], shapes: Shapes, path: Path, found: Sequence[Problem] = ()
) -> dict[str, tuple[int, ...]]:
    """Return the shape of each input: as given, else its own with a dynamic leading dimension as 1.

    Errors: ModelError listing every shape that is missing or cannot be, after the problems `found`.
    """
    problems = list(found)
    problems += [
        Problem(
            f"the model has no input {name!r}", str(path), f"its inputs are {', '.join(inputs)}"
        )
        for name in shapes
        if name not in inputs
    ]
    settled = {}
    for name, dims in inputs.items():
        shape = _given(dims, shapes[name]) if name in shapes else _own(name, dims)
        if isinstance(shape, Problem):
            problems.append(Problem(shape.what, f"input {name!r}", shape.fix))
        else:
            settled[name] = shape
    if problems:
        raise ModelError(f"{path.name}: the input shapes cannot be fixed", problems)
    return settled


def _given(dims: Dims, shape: Sequence[int]) -> tuple[int, ...] | Problem:
    if dims is not None and len(shape) != len(dims):
        return Problem(f"has {len(dims)} dimensions, the shape given has {len(shape)}")
    if any(d < 1 for d in shape):
        return Problem(f"a side of {list(shape)} is below 1")
    return tuple(int(d) for d in shape)


def _own(name: str, dims: Dims) -> tuple[int, ...] | Problem:
    if dims is None:
        return Problem("has no shape at all", fix=f"give it: --shape {name}=1,3,320,320")
    fixed = [1 if i == 0 and d is None else d for i, d in enumerate(dims)]
    if any(d is None or d < 1 for d in fixed):
        text = ",".join("?" if d is None else str(d) for d in fixed)
        given = text.replace("?", "N")
        return Problem(
            f"dynamic shape [{text}]",
            fix=f"fix it: --shape {name}={given}, or input.size in the spec",
        )
    return tuple(d for d in fixed if d is not None)

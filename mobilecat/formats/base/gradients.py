"""What parent and child say to each other of a gradient, and how a value is found by its numbers.

The frozen graph and the source call their values differently, and lay them out differently; what
they hold is the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mobilecat.disk.arrays import read_arrays
from mobilecat.errors import ModelError, Problem
from mobilecat.formats.base.child import Child
from mobilecat.formats.base.source import Gradient
from mobilecat.graph import Array

SAME = 1e-3
"""Of the largest value: a source's layer and the graph's are the same that are no further apart.
Batch norms that were folded, and sums in another order, leave 1e-5."""


def channels_first(value: Array, shape: tuple[int, ...]) -> Array | None:
    """Return (1,C,H,W) or (1,H,W,C) as (C,H,W), whichever has this shape; None where neither."""
    if value.ndim != 4 or value.shape[0] != 1:
        return None
    if value.shape[1:] == shape:
        first: Array = value[0]
        return first
    last: Array = value[0].transpose(2, 0, 1)
    return last if last.shape == shape else None


def is_same(value: Array, wanted: Array) -> bool:
    """Return whether a network's value, in either layout, holds what `wanted` (C,H,W) does."""
    found = channels_first(value, wanted.shape)
    if found is None:
        return False
    most = float(np.abs(wanted).max())
    return most > 0 and float(np.abs(found - wanted).max()) <= SAME * most


def fits(shape: Sequence[int | None], wanted: Array) -> bool:
    """Return whether a value of this shape, None for an open side, could hold `wanted`."""
    if len(shape) != 4:
        return False
    c, h, w = wanted.shape
    either = ((1, c, h, w), (1, h, w, c))
    return any(all(s in (None, d) for s, d in zip(shape, e, strict=True)) for e in either)


def ask_gradient(
    child: Child,
    inputs: Mapping[str, Array],
    maps: Sequence[Array],
    factors: Mapping[str, Array],
) -> Gradient:
    """Ask a child that has a model open for a gradient (`base.source.Gradients`)."""
    given, made = child.folder / "gradient_in.npz", child.folder / "gradient_out.npz"
    arrays = {f"x{i}": v for i, v in enumerate(inputs.values())}
    arrays |= {f"m{i}": np.asarray(v, np.float32) for i, v in enumerate(maps)}
    arrays |= {f"f{i}": v for i, v in enumerate(factors.values())}
    np.savez(given, **arrays)  # type: ignore[arg-type]
    names = {"inputs": list(inputs), "outputs": list(factors), "maps": len(maps)}
    answer = child.ask("gradient", given=str(given), made=str(made), **names)
    got = read_arrays(made)
    place = int(answer["place"])
    shape = maps[place].shape
    values, slopes = (np.asarray(got[k], np.float64) for k in ("values", "slopes"))
    if values.shape != shape or slopes.shape != shape:
        raise ModelError("The gradient has another shape than its layer", [Problem(str(shape))])
    return Gradient(place, str(answer["name"])[:200], values, slopes)


def given_arrays(
    given: str, inputs: Sequence[str], outputs: Sequence[str], maps: int
) -> tuple[dict[str, Array], list[Array], dict[str, Array]]:
    """Return feeds, maps and factors as the child finds them in its folder."""
    with np.load(given, allow_pickle=False) as held:
        return (
            {n: held[f"x{i}"] for i, n in enumerate(inputs)},
            [held[f"m{i}"] for i in range(maps)],
            {n: held[f"f{i}"] for i, n in enumerate(outputs)},
        )


def answered(found: Gradient, made: str) -> dict[str, Any]:
    """Write a gradient where the parent reads it, and return the answer."""
    np.savez(Path(made), values=found.values, slopes=found.slopes)
    return {"place": found.place, "name": found.name}


def not_found(engine: str) -> ModelError:
    """Return the error of a network that computes none of the layers asked for."""
    what = f"{engine} computes none of these layers under any name, or no output depends on them"
    return ModelError("No gradient of this layer", [Problem(what, fix="name another: --layer")])

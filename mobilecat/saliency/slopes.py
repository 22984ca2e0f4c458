"""How a score depends on a network's own outputs, for any head.

The head's decode is arithmetic of ours in numpy, in float64, so central differences give its slopes
to 1e-9; the network's own gradient is its engine's. A score depends on a handful of numbers, which
are found by halves: whatever is changed in the others changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from mobilecat.graph import Array
from mobilecat.saliency.cam import Floats

STEP = 1e-6
"""Of a value, or of 1 where it is smaller."""
MOST = 4096
"""A score that depends on more numbers than that is none of a candidate."""

Score = Callable[[Mapping[str, Array]], float]


def slopes_of(score: Score, raw: Mapping[str, Array]) -> dict[str, Floats]:
    """Return ∂score/∂value of every value of the outputs, in their shapes; 0 where it has none.

    score: of outputs by name. Outputs of whole numbers are left out.
    """
    values = {n: np.array(v, np.float64) for n, v in raw.items()}
    held = {**raw, **values}
    slopes = {}
    for name, output in values.items():
        if not np.issubdtype(np.asarray(raw[name]).dtype, np.floating):
            held[name] = raw[name]
            continue
        flat, found = output.reshape(-1), np.zeros(output.size)
        base = score(held)
        for k, place in enumerate(_places(score, held, flat, base)):
            if k == MOST:
                break
            found[place] = _slope(score, held, flat, place)
        slopes[name] = found.reshape(output.shape)
    return slopes


def _places(score: Score, held: Mapping[str, Array], flat: Floats, base: float) -> Iterator[int]:
    """Yield the places of `flat`, which is part of `held`, that the score depends on."""
    # Uneven steps: an even one over all of a softmax's numbers would change nothing.
    steps = STEP * np.maximum(1, np.abs(flat)) * np.random.default_rng(0).uniform(0.5, 1, flat.size)
    todo = [(0, flat.size)]
    while todo:
        low, high = todo.pop()
        before = flat[low:high].copy()
        flat[low:high] += steps[low:high]
        same = score(held) == base
        flat[low:high] = before
        if same:
            continue
        if high - low == 1:
            yield low
        else:
            middle = (low + high) // 2
            todo += [(low, middle), (middle, high)]


def _slope(score: Score, held: Mapping[str, Array], flat: Floats, place: int) -> float:
    value = float(flat[place])
    step = STEP * max(1.0, abs(value))
    flat[place] = value + step
    above = score(held)
    flat[place] = value - step
    below = score(held)
    flat[place] = value
    return (above - below) / (2 * step)

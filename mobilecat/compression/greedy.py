"""Which layer next: orders of moves from every layer as it was to every layer at its smallest.

Pure functions over numbers: a layer is its options, an option what it costs and what it saves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

MOST_TRIED = 6
"""Points of one path that are measured: each halves what is left of it, so 6 tell 64 apart."""


@dataclass(frozen=True)
class Option:
    """One way to store a layer. size: bytes, or whatever is to become less. error: what it does to
    the outputs when it is the only layer that is stored so."""

    size: float
    error: float


State = tuple[int, ...]
"""For each layer, which of its options it has."""


def path_of(layers: Sequence[Sequence[Option]]) -> tuple[State, ...]:
    """Return the states from every layer's first option to its smallest, a move apart.

    Each move is the one that adds least error for what it saves. Of a layer's options only those
    are on the way that no mixture of two others beats, so that the order within a layer comes by
    itself. Options that are not smaller than the first are never taken.
    """
    moves = []
    for k, options in enumerate(layers):
        at = 0
        while (then := _best_move(options, at)) is not None:
            moves.append((_slope(options, at, then), k, then))
            at = then
    moves.sort(key=lambda m: m[0])
    state = [0] * len(layers)
    states = [tuple(state)]
    for _, k, then in moves:
        state[k] = then
        states.append(tuple(state))
    return tuple(states)


def _best_move(options: Sequence[Option], at: int) -> int | None:
    smaller = [i for i, o in enumerate(options) if o.size < options[at].size]
    if not smaller:
        return None
    return min(smaller, key=lambda i: (_slope(options, at, i), options[i].size))


def _slope(options: Sequence[Option], at: int, then: int) -> float:
    a, b = options[at], options[then]
    return (b.error - a.error) / (a.size - b.size)


def farthest(states: int, fits: Callable[[int], bool], most: int = MOST_TRIED) -> int | None:
    """Return the last of `states` for which `fits` holds, by halving; None where none was found.

    The last is tried first, since it is the smallest. fits is asked `most` times at most and is
    taken to hold up to some state and not behind it: of a loss on pictures that is nearly so, and
    what is returned was asked.
    """
    if states < 1:
        return None
    if fits(states - 1):
        return states - 1
    low, high, found, asked = 0, states - 1, None, 1
    while high - low > 1 and asked < most:
        middle = (low + high) // 2
        asked += 1
        if fits(middle):
            low = found = middle
        else:
            high = middle
    return found


def frontier(points: Sequence[tuple[float, float]]) -> tuple[int, ...]:
    """Return which points (size, loss) no other beats in both, by rising size."""
    order = sorted(range(len(points)), key=lambda i: points[i])
    kept: list[int] = []
    for i in order:
        if not kept or points[i][1] < points[kept[-1]][1]:
            kept.append(i)
    return tuple(kept)

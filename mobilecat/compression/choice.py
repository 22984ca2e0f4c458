"""Which of what keeps to the budget is taken, where sizes or times are too near to tell apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal, TypeVar

Goal = Literal["size", "speed"]

ALIKE_SIZES = 1.05
"""Files of which one is no more than this times as large as the other are alike in size.

A twentieth of a file of 2 MB is 100 kB, which no user of an app notices, while the recipes that
differ in kind differ by more: float16, int8, 6 and 4 bits are each a fifth apart at least.
"""
ALIKE_TIMES = 1.2
"""Times of which one is no more than this times the other are alike: the fastest of fifteen runs
moves by a tenth and more from one measurement to the next while the machine does other things."""

_NO_RIVAL, _RIVALS = 3.0, 6
"""What took so many times as long as the fastest is slower, whatever the machine did meanwhile; and
so many are timed once more at most."""

T = TypeVar("T")


@dataclass(frozen=True)
class Worth:
    """What counts of a file. time: a share of float32's, or None where it says nothing of where
    the file will run. loss: points lost; a gain is no loss."""

    bytes: int
    time: float | None
    loss: float

    @property
    def lost(self) -> float:
        return max(0.0, round(self.loss, 2))


def best_of(every: Sequence[T], goal: Goal, worth: Callable[[T], Worth]) -> T:
    """Return the best of `every`, one or more, all of which keep to the budget.

    For size: of those that are about as small as the smallest, those that are about as fast as the
    fastest of them; of these the one that loses least, and then the smallest. For speed: of those
    about as fast as the fastest, those about as small as the smallest, and so on.
    """
    left = list(every)
    for what in ("size", "time") if goal == "size" else ("time", "size"):
        if what == "size":
            left = _alike_sizes(left, worth)
        else:
            slowest = min(_slow(worth(t)) for t in left) * ALIKE_TIMES
            left = [t for t in left if _slow(worth(t)) <= slowest]
    return min(left, key=lambda t: (worth(t).lost, worth(t).bytes, _slow(worth(t))))


def rivals(every: Sequence[T], goal: Goal, worth: Callable[[T], Worth], own: T | None) -> list[T]:
    """Return those between which time decides, to be timed once more: of alike sizes, or all for
    speed, the few that are near the fastest, and the spec's `own`; none where it decides nothing.
    """
    group = _alike_sizes(every, worth) if goal == "size" else list(every)
    most = min(_slow(worth(t)) for t in group) * _NO_RIVAL
    near = [t for t in group if _slow(worth(t)) <= most]
    near = sorted(near, key=lambda t: _slow(worth(t)))[:_RIVALS]
    near += [t for t in group if t is own and t not in near]
    return near if len(near) > 1 else []


def settled(
    every: Sequence[T],
    rounds: Sequence[Sequence[float]],
    goal: Goal,
    worth: Callable[[T], Worth],
    own: T | None,
) -> tuple[T, T | None, str]:
    """Return the best of `every`; the nearest that it is faster than; and what decided.

    rounds: seconds of each, a round at a time. One is slower where it was in every round, and by
    more than `ALIKE_TIMES` in the median of their ratios; else the two are alike, and of such the
    spec's `own` is kept, or that taken which loses least.
    """
    least = [min(times) for times in zip(*rounds, strict=True)]
    lead = least.index(min(least))
    ratios = {
        k: sorted(times[k] / times[lead] for times in rounds)
        for k in range(len(every))
        if k != lead
    }
    slower = [k for k, r in ratios.items() if r[0] > 1 and median(r) > ALIKE_TIMES]
    left = [t for k, t in enumerate(every) if k not in slower]
    if goal == "speed":
        left = _alike_sizes(left, worth)
    best = min(left, key=lambda t: (worth(t).lost, worth(t).bytes))
    alike = "sizes and times are alike" if goal == "size" else "times and sizes are alike"
    if own is not None and any(t is own for t in left):
        if len(left) > 1:
            return own, None, f"{alike}, and the spec has it already"
        best = own
    if len(left) > 1:
        return best, None, f"{alike} in {len(rounds)} rounds in turns: it loses least"
    if not slower:
        return best, None, f"times are alike in {len(rounds)} rounds in turns: it is smaller"
    at = next(k for k, t in enumerate(every) if t is best)
    near = min(slower, key=lambda k: median(ratios[k]))
    shares = [times[at] / times[near] for times in rounds]
    faster = sum(share < 1 for share in shares)
    return (
        best,
        every[near],
        (
            f"timed in turns it took {min(shares):.2f} to {max(shares):.2f} of the time, faster in "
            f"{faster} of {len(rounds)} rounds"
        ),
    )


def _alike_sizes(every: Sequence[T], worth: Callable[[T], Worth]) -> list[T]:
    most = min(worth(t).bytes for t in every) * ALIKE_SIZES
    return [t for t in every if worth(t).bytes <= most]


def _slow(worth: Worth) -> float:
    """Return a time to compare: what has none counts as float32 does."""
    return 1.0 if worth.time is None else worth.time

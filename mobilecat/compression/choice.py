"""Which of what keeps to the budget is taken, where sizes or times are too near to tell apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
            most = min(worth(t).bytes for t in left) * ALIKE_SIZES
            left = [t for t in left if worth(t).bytes <= most]
        else:
            slowest = min(_slow(worth(t)) for t in left) * ALIKE_TIMES
            left = [t for t in left if _slow(worth(t)) <= slowest]
    return min(left, key=lambda t: (worth(t).lost, worth(t).bytes, _slow(worth(t))))


def _slow(worth: Worth) -> float:
    """Return a time to compare: what has none counts as float32 does."""
    return 1.0 if worth.time is None else worth.time

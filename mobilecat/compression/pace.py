"""How far a search has come: steps done of about how many, and about how long the rest takes.

A step is a candidate that is measured, or all layers rounded one at a time. How many there will be
is known but for the mixtures: so "about". Those that most searches need are counted, as many as
there can be; those that are tried only where all layers in int8 lose too much, when it comes to it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

_KEPT_S = 0.5
"""Seconds: a step that took less was kept from before, and says nothing of how long one takes."""


_LAST = 3
"""Steps by whose median the rest is told. The first also runs the source on every picture, and all
layers one at a time take five times as long as the mixtures that follow: a mean said two minutes
where seconds were left."""


@dataclass
class Pace:
    """steps: about how many there will be. say: shows a line. clock: seconds."""

    steps: int
    say: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    done: int = 0
    _taken: list[float] = field(default_factory=list)
    _since: float | None = None

    def begin(self) -> None:
        """A step begins now."""
        self._since = self.clock()

    def end(self) -> None:
        """The step that began is done."""
        took = self.clock() - (self._since if self._since is not None else self.clock())
        self._since = None
        self.done += 1
        self.steps = max(self.steps, self.done)
        if took >= _KEPT_S:
            self._taken.append(took)

    def add(self, steps: int) -> None:
        """So many steps more will be taken."""
        self.steps += steps

    def leave_out(self, steps: int) -> None:
        """So many steps that were counted will not be taken."""
        self.steps = max(self.done, self.steps - max(0, steps))

    def __call__(self, text: str) -> None:
        """Show what is done now, with how far the whole has come."""
        at = min(self.done + 1, self.steps)
        self.say(f"step {at} of about {self.steps}{self._left()}: {text}")

    def _left(self) -> str:
        if not self._taken:
            return ""
        each = median(self._taken[-_LAST:])
        under_way = 0.0 if self._since is None else self.clock() - self._since
        seconds = max(0.0, each * (self.steps - self.done) - min(under_way, each))
        return f", about {said_time(seconds)} left"


def said_time(seconds: float) -> str:
    """Return `40 s`, `12 min` or `1 h 10 min`."""
    if seconds < 90:
        return f"{10 * max(1, round(seconds / 10))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"

"""Whether one way is better than another on the same labelled objects, beyond chance.

Student's t of the differences, a labelled object each, whose variance is drawn towards one set
beforehand: of three objects that happen to differ by 0.30, 0.31 and 0.32 a plain t is sure.
Source: G. K. Smyth, Linear models and empirical Bayes methods for assessing differential
expression in microarray experiments, 2004 (the moderated t).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from mobilecat.geometry.chance import t_tail
from mobilecat.measure.evaluate.metrics import Floats

LEVEL = 0.001
"""How often chance alone may say so, of all that is tried together (Bonferroni)."""
LEANING = 0.1
"""Above LEVEL and below this it is worth a word, and no more."""
LEAST = 0.01
"""A mean difference below is real at times, and yet says nothing of the training: the demo's
detector is surer of stretched pictures, which it never saw."""
SPREAD, WORTH = 0.1, 4.0
"""The spread of differences before any is seen, and how many objects that counts for."""


Verdict = Literal["better", "leaning", "close", "worse"]


@dataclass(frozen=True)
class Paired:
    """kept, other: of each labelled object, 0 to 1, the higher the better. tries: how many ways are
    tried of which any may look better by chance."""

    kept: Floats
    other: Floats
    tries: int = 1

    @property
    def objects(self) -> int:
        return len(self.kept)

    @property
    def gain(self) -> float:
        """By how much the other is better, the mean."""
        return float((self.other - self.kept).mean()) if self.objects else 0.0

    @property
    def higher(self) -> int:
        """Of how many objects the other is better."""
        return int((self.other > self.kept).sum())

    def chance(self, sign: int = 1) -> float:
        """Return how likely chance alone is to show such a gain, were it LEAST or less, of any of
        `tries`; sign −1: such a loss."""
        n = self.objects
        if n < 2:
            return 1.0
        squares = float((((self.other - self.kept) - self.gain) ** 2).sum())
        degrees = WORTH + n - 1
        error = math.sqrt((WORTH * SPREAD**2 + squares) / degrees / n)
        return min(1.0, self.tries * t_tail((sign * self.gain - LEAST) / error, degrees))

    @property
    def verdict(self) -> Verdict:
        """Of the other: `better`, perhaps better (`leaning`), `worse`; `close` is neither."""
        chance = self.chance()
        if chance < LEANING:
            return "better" if chance < LEVEL else "leaning"
        return "worse" if self.chance(-1) < LEVEL else "close"

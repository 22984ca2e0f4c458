"""Preprocessing against other, on the same pictures: which of them the network was trained on.

Two measures, of every picture in turn. The best score of any box: colours that are swapped and
values of another range cost some. And, of how a picture is brought to the input's size, a box
against the one found in a cut-out of the input's own aspect, which neither way distorts: a network
that never saw stretched pictures puts boxes of the wrong shape on them, as sure of itself as ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mobilecat.pictures.cutouts import decides, margin, overlap_margin

_LEAST_SCORE = 0.1
"""A mean difference below is real at times, and yet says nothing of the training: best scores of
the demo's detector are 0.05 higher where its photos are stretched, which it was not trained on."""

UNTOLD = "which the file does not tell"
_ENOUGH = 5
"""Pictures that could tell. More than half of the sets of 5 settle how the demo's detector was
fitted, a third of those of 3 (docs/init.md)."""

Verdict = Literal["better", "worse", "close", "flood"]


@dataclass(frozen=True)
class Other:
    """Other preprocessing. what: in words. key, value: of [input]. sound: whether it finds what a
    detector finds, and no flood of boxes. kept: what the spec has in its place; whose: why it does.
    alike: not sound, and what is kept no better. boxes: whether the head finds any. kept_full:
    what is kept gives scores of 1.000 on most pictures, and this does not.

    scores: a picture each, the best with it and with what is kept. overlaps: IoU with the box of an
    undistorted cut-out, with it less with what is kept; of the pictures where that could be told.
    """

    what: str
    key: str
    value: Any
    scores: tuple[tuple[float, float], ...]
    overlaps: tuple[float, ...]
    sound: bool
    kept: str
    whose: str
    alike: bool = False
    boxes: bool = True
    kept_full: bool = False

    @property
    def score(self) -> float:
        return float(np.mean([a for a, _ in self.scores]))

    @property
    def gain(self) -> float:
        """By how much its best scores are higher, the mean of the pictures."""
        return float(np.mean([a - b for a, b in self.scores]))

    @property
    def margin(self) -> float:
        return margin(len(self.scores), _LEAST_SCORE)

    @property
    def by_boxes(self) -> float | None:
        """The mean of `overlaps` where that decides, else None."""
        return decides(self.overlaps)

    @property
    def verdict(self) -> Verdict:
        """Boxes decide before scores: a network may be surer of what it puts in a wrong place."""
        if not self.sound:
            return "flood"
        if self.kept_full:
            return "better"
        if self._unmeasured:
            return "close"
        decides = self.by_boxes
        if decides is None:
            decides = self.gain if abs(self.gain) > self.margin else 0
        return "better" if decides > 0 else "worse" if decides < 0 else "close"

    @property
    def _unmeasured(self) -> bool:
        """Whether nothing here tells: a classifier may be surer of black bars, and not righter."""
        return self.key == "resize" and not self.boxes

    @property
    def said(self) -> str:
        if not self.sound and not self.alike:
            does = "floods the picture with boxes" if self.boxes else "makes its scores 1.000"
            return f"{self.what}, which {does}"
        return f"{self.what} {self.score:.3f}"

    @property
    def reason(self) -> str:
        """What the verdict is by."""
        if (boxes := self.by_boxes) is not None:
            of = _pictures(len(self.overlaps))
            right, wrong = (self.what, self.kept) if boxes > 0 else (self.kept, self.what)
            return (
                f"with {right}, boxes on {of} agree better with those found in a cut-out that "
                f"neither way distorts (IoU {abs(boxes):.2f} higher than with {wrong})"
            )
        n = len(self.scores)
        of = "" if n == 1 else f" on {_pictures(n)}"
        if self.kept_full:
            return f"{self.kept} makes scores of 1.000{of}, and {self.what} does not"
        if self._unmeasured:
            return (
                f"how pictures were fitted in training, scores without boxes do not tell{of} (they "
                f"are {_differ(self.gain)} with {self.what}): take what your transforms did"
            )
        if self.verdict == "close":
            return f"{self.what} is too close to tell{of} ({self._measured})"
        way = "is better" if self.gain > 0 else "finds less"
        return f"{self.what} {way} by more than {self.margin:.2g}{of}"

    @property
    def _measured(self) -> str:
        """Both measures, where there are two, and what each would have to be."""
        if self.key != "resize":
            return f"within {self.margin:.2g}"
        score = f"best scores {_differ(self.gain)} with it, {self.margin:.3f} would tell"
        n = len(self.overlaps)
        if not n:
            return f"{score}; no picture has an object whose box would tell"
        of = "1 picture has" if n == 1 else f"{n} pictures have"
        least = overlap_margin(n)
        return (
            f"{score}; {of} an object whose box could tell, IoU with an undistorted cut-out "
            f"{_differ(float(np.mean(self.overlaps)))} with it, {least:.3f} would tell"
        )

    @property
    def _more(self) -> str:
        """What would settle what the pictures leave open."""
        if self.whose != UNTOLD or not self.boxes:
            return ""
        if self.key != "resize":
            return ". With labels, mobilecat evaluate tells more often"
        n = len(self.overlaps)
        so_far = f", of which {_ENOUGH} or more tell (so far: {n})" if n < _ENOUGH else ""
        return (
            f". More pictures can settle it: give (--image) those that are much wider or higher "
            f"than the input's aspect, with an object that both ways find{so_far}. With labels, "
            "mobilecat evaluate tells"
        )

    @property
    def sentence(self) -> str:
        """The verdict, with what it is by and what to do."""
        if self.verdict == "better":
            return f"{self.reason}: take it with {self.flag}"
        if self.verdict == "worse":
            return f"{self.reason}: {self.kept} is better than {self.what}"
        kept = f"kept {self.kept}, {self.whose} ({self.flag} takes the other)"
        return f"{self.reason}; {kept}{self._more}"

    @property
    def flag(self) -> str:
        return f"--set {flag_of(f'input.{self.key}', self.value)}"

    def to_json(self) -> dict[str, Any]:
        return {
            "key": f"input.{self.key}", "value": self.value, "verdict": self.verdict,
            "score": self.score, "score_kept": float(np.mean([b for _, b in self.scores])),
            "overlap_gain": float(np.mean(self.overlaps)) if self.overlaps else None,
            "pictures": len(self.scores), "pictures_with_overlap": len(self.overlaps),
        }  # fmt: skip


def told_of(others: Sequence[Other]) -> tuple[Other, ...]:
    """Return those to say a sentence of: of several ranges that are better, one.

    The best; or where the pictures do not tell it from one that was tried before, that: the
    family's own is tried first, and scores 0.004 higher took a newcomer to another.
    """
    ranges = [o for o in others if o.key == "range" and o.verdict == "better"]
    most = max((o.score for o in ranges), default=0.0)
    told = next((o for o in ranges if o.score >= most - o.margin), None)
    return tuple(o for o in others if told is None or o.key != "range" or o is told)


def worse_reasons(others: Sequence[Other]) -> dict[str, str]:
    """Return, by key of [input], why what is kept is right: every other value finds less."""
    told: dict[str, str] = {}
    for key in ("color", "range"):
        there = [o for o in others if o.key == key]
        # A flood is no find, unless what is kept floods as well.
        if there and all(o.verdict == "worse" or (not o.sound and not o.alike) for o in there):
            n = len(there[0].scores)
            ways = " and ".join(o.what.removeprefix("range ") for o in there)
            told[f"input.{key}"] = (
                f"with {there[0].kept}, {_pictures(n)} {'has' if n == 1 else 'have'} better scores "
                f"than with {ways}"
            )
    return told


def _differ(by: float) -> str:
    return f"{abs(by):.3f} {'lower' if by < 0 else 'higher'}"


def _pictures(n: int) -> str:
    return "one picture" if n == 1 else f"{n} pictures"


def flag_of(key: str, value: Any) -> str:
    """Return KEY=VALUE as a shell takes it."""
    if not isinstance(value, (list, tuple)):
        return f"{key}={value}"
    numbers = ", ".join(f"{v:g}" for v in value)
    return f"'{key}=[{numbers}]'"

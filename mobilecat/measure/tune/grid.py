"""What is swept: values and ranges as a user writes them → every combination of three settings."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import astuple, dataclass, replace
from decimal import Decimal
from itertools import product
from operator import eq

from mobilecat.errors import MobileCatError, Problem
from mobilecat.spec import NmsSpec

SCORES = "0.01,0.05,0.1:0.9:0.1"
IOUS = "0.3,0.45,0.55,0.65"
MAX_DETECTIONS = "300,3000"
MOST_ROWS = 10_000
_NUMBER = re.compile(r"(\d+(\.\d*)?|\.\d+)(e-?\d+)?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, order=True)
class Setting:
    """One combination; its meaning is `mobilecat.bake.nms`'s."""

    score_threshold: float
    iou_threshold: float
    max_detections: int

    def alike(self, other: Setting | None) -> int:
        """Return how many of the three are as in `other`."""
        return 0 if other is None else sum(map(eq, astuple(self), astuple(other)))


@dataclass(frozen=True)
class Grid:
    """Values to combine, each list rising and without repeats."""

    scores: tuple[float, ...]
    ious: tuple[float, ...]
    max_detections: tuple[int, ...]

    @property
    def settings(self) -> tuple[Setting, ...]:
        every = product(self.scores, self.ious, self.max_detections)
        return tuple(Setting(*values) for values in every)


def grid_of(scores: str = SCORES, ious: str = IOUS, max_detections: str = MAX_DETECTIONS) -> Grid:
    """Return the grid that the three options ask for: `a,b`, `start:stop:step`, or both mixed.

    A range holds `stop` where the steps meet it. MobileCatError lists everything that is wrong.
    """
    problems: list[Problem] = []
    made = Grid(
        tuple(float(v) for v in _values(scores, "--score", _threshold, problems)),
        tuple(float(v) for v in _values(ious, "--iou", _threshold, problems)),
        tuple(int(v) for v in _values(max_detections, "--max-detections", _count, problems)),
    )
    rows = len(made.scores) * len(made.ious) * len(made.max_detections)
    if not problems and rows > MOST_ROWS:
        what = f"{rows} combinations, at most {MOST_ROWS} are swept"
        problems.append(Problem(what, fix="take larger steps"))
    if problems:
        raise MobileCatError("This cannot be swept", problems)
    return made


def with_baked(grid: Grid, nms: NmsSpec) -> Grid:
    """Return the grid with what the bundle has now among the values that nobody chose.

    So a sweep as it is by default compares with what is baked in.
    """
    usual = grid_of()
    scores = {*grid.scores, nms.score_threshold} if grid.scores == usual.scores else grid.scores
    ious, most = grid.ious, grid.max_detections
    if ious == usual.ious and nms.selection == "nms":
        ious = tuple(sorted({*ious, nms.iou_threshold}))
    if most == usual.max_detections:
        most = tuple(sorted({*most, nms.max_detections}))
    return Grid(tuple(sorted(scores)), ious, most)


def without_overlap(grid: Grid, nms: NmsSpec) -> Grid:
    """Return the grid for a bundle's selection: no IoU threshold where it compares no boxes."""
    if nms.selection == "nms" or grid.ious == (1.0,):
        return grid
    if grid.ious != grid_of().ious:
        what = f'the bundle selects "{nms.selection}", which compares no boxes with each other'
        raise MobileCatError("This cannot be swept", [Problem(what, "--iou", "take --iou out")])
    return replace(grid, ious=(1.0,))


def _threshold(value: Decimal) -> str:
    return "" if 0 <= value <= 1 else f"{value} is not in 0..1"


def _count(value: Decimal) -> str:
    whole = value == value.to_integral_value() and 1 <= value <= 100_000
    return "" if whole else f"{value} is not a whole number from 1 to 100000"


def _values(
    text: str, option: str, wrong: Callable[[Decimal], str], problems: list[Problem]
) -> list[Decimal]:
    found: set[Decimal] = set()
    for part in text.split(","):
        numbers = [n.strip() for n in part.split(":")]
        if len(numbers) not in (1, 3) or not all(_NUMBER.fullmatch(n) for n in numbers):
            what = f"{part.strip()!r} is no value and no range"
            problems.append(Problem(what, option, "write 0.3,0.45 or start:stop:step"))
            continue
        start, stop, step = (Decimal(n) for n in (numbers * 3)[:3])
        if len(numbers) == 1:
            values = [start]
        elif step == 0 or stop < start:
            what = f"{part.strip()!r} is empty: it must rise from start to stop"
            problems.append(Problem(what, option))
            continue
        elif (stop - start) / step > MOST_ROWS:
            problems.append(Problem(f"{part.strip()!r} has too many steps", option))
            continue
        else:
            # Decimals, so that 0.1:0.9:0.1 meets 0.3 and 0.9 as they are written.
            values = [start + i * step for i in range(int((stop - start) / step) + 1)]
        out = [words for v in values if (words := wrong(v))]
        problems += [Problem(words, option) for words in out[:1]]
        found.update(values)
    return sorted(found)

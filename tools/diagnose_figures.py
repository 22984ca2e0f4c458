"""Measure `mobilecat diagnose` on simulated bugs; write what docs/diagnose.md and diagnosis.md say.

python tools/diagnose_figures.py            every class of trials: about 1,800 diagnoses
python tools/diagnose_figures.py --rows     only the table of bugs again
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from simulated_bugs import (  # noqa: E402
    ALL_BUGS,
    Scene,
    possible_pair,
    simulate,
)
from simulated_evidence import CAUSES, as_unpaired, outside, unpaired  # noqa: E402

from mobilecat.diagnosis import BUGS, Answer, diagnose  # noqa: E402
from mobilecat.diagnosis.fixes import FIXES  # noqa: E402
from mobilecat.diagnosis.turning import NEEDS  # noqa: E402
from mobilecat.geometry.orientation import Orientation  # noqa: E402

BUGS_PAGE = ROOT / "docs" / "diagnose.md"
FIGURES_PAGE = ROOT / "docs" / "diagnosis.md"
SEED = 20_240_607
PROCESSES = 3
Rng = np.random.Generator
Make = Callable[[Rng, tuple[str, ...]], Scene]


@dataclass
class Score:
    """Outcomes of one class of trials. alike: how many others each answer lists."""

    name: str
    first: int = 0
    alike_only: int = 0
    silent: int = 0
    wrong: Counter[tuple[str, ...]] = field(default_factory=Counter)
    alike: list[int] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.first + self.alike_only + self.silent + self.wrong.total()

    def add(self, bugs: tuple[str, ...], answer: Answer) -> None:
        """Count an answer: right where the true bugs come first, or beside what comes first."""
        ids = frozenset(bugs)
        self.alike.append(len(answer.inseparable))
        if answer.first is not None and answer.first.ids == ids:
            self.first += 1
        elif any(s.ids == ids for s in answer.inseparable):
            self.alike_only += 1
        elif answer.verdict in ("unexplained", "no boxes"):
            self.silent += 1
        else:
            self.wrong[bugs] += 1

    def row(self) -> str:
        n, right = self.total, self.first + self.alike_only
        listed = np.array(self.alike)
        return (
            f"| {self.name} | {n} | {right / n:.1%} | {self.first / n:.1%} "
            f"| {self.silent / n:.1%} | {self.wrong.total() / n:.1%} | {int(np.median(listed))} |"
        )


def trial(name: str, sets: Sequence[tuple[str, ...]], seed: int, make: Make) -> Score:
    """Return how often the true bugs are named."""
    rng = np.random.default_rng(seed)
    score = Score(name)
    for bugs in sets:
        score.add(bugs, diagnose([make(rng, bugs)]))
    print(score.row(), dict(score.wrong.most_common(8)), flush=True)
    return score


def random_pairs(rng: Rng, count: int) -> list[tuple[str, ...]]:
    """Return random pairs that an app can have."""
    found: list[tuple[str, ...]] = []
    while len(found) < count:
        pick = tuple(str(b) for b in rng.choice(ALL_BUGS, 2, replace=False))
        if possible_pair(*pick):
            found.append(pick)
    return found


def each(times: int, without: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    return [(b,) for b in ALL_BUGS if b not in without for _ in range(times)]


def four_left(rng: Rng, bugs: tuple[str, ...]) -> Scene:
    """Six boxes, cut off at the view's edge; four of them at least are still to be seen."""
    for _ in range(400):
        scene = unpaired(rng, simulate(rng, bugs, count=6), cut=True)
        if len(scene.evidence.observed) >= 4:
            break
    return scene


LATE = ("29",)  # told by ids alone
SCORES = ("27", "28")
CLASSES: tuple[tuple[str, Callable[[], Sequence[tuple[str, ...]]], Make], ...] = (
    ("paired boxes, each bug", lambda: each(4), simulate),
    (
        "paired boxes, random pairs of bugs",
        lambda: random_pairs(np.random.default_rng(SEED), 120),
        simulate,
    ),
    (
        "one lost, one more, in another order",
        lambda: each(4, LATE),
        lambda r, b: unpaired(r, simulate(r, b), missing=1, extra=1),
    ),
    (
        "the same without scores",
        lambda: each(4, LATE + SCORES),
        lambda r, b: unpaired(r, simulate(r, b), missing=1, extra=1, scores=False),
    ),
    (
        "in another order, without scores",
        lambda: each(4, LATE + SCORES),
        lambda r, b: unpaired(r, simulate(r, b), scores=False),
    ),
    ("cut off at the view's edge, in another order", lambda: each(4, LATE), four_left),
    (
        "noise of 5 px, one lost, one more: four left",
        lambda: each(6, LATE),
        lambda r, b: unpaired(r, simulate(r, b, noise_px=5.0), missing=1, extra=1),
    ),
)


def second_bugs(count: int) -> tuple[int, int]:
    """Return in how many of so many a second bug is named that is not there, at 1.7 px of noise."""
    rng = np.random.default_rng(11)
    invented = total = 0
    for bug in [b for b in ALL_BUGS if b not in LATE + SCORES]:
        for _ in range(count):
            answer = diagnose([simulate(rng, (bug,), noise_px=1.7)])
            total += 1
            invented += answer.first is not None and len(answer.first.bugs) > 1
    return invented, total


def causes(name: str, times: int = 24, free: int = 8) -> tuple[Counter[str], Counter[str]]:
    """Return what is said of a cause that no row has, of so many paired and so many free scenes."""
    rng = np.random.default_rng([12, list(CAUSES).index(name)])
    said: Counter[str] = Counter()
    named: Counter[str] = Counter()
    for k in range(times + free):
        scene = outside(rng, name)
        answer = diagnose([scene if k < times else as_unpaired(scene, rng)])
        said[answer.verdict] += 1
        if answer.verdict != "unexplained" and answer.first is not None:
            named[f"{name}: {answer.first.name}"] += 1
    print(name, dict(said), dict(named), flush=True)
    return said, named


def fine(count: int, noise_px: float, seed: int) -> Counter[str]:
    """Return what is said of boxes with noise and no bug."""
    rng = np.random.default_rng(seed)
    said = Counter(diagnose([simulate(rng, (), noise_px=noise_px)]).verdict for _ in range(count))
    print("fine", noise_px, dict(said), flush=True)
    return said


def one_class(k: int) -> Score:
    """Return the score of one of `CLASSES`."""
    name, sets, make = CLASSES[k]
    return trial(name, sets(), k + 1, make)


def figures() -> str:
    """Return the section of figures."""
    with ProcessPoolExecutor(PROCESSES) as pool:
        scores = [pool.submit(one_class, k) for k in range(len(CLASSES))]
        told = [pool.submit(causes, name) for name in CAUSES]
        right, noisy = pool.submit(fine, 100, 1.0, 21), pool.submit(fine, 60, 5.0, 22)
        invented = pool.submit(second_bugs, 3)
        found = [s.result() for s in scores]
        said = sum((t.result()[0] for t in told), Counter[str]())
        fair, loud = right.result(), noisy.result()
        more, tried = invented.result()
    total = said.total()
    return "\n".join(
        [
            "| simulated | trials | right | true one strictly first | silent | confident and wrong "
            "| others listed, median |",
            "|---|---|---|---|---|---|---|",
            *(s.row() for s in found),
            "",
            f"Boxes with noise and no bug: {fair['nothing wrong']} of {fair.total()} are called "
            f"nothing wrong; with 5 px of noise {loud['nothing wrong']} of {loud.total()}, and "
            f"{loud['named']} are given a bug. A second bug that is not there, at 1.7 px of noise: "
            f"{more} of {tried}.",
            "",
            f"{total} causes outside the catalogue, {total // len(CAUSES)} each, one in four of "
            f"them in another order ({', '.join(CAUSES)}): {said['nothing wrong']} called nothing "
            f"wrong, {said['named']} given a row ({said['named'] / total:.1%}), "
            f"{said['unexplained']} unexplained.",
        ]
    )


def table() -> str:
    """Return the tables of bugs with their fixes: iOS and Android, then Flutter and the web."""
    lines = ["| # | bug | what happened | Swift | Kotlin |", "|---|---|---|---|---|"]
    more = ["| # | Dart (Flutter) | JavaScript (web, React Native) |", "|---|---|---|"]
    for b in BUGS:
        needs = NEEDS.get(b.id, Orientation.UP if b.id == "4e" else Orientation.RIGHT)
        said = b.happened.format(needed=needs.cg_name, exif=int(needs), label="…")
        fix = FIXES[b.id]
        for rows, cells in (
            (lines, (b.id, b.name, said, fix.swift, fix.kotlin)),
            (more, (b.id, fix.dart, fix.javascript)),
        ):
            rows.append("| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |")
    return "\n".join([*lines, "", *more])


def put(page: str, name: str, text: str) -> str:
    """Return the page with the text between `name`'s marks replaced."""
    marks = f"<!-- {name} -->", f"<!-- end {name} -->"
    found = re.compile(re.escape(marks[0]) + ".*?" + re.escape(marks[1]), re.DOTALL)
    assert found.search(page), f"the page has no place for {name}"
    return found.sub(lambda _: f"{marks[0]}\n{text}\n{marks[1]}", page)


def main() -> None:
    BUGS_PAGE.write_text(put(BUGS_PAGE.read_text("utf-8"), "bugs", table()), "utf-8")
    if "--rows" not in sys.argv:
        told = figures()
        FIGURES_PAGE.write_text(put(FIGURES_PAGE.read_text("utf-8"), "figures", told), "utf-8")


if __name__ == "__main__":
    main()

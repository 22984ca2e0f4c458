"""Measure `mobilecat diagnose` on simulated bugs, and write docs/diagnose.md's tables.

python tools/diagnose_figures.py            1,000 single and 1,000 paired bugs
python tools/diagnose_figures.py --rows     only the table of bugs again
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from simulated_bugs import ALL_BUGS, Scene, possible_pair, random_boxes, simulate  # noqa: E402

from mobilecat.diagnosis import BUGS, Answer, Evidence, diagnose  # noqa: E402
from mobilecat.diagnosis.catalogue import NEEDS  # noqa: E402
from mobilecat.diagnosis.fixes import FIXES  # noqa: E402
from mobilecat.geometry.orientation import Orientation  # noqa: E402

PAGE = ROOT / "docs" / "diagnose.md"
SEED = 20_240_607
COUNT = 1_000


@dataclass(frozen=True)
class Score:
    """Outcomes of one class of trials. alike: how many others each answer lists."""

    name: str
    first: int
    alike_only: int
    wrong: Counter[tuple[str, ...]]
    alike: list[int]

    @property
    def total(self) -> int:
        return self.first + self.alike_only + self.wrong.total()

    @property
    def right(self) -> float:
        return (self.first + self.alike_only) / self.total

    def row(self) -> str:
        listed = np.array(self.alike)
        return (
            f"| {self.name} | {self.total} | {self.right:.1%} | {self.first / self.total:.1%} "
            f"| {int(np.median(listed))} | {int(np.quantile(listed, 0.95))} |"
        )


def rank(answer: Answer, bugs: tuple[str, ...]) -> str:
    """Return first, alike or wrong: where the answer has these bugs."""
    ids = frozenset(bugs)
    if answer.first is not None and answer.first.ids == ids:
        return "first"
    return "alike" if any(s.ids == ids for s in answer.inseparable) else "wrong"


def trial(name: str, sets: list[tuple[str, ...]], seed: int) -> Score:
    """Return how often the true bugs are named, from 5 boxes with 1 px of noise at 640."""
    rng = np.random.default_rng(seed)
    outcomes: Counter[str] = Counter()
    wrong: Counter[tuple[str, ...]] = Counter()
    alike = []
    for bugs in sets:
        answer = diagnose([simulate(rng, bugs)])
        outcome = rank(answer, bugs)
        outcomes[outcome] += 1
        alike.append(len(answer.inseparable))
        if outcome == "wrong":
            wrong[bugs] += 1
    return Score(name, outcomes["first"], outcomes["alike"], wrong, alike)


def random_sets(rng: np.random.Generator, count: int, bugs: int) -> list[tuple[str, ...]]:
    """Return random bugs, or random pairs that an app can have."""
    found: list[tuple[str, ...]] = []
    while len(found) < count:
        pick = tuple(str(b) for b in rng.choice(ALL_BUGS, bugs, replace=False))
        if bugs == 1 or possible_pair(*pick):
            found.append(pick)
    return found


def unknown(seed: int, count: int) -> tuple[int, Counter[str]]:
    """Return how many random affine maps, no bug of the table, are called unexplained."""
    rng = np.random.default_rng(seed)
    named: Counter[str] = Counter()
    for _ in range(count):
        scene = simulate(rng, ("25",))
        true = random_boxes(rng, 5)
        scale, move = rng.uniform(0.5, 1.6, 2), rng.uniform(-0.3, 0.3, 2)
        seen = true * np.tile(scale, 2) + np.tile(move, 2) + rng.normal(0, 1 / 640, (5, 4))
        answer = diagnose([Scene(scene.facts, Evidence(true, seen))])
        if answer.verdict != "unexplained" and answer.first is not None:
            named[answer.first.name] += 1
    return count - named.total(), named


def nothing(seed: int, count: int) -> int:
    """Return how many boxes with noise and no bug are called "nothing wrong"."""
    rng = np.random.default_rng(seed)
    fine = 0
    for _ in range(count):
        fine += diagnose([simulate(rng, ())]).verdict == "nothing wrong"
    return fine


def figures() -> str:
    """Return the section of figures."""
    rng = np.random.default_rng(SEED)
    rows: list[tuple[str, ...]] = [(b,) for b in ALL_BUGS for _ in range(20)]
    every = trial("each entry of the catalogue, 20 times", rows, 1)
    single = trial("random single bugs", random_sets(rng, COUNT, 1), 2)
    paired = trial("random pairs", random_sets(rng, COUNT, 2), 3)
    turned_away, named = unknown(4, 200)
    lines = [
        "| simulated | trials | right | true one strictly first | others listed, median | 95% |",
        "|---|---|---|---|---|---|",
        *(s.row() for s in (every, single, paired)),
        "",
        f"Never named: {_missed(every)}. Boxes with noise and no bug: {nothing(5, 200)} of 200 are "
        f'called "nothing wrong". Random scales and moves that are no bug of the table: '
        f"{turned_away} of 200 are called unexplained.",
        "",
        "Pairs missed most often: "
        + (", ".join(f"{' + '.join(k)} ({v})" for k, v in paired.wrong.most_common(8)) or "none")
        + ".",
    ]
    for score in (every, single, paired):
        print(score.row(), dict(score.wrong.most_common(12)))
    print("unknown", turned_away, named.most_common(5))
    return "\n".join(lines)


def _missed(every: Score) -> str:
    gone = [b for (b,), n in every.wrong.items() if n == 20]
    return ", ".join(gone) or "none of them"


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
    assert found.search(page), f"docs/diagnose.md has no place for {name}"
    return found.sub(lambda _: f"{marks[0]}\n{text}\n{marks[1]}", page)


def main() -> None:
    page = PAGE.read_text("utf-8")
    page = put(page, "bugs", table())
    if "--rows" not in sys.argv:
        page = put(page, "figures", figures())
    PAGE.write_text(page, "utf-8")


if __name__ == "__main__":
    main()

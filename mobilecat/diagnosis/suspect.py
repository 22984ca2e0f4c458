"""A suspect: a bug, or several in the order of the chain; and how it stands with what was seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from mobilecat.diagnosis.catalogue import BUGS, BY_ID, Bug
from mobilecat.diagnosis.facts import Facts
from mobilecat.diagnosis.families import way_of
from mobilecat.diagnosis.likelihood import Fit, fitted
from mobilecat.diagnosis.maps import Way
from mobilecat.diagnosis.pairing import Pairs, Rows, assigned, in_order, squares
from mobilecat.geometry.affine import F64

Key = tuple[str, str]
"""A bug's id, and the label of one of its ways or the key of one of its families."""


@dataclass(frozen=True)
class Step:
    """One bug of a chain. numbers: what was fitted; lying: it believes the frame as it lies."""

    key: Key
    numbers: tuple[float, ...] | None = None
    lying: bool = False


@dataclass(frozen=True)
class Suspect:
    """A bug, or several in the order of the chain, and how well they explain what was seen.

    misfit: −2 log likelihood, less a constant; numbers: how many were fitted. rms_px, worst_px:
    what is left, of a picture whose longer side is 640; kept: pairs that count.
    """

    steps: tuple[Step, ...]
    labels: tuple[str, ...]
    misfit: float
    rms_px: float
    worst_px: float = 0.0
    kept: int = 0
    also: tuple[str, ...] = ()
    """Ids of bugs that boxes do not show: what scores say."""
    denied: str = ""
    """Why the facts of a frame deny it; empty where they do not."""

    @property
    def bugs(self) -> tuple[Bug, ...]:
        return tuple(BY_ID[i] for i in (*(s.key[0] for s in self.steps), *self.also))

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(b.id for b in self.bugs)

    @property
    def numbers(self) -> int:
        return sum(len(s.numbers) for s in self.steps if s.numbers is not None)

    @property
    def name(self) -> str:
        """`y not flipped + points taken for pixels (× 2)`."""
        if not self.bugs:
            return "nothing wrong"
        parts = zip(self.bugs, self.labels, strict=True)
        return " + ".join(b.name + (f" ({label})" if label else "") for b, label in parts)


@lru_cache(maxsize=64)
def ways_of(facts: Facts) -> Mapping[Key, Way]:
    """Return every way of every bug under these facts, those of families left out."""
    return {(bug.id, way.label): way for bug in BUGS for way in bug.ways(facts)}


def apply(way: Way | None, rows: F64, scene: Rows) -> F64:
    """Return rows (…, R, 4) after a bug; unchanged where it does not apply."""
    if way is None:
        return rows
    if way.on == "both":
        return way.boxes(rows)
    n = scene.boxes
    boxes, marks = rows[..., :n, :], rows[..., n:, :]
    if way.marks is not None and len(scene.owner):
        marks = way.marks(marks, boxes[..., scene.owner, :])
    return np.concatenate([way.boxes(boxes), marks], axis=-2)


def predicted(steps: Sequence[Step], scene: Rows) -> F64 | None:
    """Return what a chain makes of the scene's true rows; None where a step does not exist here."""
    at = scene.start
    for step in steps:
        bug, label = step.key
        facts = scene.facts.turned if step.lying else scene.facts
        if bug == "29":
            late = scene.delayed.get(int(label.split()[0]))
            if late is None:
                return None
            at = late
            continue
        if step.numbers is None:
            way: Way | None = ways_of(facts).get(step.key)
        else:
            families = {f.key: f for f in BY_ID[bug].families(facts)}
            family = families.get(label)
            way = way_of(facts, family, np.array(step.numbers)) if family else None
        if way is None:
            return None
        at = apply(way, at, scene)
    return at


@dataclass(frozen=True, eq=False)
class Standing:
    """A chain held to what was seen, each observed box with one true one at most.

    off: residuals, observed less predicted, (K, 4) px of the pairs that count, NaN where a side
    was cut off; at: the predicted boxes, px; pairs: by scene, with which of them count.
    """

    misfit: float
    rms_px: float
    worst_px: float
    kept: int
    off: F64
    at: F64
    pairs: tuple[tuple[Pairs, npt.NDArray[np.bool_]], ...]


def fit_of(scenes: Sequence[Rows], found: Sequence[Pairs], noise_px: float) -> Fit:
    """Return how well candidates explain all scenes, from the pairs in each."""
    return fitted(
        np.concatenate([p.squares for p in found], axis=1),
        np.concatenate([p.known for p in found], axis=1),
        np.concatenate([p.prior for p in found], axis=1),
        sum(s.pairs for s in scenes),
        noise_px,
    )


def standing(scenes: Sequence[Rows], maps: Sequence[F64], noise_px: float) -> Standing:
    """Return how predictions (a scene each, (R, 4)) stand with what was seen."""
    found = [assigned(s, squares(s, at[None])) for s, at in zip(scenes, maps, strict=True)]
    fit = fit_of(scenes, found, noise_px)
    off, places, pairs = [], [], []
    limit = float(fit.limit[0]) * (1 + 1e-9) + 1e-12
    for s, at, p in zip(scenes, maps, found, strict=True):
        counts = (p.partner[0] >= 0) & (p.squares[0] / p.known[0] <= limit)
        partner = p.partner[0][counts]
        boxes = in_order(at[: s.boxes])[counts]
        apart = (s.seen[partner] - boxes) * s.px
        cut = (s.low | s.high)[partner]
        off.append(np.where(cut, np.nan, apart))
        places.append(boxes * s.px)
        pairs.append((p, counts))
    worst = np.concatenate(off) if off else np.zeros((0, 4))
    far = float(np.nanmax(np.abs(worst), initial=0.0)) if np.isfinite(worst).any() else 0.0
    return Standing(
        float(fit.misfit[0]),
        float(fit.rms_px[0]) if fit.kept[0] else float("inf"),
        far,
        int(fit.kept[0]),
        worst,
        np.concatenate(places) if places else np.zeros((0, 4)),
        tuple(pairs),
    )

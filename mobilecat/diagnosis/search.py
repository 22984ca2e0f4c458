"""Every suspect, alone and in pairs, applied to the true boxes and held to the observed ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mobilecat.diagnosis.catalogue import BUGS, BY_ID, Bug
from mobilecat.diagnosis.facts import Evidence, Facts, Scene
from mobilecat.diagnosis.maps import Way
from mobilecat.geometry.affine import F64

MOST_ROWS = 240
"""Boxes and landmarks beyond this many are thinned evenly: more tell nothing new."""
DELAYS = (1, 2, 3)
QUARTER_TURNS = ("4", "4b", "4c", "4d")
Key = tuple[str, str]
Offer = Callable[[Sequence[tuple[Key, ...]], Sequence[F64]], None]


@dataclass(frozen=True)
class Suspect:
    """A bug, or several in the order of the chain, and how well they explain what was seen.

    chi2: squared residuals in units of the noise, summed. rms_px, worst_px: of a picture whose
    longer side is 640.
    """

    bugs: tuple[Bug, ...]
    labels: tuple[str, ...]
    chi2: float
    rms_px: float
    worst_px: float

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(b.id for b in self.bugs)

    @property
    def name(self) -> str:
        """`y not flipped + points taken for pixels (× 2)`."""
        if not self.bugs:
            return "nothing wrong"
        parts = zip(self.bugs, self.labels, strict=True)
        return " + ".join(b.name + (f" ({label})" if label else "") for b, label in parts)


@dataclass(frozen=True, eq=False)
class _Rows:
    """A scene as rows: boxes, then landmarks as boxes without area. owner: each landmark's box."""

    facts: Facts
    start: F64
    seen: F64
    boxes: int
    owner: npt.NDArray[np.int64]
    px: F64
    delayed: Mapping[int, F64]


def rows_of(scene: Scene) -> _Rows:
    """Return the scene as rows that every way can map at once."""
    evidence = _thinned(scene.evidence)
    n = len(evidence)
    marks, seen = evidence.true_marks, evidence.observed_marks
    starts, ends = [evidence.true], [np.sort(evidence.observed.reshape(-1, 2, 2), axis=-2)]
    ends[0] = ends[0].reshape(-1, 4)
    owner = np.zeros(0, dtype=np.int64)
    if marks is not None and seen is not None and marks.shape[1]:
        starts.append(np.tile(marks.reshape(-1, 2), (1, 2)))
        ends.append(np.tile(seen.reshape(-1, 2), (1, 2)))
        owner = np.repeat(np.arange(n), marks.shape[1])
    delayed = {
        d: np.concatenate([boxes, np.full((len(owner), 4), np.nan)])
        for d, boxes in evidence.earlier.items()
    }
    return _Rows(
        scene.facts,
        np.concatenate(starts),
        np.concatenate(ends),
        n,
        owner,
        np.tile(scene.facts.pixels_from_norm, 2),
        delayed,
    )


def _thinned(e: Evidence) -> Evidence:
    per_box = 1 + (0 if e.true_marks is None else e.true_marks.shape[1])
    keep = max(5, MOST_ROWS // per_box)
    if len(e) <= keep:
        return e
    at = np.linspace(0, len(e) - 1, keep).round().astype(int)

    def some(a: F64 | None) -> F64 | None:
        return None if a is None else a[at]

    return Evidence(
        e.true[at],
        e.observed[at],
        some(e.true_marks),
        some(e.observed_marks),
        some(e.true_scores),
        some(e.observed_scores),
        e.missing,
        e.extra,
        {d: b[at] for d, b in e.earlier.items()},
    )


def _apply(way: Way | None, rows: F64, scene: _Rows) -> F64:
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


def _ways(facts: Facts) -> dict[Key, Way]:
    return {(bug.id, way.label): way for bug in BUGS for way in bug.ways(facts)}


@dataclass
class _Residuals:
    """Predictions of all scenes against what was seen, candidate by candidate."""

    scenes: Sequence[_Rows]

    def of(self, predicted: Sequence[F64]) -> tuple[F64, F64]:
        """Return mean square and largest residual in px. Shapes: [(C, R, 4)] → (C,), (C,)."""
        squares = np.zeros(predicted[0].shape[:1])
        worst, count = np.zeros_like(squares), np.zeros_like(squares)
        for rows, p in zip(self.scenes, predicted, strict=True):
            # Landmarks are points: their second corner repeats the first.
            sorted_p = np.sort(p.reshape(*p.shape[:-1], 2, 2), axis=-2).reshape(p.shape)
            off = np.abs(sorted_p - rows.seen) * rows.px
            off[..., rows.boxes :, 2:] = np.nan
            known = ~np.isnan(off)
            off = np.where(known, off, 0.0)
            squares += (off**2).sum(axis=(-1, -2))
            count += known.sum(axis=(-1, -2))
            worst = np.maximum(worst, off.max(axis=(-1, -2), initial=0.0))
        return np.divide(squares, count, out=np.full_like(squares, np.inf), where=count > 0), worst


def coordinates_of(scenes: Sequence[_Rows]) -> int:
    """Return how many numbers are compared."""
    return sum(4 * s.boxes + 2 * len(s.owner) for s in scenes)


def suspects(scenes: Sequence[Scene], noise_px: float) -> list[Suspect]:
    """Return nothing wrong, every single bug and every pair that changes these boxes.

    Each set of bugs once, by its best-fitting way and order. Not ranked.
    """
    rows = [rows_of(s) for s in scenes]
    residuals = _Residuals(rows)
    n = coordinates_of(rows)
    tables = [_ways(s.facts) for s in rows]
    keys = list(dict.fromkeys(k for t in tables for k in t))
    best: dict[frozenset[str], Suspect] = {}

    def offer(chains: Sequence[tuple[Key, ...]], predicted: Sequence[F64]) -> None:
        mean, worst = residuals.of(predicted)
        for chain, m, w in zip(chains, mean, worst, strict=True):
            ids = frozenset(i for i, _ in chain)
            if (ids in best and best[ids].rms_px ** 2 <= m) or not np.isfinite(m):
                continue
            bugs = tuple(BY_ID[i] for i, _ in chain)
            labels = tuple(label for _, label in chain)
            chi2 = float(m) * n / noise_px**2
            best[ids] = Suspect(bugs, labels, chi2, float(m) ** 0.5, float(w))

    offer([()], [s.start[None] for s in rows])
    singles = [
        np.stack([_apply(t.get(k), s.start, s) for k in keys])
        for s, t in zip(rows, tables, strict=True)
    ]
    moves = _moves(rows, singles)
    keys = [k for k, m in zip(keys, moves, strict=True) if m]
    singles = [p[moves] for p in singles]
    offer([(k,) for k in keys], singles)
    _offer_pairs(rows, tables, keys, keys, singles, offer)
    # After a quarter turn the rest of the chain may believe the frame as it was handed over.
    quarter = np.array([i in QUARTER_TURNS for i, _ in keys], dtype=bool)
    turned = [_ways(s.facts.turned) for s in rows]
    lying = [k for k, q in zip(keys, quarter, strict=True) if q]
    _offer_pairs(rows, turned, keys, lying, [p[quarter] for p in singles], offer)
    for d in DELAYS:
        if all(d in s.delayed for s in rows):
            late: Key = ("29", f"{d} frame{'s' if d > 1 else ''}")
            start = [s.delayed[d] for s in rows]
            offer([(late,)], [s[None] for s in start])
            for k in keys:
                after = [
                    _apply(t.get(k), x, s) for s, t, x in zip(rows, tables, start, strict=True)
                ]
                offer([(late, k)], [a[None] for a in after])
    return list(best.values())


def _moves(rows: Sequence[_Rows], predicted: Sequence[F64]) -> npt.NDArray[np.bool_]:
    """Return which candidates move any box by more than 1e-6 px."""
    moved = np.zeros(len(predicted[0]), dtype=bool)
    for s, p in zip(rows, predicted, strict=True):
        moved |= (np.abs(p - s.start) * s.px).max(axis=(-1, -2), initial=0.0) > 1e-6
    return moved


def _offer_pairs(
    rows: Sequence[_Rows],
    tables: Sequence[Mapping[Key, Way]],
    seconds: Sequence[Key],
    firsts: Sequence[Key],
    after_first: Sequence[F64],
    offer: Offer,
) -> None:
    """Offer every second bug after each of the first ones; a pair that cancels out is none."""
    for second in seconds:
        other = np.array([k[0] != second[0] for k in firsts])
        after = [
            _apply(t.get(second), p, s) for s, t, p in zip(rows, tables, after_first, strict=True)
        ]
        moves = other & _moves(rows, after)
        if moves.any():
            chains = [(k, second) for k, m in zip(firsts, moves, strict=True) if m]
            offer(chains, [p[moves] for p in after])


def predictions(scene: Scene, wanted: Sequence[frozenset[str]]) -> dict[frozenset[str], list[F64]]:
    """Return what each set of one or two bugs makes of the scene's true boxes, way by way.

    Shapes: (R, 4) rows, corners sorted: boxes, then landmarks as boxes without area.
    """
    rows = rows_of(scene)
    ways = _ways(scene.facts)
    found: dict[frozenset[str], list[F64]] = {frozenset(): [rows.start]}
    for ids in wanted:
        keys = [k for k in ways if k[0] in ids]
        chains = [(k,) for k in keys] if len(ids) == 1 else []
        if len(ids) == 2:
            chains = [(a, b) for a in keys for b in keys if a[0] != b[0]]  # type: ignore[misc]
        for chain in chains:
            after = rows.start
            for k in chain:
                after = _apply(ways[k], after, rows)
            found.setdefault(ids, []).append(
                np.sort(after.reshape(-1, 2, 2), axis=-2).reshape(-1, 4)
            )
    return found

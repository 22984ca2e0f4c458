"""The numbers of a family, fitted to boxes of which nobody said which is which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mobilecat.diagnosis.facts import Facts
from mobilecat.diagnosis.families import Family, linear
from mobilecat.diagnosis.pairing import Rows, in_order, nearest, squares
from mobilecat.diagnosis.suspect import Standing, fit_of, standing
from mobilecat.geometry.affine import F64

MOST_PROPOSALS = 48
_REFINED, _ROUNDS = 2, 3


@dataclass(frozen=True, eq=False)
class Fitted:
    """A family with its numbers. maps: what it predicts, scene by scene."""

    family: Family
    numbers: F64
    maps: tuple[F64, ...]
    standing: Standing


def fit_family(
    scenes: Sequence[Rows],
    facts: Sequence[Facts],
    families: Sequence[Family],
    starts: Sequence[F64],
    noise_px: float,
    worth: float = np.inf,
) -> Fitted | None:
    """Return the family with the numbers that explain most; None where none is a map of boxes.

    families: one a scene, the same under each scene's facts. starts: rows (R, 4) a scene.
    Each pair of boxes proposes numbers; the best proposals are fitted again to all their pairs.
    worth: no proposal is fitted again whose misfit is more.
    """
    parts = [linear(f, fam, at) for f, fam, at in zip(facts, families, starts, strict=True)]
    proposals = _proposals(scenes, parts)
    if not len(proposals):
        return None
    misfit = _misfits(scenes, parts, proposals, noise_px)
    best: Fitted | None = None
    for k in np.argsort(misfit)[:_REFINED]:
        if not misfit[k] <= worth:
            break
        numbers = proposals[k]
        for _ in range(_ROUNDS):
            maps = _maps(parts, numbers)
            found = standing(scenes, maps, noise_px)
            if np.isfinite(found.misfit) and (best is None or found.misfit < best.standing.misfit):
                best = Fitted(families[0], numbers, tuple(maps), found)
            again = _again(scenes, parts, found)
            if again is None or np.allclose(again, numbers, rtol=1e-6, atol=1e-6):
                break
            numbers = again
    return best


def _maps(parts: Sequence[tuple[F64, F64]], numbers: F64) -> list[F64]:
    return [in_order(fixed + basis @ numbers) for fixed, basis in parts]


def _proposals(scenes: Sequence[Rows], parts: Sequence[tuple[F64, F64]]) -> F64:
    """Return the numbers that each pair of one true and one observed box asks for. (P, numbers)."""
    rows, sides = [], []
    everything: list[tuple[F64, F64]] = []
    for s, (fixed, basis) in zip(scenes, parts, strict=True):
        ok = np.eye(s.boxes, dtype=bool) if s.allowed is None else s.allowed
        i, j = np.nonzero(ok)
        whole = (~(s.low | s.high))[j].astype(float) * s.px
        rows.append(basis[i] * whole[..., None])
        sides.append((s.seen[j] - fixed[i]) * whole)
        if s.allowed is None:
            everything.append((rows[-1], sides[-1]))
    a, b = np.concatenate(rows), np.concatenate(sides)
    known = np.isfinite(b).all(axis=1) & np.isfinite(a).all(axis=(1, 2))
    a, b = a[known], b[known]
    at = np.unique(np.linspace(0, len(a) - 1, min(len(a), MOST_PROPOSALS)).round().astype(int))
    if not len(a):
        return np.zeros((0, parts[0][1].shape[-1]))
    found: list[Any] = [(np.linalg.pinv(a[at], rcond=1e-6) @ b[at][..., None])[..., 0]]
    if everything:
        left, right = zip(*everything, strict=True)
        found.append(_solved(np.concatenate(left), np.concatenate(right))[None])
    return np.concatenate(found)


def _solved(a: F64, b: F64) -> F64:
    a, b = a.reshape(-1, a.shape[-1]), b.reshape(-1)
    known = np.isfinite(b) & np.isfinite(a).all(axis=1)
    return np.asarray(np.linalg.lstsq(a[known], b[known], rcond=None)[0], dtype=np.float64)


def _misfits(
    scenes: Sequence[Rows], parts: Sequence[tuple[F64, F64]], numbers: F64, noise_px: float
) -> F64:
    found, whole = [], np.ones(len(numbers), dtype=bool)
    for s, (fixed, basis) in zip(scenes, parts, strict=True):
        at = fixed[None] + np.moveaxis(basis @ numbers.T, -1, 0)
        ordered = (at[..., 2:] >= at[..., :2] - 1e-9) | np.isnan(at[..., 2:])
        whole &= ordered.all(axis=(1, 2))
        found.append(nearest(s, squares(s, at)))
    fit = fit_of(scenes, found, noise_px)
    return np.where(whole, fit.misfit, np.inf)


def _again(scenes: Sequence[Rows], parts: Sequence[tuple[F64, F64]], found: Standing) -> F64 | None:
    rows, sides = [], []
    for s, (fixed, basis), (pairs, counts) in zip(scenes, parts, found.pairs, strict=True):
        i = np.nonzero(counts)[0]
        j = pairs.partner[0][i]
        whole = (~(s.low | s.high))[j].astype(float) * s.px
        rows.append((basis[i] * whole[..., None]).reshape(-1, basis.shape[-1]))
        sides.append(((s.seen[j] - fixed[i]) * whole).reshape(-1))
        marks = s.seen_marks.shape[1]
        if marks:
            at = s.boxes + (i[:, None] * marks + np.arange(marks)).reshape(-1)
            rows.append((basis[at][:, :2] * s.px[:2, None]).reshape(-1, basis.shape[-1]))
            seen = s.seen_marks[j].reshape(-1, 2)
            sides.append(((seen - fixed[at][:, :2]) * s.px[:2]).reshape(-1))
    a, b = np.concatenate(rows), np.concatenate(sides)
    return _solved(a, b) if len(b) else None

"""What people really bring: boxes that do not pair, are cut off, scatter; and causes of their own.

Plain arithmetic, apart from the functions under test: what tools/diagnose_figures.py diagnoses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from simulated_bugs import Scene, random_boxes, simulate

from mobilecat.diagnosis.facts import Evidence, Facts

F64 = npt.NDArray[np.float64]
UNPAIRED_BUGS_NEED = ("29",)
"""A stale frame is told by ids: not tried where nobody says which box is which."""


def view_of(facts: Facts) -> F64:
    """Return the view's rectangle, normalised on the upright picture. By hand: centred modes."""
    assert facts.view is not None
    (w, h), (vw, vh) = facts.image_wh, facts.view.size
    sx, sy = vw / w, vh / h
    if facts.view.mode == "resizeAspect":
        sx = sy = min(sx, sy)
    if facts.view.mode == "resizeAspectFill":
        sx = sy = max(sx, sy)
    half = vw / (sx * w) / 2, vh / (sy * h) / 2
    return np.array([0.5 - half[0], 0.5 - half[1], 0.5 + half[0], 0.5 + half[1]])


def unpaired(
    rng: np.random.Generator,
    scene: Scene,
    *,
    missing: int = 0,
    extra: int = 0,
    scores: bool = True,
    cut: bool = False,
) -> Scene:
    """Return the scene as an app and a model give it: in another order, some lost, some more."""
    e = scene.evidence
    keep = rng.permutation(len(e.observed))
    seen = np.sort(e.observed.reshape(-1, 2, 2), axis=1).reshape(-1, 4)
    edges = np.zeros((0, 4))
    if cut:
        edge = view_of(scene.facts)
        seen = np.clip(seen, np.tile(edge[:2], 2), np.tile(edge[2:], 2))
        size = (seen[:, 2:] - seen[:, :2]).min(axis=1)
        keep = keep[size[keep] > 1e-9]
        edges = np.stack([edge, np.array([0.0, 0.0, 1.0, 1.0])])
    keep = keep[: len(keep) - missing] if missing else keep
    more = random_boxes(rng, extra).reshape(-1, 4)
    marks = e.observed_marks
    if marks is not None:
        there = more[:, None, :2] + rng.uniform(0.1, 0.9, (extra, marks.shape[1], 2)) * (
            more[:, None, 2:] - more[:, None, :2]
        )
        marks = np.concatenate([marks[keep], there])
    observed = np.concatenate([seen[keep], more])
    told = scores and e.observed_scores is not None
    right = None
    if told and e.observed_scores is not None:
        right = np.concatenate([e.observed_scores[keep], rng.uniform(0.3, 0.6, extra)])
    order = rng.permutation(len(observed))
    return Scene(
        scene.facts,
        Evidence(
            e.true,
            observed[order],
            e.true_marks if marks is not None else None,
            None if marks is None else marks[order],
            e.true_scores if told else None,
            None if right is None else right[order],
            partners=np.ones((len(e.true), len(observed)), dtype=bool),
            edges=edges,
        ),
    )


# ---- causes that are no row of the catalogue

Cause = Callable[[np.random.Generator, F64, float], F64]
"""(rng, boxes (N, 4) in pixels of a picture w wide and 640 long, aspect) → boxes."""


def _corners(b: F64) -> F64:
    return b[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)


def _around(p: F64) -> F64:
    return np.concatenate([p.min(axis=1), p.max(axis=1)], axis=1)


def _by_points(f: Callable[[F64], F64]) -> Callable[[F64], F64]:
    return lambda b: _around(f(_corners(b)))


def _sign(rng: np.random.Generator) -> float:
    return float(rng.choice([-1.0, 1.0]))


def any_scale(rng: np.random.Generator, b: F64, size: F64) -> F64:
    scale, move = rng.uniform(0.5, 1.6, 2), rng.uniform(-0.3, 0.3, 2) * size
    return b * np.tile(scale, 2) + np.tile(move, 2)


def tilted(rng: np.random.Generator, b: F64, size: F64) -> F64:
    a = np.deg2rad(rng.uniform(4, 40)) * _sign(rng)
    turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    return _by_points(lambda p: (p - size / 2) @ turn.T + size / 2)(b)


def sheared(rng: np.random.Generator, b: F64, size: F64) -> F64:
    k = rng.uniform(0.1, 0.5) * _sign(rng)
    return _by_points(lambda p: p + np.stack([k * (p[..., 1] - size[1] / 2), 0 * p[..., 0]], -1))(b)


def keystone(rng: np.random.Generator, b: F64, size: F64) -> F64:
    k = rng.uniform(0.2, 0.6) * _sign(rng)

    def through(p: F64) -> F64:
        q = (p - size / 2) / size
        return q / (1 + k * q[..., 1:2]) * size + size / 2

    return _by_points(through)(b)


def lens(rng: np.random.Generator, b: F64, size: F64) -> F64:
    k = rng.uniform(0.3, 1.0) * _sign(rng)

    def through(p: F64) -> F64:
        q = (p - size / 2) / size.max()
        return q * (1 + k * (q**2).sum(axis=-1, keepdims=True)) * size.max() + size / 2

    return _by_points(through)(b)


def grown(rng: np.random.Generator, b: F64, size: F64) -> F64:
    s = rng.uniform(1.2, 1.8) ** _sign(rng)
    c = np.tile((b[:, :2] + b[:, 2:]) / 2, (1, 2))
    return c + s * (b - c)


def margins(rng: np.random.Generator, b: F64, size: F64) -> F64:
    m = rng.uniform(7, 25)
    return b + np.array([-m, -m, m, m])


def gridded(rng: np.random.Generator, b: F64, size: F64) -> F64:
    step = rng.uniform(40, 90)
    return np.round(b / step) * step + np.array([0, 0, 1e-3, 1e-3])


def powered(rng: np.random.Generator, b: F64, size: F64) -> F64:
    g = rng.uniform(1.25, 2.0) ** _sign(rng)
    whole = np.tile(size, 2)
    return np.clip(b / whole, 0, None) ** g * whole


def half_moved(rng: np.random.Generator, b: F64, size: F64) -> F64:
    middle = (b[:, :1] + b[:, 2:3]) / 2
    left = middle < np.median(middle)
    return b + np.where(left, rng.uniform(20, 80), rng.uniform(-80, -20))


def squared(rng: np.random.Generator, b: F64, size: F64) -> F64:
    c = (b[:, :2] + b[:, 2:]) / 2
    r = (b[:, 2:] - b[:, :2]).max(axis=1, keepdims=True) / 2
    return np.concatenate([c - r, c + r], axis=1)


def scattered(rng: np.random.Generator, b: F64, size: F64) -> F64:
    away = rng.uniform(20, 60, (len(b), 2)) * rng.choice([-1, 1], (len(b), 2))
    return b + np.tile(away, (1, 2))


def a_third_aside(rng: np.random.Generator, b: F64, size: F64) -> F64:
    share = rng.uniform(0.2, 0.35) * _sign(rng)
    return b + share * np.tile(b[:, 2:] - b[:, :2], (1, 2))


def one_side_stuck(rng: np.random.Generator, b: F64, size: F64) -> F64:
    out = b.copy()
    k = int(rng.integers(4))
    out[:, k] += rng.uniform(12, 40) * (-1 if k < 2 else 1)
    return out


def off_centre_zoom(rng: np.random.Generator, b: F64, size: F64) -> F64:
    at = np.tile(rng.uniform(0.15, 0.4, 2) * size, 2)
    return at + rng.uniform(1.2, 1.7) ** _sign(rng) * (b - at)


def mixed(rng: np.random.Generator, b: F64, size: F64) -> F64:
    m = np.eye(2) + rng.uniform(-0.4, 0.4, (2, 2))
    move = rng.uniform(-60, 60, 2)
    return _by_points(lambda p: p @ m.T + move)(b)


CAUSES = {
    "any scale and move": any_scale,
    "tilted by 4 to 40°": tilted,
    "sheared": sheared,
    "a keystone": keystone,
    "a lens": lens,
    "boxes grown about their own middle": grown,
    "a margin around each box": margins,
    "snapped to a grid": gridded,
    "a power of the coordinate": powered,
    "left and right half moved apart": half_moved,
    "boxes made square": squared,
    "each box moved on its own": scattered,
    "moved by a part of its own size": a_third_aside,
    "one side moved": one_side_stuck,
    "a zoom about another point": off_centre_zoom,
    "any matrix": mixed,
}
LEAST_PX = 6.0


def outside(rng: np.random.Generator, name: str, count: int = 5) -> Scene:
    """Return a scene whose boxes went through a cause that no row has; 6 px off at least."""
    while True:
        scene = simulate(rng, ("25",), count)
        px = scene.facts.pixels_from_norm
        true = random_boxes(rng, count)
        moved = CAUSES[name](rng, true * np.tile(px, 2), px)
        if np.sqrt(((moved - true * np.tile(px, 2)) ** 2).mean()) >= LEAST_PX:
            break
    seen = (moved + rng.normal(0, 1, moved.shape)) / np.tile(px, 2)
    return Scene(scene.facts, Evidence(true, np.sort(seen.reshape(-1, 2, 2), 1).reshape(-1, 4)))


def as_unpaired(scene: Scene, rng: np.random.Generator) -> Scene:
    """Return the same boxes in another order, with nothing to pair them by."""
    e = scene.evidence
    order = rng.permutation(len(e.observed))
    free = np.ones((len(e.true), len(order)), dtype=bool)
    return replace(scene, evidence=Evidence(e.true, e.observed[order], partners=free))

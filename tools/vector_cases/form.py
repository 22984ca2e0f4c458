"""The form of a case, and exact helpers that share no code with what they judge."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import numpy as np

Case = dict[str, Any]
Cases = dict[str, list[Case]]

# Standard sizes: never square, never two alike.
SIZES_WH = [(3, 5), (7, 4), (640, 480), (480, 640), (1920, 1080), (1280, 721), (333, 500)]
ATOL = 1e-8  # float64 arithmetic on values up to 10⁴, stored with ten decimals
REFUSED = {"refused": True}


def plain(value: Any) -> Any:
    """Return JSON numbers: whole where they are whole, else ten decimals."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, (Fraction, float, np.floating)):
        short = round(float(value), 10)
        return int(short) if short == int(short) else short
    if isinstance(value, np.integer):
        return int(value)
    return value


def case(name: str, args: dict[str, Any], expect: Any, atol: float = ATOL) -> Case:
    """Return one case; exact unless `atol` says otherwise."""
    return {"name": name, "args": plain(args), "expect": plain(expect), "atol": atol}


def refused(name: str, args: dict[str, Any]) -> Case:
    """Return a case that must be refused with an error of the library's own."""
    return {"name": name, "args": plain(args), "expect": REFUSED, "atol": 0}


def homogeneous(map6: list[float]) -> Any:
    """Return the 3×3 matrix of [a, b, tx, c, d, ty]."""
    return np.array([map6[:3], map6[3:], [0, 0, 1]], dtype=np.float64)


def through(matrix: Any, points: Any) -> Any:
    """Return points through a 3×3 matrix, one by one."""
    return [[float(v) for v in (matrix @ np.array([x, y, 1.0]))[:2]] for x, y in points]


def from_corners(src_xy: Any, dst_xy: Any) -> Any:
    """Return the 3×3 matrix that takes three points to three points, by solving for it."""
    rows = np.array([[float(x), float(y), 1.0] for x, y in src_xy])
    return np.vstack([np.linalg.solve(rows, np.array(dst_xy, dtype=np.float64)).T, [0, 0, 1]])


def off_centre_points(w: float, h: float, rng: random.Random) -> list[list[float]]:
    """Return three corners' worth of anchors and two points that no symmetry can hide."""
    return [
        [0, 0],
        [w, 0],
        [w, h],
        [round(w * rng.uniform(0.1, 0.4), 2), round(h * rng.uniform(0.55, 0.95), 2)],
        [round(w * rng.uniform(0.6, 0.9), 2), round(h * rng.uniform(0.05, 0.45), 2)],
    ]

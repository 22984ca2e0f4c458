"""What one drawn cat looks like: its shape in head units, and the map from there to the picture.

Head frame: origin midway between the eyes, x right, y down, one unit = the distance of the eyes.
The ranges below hold the middle 80% of the shapes in the labelled photos of Crawford's CAT set.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tools.render_cats.coats import COATS, Coat

Points = NDArray[np.float64]
Rng = np.random.Generator

LEFT_EYE, RIGHT_EYE, MOUTH = 0, 1, 2
LEFT_EAR, RIGHT_EAR = slice(3, 6), slice(6, 9)  # base, tip, base: by growing x


@dataclass(frozen=True)
class Face:
    """One cat in the head frame: `points` are its nine landmarks, `outline` its head [K,2]."""

    points: Points
    outline: Points
    nose: Points
    yaw: float
    coat: Coat
    eye_colours: tuple[str, str]
    eye_open: float  # height of the open eye over its width; 0 is closed
    eye_width: float
    eye_tilt: float
    pupil: float  # width over the eye's height: a slit to a circle
    fluff: float  # how far tufts stand out of the outline
    muzzle: float
    seed: int


@dataclass(frozen=True)
class Placed:
    """A face with the 3x3 map from head units to pixels of the picture."""

    face: Face
    matrix: Points
    angle: float
    unit: float

    @property
    def landmarks(self) -> Points:
        return apply(self.matrix, self.face.points)


def sample_face(rng: Rng, *, book: bool, coat: str | None = None) -> Face:
    """Draw a cat at random; `book` makes it rounder, with larger eyes that are mostly open."""
    yaw = float(np.clip(rng.normal(0, 0.25 if book else 0.45), -1, 1))
    mouth_y = rng.uniform(0.66, 0.78) if book else rng.uniform(0.62, 0.9)
    mouth = np.array([0.18 * yaw, mouth_y])
    tip_x, tip_y = rng.uniform(1.08, 1.42), -rng.uniform(1.38, 1.8)
    if rng.random() < 0.06:  # slightly folded
        tip_x, tip_y = rng.uniform(1.1, 1.3), -rng.uniform(1.1, 1.25)
    outer = np.array([rng.uniform(1.02, 1.3), -rng.uniform(0.38, 0.66)])
    inner = np.array([rng.uniform(0.36, 0.62), -rng.uniform(0.84, 1.06)])
    half = np.array([outer, [max(tip_x, outer[0] - 0.08), tip_y], inner])
    wobble = 0.02 if book else 0.05
    left = half * (-1, 1) + rng.normal(0, wobble, (3, 2))
    right = half[::-1] + rng.normal(0, wobble, (3, 2))
    # Turning the head narrows the far half and moves the ears against the muzzle.
    for ear, side in ((left, -1.0), (right, 1.0)):
        ear[:, 0] *= 1 - 0.14 * max(0.0, side * yaw)
        ear[:, 0] -= 0.1 * yaw
    points = np.concatenate([[(-0.5, 0.0), (0.5, 0.0), mouth], left, right])
    width = rng.uniform(1.3, 1.55) if book else rng.uniform(1.15, 1.5)
    chin = mouth_y + rng.uniform(0.24, 0.42)
    name = coat or str(rng.choice(list(COATS)))
    chosen = COATS[name]
    eyes = str(rng.choice(chosen.eyes))
    odd = name == "white" and rng.random() < 0.2
    closed = rng.random() < (0.12 if book else 0.1)
    return Face(
        points=points,
        outline=_outline(points, width, chin, yaw),
        nose=np.array([0.24 * yaw, mouth_y - rng.uniform(0.2, 0.26)]),
        yaw=yaw,
        coat=chosen,
        eye_colours=(eyes, "blue" if odd else eyes),
        eye_open=0.0 if closed else float(rng.uniform(0.82, 1.0) if book else rng.uniform(0.4, 1)),
        eye_width=float(rng.uniform(0.27, 0.31) if book else rng.uniform(0.18, 0.27)),
        eye_tilt=float(rng.uniform(0.05, 0.35)),
        pupil=float(rng.uniform(0.55, 0.8) if book else rng.uniform(0.15, 0.95)),
        fluff=float(rng.uniform(0.02, 0.05) if book else rng.uniform(0.02, 0.12)),
        muzzle=float(rng.uniform(0.3, 0.42)),
        seed=int(rng.integers(1 << 31)),
    )


def _outline(points: Points, width: float, chin: float, yaw: float) -> Points:
    left, right = points[LEFT_EAR], points[RIGHT_EAR]
    near, far = width * (1 + 0.04 * abs(yaw)), width * (1 - 0.14 * abs(yaw))
    lw, rw = (near, far) if yaw > 0 else (far, near)
    chin_x = 0.14 * yaw
    jaw = chin * 0.82
    knots = [
        *([(right[0] + left[2]) / 2 - (0, 0.1)]),
        right[0],
        right[0] * 0.45 + right[2] * 0.55,
        right[2],
        (rw, 0.3 * chin),
        (0.78 * rw + 0.1 * yaw, jaw),
        (chin_x + 0.3, chin),
        (chin_x - 0.3, chin),
        (-0.78 * lw + 0.1 * yaw, jaw),
        (-lw, 0.3 * chin),
        left[0],
        left[0] * 0.55 + left[2] * 0.45,
        left[2],
    ]
    return smooth(np.array(knots))


def smooth(knots: Points, steps: int = 14) -> Points:
    """Return a closed Catmull-Rom curve through the knots [K,2]."""
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    a, b, c, d = (np.roll(knots, shift, 0)[:, None] for shift in (1, 0, -1, -2))
    curve = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    return np.asarray(curve).reshape(-1, 2)


def apply(matrix: Points, points: Points) -> Points:
    """Map points [...,2] by a 3x3 projective matrix."""
    mapped = np.concatenate([points, np.ones((*points.shape[:-1], 1))], -1) @ matrix.T
    return np.asarray(mapped[..., :2] / mapped[..., 2:])


def head_map(yaw: float, angle: float, unit: float, centre: tuple[float, float]) -> Points:
    """Return the map from head units to pixels: turn about the neck's axis, rotate, scale, move.

    `angle` is in radians, clockwise as seen (y points down).
    """
    turn = np.array([[1 - 0.1 * abs(yaw), 0, 0], [0.05 * yaw, 1, 0], [0.05 * yaw, 0, 1.0]])
    c, s = unit * np.cos(angle), unit * np.sin(angle)
    moved = np.array([[c, -s, centre[0]], [s, c, centre[1]], [0, 0, 1.0]])
    return np.asarray(moved @ turn)

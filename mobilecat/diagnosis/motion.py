"""What happened to the boxes as a map in plain words: `1.50 times as large, from the top left`.

It holds whether or not a bug is named: most reports of boxes in the wrong place are told by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mobilecat.diagnosis.facts import Facts
from mobilecat.diagnosis.families import TURNS, drawn_size, sideways, upwards
from mobilecat.diagnosis.fitting import Fitted
from mobilecat.diagnosis.likelihood import MOST_NOISE
from mobilecat.diagnosis.maps import in_view
from mobilecat.diagnosis.pairing import Rows
from mobilecat.diagnosis.search import best_map
from mobilecat.geometry.affine import F64

_SURE = 2.6
"""Sigmas by which a scale or a move must differ from none to be said."""


@dataclass(frozen=True)
class Motion:
    """The scale and move along each axis, after one of eight turns, that describes it best.

    In points of the view, or pixels of the upright picture: x' = scale·x + move, of the turned
    picture. rms_px: what is left, of a picture 640 long. holds: whether that is little.
    """

    words: str
    turn: str
    scale: tuple[float, float]
    move: tuple[float, float]
    unit: str
    rms_px: float
    holds: bool

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "words": self.words,
            "turn": self.turn,
            "scale": [round(v, 5) for v in self.scale],
            "move": [round(v, 3) for v in self.move],
            "unit": self.unit,
            "rms_px": round(self.rms_px, 3),
        }


def motion_of(rows: Sequence[Rows], noise_px: float) -> tuple[Motion, Fitted] | None:
    """Return what happened to the boxes, in words; None where there is nothing to map.

    rows: that may pair at any distance, so that what is nearest is said even where nothing is near.
    """
    found = best_map(rows, noise_px)
    if found is None or not np.isfinite(found.standing.misfit):
        return None
    facts = rows[0].facts
    turn, rms = found.family.key, found.standing.rms_px
    scale, move = _beyond_the_turn(facts, found)
    holds = rms <= MOST_NOISE * noise_px
    words = _words(facts, found, turn, scale, move, max(rms, noise_px / 2))
    if not holds:
        words = f"no one scale and move describes it: the nearest leaves {rms:.0f} px"
    unit = "points of the view" if facts.view is not None else "pixels of the picture"
    return Motion(words, turn, scale, move, unit, rms, holds), found


def _beyond_the_turn(f: Facts, found: Fitted) -> tuple[tuple[float, float], tuple[float, float]]:
    """Scale and move in the drawn space, after the turn about the middle of what is drawn."""
    sx, sy, tx, ty = (float(v) for v in found.numbers)
    w, h = drawn_size(f)
    transpose, flip_x, flip_y = TURNS[found.family.key]
    if transpose:
        sx, sy = sx * h / w, sy * w / h
    return (sx, sy), (tx - sx * w * flip_x, ty - sy * h * flip_y)


def _words(
    f: Facts,
    found: Fitted,
    turn: str,
    scale: tuple[float, float],
    move: tuple[float, float],
    rms: float,
) -> str:
    # Where boxes lie after the turn, in the drawn space: their middle, and how far they spread.
    view, wh = in_view(f), np.array(tuple(drawn_size(f)))
    per = np.abs(np.array([view.a, view.d])) / f.pixels_from_norm
    seen = found.standing.at[:, [0, 1, 2, 3]] / np.tile(f.pixels_from_norm, 2)
    drawn = view.boxes_xyxy(seen)
    corners = np.concatenate([drawn[:, :2], drawn[:, 2:]])
    before = (corners - np.array(move)) / np.array(scale)
    middle, spread = before.mean(axis=0), before.std(axis=0) + 1e-9
    error = rms * per / np.sqrt(len(corners))
    tell_scale = np.maximum(_SURE * error / spread, 0.004)
    s, t = np.array(scale), np.array(move)
    scaled = np.abs(s - 1) > tell_scale
    said = [turn] if turn else []
    if scaled.any():
        said.append(_scaled(f, s, t, middle, spread, error, wh))
    else:
        moved = t + (s - 1) * middle
        said += _moved(f, moved, _SURE * error)
    return ", and ".join(said) if said else "everything is drawn where it should be"


def _scaled(f: Facts, s: F64, t: F64, middle: F64, spread: F64, error: F64, wh: F64) -> str:
    alike = abs(s[0] - s[1]) <= max(_SURE * float(np.hypot(*(error / spread))), 0.01)
    if alike:
        once = float((s * spread**2).sum() / (spread**2).sum())
        many = f"{once:.2f} times as large"
        # The boxes' middle stays where it was found.
        s, t = np.array([once, once]), t + (s - once) * middle
    else:
        many = f"{s[0]:.2f} times as wide and {s[1]:.2f} times as high"
    fixed = {"from the top left": 0 * wh, "about the middle": wh / 2, "from the bottom right": wh}
    if f.view is not None:
        place = in_view(f)
        fixed["from the picture's top left"] = np.array([place.tx, place.ty])
    moves = {}
    for words, at in fixed.items():
        off = t + (s - 1) * at
        # How sure the map is at a point that may lie far from every box.
        sure = error * np.sqrt(1 + ((at - middle) / spread) ** 2) * _SURE + 0.004 * wh
        moves[words] = (float(np.abs(off / sure).max()), off)
    nearest = min(moves, key=lambda k: moves[k][0])
    if moves[nearest][0] <= 1:
        return f"{many}, {nearest}"
    beside = _moved(f, moves["from the top left"][1], 0.002 * wh)
    return " and ".join([f"{many}, from the top left", *beside])


def _moved(f: Facts, moved: F64, tell: F64) -> list[str]:
    said = []
    if abs(moved[0]) > tell[0]:
        said.append(sideways(f, float(moved[0])))
    if abs(moved[1]) > tell[1]:
        said.append(upwards(f, float(moved[1])))
    return said

"""Coats: colours and patterns, one small function a pattern, on a grid in head units."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Grid = NDArray[np.float32]
Colour = tuple[int, int, int]
Rng = np.random.Generator

EYES: dict[str, tuple[Colour, Colour]] = {  # the iris at its rim and at its middle
    "green": ((74, 110, 52), (176, 204, 112)),
    "yellow": ((150, 112, 28), (240, 214, 96)),
    "amber": ((140, 76, 18), (236, 162, 60)),
    "blue": ((52, 98, 160), (150, 204, 240)),
    "copper": ((110, 52, 20), (204, 110, 48)),
}


@dataclass(frozen=True)
class Field:
    """Where a coat is painted: head coordinates u, v [H,W], noise, and the mouth's place."""

    u: Grid
    v: Grid
    slow: Grid  # smooth noise in about -1..1
    slow2: Grid
    mouth: tuple[float, float]
    body: bool
    phase: float


Pattern = Callable[[Grid, "Coat", Field], Grid]


@dataclass(frozen=True)
class Coat:
    """A coat's colours; patterns are laid over `base` in order."""

    base: Colour
    dark: Colour
    light: Colour
    patterns: tuple[Pattern, ...]
    eyes: tuple[str, ...]
    nose: Colour
    second: Colour = (206, 128, 58)
    ear: Colour = (214, 158, 148)


def value_noise(rng: Rng, height: int, width: int, rows: int, columns: int) -> Grid:
    """Return smooth noise [H,W] of about -1..1: random cells, enlarged."""
    cells = rng.standard_normal((max(rows, 2), max(columns, 2))).astype(np.float32) * 0.6
    return np.asarray(Image.fromarray(cells).resize((width, height), Image.Resampling.BICUBIC))


def ramp(value: Grid, low: float, high: float) -> Grid:
    """Return 0 below `low`, 1 above `high`, straight between (either may be the larger)."""
    return np.clip((value - low) / (high - low), 0, 1)


def mix(rgb: Grid, colour: Colour, weight: Grid) -> Grid:
    return rgb + (np.asarray(colour, np.float32) - rgb) * weight[..., None]


def tabby(rgb: Grid, coat: Coat, at: Field) -> Grid:
    """The M on the forehead, bands round the cheeks, a line behind each eye."""
    side = np.abs(at.u)
    if at.body:
        bands = np.sin(6.2 * at.v + 1.2 * at.slow + 0.9 * side + at.phase)
        return mix(rgb, coat.dark, 0.75 * ramp(bands, 0.05, 0.55))
    brow = np.sin(14.5 * side / (1.25 - 0.35 * at.v) + 1.1 * at.slow + 1.2)
    brow = ramp(brow, 0.0, 0.6) * ramp(at.v, -0.22, -0.42)
    cheek = np.sin(11.0 * (at.v - 0.32 * side) + 1.3 * at.slow + at.phase)
    cheek = ramp(cheek, 0.1, 0.6) * ramp(side, 0.72, 0.92) * ramp(at.v, -0.3, -0.05)
    rgb = mix(rgb, coat.dark, 0.8 * np.maximum(brow, cheek))
    return mix(rgb, coat.dark, 0.35 * ramp(at.v, -0.5, -1.5))


def pale_muzzle(rgb: Grid, coat: Coat, at: Field) -> Grid:
    """Lighter fur round the mouth and the eyes, as most tabbies have."""
    if at.body:
        return rgb
    x, y = at.mouth
    muzzle = ((at.u - x) / 0.62) ** 2 + ((at.v - y - 0.08) / 0.4) ** 2 + 0.15 * at.slow
    eyes = ((np.abs(at.u) - 0.5) / 0.36) ** 2 + ((at.v - 0.02) / 0.28) ** 2
    return mix(rgb, coat.light, np.maximum(ramp(muzzle, 1.15, 0.5), 0.55 * ramp(eyes, 1.3, 0.7)))


def white_blaze(rgb: Grid, coat: Coat, at: Field) -> Grid:
    """White muzzle, chin and chest, narrowing up the nose."""
    x, y = at.mouth
    if at.body:
        bib = np.abs(at.u) - 0.5 - 0.12 * at.slow + 0.1 * np.maximum(at.v - 1.5, 0)
        paws = ramp(at.v, 3.15, 3.3)
        return mix(rgb, (246, 243, 238), np.maximum(ramp(bib, 0.06, -0.06), paws))
    span = 0.07 + 0.7 * ramp(at.v, 0.05, y + 0.1) ** 1.6 + 0.1 * at.slow
    edge = np.abs(at.u - x * ramp(at.v, -0.6, y)) - span
    inside = ramp(edge, 0.05, -0.05) * ramp(at.v, -0.75, -0.45)
    return mix(rgb, (246, 243, 238), inside)


def patches(rgb: Grid, coat: Coat, at: Field) -> Grid:
    """Patches of the second and the dark colour."""
    rgb = mix(rgb, coat.second, ramp(at.slow + 0.35 * at.u - 0.25 * at.v, 0.0, 0.12))
    return mix(rgb, coat.dark, ramp(at.slow2 - 0.4 * at.u - 0.2 * at.v, 0.1, 0.22))


def mottled(rgb: Grid, coat: Coat, at: Field) -> Grid:
    """Tortoiseshell: the second colour in small flecks."""
    return mix(rgb, coat.second, 0.85 * ramp(at.slow + at.slow2, 0.1, 0.4))


def points(rgb: Grid, coat: Coat, at: Field) -> Grid:
    """Siamese: dark mask and ears, paler to the rim of the face; dark paws."""
    if at.body:
        return mix(rgb, coat.dark, 0.9 * ramp(at.v + 0.1 * at.slow, 2.6, 3.3))
    x, y = at.mouth
    mask = ((at.u - x) / 0.85) ** 2 + ((at.v - y + 0.25) / 0.72) ** 2 + 0.12 * at.slow
    side = np.abs(at.u)
    height = np.asarray(at.v + 0.25 * side, np.float32)
    ears = ramp(height, -0.62, -0.95) * ramp(side, 0.3, 0.7)
    return mix(rgb, coat.dark, 0.92 * np.maximum(ramp(mask, 1.3, 0.35), ears))


PINK, BRICK, BLACK = (214, 138, 136), (164, 88, 76), (48, 40, 42)

COATS: dict[str, Coat] = {
    "brown tabby": Coat(
        (148, 118, 86),
        (52, 42, 34),
        (214, 196, 168),
        (tabby, pale_muzzle),
        ("green", "yellow"),
        BRICK,
    ),
    "silver tabby": Coat(
        (166, 164, 160), (58, 58, 62), (226, 224, 220), (tabby, pale_muzzle), ("green",), BRICK
    ),
    "ginger tabby": Coat(
        (222, 150, 78),
        (178, 92, 36),
        (250, 224, 186),
        (tabby, pale_muzzle),
        ("amber", "green"),
        PINK,
    ),
    "ginger and white": Coat(
        (224, 148, 76),
        (184, 98, 40),
        (250, 226, 190),
        (tabby, white_blaze),
        ("amber", "yellow"),
        PINK,
    ),
    "tuxedo": Coat(
        (40, 38, 42), (24, 22, 26), (60, 58, 62), (white_blaze,), ("green", "yellow"), PINK
    ),
    "grey and white": Coat(
        (124, 128, 136), (84, 88, 96), (160, 164, 170), (white_blaze,), ("yellow", "green"), PINK
    ),
    "tabby and white": Coat(
        (150, 124, 94),
        (60, 48, 40),
        (214, 196, 168),
        (tabby, white_blaze),
        ("green", "yellow"),
        PINK,
    ),
    "calico": Coat(
        (246, 242, 234),
        (46, 40, 40),
        (252, 250, 246),
        (patches, white_blaze),
        ("green", "amber"),
        PINK,
    ),
    "tortoiseshell": Coat(
        (52, 42, 40),
        (34, 28, 28),
        (90, 70, 60),
        (mottled,),
        ("copper", "yellow"),
        BLACK,
        (176, 104, 50),
    ),
    "siamese": Coat((232, 218, 196), (74, 56, 48), (244, 236, 222), (points,), ("blue",), BLACK),
    "black": Coat(
        (38, 36, 40), (22, 20, 24), (58, 56, 62), (), ("yellow", "green", "copper"), BLACK
    ),
    "white": Coat((240, 238, 232), (214, 208, 200), (252, 251, 248), (), ("blue", "amber"), PINK),
    "grey": Coat((112, 118, 130), (82, 88, 100), (146, 152, 162), (), ("copper", "yellow"), BLACK),
    "cream": Coat(
        (238, 212, 172), (206, 168, 122), (250, 238, 216), (pale_muzzle,), ("amber",), PINK
    ),
}


def paint(coat: Coat, at: Field) -> Grid:
    """Return the coat's colours [H,W,3], 0..255, before light and fur."""
    rgb = np.empty((*at.u.shape, 3), np.float32)
    rgb[:] = coat.base
    for pattern in coat.patterns:
        rgb = pattern(rgb, coat, at)
    return rgb

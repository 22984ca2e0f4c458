"""Harmless changes of a picture: what they do to a model's scores is what chance gives.

A detector's score moves when the picture is a little nearer, darker or tilted, or is seen in a
mirror. A repair must raise it by far more than that, look by look, to be believed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Look = Callable[[Pixels], Pixels]


def _as_is(a: Pixels) -> Pixels:
    return a


def _cropped(share: float) -> Look:
    def look(a: Pixels) -> Pixels:
        h, w = a.shape[:2]
        top, left = round(share * h), round(share * w)
        return a[top : h - top, left : w - left]

    return look


def _lit(gain: float, lift: float) -> Look:
    return lambda a: np.clip(a * gain + lift, 0, 255).astype(np.uint8)


def _padded(share: int) -> Look:
    def look(a: Pixels) -> Pixels:
        h, w = a.shape[:2]
        border = ((h // share, h // share), (w // share, w // share), (0, 0))
        return np.pad(a, border, mode="edge")

    return look


def _tilted(degrees: float, filled: bool = False) -> Look:
    """filled: the corners with the picture's mean colour, black without."""

    def look(a: Pixels) -> Pixels:
        from PIL import Image

        fill = tuple(int(v) for v in a.mean(axis=(0, 1))) if filled else (0, 0, 0)
        turned = Image.fromarray(a).rotate(degrees, Image.Resampling.BILINEAR, fillcolor=fill)
        return np.asarray(turned, dtype=np.uint8)

    return look


LOOKS: tuple[Look, ...] = (
    _as_is,
    _padded(8),
    _cropped(0.08),
    _tilted(8),
    _tilted(-8),
    _lit(0.93, 0),
    _lit(1.06, 3),
    _tilted(22.5, filled=True),
    _tilted(-22.5, filled=True),
)
"""Each leaves the picture what it is: nearer, further, tilted, darker, brighter."""
LIKE_IT = (0, 1, 2, 3, 4, 5, 6)
"""Those that a model should hardly notice: a repair is held to what they do."""
AROUND = (0, 1, 7, 8)
"""Those that ask which way is up: what finds a thing upright finds it when it leans a little."""
CENTRED = (0, 1, 2)
"""Those that leave everything where it is, seen from the centre: boxes through them must agree."""

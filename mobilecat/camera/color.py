"""YCbCr ↔ RGB: BT.601 and BT.709, video and full range, 8 bit.

Source: ITU-R BT.601-7 §2.5, BT.709-6 §3–4: every coefficient follows from Kr and Kb.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from mobilecat.errors import ImageError, Problem
from mobilecat.geometry.affine import F64

Matrix = Literal["BT.601", "BT.709"]
MATRICES: tuple[Matrix, ...] = get_args(Matrix)
U8 = npt.NDArray[np.uint8]

_KR_KB: dict[Matrix, tuple[float, float]] = {"BT.601": (0.299, 0.114), "BT.709": (0.2126, 0.0722)}
# full range?: luma offset, luma span, chroma span; chroma is centred on 128 in both
_RANGE: dict[bool, tuple[float, float, float]] = {False: (16, 219, 224), True: (0, 255, 255)}


def to_bytes(values: npt.NDArray[Any]) -> U8:
    """Return values rounded half up and clipped to 0–255."""
    rounded: U8 = (np.clip(values, 0.0, 255.0) + 0.5).astype(np.uint8)  # cut is floor above 0
    return rounded


def _weights(matrix: str) -> tuple[float, float, float]:
    if matrix not in _KR_KB:
        raise ImageError(
            "Unknown colour matrix", [Problem(f"{matrix!r}", fix=f"one of {', '.join(MATRICES)}")]
        )
    kr, kb = _KR_KB[matrix]
    return kr, 1.0 - kr - kb, kb


def rgb_from_ycbcr(ycbcr: npt.ArrayLike, matrix: Matrix, full_range: bool) -> U8:
    """Return RGB bytes of Y, Cb, Cr bytes. Shapes: (..., 3) → (..., 3)."""
    kr, kg, kb = _weights(matrix)
    offset, luma, chroma = _RANGE[full_range]
    v: F64 = np.asarray(ycbcr, dtype=np.float64)
    y = (v[..., 0] - offset) / luma
    cb, cr = (v[..., 1] - 128) / chroma, (v[..., 2] - 128) / chroma
    r = y + 2 * (1 - kr) * cr
    b = y + 2 * (1 - kb) * cb
    g = (y - kr * r - kb * b) / kg
    return to_bytes(np.stack([r, g, b], axis=-1) * 255)


def ycbcr_from_rgb(rgb: npt.ArrayLike, matrix: Matrix, full_range: bool) -> F64:
    """Return Y, Cb, Cr of RGB bytes, unrounded: chroma is averaged first.

    Shapes: (..., 3) → (..., 3).
    """
    kr, kg, kb = _weights(matrix)
    offset, luma, chroma = _RANGE[full_range]
    v: F64 = np.asarray(rgb, dtype=np.float64) / 255
    y = kr * v[..., 0] + kg * v[..., 1] + kb * v[..., 2]
    cb = (v[..., 2] - y) / (2 * (1 - kb))
    cr = (v[..., 0] - y) / (2 * (1 - kr))
    return np.stack([y * luma + offset, cb * chroma + 128, cr * chroma + 128], axis=-1)

"""What a video stream says of how it is to be seen: which way is up, its pixels' shape, its colour.

display matrix   ISO/IEC 14496-12 §8.3.2 (tkhd): a,b,u,c,d,v,x,y,w in 16.16 and 2.30
colour           ITU-T H.273: matrix_coefficients, VideoFullRangeFlag
"""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import Any

# (a, b, c, d) by sign: x' = a·x + c·y, y' = b·x + d·y, stored to shown, y down → EXIF orientation.
_TURNS: dict[tuple[int, ...], int] = {
    (1, 0, 0, 1): 1,
    (-1, 0, 0, 1): 2,
    (-1, 0, 0, -1): 3,
    (1, 0, 0, -1): 4,
    (0, 1, 1, 0): 5,
    (0, 1, -1, 0): 6,
    (0, -1, -1, 0): 7,
    (0, -1, 1, 0): 8,
}
_ONE = 1 << 16
_NEAR = _ONE // 64
"""How far a matrix may be from a quarter turn: about one degree."""

# matrix_coefficients → swscale's number. 0 (RGB) and 2 (not said) have none.
_MATRICES = {1: ("BT.709", 1), 4: ("FCC", 4), 5: ("BT.601", 5), 6: ("BT.601", 5)}
_MATRICES |= {7: ("SMPTE 240M", 7), 9: ("BT.2020", 9), 10: ("BT.2020", 9)}
_MOST_ASPECT = 16


class Unusable(Exception):
    """(what, fix): what a user is told."""


def orientation_of(matrix: bytes | None) -> int:
    """Return the EXIF orientation that a display matrix means; 1 without one.

    Unusable where it is no quarter turn or mirror, as no camera writes.
    """
    if matrix is None or len(matrix) < 36:
        return 1
    a, b, _, c, d, *_ = struct.unpack("=9i", matrix[:36])
    signs = []
    for value in (a, b, c, d):
        if abs(value) <= _NEAR:
            signs.append(0)
        elif abs(abs(value) - _ONE) <= _NEAR:
            signs.append(1 if value > 0 else -1)
        else:
            signs.append(2)
    found = _TURNS.get(tuple(signs))
    if found is None:
        shown = ", ".join(f"{v / _ONE:.3g}" for v in (a, b, c, d))
        raise Unusable(f"its display matrix ({shown}) is no quarter turn", "export it upright")
    return found


def upright_wh(wh: tuple[int, int], aspect: Fraction | None) -> tuple[int, int]:
    """Return the stored frame's size in square pixels: the width stretched by the pixels' aspect.

    Unusable beyond 1:16, which no camera has and which would take memory.
    """
    if aspect is None or aspect <= 0 or aspect == 1:
        return wh
    if not Fraction(1, _MOST_ASPECT) <= aspect <= _MOST_ASPECT:
        raise Unusable(f"its pixels are {aspect.numerator}:{aspect.denominator}", "export it again")
    return max(1, round(wh[0] * aspect)), wh[1]


def matrix_of(said: int, wh: tuple[int, int]) -> tuple[str, int]:
    """Return a stream's YCbCr matrix, by name and by swscale's number.

    Where the file does not say: BT.709 from 1280 columns or 577 rows on, else BT.601, as players do
    (mpv.io/manual: --vf=format, colormatrix=auto).
    """
    if said in _MATRICES:
        return _MATRICES[said]
    return ("BT.709", 1) if wh[0] >= 1280 or wh[1] > 576 else ("BT.601", 5)


def is_full_range(said: int, pixel_format: str) -> bool:
    """Return whether luma uses 0–255: as the file says; where it does not, only for yuvj."""
    return said == 2 or (said == 0 and pixel_format.startswith("yuvj"))


def is_ycbcr(pixel_format: str) -> bool:
    """Return whether a pixel format has a matrix at all."""
    return pixel_format.startswith(("yuv", "nv", "p0", "y2", "gray", "uyvy", "yuyv"))


def described(stream: Any, frame: Any, matrix: str, full: bool, orientation: int) -> dict[str, Any]:
    """Return what the parent is told of a clip, from its stream and its first frame."""
    aspect = stream.sample_aspect_ratio
    return {
        "codec": stream.codec_context.name,
        "stored_wh": [frame.width, frame.height],
        "orientation": orientation,
        "aspect": [aspect.numerator, aspect.denominator] if aspect else [1, 1],
        "matrix": matrix,
        "full_range": full,
        "rate": _pair(stream.average_rate),
        "time_base": _pair(stream.time_base),
        "frames": int(stream.frames or 0),
    }


def _pair(value: Fraction | None) -> list[int] | None:
    return None if not value else [value.numerator, value.denominator]

"""The picture input: a 32BGRA pixel buffer, the one format that iOS cameras and Core Image give.

`image_to_tensor` hands over rows, columns, and the bytes B, G, R, A. It converts no colours and
scales nothing, and it is the only op that Linux cannot execute: docs/coreai.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mobilecat.formats.coreai.dialect import dialect
from mobilecat.formats.coreai.lower.build import Build, Var

# ITU-R 601-2 luma in 65536ths, rounded: what Pillow's convert("L") computes.
# https://github.com/python-pillow/Pillow/blob/main/src/libImaging/Convert.c
_LUMA = np.array([7471, 38470, 19595], np.int32)  # of B, G, R
_HALF, _SHIFT = 0x8000, 65536


def image_type(height: int, width: int) -> Any:
    """Return the graph's type of a BGRA picture."""
    core = dialect()
    code = core.FourCCAttr.get_enum(enum_value=core.FourCC.BGRA32)
    return core.ImageType.get(fourcc_attr=code, height=height, width=width)


def picture(b: Build, image: Var, shape: Sequence[int]) -> Var:
    """Return the picture as uint8 [1,H,W,3] in RGB order, or [1,H,W,1], its luma."""
    bgr = b.take(b.op("image_to_tensor", image), 2, range(3))
    if shape[3] == 3:
        return b.reshape(b.op("reverse", bgr, np.array([2], np.int32)), shape)
    weighted = b.reduce("sum", b.mul(b.cast(bgr, np.int32), _LUMA), [2])
    luma = b.div(b.add(weighted, np.int32(_HALF)), np.int32(_SHIFT))
    return b.reshape(b.cast(luma, np.uint8), shape)

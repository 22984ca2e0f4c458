"""Pixels of a picture through any affine map, one sample a pixel: what a turned crop is made of.

Pixel i is centred at i + ½ on both sides, as everywhere here. A model's pixel looks where its
centre falls in the image: within [0, W) × [0, H) it is weighed from the four pixel centres around
(beyond the outermost centres the edge's own), else it is padding. No averaging where it shrinks:
Pillow's `Image.transform(AFFINE, BILINEAR)` and MediaPipe's OpenCV warp do the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecat.errors import Problem
from mobilecat.geometry.affine import Affine, GeometryError, SizeLike, whole_size


def bilinear(
    pixels: npt.NDArray[Any], image_from_model: Affine, model_wh: SizeLike, pad: int = 0
) -> npt.NDArray[np.uint8]:
    """Return the model's input; halves of a level round up.

    Shapes: (H, W, C) uint8 → (model h, model w, C) uint8.
    Errors: GeometryError for pixels of another shape, a size of fractions, and a pad beyond a byte.
    """
    w, h = whole_size(model_wh)
    problems = []
    if pixels.ndim != 3 or pixels.dtype != np.uint8 or not pixels.size:
        problems.append(Problem(f"pixels are {pixels.dtype} {list(pixels.shape)}", fix="[H, W, C]"))
    if not 0 <= pad <= 255:
        problems.append(Problem(f"pad = {pad}", fix="0 to 255"))
    if problems:
        raise GeometryError("These pixels cannot be sampled", problems)
    rows, columns = pixels.shape[:2]
    y, x = np.mgrid[0:h, 0:w] + 0.5
    at = image_from_model.points(np.stack([x, y], axis=-1))
    inside: npt.NDArray[np.bool_] = np.all((at >= 0) & (at < (columns, rows)), axis=-1)
    place = np.clip(at - 0.5, 0, (columns - 1, rows - 1))
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, (columns - 1, rows - 1))
    share_x, share_y = np.moveaxis(place - low, -1, 0)[..., None]
    upper = _lerp(pixels[low[..., 1], low[..., 0]], pixels[low[..., 1], high[..., 0]], share_x)
    lower = _lerp(pixels[high[..., 1], low[..., 0]], pixels[high[..., 1], high[..., 0]], share_x)
    value = np.floor(_lerp(upper, lower, share_y) + 0.5)
    return np.where(inside[..., None], value, pad).astype(np.uint8)


def _lerp(a: npt.NDArray[Any], b: npt.NDArray[Any], share: npt.NDArray[Any]) -> npt.NDArray[Any]:
    mixed: npt.NDArray[Any] = a * (1 - share) + b * share
    return mixed

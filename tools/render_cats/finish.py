"""The camera's part: light across the picture, focus, exposure, noise, a JPEG's blocks."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageFilter

from tools.render_cats.coats import Rng


def as_photo(picture: Image.Image, rng: Rng) -> Image.Image:
    """Return the picture as a camera of modest quality would have stored it."""
    if rng.random() < 0.5:
        picture = picture.filter(ImageFilter.BoxBlur(float(rng.uniform(0.2, 1.0))))
    width, height = picture.size
    rgb = np.asarray(picture, np.float32)
    corners = rng.uniform(0.72, 1.2, (2, 2)).astype(np.float32)
    light = Image.fromarray(corners).resize(picture.size, Image.Resampling.BILINEAR)
    tint = rng.uniform(0.88, 1.1, 3).astype(np.float32)
    rgb = rgb * np.asarray(light)[..., None] * tint
    contrast = np.float32(rng.uniform(0.75, 1.25))
    rgb = (rgb - 118) * contrast + np.float32(rng.uniform(96, 142))
    grain = rng.uniform(0, 9) if rng.random() < 0.7 else 0.0
    if grain:
        grains = rng.integers(-128, 128, (height, width, 1), np.int8).astype(np.float32)
        rgb = rgb + grains * np.float32(grain / 74)  # 74 is the deviation of -128..127
    if rng.random() < 0.1:
        rgb = np.broadcast_to(rgb.mean(-1, keepdims=True), rgb.shape)
    out = Image.fromarray(np.clip(rgb, 0, 255).astype(np.uint8))
    if rng.random() < 0.7:
        stored = io.BytesIO()
        out.save(stored, "JPEG", quality=int(rng.integers(30, 92)))
        out = Image.open(stored).convert("RGB")
    return out

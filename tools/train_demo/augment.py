"""Augmentation: affine maps of pictures together with their points, and colour.

Maps are 2×3, output from source, in continuous pixel coordinates (the centre of the first pixel is
0.5, 0.5).
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

# Left and right are the image's: what a mirror exchanges. Ears: outer, tip, inner; inner, tip,
# outer.
MIRRORED = (1, 0, 2, 8, 7, 6, 5, 4, 3)

Rng = np.random.Generator


def about(
    centre: Any, to: Any, scale: tuple[float, float], degrees: float, mirror: bool
) -> np.ndarray:
    """Return the map that scales, mirrors, turns about `centre` and lays it on `to`."""
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.diag([-scale[0] if mirror else scale[0], scale[1]])
    return np.column_stack([linear, np.asarray(to) - linear @ np.asarray(centre)])


def moved(points: np.ndarray, to_from: np.ndarray, mirror: bool) -> np.ndarray:
    """Map faces [F,9,2], with the points that a mirror exchanges exchanged."""
    mapped = points @ to_from[:, :2].T.astype(np.float32) + to_from[:, 2].astype(np.float32)
    return mapped[:, MIRRORED] if mirror else mapped


def warped(
    pixels: np.ndarray, to_from: np.ndarray, size: int, fill: tuple[int, int, int]
) -> np.ndarray:
    """Resample [H,W,3] to [size,size,3], averaging where it shrinks by more than two."""
    shrink = np.sqrt(abs(np.linalg.det(to_from[:, :2])))
    m = to_from.astype(np.float64)
    if shrink < 0.5:
        factor = max(shrink * 1.5, 1e-3)
        small = (
            max(1, round(pixels.shape[1] * factor)),
            max(1, round(pixels.shape[0] * factor)),
        )
        ratio = np.array(small) / (pixels.shape[1], pixels.shape[0])
        pixels = cv2.resize(pixels, small, interpolation=cv2.INTER_AREA)
        m = np.column_stack([m[:, :2] / ratio, m[:, 2]])
    # OpenCV counts from pixel centres.
    shifted = m.copy()
    shifted[:, 2] += m[:, :2] @ (0.5, 0.5) - 0.5
    return cv2.warpAffine(
        pixels,
        shifted,
        (size, size),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=fill,
    )


def coloured(rng: Rng, pixels: np.ndarray) -> np.ndarray:
    """Change light, colour and sharpness as cameras do; uint8 in and out."""
    x = pixels.astype(np.float32) / 255
    x = x ** np.exp(rng.normal(0, 0.25))
    if rng.random() < 0.08:
        x = np.repeat(x.mean(2, keepdims=True), 3, axis=2)
    else:
        grey = x.mean(2, keepdims=True)
        x = grey + (x - grey) * np.exp(rng.normal(0, 0.35))
        x = x * np.exp(rng.normal(0, 0.08, 3))
    mean = x.mean()
    x = mean + (x - mean) * np.exp(rng.normal(0, 0.25)) + rng.normal(0, 0.08)
    if rng.random() < 0.2:
        x = cv2.GaussianBlur(x, (0, 0), rng.uniform(0.4, 1.8))
    if rng.random() < 0.2:
        x = x + rng.normal(0, rng.uniform(0.01, 0.06), x.shape)
    out = (np.clip(x, 0, 1) * 255).astype(np.uint8)
    if rng.random() < 0.2:
        quality = int(rng.integers(25, 80))
        _, coded = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, quality])
        out = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    return out


def padding(rng: Rng) -> tuple[int, int, int]:
    """Return a border's colour: mobilecat's black, or any, since Vision's is not documented."""
    if rng.random() < 0.5:
        return (0, 0, 0)
    if rng.random() < 0.5:
        grey = int(rng.integers(0, 256))
        return (grey, grey, grey)
    red, green, blue = (int(v) for v in rng.integers(0, 256, 3))
    return (red, green, blue)

"""Training samples: scenes for the detector, crops for the landmark net."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tools.train_demo import augment
from tools.train_demo.augment import Rng, about, moved, warped
from tools.train_demo.pictures import Labelled, extents

# The landmark model's crop: a square about the box's centre, grown on each side. The cascade's
# spec says the same.
CROP_GROWTH = 0.25


@dataclass(frozen=True)
class Sources:
    """Where samples come from."""

    photos: list[Labelled]
    scenes: list[Labelled]
    empty: list[Labelled]


def detector_sample(rng: Rng, sources: Sources, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a picture uint8 [size,size,3] and its faces [F,9,2] in its pixels."""
    kind = rng.random()
    if kind < 0.14:
        pixels, faces = _framed(rng, _part(rng, _any(rng, sources.empty)), size)
    elif kind < 0.30 and sources.scenes:
        pixels, faces = _framed(rng, _any(rng, sources.scenes), size)
    elif kind < 0.48:
        pixels, faces = _framed(rng, _any(rng, sources.photos), size)
    elif kind < 0.68:
        pixels, faces = _framed(rng, _about_face(rng, _any(rng, sources.photos)), size)
    else:
        pixels, faces = _near_face(rng, sources, size)
    if rng.random() < 0.3:
        pixels, faces = _with_pasted(rng, sources, pixels, faces)
    if rng.random() < 0.3:
        pixels = _with_decoys(rng, sources, pixels, faces)
    return augment.coloured(rng, pixels), faces


def _any(rng: Rng, items: list[Labelled]) -> Labelled:
    return items[int(rng.integers(len(items)))]


def _tilt(rng: Rng) -> float:
    """Return degrees: mostly to 30 either way; cats also lie about, on their sides."""
    if rng.random() < 0.7:
        return float(np.clip(rng.normal(0, 16), -30, 30))
    return float(rng.uniform(-110, 110))


def _part(rng: Rng, photo: Labelled) -> Labelled:
    """Cut a window of a third of the sides or more."""
    sides = np.array(photo.pixels.shape[1::-1])
    window = np.maximum(1, (sides * rng.uniform(0.3, 1.0, 2)).astype(int))
    low = (rng.random(2) * (sides - window)).astype(int)
    return _cut(photo, low, low + window)


def _about_face(rng: Rng, photo: Labelled) -> Labelled:
    """Cut a window that holds a face, which may fill it: how people photograph cats."""
    face = photo.faces[int(rng.integers(len(photo.faces)))]
    sides = np.array(photo.pixels.shape[1::-1])
    box = extents(face)[0]
    room = (box[2:] - box[:2]) * np.exp(rng.uniform(-4.0, 0.7, 4)).reshape(2, 2)
    low = np.clip(box[:2] - room[0], 0, sides - 1).astype(int)
    high = np.clip(np.ceil(box[2:] + room[1]), low + 1, sides).astype(int)
    return _cut(photo, low, high)


def _cut(photo: Labelled, low: np.ndarray, high: np.ndarray) -> Labelled:
    pixels = photo.pixels[low[1] : high[1], low[0] : high[0]]
    return Labelled(photo.name, pixels, photo.faces - low.astype(np.float32))


def _framed(rng: Rng, photo: Labelled, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The whole picture, letterboxed as at work, give or take a little."""
    height, width = photo.pixels.shape[:2]
    scale = size / max(height, width) * np.exp(rng.uniform(-0.15, 0.25))
    stretch = np.exp(rng.normal(0, 0.05))
    mirror = rng.random() < 0.5
    degrees = rng.normal(0, 8)
    to = size / 2 + rng.normal(0, 0.04, 2) * size
    m = about((width / 2, height / 2), to, (scale * stretch, scale / stretch), degrees, mirror)
    pixels = warped(photo.pixels, m, size, augment.padding(rng))
    return pixels, moved(photo.faces, m, mirror)


def _near_face(rng: Rng, sources: Sources, size: int) -> tuple[np.ndarray, np.ndarray]:
    """One face, of any size, anywhere, tilted; what is outside the photo is filled."""
    photo = _any(rng, sources.photos)
    face = photo.faces[int(rng.integers(len(photo.faces)))]
    side = float(np.ptp(face, axis=0).max())
    wanted = np.exp(rng.uniform(np.log(0.11), np.log(0.9)))
    scale = min(wanted * size / side, 3.0)
    stretch = np.exp(rng.normal(0, 0.08))
    mirror = rng.random() < 0.5
    degrees = _tilt(rng)
    half = scale * side / 2
    low, high = min(half * 0.85, size / 2), max(size - half * 0.85, size / 2)
    to = rng.uniform(low, high, 2)
    centre = (face.min(0) + face.max(0)) / 2
    m = about(centre, to, (scale * stretch, scale / stretch), degrees, mirror)
    pixels = warped(photo.pixels, m, size, augment.padding(rng))
    if sources.empty and rng.random() < 0.4:
        behind, _ = _framed(rng, _part(rng, _any(rng, sources.empty)), size)
        inside = warped(np.full_like(photo.pixels, 255), m, size, (0, 0, 0))
        pixels = np.where(inside > 127, pixels, behind)
    return pixels, moved(photo.faces, m, mirror)


def _with_pasted(
    rng: Rng, sources: Sources, pixels: np.ndarray, faces: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Paste one or two more faces, cut along a soft oval, where there is room."""
    size = pixels.shape[0]
    for _ in range(int(rng.integers(1, 3))):
        photo = _any(rng, sources.photos)
        face = photo.faces[int(rng.integers(len(photo.faces)))]
        side = float(np.ptp(face, axis=0).max())
        wanted = np.exp(rng.uniform(np.log(0.12), np.log(0.45)))
        scale = min(wanted * size / side, 2.5)
        mirror = rng.random() < 0.5
        degrees = float(np.clip(rng.normal(0, 14), -30, 30))
        centre = (face.min(0) + face.max(0)) / 2
        half = scale * side / 2
        to = rng.uniform(half * 0.9, size - half * 0.9, 2)
        m = about(centre, to, (scale, scale), degrees, mirror)
        new = moved(face[None], m, mirror)
        if _touches(extents(new)[0], extents(faces)):
            continue
        # The chin lies below the mouth, the cheeks beside the ears: a wider oval than the points'.
        axes = half * rng.uniform((1.1, 1.2), (1.5, 1.6))
        pixels = _pasted(pixels, photo.pixels, m, (to[0], to[1] + 0.15 * half), axes, degrees)
        faces = np.concatenate([faces, new])
    return pixels, faces


def _with_decoys(rng: Rng, sources: Sources, pixels: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Paste one or two ovals of what is no cat, people's faces among it: a cut edge is no sign."""
    size = pixels.shape[0]
    for _ in range(int(rng.integers(1, 3))):
        photo = _part(rng, _any(rng, sources.empty))
        height, width = photo.pixels.shape[:2]
        half = size * np.exp(rng.uniform(np.log(0.06), np.log(0.25)))
        to = rng.uniform(half, size - half, 2)
        if _touches(np.concatenate([to - half, to + half]), extents(faces)):
            continue
        scale = 2.4 * half / min(height, width)
        m = about((width / 2, height / 2), to, (scale, scale), 0, rng.random() < 0.5)
        axes = half * rng.uniform(0.8, 1.1, 2)
        pixels = _pasted(pixels, photo.pixels, m, (to[0], to[1]), axes, 0)
    return pixels


def _pasted(
    pixels: np.ndarray,
    source: np.ndarray,
    to_from: np.ndarray,
    middle: tuple[float, float],
    axes: np.ndarray,
    degrees: float,
) -> np.ndarray:
    size = pixels.shape[0]
    over = warped(source, to_from, size, (0, 0, 0))
    inside = warped(np.full_like(source, 255), to_from, size, (0, 0, 0))[..., :1] / 255.0
    shape = np.zeros((size, size), np.float32)
    centre = (int(middle[0]), int(middle[1]))
    cv2.ellipse(shape, centre, (int(axes[0]), int(axes[1])), degrees, 0, 360, 1.0, -1)
    soft = cv2.GaussianBlur(shape, (0, 0), max(1.0, axes[0] * 0.08))[..., None] * inside
    return (pixels * (1 - soft) + over * soft).astype(np.uint8)


def _touches(box: np.ndarray, others: np.ndarray) -> bool:
    """Say whether a box, grown as the paste is, meets one of the others."""
    grow = 0.35 * (box[2:] - box[:2])
    low, high = box[:2] - grow, box[2:] + grow
    meets = (others[:, :2] < high).all(1) & (others[:, 2:] > low).all(1)
    return bool(meets.any())


def landmark_sample(rng: Rng, sources: Sources, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a crop uint8 [size,size,3] and its points [9,2] in 0..1 of it."""
    pool = sources.scenes if sources.scenes and rng.random() < 0.2 else sources.photos
    photo = _any(rng, pool)
    while not len(photo.faces):
        photo = _any(rng, pool)
    face = photo.faces[int(rng.integers(len(photo.faces)))]
    mirror = rng.random() < 0.5
    degrees = _tilt(rng)
    stretch = np.exp(rng.normal(0, 0.06))
    # Turned first, then boxed: the detector's box is upright whatever the head does.
    turned = about((0, 0), (0, 0), (stretch, 1 / stretch), degrees, mirror)
    box = extents(moved(face[None], turned, mirror))[0]
    side = float((box[2:] - box[:2]).max())
    # As far off as the detector is on heads that lie: boxes with an IoU of 0.5 are among them.
    loose = 1.0 if rng.random() < 0.6 else 2.0
    crop = side * (1 + 2 * CROP_GROWTH) * np.exp(rng.normal(0, 0.09 * loose))
    centre = (box[:2] + box[2:]) / 2 + rng.normal(0, 0.06 * loose, 2) * side
    scale = size / crop
    m = scale * turned
    m[:, 2] += size / 2 - scale * centre
    fill = (0, 0, 0) if rng.random() < 0.5 else augment.padding(rng)
    pixels = warped(photo.pixels, m, size, fill)
    points = moved(face[None], m, mirror)[0] / size
    if rng.random() < 0.15:
        low = rng.integers(0, size - 20, 2)
        high = low + rng.integers(10, 40, 2)
        pixels = pixels.copy()
        pixels[low[1] : high[1], low[0] : high[0]] = augment.padding(rng)
    return augment.coloured(rng, pixels), points

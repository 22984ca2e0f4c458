"""What the demo models learn from: labelled photos, rendered scenes, pictures without cats."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

HELD_BACK_COUNT = 16
LONGEST = 640
# From scikit-image: public domain or CC0. Not chelsea nor astronaut, which the models are shown
# afterwards.
WITHOUT_CATS = (
    "brick.png",
    "camera.png",
    "coffee.png",
    "coins.png",
    "grass.png",
    "gravel.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "moon.png",
    "motorcycle_left.png",
    "motorcycle_right.png",
    "page.png",
    "retina.jpg",
    "rocket.jpg",
)


@dataclass(frozen=True)
class Labelled:
    """A picture uint8 [H,W,3] RGB and its faces' points [F,9,2], x and y in pixels."""

    name: str
    pixels: np.ndarray
    faces: np.ndarray


def is_held_back(name: str, names: list[str]) -> bool:
    """Say whether a photo is kept out of training: the 16 whose name has the smallest SHA-256."""
    by_hash = sorted(names, key=lambda n: sha256(n.encode()).hexdigest())
    return name in by_hash[:HELD_BACK_COUNT]


def cat_photos(folder: Path, *, held_back: bool) -> list[Labelled]:
    """Read the labelled photos of one half of the split."""
    entries = json.loads((folder / "labels.json").read_text(encoding="utf-8"))["images"]
    names = [Path(entry["file"]).name for entry in entries]
    chosen = []
    for entry in entries:
        if is_held_back(Path(entry["file"]).name, names) is not held_back:
            continue
        with Image.open(folder / Path(entry["file"]).name) as picture:
            pixels = np.asarray(picture.convert("RGB"))
        points = np.array(entry["landmarks9"], dtype=np.float32).reshape(1, 9, 2)
        chosen.append(_shrunk(Labelled(Path(entry["file"]).name, pixels, points)))
    return chosen


def without_cats() -> list[Labelled]:
    """Read pictures without a cat: scikit-image's, people's faces, a portrait of matplotlib's.

    The people come as contact sheets of 5 × 5 small faces (Labeled Faces in the Wild, a hundred of
    25 × 25 pixels); a person must not be taken for a cat.
    """
    import matplotlib
    import skimage

    folder = Path(skimage.__file__).parent / "data"
    portrait = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    found = []
    for file in [*(folder / name for name in WITHOUT_CATS), portrait, portrait, portrait]:
        with Image.open(file) as picture:
            pixels = np.asarray(picture.convert("RGB"))
        found.append(_shrunk(_without_faces(file.name, pixels)))
    people = np.load(folder / "lfw_subset.npy")[:100]
    people = (people / people.max() * 255).astype(np.uint8)
    for k in range(0, 100, 25):
        sheet = people[k : k + 25].reshape(5, 5, 25, 25).transpose(0, 2, 1, 3).reshape(125, 125)
        large = Image.fromarray(sheet).resize((500, 500), Image.Resampling.BICUBIC).convert("RGB")
        found.append(_without_faces(f"lfw-{k}", np.asarray(large)))
    return found


def _without_faces(name: str, pixels: np.ndarray) -> Labelled:
    return Labelled(name, pixels, np.zeros((0, 9, 2), np.float32))


def rendered(count: int, seed: int) -> list[Labelled]:
    """Render scenes of several faces, none in some; shapes vary about 320 × 320."""
    from tools.render_cats import render_scene

    rng = np.random.default_rng(seed)
    scenes = []
    for index in range(count):
        width, height = (int(side) for side in rng.integers(240, 400, 2))
        scene = render_scene(seed * 1_000_003 + index, (width, height))
        faces = scene.landmarks_xy.astype(np.float32).reshape(-1, 9, 2)
        scenes.append(Labelled(f"rendered-{index}", scene.picture, faces))
    return scenes


def extents(faces: Any) -> np.ndarray:
    """Return the boxes [F,4] xyxy of faces [F,9,2]: how the photos are labelled."""
    faces = np.asarray(faces, dtype=np.float32).reshape(-1, 9, 2)
    return np.concatenate([faces.min(1), faces.max(1)], axis=1)


def _shrunk(photo: Labelled) -> Labelled:
    height, width = photo.pixels.shape[:2]
    scale = LONGEST / max(height, width)
    if scale >= 1:
        return photo
    size = (round(width * scale), round(height * scale))
    pixels = np.asarray(Image.fromarray(photo.pixels).resize(size, Image.Resampling.BOX))
    factors = np.array(size, np.float32) / (width, height)
    return Labelled(photo.name, pixels, photo.faces * factors)

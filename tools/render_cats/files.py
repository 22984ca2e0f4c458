"""The scenes on disk: labels.json as the photos have it, and the fixed golden set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tools.render_cats.scene import Scene, render_scene

LANDMARK_ORDER = (
    "left eye",
    "right eye",
    "mouth",
    *(f"{side} ear-{k}" for side in ("left", "right") for k in (1, 2, 3)),
)
SIDE = "image side: left is the smaller x on an upright face"
FIVE = (0, 1, 2, 4, 7)  # eyes, mouth, ear tips

# File name, seed, (width, height), faces: chosen by eye.
GOLDEN = (
    ("three_in_a_meadow.png", 5, (640, 400), 3),
    ("one_at_night.png", 0, (300, 500), 1),
    ("two_on_a_sofa.png", 4, (720, 300), 2),
    ("nobody_home.png", 1, (480, 360), 0),
)


def entries(file: str, scene: Scene) -> list[dict[str, Any]]:
    """Return the scene's entries of `images`: one a face, or one of nulls without a face."""
    height, width = scene.picture.shape[:2]
    common = {"file": file, "width": width, "height": height, "exif_orientation": None}
    if len(scene.boxes_xyxy) == 0:
        empty = (
            "landmarks9",
            "box_xyxy_from_landmarks",
            "box_xyxy_clipped",
            "landmarks5_zylamarek",
        )
        return [common | dict.fromkeys(empty)]
    most = (width, height, width, height)
    return [
        common
        | {
            "landmarks9": np.round(points, 3).tolist(),
            "box_xyxy_from_landmarks": np.round(box, 3).tolist(),
            "box_xyxy_clipped": np.round(np.clip(box, 0, most), 3).tolist(),
            "landmarks5_zylamarek": np.round(points[list(FIVE)], 3).tolist(),
        }
        for points, box in zip(scene.landmarks_xy, scene.boxes_xyxy, strict=True)
    ]


def write_labels(path: Path, images: list[dict[str, Any]]) -> None:
    labels = {"landmark_order": list(LANDMARK_ORDER), "side": SIDE, "images": images}
    path.write_text(json.dumps(labels, indent=1) + "\n")


def write_golden(folder: Path) -> None:
    """Write the golden pictures, and labels.json beside them, into `folder`/pictures."""
    pictures = folder / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    images = []
    for name, seed, size, faces in GOLDEN:
        scene = render_scene(seed, size, faces, style="book")
        Image.fromarray(scene.picture).save(pictures / name, optimize=True)
        images += entries(name, scene)
    write_labels(pictures / "labels.json", images)

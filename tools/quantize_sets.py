"""Pictures for `quantize_table`: to calibrate on, and others, labelled, to measure on.

cats: the labelled photos; those whose name has the smallest SHA-256 measure (the demo's training
held the first 16 of them back), the rest calibrates. crops: the same photos, a square about each
face. seen: those photos and scenes with a person, labelled with what the source model itself finds
there, so that a loss is a loss against the source, of classes that it finds ten times or more.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance

import mobilecat as mc

MEASURED = 34
"""Of the 66 photos."""
SCENES = 24
SURE = 0.3
"""Score from which on a detection of the source is a label."""
FEWEST = 10
"""Objects that the source finds of a class: mAP is the mean of classes, and one that has a single
object would weigh as much as all persons together."""


def split(data: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows of labels.json to calibrate on, and to measure on."""
    rows = json.loads((data / "cats" / "labels.json").read_text("utf-8"))["images"]
    rows.sort(key=lambda r: hashlib.sha256(r["file"].encode()).hexdigest())
    return rows[MEASURED:], rows[:MEASURED]


def cats(data: Path, folder: Path) -> tuple[Path, Path]:
    """Make the photos' two sets; return their folders."""
    return _written(data, folder, "cats", lambda photo, row: (photo, row["landmarks9"]))


def crops(data: Path, folder: Path) -> tuple[Path, Path]:
    """Make the two sets of squares about the faces, a quarter of the longer side about each."""

    def cut(photo: Image.Image, row: dict[str, Any]) -> tuple[Image.Image, list[list[float]]]:
        x1, y1, x2, y2 = row["box_xyxy_from_landmarks"]
        side = round(1.5 * max(x2 - x1, y2 - y1))
        left, top = round((x1 + x2 - side) / 2), round((y1 + y2 - side) / 2)
        square = Image.new("RGB", (side, side))
        square.paste(photo, (-left, -top))
        return square, [[x - left, y - top] for x, y in row["landmarks9"]]

    return _written(data, folder, "crops", cut)


def _written(data: Path, folder: Path, name: str, made: Any) -> tuple[Path, Path]:
    order = json.loads((data / "cats" / "labels.json").read_text("utf-8"))["landmark_order"]
    places = []
    for rows, use in zip(split(data), ("calibration", "measured"), strict=True):
        place = folder / f"{name}-{use}"
        places.append(place)
        if (place / "labels.json").is_file():
            continue
        place.mkdir(parents=True, exist_ok=True)
        listed = []
        for row in rows:
            photo = Image.open(data / "cats" / Path(row["file"]).name).convert("RGB")
            picture, points = made(photo, row)
            file = Path(row["file"]).with_suffix(".png").name
            picture.save(place / file)
            listed.append(
                {"file": file, "width": picture.width, "height": picture.height,
                 "landmarks9": points}
            )  # fmt: skip
        told = {"landmark_order": order, "images": listed}
        (place / "labels.json").write_text(json.dumps(told), encoding="utf-8")
    return places[0], places[1]


def scenes(data: Path, folder: Path) -> tuple[Path, Path]:
    """Make pictures of the astronaut, larger and smaller, elsewhere, mirrored, darker, lighter, and
    put the cats' photos beside them; return the folders to calibrate and to measure on."""
    person = Image.open(data / "astronaut.png").convert("RGB")
    places = []
    for rows, use, seed in zip(split(data), ("calibration", "measured"), (1, 2), strict=True):
        place = folder / f"scenes-{use}"
        places.append(place)
        if place.is_dir():
            continue
        place.mkdir(parents=True)
        rng = np.random.default_rng(seed)
        for row in rows:
            photo = Image.open(data / "cats" / Path(row["file"]).name).convert("RGB")
            photo.save(place / Path(row["file"]).with_suffix(".png").name)
        for i in range(SCENES):
            _scene(person, rng).save(place / f"person_{i:02}.png")
    return places[0], places[1]


def _scene(person: Image.Image, rng: np.random.Generator) -> Image.Image:
    size = int(rng.integers(160, 720))
    canvas = Image.new("RGB", (640, 480), tuple(int(v) for v in rng.integers(0, 256, 3)))
    picture = person.resize((size, size), Image.Resampling.BILINEAR)
    if rng.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    picture = ImageEnhance.Brightness(picture).enhance(float(rng.uniform(0.5, 1.5)))
    picture = ImageEnhance.Contrast(picture).enhance(float(rng.uniform(0.6, 1.4)))
    left = int(rng.integers(min(0, 640 - size), max(1, 640 - size)))
    top = int(rng.integers(min(0, 480 - size), max(1, 480 - size)))
    canvas.paste(picture, (left, top))
    return canvas


def own_labels(bundle: Path, pictures: Path) -> Path:
    """Return a file of COCO's annotations: what a bundle's source finds in `pictures`.

    It is made where it is not there yet.
    """
    opened = mc.open(bundle)  # whose source is loaded once
    spec = opened.spec
    file = pictures / f"{spec.name}.found.json"
    if file.is_file():
        return file
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for i, path in enumerate(sorted(pictures.glob("*.png"))):
        width, height = Image.open(path).size
        images.append({"id": i, "file_name": path.name, "width": width, "height": height})
        found = opened.run(path, runner="source").detections
        annotations += annotations_of(found, i, (width, height))
    counts = Counter(a["category_id"] for a in annotations)
    annotations = [a for a in annotations if counts[a["category_id"]] >= FEWEST]
    annotations = [{**a, "id": k} for k, a in enumerate(annotations)]
    categories = [{"id": k, "name": n} for k, n in enumerate(spec.labels) if counts[k] >= FEWEST]
    told = {"images": images, "annotations": annotations, "categories": categories}
    file.write_text(json.dumps(told), encoding="utf-8")
    return file


def annotations_of(
    found: mc.Detections, image: int, size_wh: tuple[int, int]
) -> list[dict[str, Any]]:
    """Return COCO's annotations, without their ids, of what is found with a score of `SURE`.

    A box that reaches beyond the picture stays whole: cut at the border it would be another box,
    at an IoU of 0.7 say, and the very detection that it came from would count as lost. Boxes of
    which less than a pixel lies in the picture are no labels.
    """
    rows = []
    for box, score, k in zip(
        found.boxes_xyxy.tolist(), found.scores.tolist(), found.class_ids.tolist(), strict=True
    ):
        x1, y1, x2, y2 = box
        inside = (min(x2, size_wh[0]) - max(x1, 0), min(y2, size_wh[1]) - max(y1, 0))
        if score < SURE or min(inside) < 1:
            continue
        w, h = x2 - x1, y2 - y1
        rows.append(
            {"image_id": image, "category_id": int(k), "bbox": [x1, y1, w, h], "area": w * h,
             "iscrowd": 0}
        )  # fmt: skip
    return rows

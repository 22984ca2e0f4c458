"""Cat faces with the Crawford set's nine landmarks: `photo.jpg.cat` files, or one labels.json.

`.cat` is one line: 9 x y x y … (https://archive.org/details/CAT_DATASET). labels.json holds
`landmark_order`, and `images`: `file`, `width`, `height`, and `landmarks9`, which is one face
([[x, y], … 9]), several ([face, face, …]) or none (null or []). Several faces may also be several
entries of one file. A point may be null: not labelled.
The box of a face is the extent of its landmarks, cut to the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mobilecat.measure.datasets.base import (
    Dataset,
    Item,
    Reading,
    find_picture,
    numbers,
    read_json,
    read_lines,
    side,
    tables_of,
    without_labels,
)

CLASS = "cat"
ORDER = (
    "left eye", "right eye", "mouth",
    "left ear-1", "left ear-2", "left ear-3",
    "right ear-1", "right ear-2", "right ear-3",
)  # fmt: skip
"""Left and right of the picture, not of the cat."""
FIVE = (0, 1, 2, 4, 7)
"""Of the nine, the usual five: eyes, mouth, ear tips."""

Points = Sequence[Sequence[float]]


_KEYS = ("landmark_order", "images")


def find_json(path: Path) -> Path | None:
    """Return the labels.json at `path` or in it, or None."""
    file = path if path.is_file() else path / "labels.json"
    if file.suffix != ".json" or not file.is_file():
        return None
    return file if tables_of(file, _KEYS).keys.keys() == set(_KEYS) else None


def find_cat(path: Path) -> Path | None:
    """Return the folder `path` where .cat files are under it, or None."""
    return path if path.is_dir() and next(path.rglob("*.cat"), None) else None


def read_labels(path: Path) -> Dataset:
    """Read a labels.json; DatasetError, each problem with its key."""
    data = read_json(path)
    reading = Reading(path)
    order = data["landmark_order"]
    if not isinstance(order, list) or not all(isinstance(n, str) for n in order) or not order:
        reading.problem("must be a list of names", f"{path}: landmark_order")
        order = list(ORDER)
    label = data.get("label", CLASS)
    if not isinstance(label, str):
        reading.problem("must be a name", f"{path}: label")
        label = CLASS
    rows = data["images"]
    if not isinstance(rows, list):
        reading.problem("must be a list", f"{path}: images")
        rows = []
    files: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for k, row in enumerate(rows):
        where = f"{path}: images[{k}]"
        if isinstance(row, dict) and isinstance(row.get("file"), str):
            files.setdefault(row["file"], []).append((where, row))
        else:
            reading.problem("must be an object with `file`", where)
    for file, entries in files.items():
        _picture(file, entries, f"landmarks{len(order)}", len(order), reading)
    return reading.done("labels.json", [label], order)


def _picture(
    file: str, entries: list[tuple[str, dict[str, Any]]], key: str, count: int, reading: Reading
) -> None:
    """Add the picture that `entries`, of one file, are about."""
    sizes = [(side(row.get("width")), side(row.get("height"))) for _, row in entries]
    for (where, _), wh in zip(entries, sizes, strict=True):
        if None in wh:
            reading.problem("width and height must be whole numbers of at least 1", where)
        elif wh != sizes[0]:
            reading.problem(f"another width and height than {entries[0][0]} has", where)
    first, recorded = entries[0][0], sizes[0]
    picture = find_picture([reading.path.parent], file)
    size = None
    if recorded[0] is not None and recorded[1] is not None:
        size = reading.size_of(picture, first, (recorded[0], recorded[1]))
    items = []
    for where, row in entries:
        faces = _faces(row[key], count) if key in row else None
        if faces is None:
            what = f"{key} must be {count} points [x, y], a list of such faces, or null"
            reading.problem(what, f"{where}.{key}")
        elif size is not None:
            items += [_face(f, f"{where}.{key}[{i}]", size) for i, f in enumerate(faces)]
    if size is not None:
        reading.add(picture, size, items, count)


def _faces(value: object, count: int) -> list[list[list[float]]] | None:
    """Return the faces in one, several or none; None where `value` is nothing of that."""
    if value is None or value == []:
        return []
    if not isinstance(value, list):
        return None
    one = _points(value, count)
    if one is not None:
        return [one]
    several = [_points(face, count) for face in value]
    return None if any(f is None for f in several) else [f for f in several if f is not None]


def _points(value: object, count: int) -> list[list[float]] | None:
    if not isinstance(value, list) or len(value) != count:
        return None
    nowhere = [float("nan")] * 2
    points = [nowhere if p is None else numbers(p, 2) for p in value]
    given = [p for p in points if p is not None]
    return given if len(given) == count and any(p[0] == p[0] for p in given) else None


def _face(points: Points, where: str, size_wh: tuple[int, int]) -> Item:
    there = np.array(points, dtype=np.float64)
    low, high = np.nanmin(there, axis=0), np.nanmax(there, axis=0)
    inside = (*np.clip(low, 0, size_wh), *np.clip(high, 0, size_wh))
    outside = bool((high <= 0).any() or (low >= size_wh).any())
    box = (*low, *high) if outside else inside
    return Item(where, 0, [float(v) for v in box], points=points)


def read_cats(path: Path) -> Dataset:
    """Read all .cat files under `path`; DatasetError, each problem with its file and line."""
    reading = Reading(path)
    for file in sorted(path.rglob("*.cat")):
        where = f"{file}:1"
        words = " ".join(read_lines(file)).split()
        try:
            values = [float(w) for w in words]
        except ValueError:
            reading.problem("is not all numbers", where)
            continue
        flat = numbers(values[1:], 18)
        if not values or values[0] != 9 or flat is None:
            reading.problem("expected the number 9, then 18 coordinates: x y a point", where)
            continue
        picture = file.with_suffix("")
        size = reading.size_of(picture, where)
        if size is not None:
            points = [flat[i : i + 2] for i in range(0, 18, 2)]
            reading.add(picture, size, [_face(points, where, size)], 9)
    unlabelled = without_labels(path, lambda picture: Path(f"{picture}.cat"), ".cat")
    return reading.done("Crawford .cat", [CLASS], ORDER, unlabelled)

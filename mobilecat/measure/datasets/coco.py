"""COCO JSON: images, categories, annotations (https://cocodataset.org/#format-data).

bbox is x, y, width, height in pixels, edges. A crowd (`iscrowd`) stands for many objects. Keypoints
are x, y, v triples, v = 0 not labelled.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mobilecat.disk.spill import Spill
from mobilecat.disk.tables import Tables
from mobilecat.errors import Problem
from mobilecat.measure.datasets.base import (
    Dataset,
    DatasetError,
    Item,
    Reading,
    find_picture,
    numbers,
    readable,
    refused,
    side,
    tables_of,
)
from mobilecat.measure.datasets.labelled import Outline, RunLengths

_KEYS = ("images", "annotations", "categories")


def is_coco(path: Path) -> bool:
    """Return whether a JSON file has COCO's tables; DatasetError where it is no JSON object."""
    return tables_of(path, _KEYS).keys.keys() == set(_KEYS)


def find(path: Path) -> Path | None:
    """Return the one COCO file at `path`, or in it or its annotations/; None without any."""
    if path.is_file():
        return path if path.suffix == ".json" and is_coco(path) else None
    for folder in (path, path / "annotations"):
        files = sorted(folder.glob("*.json"))
        found = [p for p in files if _is_coco_file(p, alone=len(files) == 1)]
        if len(found) > 1:
            fix = "name one: --data " + str(found[0])
            raise refused(path, [Problem(f"{len(found)} COCO files", str(folder), fix)])
        if found:
            return found[0]
    return None


def _is_coco_file(path: Path, alone: bool) -> bool:
    try:
        return is_coco(path)
    except DatasetError:
        if alone:  # it is meant, then
            raise
        return False


def read(path: Path) -> Dataset:
    """Read the COCO file at `path`; its pictures lie beside it, or in a folder of the usual names.

    Errors: DatasetError, each problem with its key.
    """
    tables, reading = tables_of(path, _KEYS), Reading(path)
    categories = _categories(tables, reading)
    images = _Images(tables, reading)
    names, width = _keypoints(categories, reading)
    order = {key: i for i, key in enumerate(categories)}
    items, of, at = Spill(), array("q"), array("q")  # a picture's place, and its item's
    for k, row in _rows(tables, "annotations", reading):
        where = f"{path}: annotations[{k}]"
        if item := _item(row, where, order, images, width, reading):
            of.append(images.place(row["image_id"]))
            at.append(items.put(item))
    by_picture = np.argsort(np.array(of, np.int64), kind="stable")
    ends = np.searchsorted(np.array(of, np.int64)[by_picture], np.arange(len(images)), "right")
    folders = [path.parent, path.parent / "images", path.parent.parent,
               path.parent.parent / "images", *_split_folders(path)]  # fmt: skip
    first = 0
    for place, end in enumerate(ends.tolist()):
        mine, first = by_picture[first:end].tolist(), end
        image = images[place]
        size = (side(image.width), side(image.height))
        if size[0] is None or size[1] is None:
            reading.problem("width and height must be whole numbers of at least 1", image.where)
            continue
        picture = find_picture(folders, image.file_name)
        real = reading.size_of(picture, image.where, (size[0], size[1]))
        if real is not None:
            reading.add(picture, real, (items.get(at[i]) for i in mine), width)
    return reading.done("COCO JSON", [c["name"] for c in categories.values()], names)


def _split_folders(path: Path) -> list[Path]:
    """Return where instances_val2017.json has its pictures: ../val2017 and beside."""
    split = path.stem.rpartition("_")[2]
    return [path.parent.parent / split, path.parent / split, path.parent.parent / "images" / split]


def _rows(tables: Tables, key: str, reading: Reading) -> Iterator[tuple[int, dict[str, Any]]]:
    """Give the rows of a table with their numbers."""
    if key not in tables.lists:
        reading.problem("must be a list", f"{reading.path}: {key}")
        return
    with readable(reading.path):
        for k, row in enumerate(tables.rows(key)):
            if isinstance(row, dict):
                yield k, row
            else:
                reading.problem("must be an object", f"{reading.path}: {key}[{k}]")


def _categories(tables: Tables, reading: Reading) -> dict[Any, dict[str, Any]]:
    found: dict[Any, dict[str, Any]] = {}
    for k, row in _rows(tables, "categories", reading):
        where = f"{reading.path}: categories[{k}]"
        if not isinstance(row.get("id"), int | str) or not isinstance(row.get("name"), str):
            reading.problem("must have an id and a name", where)
        elif row["id"] in found:
            reading.problem(f"id {row['id']!r} is taken", where)
        else:
            found[row["id"]] = row
    return found


class _Image(NamedTuple):
    """A row of `images`, with where it stands. width, height: as they are written."""

    where: str
    file_name: str
    width: Any
    height: Any


class _Images:
    """The rows of `images` by their place; of each id only its place is held."""

    def __init__(self, tables: Tables, reading: Reading) -> None:
        self._rows, self._at = Spill(), array("q")
        self._places: dict[int | str, int] = {}
        for k, row in _rows(tables, "images", reading):
            where = f"{reading.path}: images[{k}]"
            key, name = row.get("id"), row.get("file_name")
            if not isinstance(key, int | str) or not isinstance(name, str):
                reading.problem("must have an id and a file_name", where)
            elif key in self._places:
                reading.problem(f"id {key!r} is taken", where)
            else:
                self._places[key] = len(self._at)
                one = _Image(where, name, row.get("width"), row.get("height"))
                self._at.append(self._rows.put(tuple(one)))

    def __len__(self) -> int:
        return len(self._at)

    def __contains__(self, key: int | str) -> bool:
        return key in self._places

    def place(self, key: int | str) -> int:
        return self._places[key]

    def __getitem__(self, place: int) -> _Image:
        return _Image(*self._rows.get(self._at[place]))


def _keypoints(
    categories: dict[Any, dict[str, Any]], reading: Reading
) -> tuple[tuple[str, ...], int]:
    """Return the landmark names all categories with keypoints share, and how many there are."""
    given = {k: c["keypoints"] for k, c in categories.items() if c.get("keypoints")}
    for key in [k for k, names in given.items() if not isinstance(names, list)]:
        where = f"{reading.path}: category {key!r}"
        reading.problem("keypoints must be a list of names", where)
        del given[key]
    named = {tuple(map(str, names)) for names in given.values()}
    if len(named) > 1:
        what = "categories have different keypoints; one list is all that landmarks can have"
        reading.problem(what, f"{reading.path}: categories", "split the file by category")
    names = next(iter(named), ())
    return names, len(names)


def _item(
    row: dict[str, Any],
    where: str,
    order: Mapping[Any, int],
    images: _Images,
    points: int,
    reading: Reading,
) -> Item | None:
    bad = len(reading.problems)
    for key, known in (("image_id", images), ("category_id", order)):
        given = row.get(key)
        if not isinstance(given, int | str) or given not in known:
            reading.problem(f"{key} {given!r} is of none in the file", where)
    box = numbers(row.get("bbox"), 4)
    if box is None:
        reading.problem("bbox must be four numbers: x, y, width, height", where)
    area = row.get("area")
    if area is not None and numbers([area], 1) is None:
        reading.problem(f"area {area!r} is no number", where)
    marks = row.get("keypoints")
    triples = None
    if points and marks is not None:
        triples = numbers(marks, 3 * points)
        if triples is None:
            reading.problem(f"keypoints must be {3 * points} numbers: x, y, v a point", where)
    if len(reading.problems) > bad:
        return None
    assert box is not None
    x, y, w, h = box
    landmarks = None
    if triples is not None:
        nowhere = [float("nan")] * 2
        triple = [triples[i : i + 3] for i in range(0, 3 * points, 3)]
        landmarks = [[x, y] if v else nowhere for x, y, v in triple]
    return Item(
        where,
        order[row["category_id"]],
        (x, y, x + w, y + h),
        area=None if area is None else float(area),
        crowd=bool(row.get("iscrowd", 0)),
        points=landmarks,
        outline=_outline(row.get("segmentation"), images, row["image_id"]),
    )


def _outline(told: Any, images: _Images, key: int | str) -> Outline | None:
    """Return polygons or run lengths; None for other forms, as a box alone is no mistake."""
    if isinstance(told, list):
        polygons = [p for p in told if isinstance(p, list) and len(p) >= 6 and len(p) % 2 == 0]
        read = [numbers(p, len(p)) for p in polygons]
        good = [tuple(p) for p in read if p is not None]
        return tuple(good) if good and len(good) == len(told) else None
    counts = told.get("counts") if isinstance(told, dict) else None
    if not isinstance(counts, list):
        return None
    image = images[images.place(key)]
    size = (side(image.width), side(image.height))
    if size[0] is None or size[1] is None:
        return None
    if not all(type(n) is int and n >= 0 for n in counts) or sum(counts) != size[0] * size[1]:
        return None
    return RunLengths(tuple(counts))

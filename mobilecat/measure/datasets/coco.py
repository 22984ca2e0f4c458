"""COCO JSON: images, categories, annotations (https://cocodataset.org/#format-data).

bbox is x, y, width, height in pixels, edges. A crowd (`iscrowd`) stands for many objects. Keypoints
are x, y, v triples, v = 0 not labelled.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mobilecat.errors import Problem
from mobilecat.measure.datasets.base import (
    Dataset,
    DatasetError,
    Item,
    Reading,
    find_picture,
    numbers,
    read_json,
    refused,
    side,
)
from mobilecat.measure.datasets.labelled import Outline, RunLengths


def is_coco(data: Mapping[str, Any]) -> bool:
    return {"images", "annotations", "categories"} <= data.keys()


def find(path: Path) -> Path | None:
    """Return the one COCO file at `path`, or in it or its annotations/; None without any."""
    if path.is_file():
        return path if path.suffix == ".json" and is_coco(read_json(path)) else None
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
        return is_coco(read_json(path))
    except DatasetError:
        if alone:  # it is meant, then
            raise
        return False


def read(path: Path) -> Dataset:
    """Read the COCO file at `path`; its pictures lie beside it, or in a folder of the usual names.

    Errors: DatasetError, each problem with its key.
    """
    data = read_json(path)
    reading = Reading(path)
    categories = _categories(data, reading)
    images = _images(data, reading)
    names, width = _keypoints(categories, reading)
    order = {key: i for i, key in enumerate(categories)}
    items: dict[Any, list[Item]] = defaultdict(list)
    for k, row in _rows(data, "annotations", reading):
        where = f"{path}: annotations[{k}]"
        if item := _item(row, where, order, images, width, reading):
            items[row["image_id"]].append(item)
    folders = [path.parent, path.parent / "images", path.parent.parent,
               path.parent.parent / "images", *_split_folders(path)]  # fmt: skip
    for key, (where, row) in images.items():
        size = (side(row.get("width")), side(row.get("height")))
        if size[0] is None or size[1] is None:
            reading.problem("width and height must be whole numbers of at least 1", where)
            continue
        picture = find_picture(folders, row["file_name"])
        real = reading.size_of(picture, where, (size[0], size[1]))
        if real is not None:
            reading.add(picture, real, items.pop(key, ()), width)
    return reading.done("COCO JSON", [c["name"] for c in categories.values()], names)


def _split_folders(path: Path) -> list[Path]:
    """Return where instances_val2017.json has its pictures: ../val2017 and beside."""
    split = path.stem.rpartition("_")[2]
    return [path.parent.parent / split, path.parent / split, path.parent.parent / "images" / split]


def _rows(data: dict[str, Any], key: str, reading: Reading) -> Iterator[tuple[int, dict[str, Any]]]:
    """Give the rows of a table, and forget each: as JSON values they are most of what is held."""
    rows = data[key]
    if not isinstance(rows, list):
        reading.problem("must be a list", f"{reading.path}: {key}")
        return
    for k, row in enumerate(rows):
        if not isinstance(row, dict):
            reading.problem("must be an object", f"{reading.path}: {key}[{k}]")
    for k, row in enumerate(rows):
        rows[k] = None
        if isinstance(row, dict):
            yield k, row


def _categories(data: dict[str, Any], reading: Reading) -> dict[Any, dict[str, Any]]:
    found: dict[Any, dict[str, Any]] = {}
    for k, row in _rows(data, "categories", reading):
        where = f"{reading.path}: categories[{k}]"
        if not isinstance(row.get("id"), int | str) or not isinstance(row.get("name"), str):
            reading.problem("must have an id and a name", where)
        elif row["id"] in found:
            reading.problem(f"id {row['id']!r} is taken", where)
        else:
            found[row["id"]] = row
    return found


def _images(data: dict[str, Any], reading: Reading) -> dict[Any, tuple[str, dict[str, Any]]]:
    found: dict[Any, tuple[str, dict[str, Any]]] = {}
    for k, row in _rows(data, "images", reading):
        where = f"{reading.path}: images[{k}]"
        if not isinstance(row.get("id"), int | str) or not isinstance(row.get("file_name"), str):
            reading.problem("must have an id and a file_name", where)
        elif row["id"] in found:
            reading.problem(f"id {row['id']!r} is taken", where)
        else:
            found[row["id"]] = (where, row)
    return found


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
    images: Mapping[Any, Any],
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
        outline=_outline(row.get("segmentation"), images[row["image_id"]]),
    )


def _outline(told: Any, image: Any) -> Outline | None:
    """Return polygons or run lengths; None for other forms, as a box alone is no mistake."""
    if isinstance(told, list):
        polygons = [p for p in told if isinstance(p, list) and len(p) >= 6 and len(p) % 2 == 0]
        read = [numbers(p, len(p)) for p in polygons]
        good = [tuple(p) for p in read if p is not None]
        return tuple(good) if good and len(good) == len(told) else None
    counts = told.get("counts") if isinstance(told, dict) else None
    size = (side(image[1].get("width")), side(image[1].get("height")))
    if not isinstance(counts, list) or size[0] is None or size[1] is None:
        return None
    if not all(type(n) is int and n >= 0 for n in counts) or sum(counts) != size[0] * size[1]:
        return None
    return RunLengths(tuple(counts))

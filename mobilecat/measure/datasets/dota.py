"""DOTA's txt, one file a picture: `x1 y1 x2 y2 x3 y3 x4 y4 class difficult` a line, in pixels.

https://captain-whu.github.io/DOTA/dataset.html describes the format: images/P0001.png has
labelTxt/P0001.txt, whose first lines may be `imagesource:…` and `gsd:…`. Classes are those that
are named, in alphabetical order. Corners go round the object, as turned boxes do.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mobilecat.geometry.turned import turned_from_corners
from mobilecat.measure.datasets.base import PICTURES, Dataset, Item, Reading, read_lines

_FOLDER = "labelTxt"
_HEADS = ("imagesource:", "gsd:")


def find(path: Path) -> Path | None:
    """Return the folder with a labelTxt folder in it, or None."""
    return path if path.is_dir() and _labels(path) else None


def _labels(path: Path) -> list[Path]:
    folders = sorted(p for p in path.iterdir() if p.is_dir() and p.name.startswith(_FOLDER))
    return sorted(folders[0].glob("*.txt")) if folders else []


def read(path: Path) -> Dataset:
    """Read every txt; DatasetError, each problem with its file and line."""
    reading = Reading(path)
    pictures = {p.stem: p for p in sorted(path.rglob("*")) if p.suffix.lower() in PICTURES}
    found = {label: _lines(label, reading) for label in _labels(path)}
    classes = sorted({name for rows in found.values() for _, _, name, _ in rows})
    for label, rows in found.items():
        picture = pictures.get(label.stem)
        if picture is None:
            reading.problem(f"there is no picture {label.stem}.png", str(label))
            continue
        items = [
            turned_item(where, classes.index(name), corners, difficult)
            for where, corners, name, difficult in rows
        ]
        size = reading.size_of(picture, str(label))
        if size is not None:
            reading.add(picture, size, items)
    without = len(set(pictures) - {label.stem for label in found})
    notes = [f"{without} pictures have no txt in {_FOLDER}: left out"] if without else []
    return reading.done("DOTA txt", classes, notes=notes)


Row = tuple[str, list[float], str, bool]
"""Where it is, eight numbers, the class, whether it is difficult."""


def _lines(label: Path, reading: Reading) -> list[Row]:
    rows: list[Row] = []
    for k, line in enumerate(read_lines(label), start=1):
        words = line.split()
        if not words or line.lower().startswith(_HEADS):
            continue
        where = f"{label}:{k}"
        try:
            numbers = [float(word) for word in words[:8]]
        except ValueError:
            numbers = []
        if len(numbers) != 8 or len(words) not in (9, 10) or words[9:] not in ([], ["0"], ["1"]):
            expected = "expected x1 y1 x2 y2 x3 y3 x4 y4 class difficult"
            reading.problem(f"{line.strip()!r:.80}: {expected}", where)
            continue
        rows.append((where, numbers, words[8], words[9:] == ["1"]))
    return rows


def turned_item(
    where: str, class_id: int, corners: Sequence[float], difficult: bool = False
) -> Item:
    """Return the turned box of four corners in pixels, x before y."""
    box, angle = turned_from_corners(np.array(corners, np.float64).reshape(4, 2))
    return Item(where, class_id, box.tolist(), difficult=difficult, angle=float(angle))

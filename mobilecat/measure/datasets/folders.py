"""A folder a class: cat/1.jpg, dog/2.jpg, as classifiers are trained on (torchvision's own way).

The picture as a whole is the object. Classes are named by their folders, in the order of the names.
"""

from __future__ import annotations

from pathlib import Path

from mobilecat.measure.datasets.base import PICTURES, Dataset, Item, Reading

_OTHERS = {"images", "labels", "annotations", "imagesets", "jpegimages"}
"""Folders of other formats: pictures lie in them, but they are no classes."""
_LABELS = (".json", ".xml", ".txt", ".yaml", ".yml", ".cat")


def find(path: Path) -> Path | None:
    """Return a folder of two or more folders of pictures, with no other labels; or None."""
    if not path.is_dir() or len(classes := _classes(path)) < 2:
        return None
    if {c.name.lower() for c in classes} & _OTHERS:
        return None
    files = [p for folder in (path, *classes) for p in folder.iterdir() if p.is_file()]
    return None if any(p.suffix.lower() in _LABELS for p in files) else path


def _classes(path: Path) -> list[Path]:
    return sorted(p for p in path.iterdir() if p.is_dir() and _pictures(p))


def _pictures(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURES and p.is_file())


def read(path: Path) -> Dataset:
    """Read all pictures; DatasetError, each problem with its file."""
    reading = Reading(path)
    classes = _classes(path)
    for k, folder in enumerate(classes):
        for picture in _pictures(folder):
            size = reading.size_of(picture, str(picture))
            if size is not None:
                item = Item(str(picture), k, (0.0, 0.0, *map(float, size)))
                reading.add(picture, size, [item])
    return reading.done("class folders", [c.name for c in classes])

"""Which formats are read, and how each is recognised. To add one: a module and a row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mobilecat.disk.near import did_you_mean
from mobilecat.errors import Problem
from mobilecat.measure.datasets import coco, crawford, dota, folders, voc, yolo
from mobilecat.measure.datasets.base import Dataset, DatasetError, refused


@dataclass(frozen=True)
class Format:
    """find: what of `path` to read, or None where it is of another format. read: that."""

    name: str
    holds: str
    find: Callable[[Path], Path | None]
    read: Callable[[Path], Dataset]


FORMATS = (
    Format("labels.json", "labels.json with landmark_order and images", crawford.find_json,
           crawford.read_labels),
    Format("COCO JSON", "one .json with images, annotations and categories (also in annotations/)",
           coco.find, coco.read),
    Format("VOC XML", "Annotations/*.xml, or ImageSets/Main/NAME.txt", voc.find, voc.read),
    Format("Crawford .cat", "photo.jpg.cat beside each photo.jpg", crawford.find_cat,
           crawford.read_cats),
    Format("DOTA txt", "images/ and labelTxt/*.txt, four corners a line", dota.find, dota.read),
    Format("YOLO txt", "images/ and labels/*.txt with data.yaml or classes.txt", yolo.find,
           yolo.read),
    Format("class folders", "two or more folders of pictures, each a class", folders.find,
           folders.read),
)  # fmt: skip


_FIX = "name labels, or a folder that has pictures and labels: docs/evaluate.md, Labels"


def load_dataset(path: Path) -> Dataset:
    """Read the labelled pictures at `path`, a folder or a label file; the format is recognised.

    Errors: DatasetError with every problem, each with its file and line or key.
    """
    if not path.exists():
        raise refused(path, [Problem("not found", str(path), did_you_mean(path) or _FIX)])
    found = [(f, at) for f in FORMATS if (at := f.find(path)) is not None]
    if len(found) > 1:
        kinds = ", ".join(f"{f.name} ({at})" for f, at in found)
        fix = "name one file or sub-folder with --data"
        raise DatasetError("Labels in several formats", [Problem(kinds, str(path), fix)])
    if not found:
        known = [Problem(f"no {f.name}: {f.holds}", str(path)) for f in FORMATS]
        what = "pictures without labels cannot tell how much accuracy is lost"
        known.append(Problem(what, str(path), _FIX))
        raise DatasetError("No labels that are read here", known)
    kind, at = found[0]
    return kind.read(at)

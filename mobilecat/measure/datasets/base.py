"""Labelled pictures as values, and what every reader needs to make them."""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from mobilecat import disk
from mobilecat.disk.spill import Spill
from mobilecat.disk.tables import Misplaced, Tables, read_tables
from mobilecat.errors import MobileCatError, Problem, reason
from mobilecat.geometry.turned import turned_corners
from mobilecat.measure.datasets.labelled import Labelled, Outline
from mobilecat.measure.datasets.packed import Packed, chosen

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
_LARGEST = 2 << 30
"""Bytes of one file of labels."""
_FEW = 3
SHOWN = 100
"""Problems listed; the rest is counted."""


class DatasetError(MobileCatError):
    """Labels that cannot be read, or that contradict themselves or their pictures."""


@dataclass(frozen=True)
class Dataset:
    """format: as `FORMATS` names it. landmarks: names in order. notes: what the user is told."""

    path: Path
    format: str
    classes: tuple[str, ...]
    landmarks: tuple[str, ...]
    pictures: Sequence[Labelled]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.pictures)

    def spread(self, limit: int | None) -> Dataset:
        """Return it with at most `limit` of its pictures, spread evenly."""
        n = len(self)
        if limit is None or limit >= n:
            return self
        places = array("q", (i * n // limit for i in range(limit)))
        return replace(self, pictures=chosen(self.pictures, places))

    def labels_of(self, picture: Labelled) -> list[str]:
        """Return the class name of each object."""
        return [self.classes[i] for i in picture.class_ids]


@dataclass(frozen=True)
class Item:
    """One object as a reader found it. where: its file and line or key."""

    where: str
    class_id: int
    box_xyxy: Sequence[float]
    area: float | None = None
    difficult: bool = False
    crowd: bool = False
    points: Sequence[Sequence[float]] | None = None
    angle: float | None = None
    outline: Outline | None = None


@dataclass
class Reading:
    """What has been read so far, and every problem met on the way."""

    path: Path
    problems: list[Problem] = field(default_factory=list)
    pictures: Packed = field(default_factory=Packed)
    empty_boxes: int = 0
    missing: list[Problem] = field(default_factory=list)
    _seen: dict[bytes, int] = field(default_factory=dict)
    _where: Spill = field(default_factory=Spill)

    def problem(self, what: str, where: str, fix: str = "") -> None:
        self.problems.append(Problem(what, where, fix))

    def size_of(
        self, path: Path, where: str, recorded_wh: tuple[int, int] | None = None
    ) -> tuple[int, int] | None:
        """Return the upright size of the picture at `path`; None, with a problem, where none is.

        recorded_wh: what the labels say; None where they do not.
        """
        key = blake2b(str(path).encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if (at := self._seen.get(key)) is None:
            self._seen[key] = self._where.put(where)
        elif (first := self._where.get(at)) != where:
            self.problem(f"{path.name} is labelled twice", where, f"the first time: {first}")
            return None
        try:
            size, orientation = upright_size(path)
        except FileNotFoundError:
            gone = Problem(f"the picture {path.name} is not there", where, f"looked at {path}")
            self.missing.append(gone)
            self.problems.append(gone)
            return None
        except OSError as e:
            self.problem(f"{path} is not a picture that can be read", where, str(e)[:120])
            return None
        if recorded_wh is None or recorded_wh == size:
            return size
        said, real = ("×".join(map(str, s)) for s in (recorded_wh, size))
        if recorded_wh == size[::-1] and orientation > 4:
            what = f"labels are for {said}, the stored pixels; upright (EXIF {orientation}) the "
            what += f"picture is {real}"
            fix = "label the upright picture, or store it upright without the EXIF tag"
            self.problem(what, where, fix)
        else:
            self.problem(f"labels are for {said}, but {path.name} is {real}", where)
        return None

    def add(
        self, path: Path, size_wh: tuple[int, int], items: Iterable[Item], points: int = 0
    ) -> None:
        """Keep a picture with its objects. points: landmarks an object has, 0 without any."""
        items = list(items)
        good = [item for item in items if self._sound(item, size_wh)]
        boxes = np.array([i.box_xyxy for i in good], dtype=np.float64).reshape(-1, 4)
        sides = boxes[:, 2:] - boxes[:, :2]
        own = [
            a if i.area is None else i.area for i, a in zip(good, sides.prod(axis=1), strict=True)
        ]
        landmarks = None
        if points:
            landmarks = np.full((len(good), points, 2), np.nan)
            for row, item in zip(landmarks, good, strict=True):
                if item.points is not None:
                    row[:] = item.points
        angles = None
        if any(item.angle is not None for item in items):
            angles = np.array([item.angle or 0.0 for item in good], np.float64)
        self.pictures.append(
            Labelled(
                path,
                size_wh,
                boxes,
                np.array([i.class_id for i in good], dtype=np.int64),
                np.array(own, dtype=np.float64),
                np.array([i.difficult or i.crowd for i in good], dtype=np.bool_),
                np.array([i.crowd for i in good], dtype=np.bool_),
                landmarks,
                angles,
                tuple(i.outline for i in good) if any(i.outline for i in good) else (),
            )
        )

    def _sound(self, item: Item, size_wh: tuple[int, int]) -> bool:
        x1, y1, x2, y2 = item.box_xyxy
        if item.angle is not None and math.isfinite(item.angle):
            corners = turned_corners(item.box_xyxy, item.angle)
            (x1, y1), (x2, y2) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        said = ", ".join(f"{v:g}" for v in (x1, y1, x2, y2))
        if not all(math.isfinite(v) for v in item.box_xyxy):
            self.problem(f"box x1,y1,x2,y2 = {said} is no box", item.where)
        elif x2 < x1 or y2 < y1:
            self.problem(f"box x1,y1,x2,y2 = {said} ends before it starts", item.where)
        elif x2 <= 0 or y2 <= 0 or x1 >= size_wh[0] or y1 >= size_wh[1]:
            wh = "×".join(map(str, size_wh))
            self.problem(f"box x1,y1,x2,y2 = {said} lies outside of the {wh} picture", item.where)
        elif x1 == x2 or y1 == y2:
            self.empty_boxes += 1
        else:
            return True
        return False

    def done(
        self,
        format: str,
        classes: Sequence[str],
        landmarks: Sequence[str] = (),
        notes: Iterable[str] = (),
    ) -> Dataset:
        """Return the data set; DatasetError with all problems, or where there is no picture."""
        said = list(notes)
        gone_ones = set(map(id, self.missing))
        wrong = [p for p in self.problems if id(p) not in gone_ones]
        gone, labelled = len(self.missing), len(self.missing) + len(self.pictures)
        if not wrong and gone and self.pictures:
            # Someone measures on some of a set's pictures.
            many = "picture is" if gone == 1 else "pictures are"
            first = self.missing[0]
            said.insert(
                0,
                f"{gone} of {labelled} labelled {many} not there, and left out "
                f"({first.fix.removeprefix('looked at ')}{' is the first' * (gone > 1)})",
            )
        elif not wrong and gone > _FEW:
            what = f"none of the {gone} labelled pictures is there"
            raise refused(self.path, [Problem(what, self.missing[0].where, self.missing[0].fix)])
        elif self.problems:
            raise refused(self.path, self.problems)
        if not self.pictures:
            raise refused(self.path, [Problem("labels no picture", str(self.path))])
        if self.empty_boxes:
            said.append(f"{self.empty_boxes} boxes of no width or height left out")
        return Dataset(
            self.path, format, tuple(classes), tuple(landmarks), self.pictures, tuple(said)
        )


def refused(path: Path, problems: Sequence[Problem]) -> DatasetError:
    """Return the error for the data set at `path`."""
    shown = list(problems[:SHOWN])
    if len(problems) > SHOWN:
        shown.append(Problem(f"and {len(problems) - SHOWN} more"))
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return DatasetError(f"{path}: the labels cannot be used, {count}", shown)


def upright_size(path: Path) -> tuple[tuple[int, int], int]:
    """Return (width, height of the picture once upright; its EXIF orientation), header only.

    Errors: OSError.
    """
    from PIL import Image

    try:
        with Image.open(path) as opened:
            orientation = opened.getexif().get(0x0112, 1)
            width, height = opened.size
    except (ValueError, SyntaxError, Image.DecompressionBombError) as e:
        raise OSError(str(e)) from e
    turned = orientation in (5, 6, 7, 8)
    return ((height, width) if turned else (width, height)), orientation


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; DatasetError where there is none."""
    try:
        data = disk.read_json(path, _LARGEST)
    except json.JSONDecodeError as e:
        where = f"{path}:{e.lineno}:{e.colno}"
        raise refused(path, [Problem(f"not JSON: {e.msg}", where)]) from e
    except (OSError, ValueError) as e:
        raise refused(path, [Problem(reason(e), str(path))]) from e
    if not isinstance(data, dict):
        raise refused(path, [Problem("is JSON, but no object {…}", str(path))])
    return data


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Raise DatasetError, with the place, for what is wrong with the JSON file that is read."""
    try:
        yield
    except Misplaced as e:
        where = f"{path}:{e.line}:{e.column}"
        raise refused(path, [Problem(f"not JSON: {e.message}", where)]) from e
    except (OSError, ValueError) as e:
        raise refused(path, [Problem(reason(e), str(path))]) from e


def tables_of(path: Path, wanted: Collection[str]) -> Tables:
    """Return which of the `wanted` keys the object in a JSON file has; DatasetError where there is
    none. Its tables are read a row at a time."""
    with readable(path):
        return read_tables(path, wanted, _LARGEST)


def read_lines(path: Path) -> list[str]:
    """Return a text file's lines; DatasetError where it cannot be read."""
    try:
        return disk.read_text(path, _LARGEST).split("\n")
    except (OSError, ValueError) as e:
        raise refused(path, [Problem(reason(e), str(path))]) from e


def numbers(value: object, count: int) -> list[float] | None:
    """Return `count` finite numbers; None where `value` is anything else."""
    if not isinstance(value, list | tuple) or len(value) != count:
        return None
    if any(isinstance(v, bool) or not isinstance(v, int | float) for v in value):
        return None
    try:
        found = [float(v) for v in value]
    except OverflowError:
        return None
    return found if all(map(math.isfinite, found)) else None


def side(value: object) -> int | None:
    """Return a whole side of at least one pixel, or None."""
    given = numbers([value], 1)
    return int(given[0]) if given and given[0] >= 1 and given[0].is_integer() else None


def find_picture(folders: Iterable[Path], name: str) -> Path:
    """Return the first of folders/name that exists, else of folders/its last part, else the first.

    Archives put pictures in folders that a flat copy does not have.
    """
    there, last = list(folders), Path(name).name
    for said in dict.fromkeys((name, last)):
        for folder in there:
            if (found := folder / said).is_file():
                return found
    return there[0] / name


def without_labels(folder: Path, label_of: Callable[[Path], Path], suffix: str) -> list[str]:
    """Say how many pictures under `folder` have no file of labels, and so are left out."""
    pictures = [p for p in folder.rglob("*") if p.suffix.lower() in PICTURES]
    bare = sorted(p for p in pictures if not label_of(p).is_file())
    if not bare:
        return []
    many = "1 picture has" if len(bare) == 1 else f"{len(bare)} pictures have"
    return [f"{many} no {suffix} file, and left out: {bare[0].name}" + ", …" * (len(bare) > 1)]

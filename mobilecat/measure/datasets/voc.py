"""Pascal VOC XML, one file a picture (http://host.robots.ox.ac.uk/pascal/VOC/voc2007/htmldoc).

Boxes are whole pixels from 1, both ends inside: xmin 1, xmax 500 covers all of a picture 500 wide.
In edges that is [xmin − 1, xmax]. Tools that count from 0 write zeros somewhere: a set with one is
read as edges as they are, and says so. `difficult` objects are ignored.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from mobilecat.errors import Problem
from mobilecat.measure.datasets.base import (
    PICTURES,
    Dataset,
    Item,
    Reading,
    find_picture,
    read_lines,
    refused,
    side,
    without_labels,
)

_CORNERS = ("xmin", "ymin", "xmax", "ymax")


@dataclass
class Node:
    """An XML element that knows its line."""

    tag: str
    line: int
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def all(self, tag: str) -> Iterator[Node]:
        return (c for c in self.children if c.tag == tag)

    def first(self, tag: str) -> Node | None:
        return next(self.all(tag), None)

    def said(self, tag: str) -> str:
        """Return the text of the first child `tag`, "" without one."""
        node = self.first(tag)
        return node.text.strip() if node else ""


def parse(path: Path) -> Node:
    """Return the root of an XML file; expat.ExpatError, with its line, where it is none; ValueError
    where it defines entities."""
    root = Node("", 0)
    open_nodes = [root]
    parser = expat.ParserCreate()

    def start(tag: str, _: dict[str, str]) -> None:
        node = Node(tag, parser.CurrentLineNumber)
        open_nodes[-1].children.append(node)
        open_nodes.append(node)

    def end(_: str) -> None:
        open_nodes.pop()

    def text(data: str) -> None:
        open_nodes[-1].text += data

    def entity(name: str, *_: object) -> None:
        raise ValueError(f"defines {name!r}, as no labels do: it could grow without end")

    parser.EntityDeclHandler = entity
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.Parse(path.read_bytes(), True)
    return root.children[0]


def find(path: Path) -> Path | None:
    """Return `path` where it is an image set's list, or holds XML files, or Annotations/ with."""
    if path.is_file():
        return path if path.suffix == ".txt" and path.parent.name == "Main" else None
    return path if _files(path) else None


def _files(path: Path) -> list[Path]:
    if path.is_file():  # VOC2007/ImageSets/Main/test.txt: names, some with −1/0/1 behind
        home = path.parents[2] / "Annotations"
        return [home / f"{line.split()[0]}.xml" for line in read_lines(path) if line.strip()]
    home = path / "Annotations"
    return sorted((home if home.is_dir() else path).glob("*.xml"))


def read(path: Path) -> Dataset:
    """Read all XML files at `path`; DatasetError, each problem with its file and line."""
    reading = Reading(path)
    roots: list[tuple[Path, Node]] = []
    for file in _files(path):
        try:
            roots.append((file, parse(file)))
        except expat.ExpatError as e:
            reading.problem(f"not XML: {expat.errors.messages[e.code]}", f"{file}:{e.lineno}")
        except OSError as e:
            reading.problem(e.strerror or "cannot be read", str(file))
        except (ValueError, LookupError, MemoryError) as e:  # an encoding that expat does not have
            reading.problem(f"cannot be read: {e}", str(file))
    found = [(file, root, _objects(file, root, reading)) for file, root in roots]
    if not roots:
        raise refused(path, reading.problems or [Problem("names no picture", str(path))])
    everything = [o for _, _, objects in found for o in objects]
    from_zero = any(min(corners[:2]) == 0 for _, _, corners, _ in everything)
    names = sorted({name for _, name, _, _ in everything})
    for file, root, objects in found:
        picture, size = _picture(file, root, reading)
        if size is None:
            continue
        shift = 0 if from_zero else 1
        items = [
            Item(where, names.index(name), (x1 - shift, y1 - shift, x2, y2), difficult=difficult)
            for where, name, (x1, y1, x2, y2), difficult in objects
        ]
        reading.add(picture, size, items)
    notes = []
    if path.is_dir() and not (path / "Annotations").is_dir():
        notes += without_labels(path, lambda picture: picture.with_suffix(".xml"), ".xml")
    if from_zero:
        notes.append("a box starts at 0, so all are read as counted from 0 (VOC counts from 1)")
    return reading.done("VOC XML", names, notes=notes)


_Object = tuple[str, str, list[float], bool]  # where, class, corners as written, difficult


def _objects(file: Path, root: Node, reading: Reading) -> list[_Object]:
    found: list[_Object] = []
    if root.tag != "annotation":
        reading.problem(f"<{root.tag}> where <annotation> should be", f"{file}:{root.line}")
        return found
    for node in root.all("object"):
        where = f"{file}:{node.line}"
        name, box = node.said("name"), node.first("bndbox")
        if not name:
            reading.problem("an object without a <name>", where)
        if box is None:
            reading.problem("an object without a <bndbox>", where)
            continue
        corners = [_number(box.said(c)) for c in _CORNERS]
        if not all(map(math.isfinite, corners)):
            bad = ", ".join(c for c, v in zip(_CORNERS, corners, strict=True) if v != v)
            reading.problem(f"<bndbox> has no number for {bad}", f"{file}:{box.line}")
        elif name:
            difficult = node.said("difficult") not in ("", "0")
            found.append((f"{file}:{box.line}", name, corners, difficult))
    return found


def _number(text: str) -> float:
    try:
        return float(text) if math.isfinite(float(text)) else math.nan
    except ValueError:
        return math.nan


def _picture(file: Path, root: Node, reading: Reading) -> tuple[Path, tuple[int, int] | None]:
    folders = [file.parent, file.parent.parent / "JPEGImages", file.parent.parent / "images",
               file.parent.parent]  # fmt: skip
    names = [root.said("filename"), *(file.stem + s for s in PICTURES)]
    found = [find_picture(folders, name) for name in names if name]
    picture = next((p for p in found if p.is_file()), found[0])
    node = root.first("size")
    recorded = None
    if node is not None:
        width, height = (side(_number(node.said(k))) for k in ("width", "height"))
        if width is None or height is None:
            where = f"{file}:{node.line}"
            reading.problem("<size> has no whole width and height of at least 1", where)
            return picture, None
        recorded = (width, height)
    return picture, reading.size_of(picture, str(file), recorded)

"""YOLO txt, one file a picture: `class cx cy w h` a line, in 0..1 of the picture; of turned boxes
`class x1 y1 x2 y2 x3 y3 x4 y4` (https://docs.ultralytics.com/datasets/obb).

https://docs.ultralytics.com/datasets/detect describes the format: images/a.jpg has labels/a.txt (or
a.txt beside it); an empty file, or none, is a picture without objects. Class names: data.yaml,
classes.txt, or obj.names.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

from mobilecat.measure.datasets.base import PICTURES, Dataset, Item, Reading, read_lines
from mobilecat.measure.datasets.dota import turned_item

_YAML = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
_NAMES = ("classes.txt", "obj.names", *_YAML)
_SLACK = 0.01
"""How far beyond 0..1 a number may be: rounding of whole pixels in small pictures."""


def find(path: Path) -> Path | None:
    """Return the folder whose pictures have txt labels, or None; a data.yaml stands for its own."""
    if path.is_file():
        return path if path.name in _YAML or path.suffix in (".yaml", ".yml") else None
    return path if any(_label(p).is_file() for p in _pictures(path)) else None


def _pictures(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in PICTURES and p.is_file())


def _label(picture: Path) -> Path:
    """Return the picture's txt: beside it, or with the last folder `images` turned to `labels`."""
    beside = picture.with_suffix(".txt")
    parts = list(beside.parts)
    if beside.is_file() or "images" not in parts:
        return beside
    parts[len(parts) - 1 - parts[::-1].index("images")] = "labels"
    return Path(*parts)


def read(path: Path) -> Dataset:
    """Read all pictures under `path`; DatasetError, each problem with its file and line."""
    folder = path.parent if path.is_file() else path
    reading = Reading(path)
    names = _names(path, folder, reading)
    without = 0
    for picture in _pictures(folder):
        label = _label(picture)
        size = reading.size_of(picture, str(picture))
        without += not label.is_file()
        lines = read_lines(label) if label.is_file() else []
        items = []
        for k, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            item = _item(line, f"{label}:{k}", names, size or (1, 1), reading)
            items += [item] if item else []
        if size is not None:
            reading.add(picture, size, items)
    notes = []
    if without:
        notes.append(f"{without} pictures have no txt: without objects, as YOLO reads it")
    return reading.done("YOLO txt", names, notes=notes)


def _item(
    line: str, where: str, names: list[str], size_wh: tuple[int, int], reading: Reading
) -> Item | None:
    try:
        values = [float(word) for word in line.split()]
    except ValueError:
        reading.problem(f"{line.strip()!r:.80} is not all numbers", where)
        return None
    if len(values) not in (5, 9):
        what = f"{len(values)} numbers, expected 5: class cx cy w h, or 9: class and four corners"
        fix = "outlines and keypoints have no place here: export boxes" if len(values) > 5 else ""
        reading.problem(what, where, fix)
        return None
    class_id = values[0]
    if class_id not in range(len(names)):
        reading.problem(f"class {class_id:g}, but there are {len(names)} class names", where)
        return None
    if not all(-_SLACK <= v <= 1 + _SLACK for v in values[1:]):
        fix = "divide x and w by the picture's width, y and h by its height"
        reading.problem(f"{line.strip()!r} is not in 0..1 of the picture", where, fix)
        return None
    width, height = size_wh
    if len(values) == 9:
        corners = [v * (height if k % 2 else width) for k, v in enumerate(values[1:])]
        return turned_item(where, int(class_id), corners)
    cx, cy, w, h = values[1:]
    box = ((cx - w / 2) * width, (cy - h / 2) * height,
           (cx + w / 2) * width, (cy + h / 2) * height)  # fmt: skip
    return Item(where, int(class_id), box)


def _names(path: Path, folder: Path, reading: Reading) -> list[str]:
    homes = dict.fromkeys([folder, *folder.parents[:2]])
    given = [path] if path.is_file() else [h / name for h in homes for name in _NAMES]
    file = next((p for p in given if p.is_file()), None)
    if file is None:
        fix = "write classes.txt, a name a line, beside the pictures"
        reading.problem("no class names", str(folder), fix)
        return []
    if file.suffix in (".yaml", ".yml"):
        return _names_in_yaml(file, reading)
    return [line.strip() for line in read_lines(file) if line.strip()]


def _names_in_yaml(file: Path, reading: Reading) -> list[str]:
    """Return `names`, in the three forms that are in use: [a, b]; - a; 0: a. Other keys: unread."""
    lines = [re.sub(r"(^|\s)#.*", "", line).rstrip() for line in read_lines(file)]
    at = next((i for i, line in enumerate(lines) if re.match(r"names\s*:", line)), None)
    if at is None:
        reading.problem("has no key `names`", str(file))
        return []
    rest = lines[at].split(":", 1)[1].strip()
    block = []
    for line in lines[at + 1 :]:
        another = bool(line) and not line[0].isspace() and line[0] not in "-]"
        if another and "[" not in rest:
            break
        block.append(line.strip())
    if rest.startswith("["):
        return _inline("".join([rest, *block]), f"{file}:{at + 1}", reading)
    names: list[str] = []
    for k, line in enumerate(block, start=at + 2):
        if not line:
            continue
        entry = re.fullmatch(r"(?:-|(\d+)\s*:)\s*(.+)", line)
        if entry is None or (entry[1] and int(entry[1]) != len(names)):
            fix = "write `- name` a line, or `0: name`, `1: name`, … in order"
            reading.problem(f"{line!r} is no class name in its place", f"{file}:{k}", fix)
            continue
        names.append(entry[2].strip().strip("'\""))
    if not names:
        reading.problem("`names` is empty", f"{file}:{at + 1}")
    return names


def _inline(text: str, where: str, reading: Reading) -> list[str]:
    inside = re.match(r"\[(.*?)\]", text)
    if inside is None:
        reading.problem("`names` opens a [ that nothing closes", where)
        return []
    parts = re.findall(r"""'(?:[^']*)'|"(?:[^"]*)"|[^,]+""", inside[1])
    words = [p.strip() for p in parts if p.strip()]
    try:
        return [str(ast.literal_eval(w)) if w[0] in "'\"" else w for w in words]
    except (ValueError, SyntaxError, MemoryError, RecursionError) as e:
        reading.problem(f"`names` holds a text that cannot be read: {e}", where)
        return []

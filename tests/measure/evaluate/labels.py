"""Label files in every format, written by hand for the same pictures.

Pictures are 30×20. `two.png` has a cat at x 3..12, y 5..15 and a dog at x 20..30, y 0..8;
`none.png` has no object.
"""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

SIZE_WH = (30, 20)
BOXES = [[3, 5, 12, 15], [20, 0, 30, 8]]
LABELS = ["cat", "dog"]
FACE = [[5, 8], [9, 8], [7, 12], [3, 7], [4, 5], [5, 6], [9, 6], [11, 5], [12, 15]]
"""Nine landmarks whose extent is BOXES[0]."""


def picture(path: Path, size_wh: tuple[int, int] = SIZE_WH, exif: int | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", size_wh, (90, 120, 30))
    tags = Image.Exif()
    if exif is not None:
        tags[0x0112] = exif
    image.save(path, exif=tags)
    return path


def coco(folder: Path) -> Path:
    for name in ("two.png", "none.png"):
        picture(folder / "images" / name)
    write_json(folder / "annotations" / "instances_val.json", coco_json())
    return folder


def coco_json() -> dict[str, list[dict[str, object]]]:
    return {
        "images": [
            {"id": 7, "file_name": "two.png", "width": 30, "height": 20},
            {"id": 3, "file_name": "none.png", "width": 30, "height": 20},
        ],
        "categories": [{"id": 17, "name": "cat"}, {"id": 18, "name": "dog"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 17, "bbox": [3, 5, 9, 10], "area": 61.5,
             "iscrowd": 0},
            {"id": 2, "image_id": 7, "category_id": 18, "bbox": [20, 0, 10, 8], "iscrowd": 1},
        ],
    }  # fmt: skip


VOC_TWO = """<annotation>
  <filename>two.png</filename>
  <size><width>30</width><height>20</height><depth>3</depth></size>
  <object>
    <name>cat</name><difficult>0</difficult>
    <bndbox><xmin>4</xmin><ymin>6</ymin><xmax>12</xmax><ymax>15</ymax></bndbox>
  </object>
  <object>
    <name>dog</name><difficult>1</difficult>
    <bndbox><xmin>21</xmin><ymin>1</ymin><xmax>30</xmax><ymax>8</ymax></bndbox>
  </object>
</annotation>
"""
VOC_NONE = "<annotation><filename>none.png</filename></annotation>"


def voc(folder: Path) -> Path:
    for name in ("two", "none"):
        picture(folder / "JPEGImages" / f"{name}.png")
    write(folder / "Annotations" / "two.xml", VOC_TWO)
    write(folder / "Annotations" / "none.xml", VOC_NONE)
    return folder


YOLO_TWO = "0 0.25 0.5 0.3 0.5\n1 0.8333333333 0.2 0.3333333333 0.4\n"


def yolo(folder: Path) -> Path:
    for name in ("two", "none"):
        picture(folder / "images" / "val" / f"{name}.png")
    write(folder / "labels" / "val" / "two.txt", YOLO_TWO)
    write(folder / "labels" / "val" / "none.txt", "")
    write(
        folder / "data.yaml", "val: images/val\nnames:\n  0: cat  # the class\n  1: 'dog'\nnc: 2\n"
    )
    return folder


def cat_files(folder: Path) -> Path:
    picture(folder / "CAT_00" / "a.jpg")
    flat = " ".join(str(v) for point in FACE for v in point)
    write(folder / "CAT_00" / "a.jpg.cat", f"9 {flat} ")
    return folder


def faces_json(folder: Path, *faces: object) -> Path:
    """A labels.json with a picture for each of `faces`: the value of its landmarks9."""
    rows = []
    for i, face in enumerate(faces):
        picture(folder / f"{i}.png")
        rows.append({"file": f"x/{i}.png", "width": 30, "height": 20, "landmarks9": face})
    order = ["left eye", "right eye", "mouth", *(f"{s} ear-{i}" for s in ("left", "right")
                                                 for i in (1, 2, 3))]  # fmt: skip
    write_json(folder / "labels.json", {"landmark_order": order, "images": rows})
    return folder


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def write_json(path: Path, value: object) -> Path:
    return write(path, json.dumps(value))

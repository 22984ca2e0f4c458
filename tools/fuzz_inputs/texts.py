"""Specs, labels, captures, data sets and arrays: what is written, and what is then called."""

from __future__ import annotations

import json
import random
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tools.fuzz_inputs.mutate import NASTY, NASTY_TEXTS, flip, json_bytes

Words = tuple[str, ...]
Make = Callable[[random.Random, Path, Path], Words]
"""(chance, folder of this case, folder with sound files) → words of the command line."""

HEADS = (
    '[head]\nkind = "yunet"\n',
    '[head]\nkind = "raw"\n',
    '[head]\nkind = "yolov8"\nunits = "normalised"\n',
    '[head]\nkind = "ssd"\nanchors = "anchors.json"\nscales = [10.0, 10.0, 5.0, 5.0]\n',
    '[head]\nkind = "yolov5"\nform = "maps"\nanchors = [[[10.0, 13.0]], [[30.0, 61.0]]]\n',
    '[head]\nkind = "landmarks"\nunits = "pixels"\n',
)
SPEC = """name = "tiny"
source = "tiny.onnx"
labels = ["face"]
[input]
size = [96, 64]
color = "BGR"
resize = "letterbox"
mean = [0.0, 1.0, 2.0]
std = 58.4
range = [0.0, 1.0]
pad = 114
{head}
[nms]
score_threshold = 0.5
iou_threshold = 0.45
max_detections = 12
[shapes]
input = [1, 3, 64, 96]
[tolerances.onnx]
boxes_px = 1.0
tensors = 0.01
[targets.onnx]
name = "other"
opset = 18
"""
_VALUES = (
    *("inf", "-inf", "nan", "1e400", "-1e400", "1" + "0" * 5000, "0x" + "f" * 400, "-0", "1e-320"),
    *('""', '".."', '"../../x"', '"/etc/passwd"', '"a\\u0000b"', '"\\u001b]0;x\\u0007"', "true"),
    *("[]", "{}", "[[]]", "[1, 2, 3, 4]", "[nan]", "[inf, 1]", "1979-05-27", "'''\n'''"),
    *('"' + "a" * 3000 + '"', "[" * 60 + "]" * 60, "[" * 3000 + "]" * 3000, '"\\ud800"', '"con"'),
    *('["a\\nb"]', '["\\u202e"]', "16385", "99999999999999999999", '"nul."', '["", " "]'),
)


def spec(rng: random.Random, folder: Path, sound: Path) -> Words:
    """Write a spec with some of its lines changed; export it."""
    head = HEADS[0] if rng.random() < 0.5 else rng.choice(HEADS)
    lines = SPEC.format(head=head).splitlines()
    for _ in range(rng.randint(0, 3)):
        at = rng.randrange(len(lines))
        what = rng.randrange(7)
        if what < 3 and "=" in lines[at]:
            lines[at] = lines[at].partition("=")[0] + "= " + rng.choice(_VALUES)
        elif what == 3:
            del lines[at]
        elif what == 4:
            lines.insert(at, f"{json.dumps(rng.choice(NASTY_TEXTS))} = {rng.choice(_VALUES)}")
        elif what == 5:
            word = rng.choice(("inf", "name", "a.b.c", "x", ""))
            lines[at] = re.sub(r"\w+", word, lines[at], count=1)
        else:
            lines[at], lines[0] = lines[0], lines[at]
        if not lines:
            break
    data = "\n".join(lines).encode("utf-8", "replace")
    if rng.random() < 0.15:
        data = flip(data, rng)
    if rng.random() < 0.05:
        data = rng.choice(
            (b"\xef\xbb\xbf" + data, data.decode("latin-1").encode("utf-16"), b"\xff" + data)
        )
    (folder / "mobilecat.toml").write_bytes(data)
    (folder / "tiny.onnx").symlink_to(sound / "tiny.onnx")
    (folder / "anchors.json").write_bytes(json_bytes([[0.5, 0.5, 0.1, 0.1]] * 3, rng, 0.0))
    return ("export", str(folder / "mobilecat.toml"), "-o", str(folder / "out"))


def labels(rng: random.Random, folder: Path, sound: Path) -> Words:
    """Write a spec whose labels lie in a file of any encoding."""
    texts = [rng.choice(("cat", "dog", *NASTY_TEXTS)) for _ in range(rng.randint(0, 9))]
    joined = rng.choice(("\n", "\r\n", "\r", "\u2028", "\x85", "\x0b")).join(texts)
    codec = rng.choice(("utf-8", "utf-8-sig", "latin-1", "utf-16", "cp1252", "shift-jis"))
    (folder / "labels.txt").write_bytes(joined.encode(codec, "replace"))
    (folder / "tiny.onnx").symlink_to(sound / "tiny.onnx")
    text = SPEC.format(head=HEADS[0]).replace('["face"]', '"labels.txt"')
    (folder / "mobilecat.toml").write_text(text)
    return ("export", str(folder / "mobilecat.toml"), "-o", str(folder / "out"))


def bundle(rng: random.Random, folder: Path, sound: Path) -> Words:
    """Change bundle.json; run a verb that reads it."""
    for file in (sound / "bundle").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    told = json.loads((sound / "bundle" / "bundle.json").read_text())
    (folder / "bundle.json").write_bytes(json_bytes(told, rng))
    picture = str(sound / "picture.png")
    verbs: tuple[Words, ...] = (
        ("inspect", str(folder)),
        ("run", str(folder), "--image", picture, "--draw", str(folder / "drawn.png")),
        ("validate", str(folder), "--random", "1", "--json", str(folder / "report.json")),
        ("golden", "list", str(folder), "--golden", str(sound / "golden")),
    )
    return rng.choice(verbs)


BOX = {"box_xyxy": [10.0, 20.0, 110.0, 90.0], "score": 0.9, "class_id": 0, "label": "cat"}
CAPTURE: Any = {
    "schema": 1,
    "app": "a",
    "frames": [
        {
            "size_wh": [1920, 1080],
            "pixel_format": "32BGRA",
            "bytes_per_row": [7680],
            "orientation": 6,
            "upright": 6,
            "crop_and_scale": "scaleFill",
            "region_of_interest": [0.0, 0.0, 1.0, 1.0],
            "model_wh": [320, 320],
            "view": {"size_wh": [390.0, 844.0], "mode": "resizeAspectFill", "scale": 3.0},
            "drawn": [BOX, {**BOX, "box_xyxy": [200.0, 300.0, 260.0, 400.0]}],
            "drawn_in": "view",
            "true": [BOX, {**BOX, "box_xyxy": [220.0, 330.0, 290.0, 440.0]}],
        }
    ],
}


def capture(rng: random.Random, folder: Path, sound: Path) -> Words:
    """Write a capture; diagnose it."""
    (folder / "capture.json").write_bytes(json_bytes(CAPTURE, rng))
    return ("diagnose", str(folder / "capture.json"), "--draw", str(folder / "drawn.png"))


COCO: Any = {
    "images": [{"id": 1, "file_name": "picture.png", "width": 120, "height": 90}],
    "categories": [{"id": 1, "name": "face", "keypoints": ["a"]}],
    "annotations": [
        {
            "id": 1,
            "image_id": 1,
            "category_id": 1,
            "bbox": [10.0, 10.0, 30.0, 30.0],
            "area": 900.0,
            "iscrowd": 0,
            "keypoints": [10.0, 10.0, 2],
        }
    ],
}
VOC = (
    '<?xml version="1.0" encoding="{codec}"?>\n<annotation><filename>picture.png</filename>'
    "<size><width>120</width><height>90</height></size><object><name>face</name><bndbox>"
    "<xmin>10</xmin><ymin>10</ymin><xmax>40</xmax><ymax>50</ymax></bndbox></object></annotation>"
)
YOLO = ("0 0.5 0.5 0.2 0.2", "0 ٠ ٠ ١ ١", "1e400 0 0 0 0", "nan nan nan nan nan", "0 1 2", "0 .5\0")
YAMLS = (
    "names: [face]",
    "names: ['\\x']",
    "names:\n  0: face",
    "names: [",
    "names: ['a\0b', face]",
)


def coco(rng: random.Random, folder: Path, sound: Path) -> Words:
    (folder / "picture.png").symlink_to(sound / "picture.png")
    text = json_bytes(COCO, rng)
    if rng.random() < 0.2:
        text = text.replace(b"30.0", rng.choice((b"1e400", b"-1e400", b"1" * 5000, b"NaN")))
    (folder / "labels.json").write_bytes(text)
    return _evaluate(folder, sound, "labels.json")


def voc(rng: random.Random, folder: Path, sound: Path) -> Words:
    (folder / "picture.png").symlink_to(sound / "picture.png")
    (folder / "Annotations").mkdir()
    codec = rng.choice(
        ("utf-8", "utf-7", "utf-16", "latin-1", "shift-jis", "nothing", "hz", "idna")
    )
    text = VOC.format(codec=codec)
    for _ in range(rng.randint(0, 2)):
        text = text.replace(rng.choice(("10", "40", "face", "120", "picture.png")),
                            str(rng.choice(NASTY)), 1)  # fmt: skip
    data = text.encode("utf-8", "replace")
    if rng.random() < 0.3:
        data = flip(data, rng)
    (folder / "Annotations" / "picture.xml").write_bytes(data)
    return _evaluate(folder, sound, "")


def yolo(rng: random.Random, folder: Path, sound: Path) -> Words:
    (folder / "images").mkdir()
    (folder / "labels").mkdir()
    (folder / "images" / "picture.png").symlink_to(sound / "picture.png")
    lines = "\n".join(rng.choice(YOLO) for _ in range(rng.randint(0, 4)))
    data = lines.encode(rng.choice(("utf-8", "utf-8-sig", "utf-16", "latin-1")), "replace")
    (folder / "labels" / "picture.txt").write_bytes(flip(data, rng) if rng.random() < 0.3 else data)
    (folder / "data.yaml").write_bytes(rng.choice(YAMLS).encode())
    return _evaluate(folder, sound, "")


def _evaluate(folder: Path, sound: Path, name: str) -> Words:
    data, cache = str(folder / name), str(folder / "cache")
    return ("evaluate", str(sound / "bundle"), "--data", data, "--runner", "onnx",
            "--cache", cache, "--class-map", "face=face")  # fmt: skip


def boxes(rng: random.Random, folder: Path, sound: Path) -> Words:
    (folder / "boxes.json").write_bytes(json_bytes([BOX, BOX], rng))
    given = str(folder / "boxes.json")
    return ("diagnose", "--true", given, "--observed", given, "--frame", "640x480",
            "--model", "320x320", "--view", "300x400")  # fmt: skip


HEADERS = (
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 9999999), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 3), }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
    "{'descr': '<f4', 'fortran_order': 1, 'shape': 3, }",
    "{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (1,), }",
    "__import__('os').system('id')",
    "[" * 900 + "]" * 900,
)


def arrays(rng: random.Random, folder: Path, sound: Path) -> Words:
    """Write an .npz whose headers lie; give it as the input of a raw bundle."""
    header = rng.choice(HEADERS).encode() + b"\n"
    body = b"\x93NUMPY" + rng.choice((b"\1\0", b"\2\0", b"\3\0", b"\x09\0"))
    body += struct.pack("<H", len(header)) + header + b"cos\nsystem\n(S'id'\ntR."
    with zipfile.ZipFile(folder / "x.npz", "w", rng.choice((0, zipfile.ZIP_DEFLATED))) as archive:
        archive.writestr(rng.choice(("x.npy", "../x.npy", "x.pkl", "")) or "x", body)
        if rng.random() < 0.3:
            archive.writestr("zeros.npy", bytes(50 << 20))
    data = (folder / "x.npz").read_bytes()
    (folder / "x.npz").write_bytes(flip(data, rng) if rng.random() < 0.3 else data)
    return ("golden", "record", str(sound / "raw"), "--golden", str(folder / "golden"),
            "--image", str(folder / "x.npz"))  # fmt: skip


def golden(rng: random.Random, folder: Path, sound: Path) -> Words:
    """Change one file of a golden; validate with it."""
    case = next((sound / "golden").rglob("case.json")).parent
    mine = folder / "golden" / case.parent.name / case.name
    mine.mkdir(parents=True)
    for file in case.iterdir():
        (mine / file.name).symlink_to(file)
    name = rng.choice(("case.json", "approved.json"))
    told = json.loads((case / name).read_text())
    (mine / name).unlink()
    (mine / name).write_bytes(json_bytes(told, rng))
    return ("validate", str(sound / "bundle"), "--golden", str(folder / "golden"), "--runner",
            "onnx", "--html", str(folder / "page.html"))  # fmt: skip


MAKERS: dict[str, Make] = {
    "spec": spec,
    "labels": labels,
    "bundle": bundle,
    "capture": capture,
    "coco": coco,
    "voc": voc,
    "yolo": yolo,
    "boxes": boxes,
    "arrays": arrays,
    "golden": golden,
}


def sound_files(folder: Path) -> None:
    """Write what the cases need that is sound: a network, its bundle, a golden, a picture."""
    from PIL import Image

    from mobilecat.compile import export
    from mobilecat.review.approve import approve, record
    from mobilecat.spec import load_spec, spec_from_model_file
    from tests.tiny import save_yunet_like, yunet_like_spec

    folder.mkdir(parents=True, exist_ok=True)
    save_yunet_like(folder / "tiny.onnx")
    (folder / "mobilecat.toml").write_text(yunet_like_spec(Path("tiny.onnx")))
    noise = np.random.default_rng(1).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((120, 90)).save(folder / "picture.png")
    export(load_spec(folder / "mobilecat.toml"), folder / "bundle", spec_folder=folder)
    raw = spec_from_model_file(folder / "tiny.onnx")
    export(raw.model_copy(update={"targets": load_spec(folder / "mobilecat.toml").targets}),
           folder / "raw")  # fmt: skip
    record(folder / "bundle", folder / "golden", folder / "picture.png")
    approve(folder / "bundle", folder / "golden", every=True)

"""Measure `mobilecat diagnose --image` on photos, right and with planted faults.

python tools/diagnose_pictures.py measure [MODEL …] [SHARE OF]   to build/diagnose_pictures.jsonl
python tools/diagnose_pictures.py write               docs/diagnosis.md's table from it

Faults are planted in numpy alone, apart from what finds them.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from mobilecat.compile import export  # noqa: E402
from mobilecat.demo import DETECTOR, FOLDER  # noqa: E402
from mobilecat.diagnosis.facts import Facts  # noqa: E402
from mobilecat.diagnosis.rerun import Rerun, rerun  # noqa: E402
from mobilecat.geometry.affine import Size  # noqa: E402
from mobilecat.geometry.vision import CropAndScale  # noqa: E402
from mobilecat.spec import spec_from_text  # noqa: E402

DATA = ROOT.parent / "shared" / "data"
Pixels = npt.NDArray[np.uint8]
LONGEST = 640
LEANS = 25


def photos(count: int, skip: int = 0) -> list[Path]:
    """Return photos of upright cats in an order that only their names give.

    Where the line through the labelled eyes leans by more than `LEANS` degrees, the photo was
    itself taken turned, or shows a head that leans or lies: it is no right picture.
    """
    images = json.loads((DATA / "cats" / "labels.json").read_text("utf-8"))["images"]
    eyes = {
        Path(i["file"]).name: np.subtract(i["landmarks9"][1], i["landmarks9"][0]) for i in images
    }
    leans = {name: abs(math.degrees(math.atan2(y, x))) for name, (x, y) in eyes.items()}
    upright = [DATA / "cats" / name for name, angle in leans.items() if angle <= LEANS]
    every = sorted(upright, key=lambda p: hashlib.sha256(p.name.encode()).digest())
    return every[skip : skip + count]


def read(path: Path) -> Pixels:
    picture = Image.open(path).convert("RGB")
    picture.thumbnail((LONGEST, LONGEST))
    return np.asarray(picture, dtype=np.uint8)


def bundle_of(name: str, folder: Path) -> Path:
    """Export a model to ONNX; the source lane runs it."""
    out = folder / name
    if out.exists():
        return out
    targets = "[targets.onnx]\n"
    if name == "cat_faces":
        text = DETECTOR.read_text("utf-8").split("[[targets", 1)[0] + targets
        export(spec_from_text(text), out, source=FOLDER / "cat_faces.onnx")
        return out
    text = (ROOT / "examples" / name / "mobilecat.toml").read_text("utf-8")
    text = text.split("[[targets", 1)[0] + targets
    labels = (ROOT / "examples" / "coco80.txt").read_text("utf-8").split("\n")
    named = [line for line in labels if line.strip()]
    kept = [line for line in text.split("\n") if not line.startswith("labels")]
    spec = "\n".join(kept).replace(f'name = "{name}"', f'name = "{name}"\nlabels = {named!r}', 1)
    export(spec_from_text(spec.replace("'", '"')), out, source=DATA / "models" / f"{name}.onnx")
    return out


# ---- faults, each of an upright picture


def turned(quarters: int) -> Callable[[Pixels], Pixels]:
    """The frame as stored: turned counter-clockwise by so many quarters."""
    return lambda a: np.ascontiguousarray(np.rot90(a, quarters))


def then(*steps: Callable[[Pixels], Pixels]) -> Callable[[Pixels], Pixels]:
    def both(a: Pixels) -> Pixels:
        for step in steps:
            a = step(a)
        return np.ascontiguousarray(a)

    return both


def mirrored(a: Pixels) -> Pixels:
    return np.ascontiguousarray(a[:, ::-1])


def bgr(a: Pixels) -> Pixels:
    return np.ascontiguousarray(a[..., ::-1])


def sheared(pad: int) -> Callable[[Pixels], Pixels]:
    """Rows have `pad` more pixels in memory; the width is stepped by."""

    def fault(a: Pixels) -> Pixels:
        h, w = a.shape[:2]
        memory = np.zeros((h, w + pad, 3), np.uint8)
        memory[:, :w] = a
        return memory.reshape(-1, 3)[: h * w].reshape(h, w, 3)

    return fault


def planar(a: Pixels) -> Pixels:
    return np.ascontiguousarray(a.transpose(2, 0, 1)).reshape(a.shape)


def read_as_planar(a: Pixels) -> Pixels:
    return np.ascontiguousarray(a.reshape(3, *a.shape[:2]).transpose(1, 2, 0))


def four_as_three(a: Pixels) -> Pixels:
    h, w = a.shape[:2]
    rgba = np.dstack([a, np.full((h, w), 255, np.uint8)])
    return rgba.reshape(-1)[: h * w * 3].reshape(h, w, 3)


def ycbcr(a: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(a).convert("YCbCr"), dtype=np.uint8)


def divided(a: Pixels) -> Pixels:
    return np.rint(a / 255.0).astype(np.uint8)


def around_zero(a: Pixels) -> Pixels:
    return np.trunc(a / 127.5 - 1).astype(np.int8).astype(np.uint8)


def negative(a: Pixels) -> Pixels:
    return 255 - a


def grey(a: Pixels) -> Pixels:
    return np.repeat(np.asarray(Image.fromarray(a).convert("L"))[..., None], 3, axis=2)


def squashed(a: Pixels) -> Pixels:
    """A wide picture made square: the worst of common squashes."""
    h, w = a.shape[:2]
    wide = a[(h - round(w * 9 / 16)) // 2 :][: round(w * 9 / 16)] if w >= h else a
    side = min(wide.shape[:2])
    return np.asarray(Image.fromarray(wide).resize((side, side)), dtype=np.uint8)


def as_it_is(a: Pixels) -> Pixels:
    return a


@dataclass(frozen=True)
class Kind:
    """A planted fault. right: the sets of rows that name it (a turn alone, of one with a mirror: no
    detector tells a mirror image); fit: the app's. Where of two faults one is named, it is a part.
    """

    name: str
    plant: Callable[[Pixels], Pixels]
    right: tuple[frozenset[str], ...]
    fit: CropAndScale | None = None

    @property
    def of_colour(self) -> bool:
        return self.name == "grey" or any("27" in ids for ids in self.right)

    def facts(self, a: Pixels, spec: Any) -> Facts | None:
        if self.fit is None:
            return None
        return Facts(Size(a.shape[1], a.shape[0]), Size(*spec), fit=self.fit)

    def outcome(self, found: Rerun) -> str:
        ids = frozenset(found.ids)
        if ids in self.right:
            return "right"
        whole = frozenset().union(*self.right)
        if not ids:
            colours = self.of_colour and "red and blue are swapped cannot be told" in found.sentence
            return "fine" if found.verdict == "nothing wrong" and not colours else "untold"
        return "part" if ids < whole else "wrong"


def rows(*ids: str) -> frozenset[str]:
    return frozenset(ids)


KINDS = (
    Kind("turned by 90° (needs .right)", turned(1), (rows("4"), rows("4c"))),
    Kind("turned by 90° (needs .left)", turned(3), (rows("4b"), rows("4d"))),
    Kind("upside down", turned(2), (rows("5"), rows("1"))),
    Kind("mirrored", mirrored, (rows("3"),)),
    Kind("turned and mirrored (.leftMirrored)", then(mirrored, turned(1)), (rows("4c"), rows("4"))),
    Kind(
        "turned and mirrored (.rightMirrored)", then(mirrored, turned(3)), (rows("4d"), rows("4b"))
    ),
    Kind("upside down and mirrored", then(mirrored, turned(2)), (rows("5"), rows("1"))),
    Kind("red and blue swapped", bgr, (rows("27"),)),
    Kind("swapped, and turned by 90°", then(bgr, turned(1)), (rows("27", "4"), rows("4"))),
    Kind("swapped, and upside down", then(bgr, turned(2)), (rows("27", "5"), rows("5"))),
    Kind("divided by 255 as bytes", divided, (rows("28"),)),
    Kind("−1 to 1 as bytes", around_zero, (rows("28"),)),
    Kind("a negative", negative, (rows("28"),)),
    Kind("rows 16 bytes longer", sheared(4), (rows("26"),)),
    Kind("rows 64 bytes longer", sheared(16), (rows("26"),)),
    Kind("rows 64 bytes longer, turned by 90°", then(turned(1), sheared(16)), (rows("26", "4"),)),
    Kind("planar, read pixel by pixel", planar, (rows("37"),)),
    Kind("planar, turned by 90°", then(turned(1), planar), (rows("37", "4"),)),
    Kind("pixel by pixel, read as planar", read_as_planar, (rows("37"),)),
    Kind("four bytes a pixel, read as three", four_as_three, (rows("37"),)),
    Kind("Y, Cb, Cr read as R, G, B", ycbcr, (rows("37"),)),
    Kind("squashed to a square", squashed, (rows("36"),)),
    Kind("squashed, turned by 90°", then(squashed, turned(1)), (rows("36", "4"),)),
    Kind(
        "centerCrop where the spec letterboxes", as_it_is, (rows("11"),), CropAndScale.CENTER_CROP
    ),
    Kind("stretched where the spec letterboxes", as_it_is, (rows("36"),), CropAndScale.SCALE_FILL),
    Kind("grey", grey, ()),
)
RIGHT = Kind("right, upright", as_it_is, ())
PLAN: dict[str, tuple[int, int, int]] = {
    "cat_faces": (99, 32, 4),
    "yolox_nano": (24, 16, 0),
    "yolov3_tiny": (16, 16, 0),
    "yolov5n": (10, 10, 0),
}
"""Photos of each model: right ones, turned ones, and of each kind of fault."""
TURNED = KINDS[:2]
STORE = ROOT / "build" / "diagnose_pictures.jsonl"
PAGE = ROOT / "docs" / "diagnosis.md"


def jobs(model: str, share: int = 0, of: int = 1) -> list[tuple[str, Kind, Path]]:
    """Return (class, kind, photo) of everything that is run with a model, or a share of it."""
    right, turns, each = PLAN[model]
    found = [("right", RIGHT, p) for p in photos(right)]
    found += [("turned", TURNED[k % 2], p) for k, p in enumerate(photos(turns))]
    # Other photos for other faults, so that no one photo decides.
    every = photos(66)
    for j in range(each):  # kind by kind within, so that a run cut short has some of each
        found += [
            ("planted", kind, every[(k * 7 + j) % len(every)]) for k, kind in enumerate(KINDS)
        ]
    return found[share::of]


def measured() -> list[dict[str, Any]]:
    """Return what was measured already."""
    text = STORE.read_text("utf-8") if STORE.exists() else ""
    upright = {p.name for p in photos(99)}
    return [r for r in map(json.loads, text.splitlines()) if r["photo"] in upright]


def measure(models: list[str], share: int = 0, of: int = 1) -> None:
    """Run what was not run yet, and write down each outcome as it comes.

    share, of: one of so many that are run side by side.
    """
    STORE.parent.mkdir(exist_ok=True)
    done = {(r["model"], r["group"], r["kind"], r["photo"]) for r in measured()}
    with tempfile.TemporaryDirectory() as folder:
        for model in models:
            bundle = bundle_of(model, Path(folder))
            spec = json.loads((bundle / "bundle.json").read_text("utf-8"))["spec"]["input"]["size"]
            for group, kind, photo in jobs(model, share, of):
                if (model, group, kind.name, photo.name) in done:
                    continue
                frame = kind.plant(read(photo))
                started = time.process_time()
                found = rerun(bundle, frame, kind.facts(frame, spec))
                row = {
                    "model": model,
                    "group": group,
                    "kind": kind.name,
                    "photo": photo.name,
                    "outcome": kind.outcome(found),
                    "verdict": found.verdict,
                    "ids": list(found.ids),
                    "seconds": round(time.process_time() - started, 2),
                }
                with STORE.open("a", encoding="utf-8") as out:
                    out.write(json.dumps(row) + "\n")
                print(row, flush=True)


COLUMNS = ("right", "part", "untold", "fine", "wrong")
_SHARES = "right | a part | cannot be told | “nothing wrong” | wrong |"


def table(rows_: list[dict[str, Any]]) -> str:
    """Return the section of figures of docs/diagnosis.md."""
    lines = [f"| photos | model | number | {_SHARES}", "|---" * 8 + "|"]
    for group, words in (("right", "right and upright"), ("turned", "turned by 90°")):
        for model in PLAN:
            picked = [r for r in rows_ if (r["group"], r["model"]) == (group, model)]
            lines += [_cells(words, model, picked)] if picked else []
    lines += ["", f"| planted fault | number | {_SHARES}", "|---" * 7 + "|"]
    planted = [r for r in rows_ if r["group"] == "planted"]
    for kind in KINDS:
        picked = [r for r in planted if r["kind"] == kind.name]
        if picked:
            lines.append(_cells(kind.name, "", picked))
    lines += [_cells("all", "", planted)] if planted else []
    return "\n".join(lines)


def _cells(words: str, model: str, picked: list[dict[str, Any]]) -> str:
    counts = Counter(r["outcome"] for r in picked)
    shares = [f"{counts[k] / max(1, len(picked)):.0%}" for k in COLUMNS]
    if picked[0]["group"] == "right":  # nothing is planted
        shares[0], shares[1], shares[3] = shares[3], "", ""
    cells = [words, *([model] if model else []), str(len(picked)), *shares]
    return "| " + " | ".join(cells) + " |"


def write() -> None:
    from diagnose_figures import put

    PAGE.write_text(put(PAGE.read_text("utf-8"), "pictures", table(measured())), "utf-8")


if __name__ == "__main__":
    verb, *given = sys.argv[1:] or ["write"]
    if verb == "measure":
        shares = [int(v) for v in given if v.isdigit()] or [0, 1]
        measure([v for v in given if not v.isdigit()] or list(PLAN), *shares)
    else:
        write()

"""What Linux lacks of a phone: a camera that looks at drawn cats, and Vision.

    python tools/simulated_phone.py BUNDLE

Serves CatSessionTests and CatCoreAITests over a pipe: a JSON line and the bytes that it announces,
each way. BUNDLE is an exported cascade; its Core ML files are run by mobilecat.runtime, its Core AI
files by tools/simulated_coreai.py. Turning is Pillow's, YCbCr is OpenCV's: no arithmetic is the
app's, or MobileCatKit's.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from simulated_coreai import CoreAI

from mobilecat.bundle import Bundle, open_bundle
from mobilecat.demo import FOLDER
from mobilecat.formats.coreml import runtime

Pixels = NDArray[np.uint8]
Answer = tuple[dict[str, Any], bytes]
PICTURES = FOLDER / "pictures"
EXIF_ORIENTATION = 0x0112
# What row padding holds: loud red, so that whoever reads it is seen to.
LOUD_BGRA, LOUD_Y, LOUD_CBCR = (0, 0, 255, 255), (81,), (90, 240)
CLOCKWISE = {
    90: Image.Transpose.ROTATE_270,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_90,
}


def padded(rows: NDArray[Any], more: int, loud: tuple[int, ...]) -> Pixels:
    """Return rows of bytes, each filled up to a multiple of 64 and `more` beyond."""
    flat = rows.reshape(len(rows), -1).astype(np.uint8, copy=False)
    extra = -flat.shape[1] % 64 + more
    end = np.resize(np.array(loud, np.uint8), extra)
    return np.concatenate([flat, np.tile(end, (len(flat), 1))], axis=1)


def encode(picture: Image.Image, pixel_format: str) -> Answer:
    """Return a picture as a camera's buffer: its facts, and its planes one after another."""
    rgb = np.asarray(picture)
    if pixel_format == "32BGRA":
        planes = [padded(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGRA), 64, LOUD_BGRA)]
    else:  # OpenCV's YUV is BT.601, video range
        w, h = picture.size
        i420 = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420).reshape(-1)
        cb, cr = i420[w * h :].reshape(2, h // 2, w // 2)
        planes = [
            padded(i420[: w * h].reshape(h, w), 64, LOUD_Y),
            padded(np.stack([cb, cr], axis=-1), 128, LOUD_CBCR),
        ]
    facts = {
        "size_wh": picture.size,
        "row_strides": [p.shape[1] for p in planes],
        "plane_bytes": [p.size for p in planes],
    }
    return facts, b"".join(p.tobytes() for p in planes)


def decode(ask: Mapping[str, Any], data: bytes) -> Image.Image:
    """Return a buffer's picture as stored."""
    w, h = ask["size_wh"]
    strides = ask["row_strides"]
    first = np.frombuffer(data, np.uint8, h * strides[0]).reshape(h, strides[0])
    if ask["format"] == "32BGRA":
        bgra = np.ascontiguousarray(first[:, : 4 * w]).reshape(h, w, 4)
        return Image.fromarray(cv2.cvtColor(bgra, cv2.COLOR_BGRA2RGB))
    second = np.frombuffer(data, np.uint8, offset=h * strides[0]).reshape(h // 2, strides[1])
    nv12 = np.concatenate([first[:, :w], second[:, :w]])
    return Image.fromarray(cv2.cvtColor(nv12, cv2.COLOR_YUV2RGB_NV12))


def as_stored(picture: Image.Image, ask: Mapping[str, Any]) -> Image.Image:
    """Return what a camera's connection, or a photo's file, holds of an upright picture."""
    if "exif" in ask:
        for way in (None, *Image.Transpose):
            stored = picture if way is None else picture.transpose(way)
            if upright(stored, ask["exif"]).tobytes() == picture.tobytes():
                return stored
    sensor = turned(picture, -ask["upright"])
    if not ask["mirrored"]:
        return turned(sensor, ask["applied"])
    if ask["mirrors_first"]:  # before the connection's own turn, or after it: nobody measured it
        return turned(ImageOps.mirror(sensor), ask["applied"])
    return ImageOps.mirror(turned(sensor, ask["applied"]))


def turned(picture: Image.Image, clockwise: int) -> Image.Image:
    degrees = clockwise % 360
    return picture.transpose(CLOCKWISE[degrees]) if degrees else picture


def upright(stored: Image.Image, exif: int) -> Image.Image:
    """Return a stored picture as Pillow shows one of that orientation."""
    marked = stored.copy()
    marked.getexif()[EXIF_ORIENTATION] = exif
    return ImageOps.exif_transpose(marked)


class Vision:
    """A bundle's Core ML files behind VNCoreMLRequest, as its documentation describes it."""

    def __init__(self, folder: Path, bundle: Bundle) -> None:
        self._bundle = bundle
        self._models = {
            a.file: (a, runtime.load(folder / a.file))
            for a in bundle.artifacts
            if a.kind == "coreml"
        }

    def __contains__(self, file: str) -> bool:
        return file in self._models

    def look(self, stored: Image.Image, ask: Mapping[str, Any]) -> dict[str, Any]:
        """Return observations (normalised, lower left), or tensors by the file's own names."""
        record, model = self._models[ask["file"]]
        image = self._bundle.spec.input
        assert image is not None
        shown = upright(stored, ask["orientation"])
        (w, h), (x, y, rw, rh) = shown.size, ask["region"]
        region = (x * w, (1 - y - rh) * h, (x + rw) * w, (1 - y) * h)
        picture, placed = fitted(shown, region, image.size, ask["crop_and_scale"])
        found = model.predict({record.inputs["image"]: picture})
        if record.contract == "tensor":
            return {
                "tensors": {
                    name: {"shape": list(np.shape(found[name])), "values": np.ravel(found[name])}
                    for name in record.outputs.values()
                }
            }
        seen = []
        for scores, (cx, cy, bw, bh) in zip(found["confidence"], found["coordinates"], strict=True):
            half_w, half_h = bw / 2, bh / 2
            corners = [
                placed.undone(sx * image.size[0], sy * image.size[1])
                for sx, sy in ((cx - half_w, cy - half_h), (cx + half_w, cy + half_h))
            ]
            (x1, x2), (y1, y2) = (sorted(v) for v in zip(*corners, strict=True))
            # In the region's own unit square, or in the whole picture's: nobody has measured it.
            whole = ask["observations"] == "whole"
            (ox, oy), (ow, oh) = (region[:2], (w, h)) if whole else ((0, 0), placed.region_wh)
            best = int(np.argmax(scores))
            seen.append(
                {
                    "box_xywh": [
                        (x1 + ox) / ow, 1 - (y2 + oy) / oh, (x2 - x1) / ow, (y2 - y1) / oh,
                    ],
                    "label": self._bundle.spec.labels[best],
                    "score": float(scores[best]),
                }
            )  # fmt: skip
        return {"observations": seen}


@dataclass(frozen=True)
class Placed:
    """Where a region lies in a model's input: its corner, its scale, and whether it was turned."""

    left: float
    top: float
    gx: float
    gy: float
    region_wh: tuple[float, float]
    turned: bool = False

    def undone(self, x: float, y: float) -> tuple[float, float]:
        """Return a point of the input in pixels of the region, from its top left."""
        across, down = (x - self.left) / self.gx, (y - self.top) / self.gy
        # A quarter counter-clockwise: the right edge came to lie on top.
        return (self.region_wh[0] - down, across) if self.turned else (across, down)


def fitted(
    picture: Image.Image, region: tuple[float, float, float, float], size: tuple[int, int], how: str
) -> tuple[Image.Image, Placed]:
    """Return a model's input, and where the region lies in it."""
    wh = (region[2] - region[0], region[3] - region[1])
    turned = how.endswith("Rotate90CCW")
    if turned:
        x1, _, x2, _ = region
        picture = picture.transpose(Image.Transpose.ROTATE_90)
        region = (region[1], picture.height - x2, region[3], picture.height - x1)
    rw, rh = region[2] - region[0], region[3] - region[1]
    g = min(size[0] / rw, size[1] / rh)
    assert how.startswith(("scaleFill", "scaleFit")), how
    inner = size if how.startswith("scaleFill") else (round(g * rw), round(g * rh))
    left, top = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    black = Image.new("RGB", size)
    black.paste(picture.resize(inner, Image.Resampling.BILINEAR, box=region), (left, top))
    return black, Placed(left, top, inner[0] / rw, inner[1] / rh, wh, turned)


def scenes() -> list[dict[str, Any]]:
    """Return the drawn pictures with their cats: boxes and points, pixels from the top left."""
    by_file: dict[str, list[Any]] = {}
    for one in json.loads((PICTURES / "labels.json").read_text("utf-8"))["images"]:
        cats = by_file.setdefault(one["file"], [])
        if one["landmarks9"] is not None:
            cats.append({"box_xyxy": one["box_xyxy_clipped"], "landmarks": one["landmarks9"]})
    return [
        {"file": f, "size_wh": Image.open(PICTURES / f).size, "cats": cats}
        for f, cats in sorted(by_file.items())
    ]


def answers(folder: Path, source: IO[bytes], sink: IO[bytes]) -> None:
    """Answer until the other side hangs up."""
    parts = [folder / "detector", folder / "landmarks"]
    models = [Vision(p, open_bundle(p)) for p in parts]
    drawn_for = {p.name: CoreAI(p, open_bundle(p)) for p in parts}
    pictures = {s["file"]: Image.open(PICTURES / s["file"]).convert("RGB") for s in scenes()}
    for line in iter(source.readline, b""):
        ask = json.loads(line)
        data = source.read(ask.get("bytes", 0))
        payload = b""
        if ask["do"] == "scenes":
            answer: dict[str, Any] = {"scenes": scenes()}
        elif ask["do"] == "camera":
            answer, payload = encode(as_stored(pictures[ask["picture"]], ask), ask["format"])
        elif ask["do"] == "bundle":
            answer = {"bundle": drawn_for[ask["part"]].bundle_json}
        elif ask["do"] == "coreai":
            (model,) = (m for m in drawn_for.values() if m.record.file == ask["file"])
            answer = model.look(decode(ask, data), ask)
        else:
            (vision,) = (m for m in models if ask["file"] in m)
            answer = vision.look(decode(ask, data), ask)
        sink.write(json.dumps({**answer, "bytes": len(payload)}, default=_plain).encode())
        sink.write(b"\n" + payload)
        sink.flush()


def _plain(value: Any) -> Any:
    return value.tolist()


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: simulated_phone.py BUNDLE", file=sys.stderr)
        return 2
    # Whatever a library prints must not come between the answers.
    sink, sys.stdout = sys.stdout.buffer, sys.stderr
    answers(Path(sys.argv[1]), sys.stdin.buffer, sink)
    return 0


if __name__ == "__main__":
    sys.exit(main())

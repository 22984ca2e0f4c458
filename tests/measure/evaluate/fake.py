"""A labelled set and a bundle whose lanes give what is written here; every number chosen by hand.

Three pictures of 64×48, the model's input, so that model pixels are picture pixels. The lanes tell
them apart by the red of their first pixel.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from mobilecat.bundle import Bundle
from mobilecat.lanes import Lane, NotRun
from tests.judge.fake import write_bundle
from tests.measure.evaluate.labels import write_json

CAT, DOG = 0, 1
A, D, FAR = (4, 4, 24, 24), (30, 10, 60, 40), (40, 0, 60, 8)
EYES = ((10, 10), (18, 10))  # 8 apart
REDS = (10, 20, 30)

Row = tuple[int, float, tuple[float, ...], tuple[tuple[float, float], ...]]

RIGHT: dict[int, list[Row]] = {
    10: [(CAT, 0.9, A, EYES)],
    20: [(CAT, 0.8, A, EYES), (DOG, 0.7, D, EYES)],
    30: [],
}
# The first cat lower by a quarter, its eyes moved by 4; a wrong cat in the second, the dog missed;
# a wrong cat where there is none.
WORSE: dict[int, list[Row]] = {
    10: [(CAT, 0.9, (4, 4, 24, 19), ((10, 14), (18, 14)))],
    20: [(CAT, 0.85, FAR, EYES), (CAT, 0.8, A, EYES)],
    30: [(CAT, 0.6, A, EYES)],
}


def tensors(rows: Sequence[Row]) -> dict[str, np.ndarray]:
    out = {
        "boxes": np.zeros((1, 5, 4), np.float32),
        "scores": np.zeros((1, 5), np.float32),
        "class_ids": np.zeros((1, 5), np.int32),
        "landmarks": np.zeros((1, 5, 2, 2), np.float32),
        "count": np.array([len(rows)], np.int32),
    }
    for i, (class_id, score, box, points) in enumerate(rows):
        out["class_ids"][0, i], out["scores"][0, i] = class_id, score
        out["boxes"][0, i], out["landmarks"][0, i] = box, points
    return out


@dataclass
class Lanes:
    """What each lane gives, by its runner; what was inferred, as (lane, red), in order."""

    given: dict[str, dict[int, list[Row]]]
    not_run: dict[str, str] = field(default_factory=dict)
    fails_at: dict[str, int] = field(default_factory=dict)
    calls: list[tuple[str, int]] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)

    def open(self, folder: Path, bundle: Bundle, lane: Lane, source: Path | None) -> Engine:
        if lane.runner in self.not_run:
            raise NotRun(self.not_run[lane.runner])
        self.opened.append(lane.name)
        return Engine(self, lane)


@dataclass
class Engine:
    lanes: Lanes
    lane: Lane
    note: str = "a fake"
    busy: threading.Lock = field(default_factory=threading.Lock)

    def infer(self, inputs: Mapping[str, np.ndarray], taps: Sequence[str] = ()) -> object:
        assert self.busy.acquire(blocking=False), "a lane runs one picture at a time"
        red = int(inputs["image"][0, 0, 0])
        if self.lanes.fails_at.get(self.lane.runner) == red:
            self.busy.release()
            raise NotRun("out of memory")
        self.lanes.calls.append((self.lane.name, red))
        self.busy.release()
        return tensors(self.lanes.given[self.lane.runner][red])


def lanes(**given: dict[int, list[Row]]) -> Lanes:
    return Lanes({"source": RIGHT, "onnx": WORSE, "tflite": RIGHT} | given)


def bundle(root: Path) -> Path:
    return write_bundle(root / "made").bundle


def data(folder: Path) -> Path:
    """Write the labelled set, COCO JSON with keypoints."""
    names = []
    for red in REDS:
        names.append(f"{red}.png")
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 48), (red, 90, 200)).save(folder / names[-1])
    eyes = [v for x, y in EYES for v in (x, y, 2)]

    def row(image: int, category: int, box: tuple[int, ...], points: bool) -> dict[str, object]:
        x1, y1, x2, y2 = box
        more = {"keypoints": eyes} if points else {}
        bbox = [x1, y1, x2 - x1, y2 - y1]
        return {"image_id": image, "category_id": category, "bbox": bbox, **more}

    write_json(folder / "labels.json", {
        "images": [{"id": k, "file_name": n, "width": 64, "height": 48}
                   for k, n in enumerate(names)],
        "categories": [{"id": 1, "name": "cat", "keypoints": ["left eye", "right eye"]},
                       {"id": 2, "name": "dog"}],
        "annotations": [row(0, 1, A, True), row(1, 1, A, True), row(1, 2, D, False)],
    })  # fmt: skip
    return folder

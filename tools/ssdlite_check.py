"""Our artifacts of a TF detection graph against its own post-processing in TensorFlow.

Usage: python tools/ssdlite_check.py [--data FOLDER]

The original graph runs whole, from its `image_tensor` to `detection_boxes`. It is given the
pictures at 300×300 already, where its own resize changes nothing. Our NMS has the settings that are
read from the graph. Its boxes are clipped to the picture, so ours are too before they are compared.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mobilecat.compare.match import match
from mobilecat.compile import export
from mobilecat.formats.coreai.dialect import missing
from mobilecat.formats.tensorflow.worker import missing_extra
from mobilecat.lanes import lanes_of, open_lane
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.reading import fit_picture, read_picture
from mobilecat.spec import Spec, spec_from_text

FILE = "ssdlite_mobilenet_v2_person_frozen_inference_graph.pb"
SIDE = 300
SCORE = 0.01
"""Boxes above this are compared: below, hundreds of near-equal scores fight for the 100 rows."""
LIMIT_PX = 0.5
SPEC = """
name = "ssdlite"
source = "-"
labels = ["person"]
input = { size = [300, 300], mean = 127.5, std = 127.5, resize = "stretch" }
head = { kind = "ssd" }
"""
TARGETS = """
[targets.tflite]
[targets.onnx]
[[targets.coreml]]
precision = "float32"
[[targets.coreml]]
precision = "float32"
contract = "vision"
name = "vision"
[[targets.coreml]]
precision = "float32"
format = "mlmodel"
"""
if not missing():
    TARGETS += "[targets.coreai]\n"
NOT_HERE = ("source", "coreml-native", "coreai-native", "coreai-apple")
"""The source, what only a Mac has, and Apple's interpreter, which takes seconds a picture."""


@dataclass(frozen=True)
class NmsOfGraph:
    iou: float
    score: float
    rows: int


@dataclass(frozen=True)
class Result:
    """One artifact over all pictures: boxes compared, without partner, largest differences."""

    boxes: int
    unmatched: int
    px: float
    score: float


class OriginalGraph:
    """The .pb in TensorFlow, whole."""

    def __init__(self, path: Path) -> None:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        import tensorflow as tf

        definition = tf.compat.v1.GraphDef()
        definition.ParseFromString(path.read_bytes())
        self.nms = _nms_of(definition, tf)
        graph = tf.Graph()
        with graph.as_default():
            tf.import_graph_def(definition, name="")
        self._session = tf.compat.v1.Session(graph=graph)

    def detect(self, pixels: Any) -> Detections:
        """Return its boxes in pixels of the 300×300 picture."""
        names = ("detection_boxes", "detection_scores", "detection_classes", "num_detections")
        feeds = {"image_tensor:0": pixels[None]}
        boxes, scores, classes, count = self._session.run([f"{n}:0" for n in names], feeds)
        n = int(count[0])
        xyxy = boxes[0, :n][:, [1, 0, 3, 2]].astype(np.float64) * SIDE
        return _above(Detections(xyxy, scores[0, :n].astype(float), classes[0, :n].astype(int) - 1))


def _nms_of(definition: Any, tf: Any) -> NmsOfGraph:
    """Read what the graph's own NonMaxSuppressionV3 is given."""
    nodes = {n.name: n for n in definition.node}
    (nms,) = (n for n in definition.node if n.op == "NonMaxSuppressionV3")

    def constant(name: str) -> float:
        return float(tf.make_ndarray(nodes[name].attr["value"].tensor))

    rows = next(i for i in nodes[nms.input[2]].input if nodes[i].op == "Const")
    return NmsOfGraph(constant(nms.input[3]), constant(nms.input[4]), int(constant(rows)))


def _above(found: Detections) -> Detections:
    keep = found.scores > SCORE
    return Detections(found.boxes_xyxy[keep], found.scores[keep], found.class_ids[keep])


def spec_for(nms: NmsOfGraph) -> Spec:
    settings = (
        f"[nms]\nscore_threshold = {nms.score:.10f}\niou_threshold = {round(nms.iou, 6)}\n"
        f"max_detections = {nms.rows}\n"
    )
    return spec_from_text(SPEC + settings + TARGETS)


def compare(data: Path, pictures: list[Path], folder: Path) -> tuple[NmsOfGraph, dict[str, Result]]:
    """Return the graph's NMS settings, and each artifact's result over `pictures`."""
    model = data / "models" / FILE
    original = OriginalGraph(model)
    spec = spec_for(original.nms)
    assert spec.input is not None
    bundle = export(spec, folder, source=model).bundle
    pixels = [fit_picture(read_picture(p), spec.input)[0] for p in pictures]
    expected = [original.detect(p) for p in pixels]
    results = {}
    for lane in lanes_of(bundle):
        if lane.runner in NOT_HERE:
            continue
        runner = open_lane(folder, bundle, lane)
        found = [_detections(runner.infer({"image": p})) for p in pixels]
        results[lane.name] = _difference(expected, found)
    return original.nms, results


def _detections(outputs: dict[str, Any]) -> Detections:
    n = int(np.ravel(outputs["count"])[0])
    boxes = np.clip(outputs["boxes"].reshape(-1, 4)[:n].astype(np.float64), 0, SIDE)
    scores, classes = (outputs[k].reshape(-1)[:n] for k in ("scores", "class_ids"))
    return _above(Detections(boxes, scores.astype(float), classes.astype(int)))


def _difference(expected: list[Detections], found: list[Detections]) -> Result:
    boxes, unmatched, px, score = 0, 0, 0.0, 0.0
    for e, g in zip(expected, found, strict=True):
        pairs = match(e, g, LIMIT_PX)
        boxes += len(e)
        unmatched += len(pairs.missing) + len(pairs.extra)
        for i, j in pairs.pairs:
            px = max(px, float(np.abs(e.boxes_xyxy[i] - g.boxes_xyxy[j]).max()))
            score = max(score, float(abs(e.scores[i] - g.scores[j])))
    return Result(boxes, unmatched, px, score)


def ten_pictures(data: Path) -> list[Path]:
    cats = sorted((data / "cats").glob("*.jpg"))
    return [data / "astronaut.png", data / "chelsea.png", *cats[::8][:8]]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=default)
    args = parser.parse_args()
    if reason := missing_extra():
        print(f"NOT_RUN: {reason}")
        return 3
    if not (args.data / "models" / FILE).is_file():
        print(f"NOT_RUN: no {FILE} in {args.data / 'models'}")
        return 3
    pictures = ten_pictures(args.data)
    with tempfile.TemporaryDirectory() as folder:
        nms, results = compare(args.data, pictures, Path(folder) / "bundle")
    print(f"{len(pictures)} pictures; read from the graph: {nms}; boxes above {SCORE}\n")
    print("| artifact | boxes | without partner | largest side, px of 300 | largest score |")
    print("|---|---|---|---|---|")
    for name, r in results.items():
        print(f"| {name} | {r.boxes} | {r.unmatched} | {r.px:.6f} | {r.score:.7f} |")
    bad = [n for n, r in results.items() if r.unmatched or not r.boxes or r.px > LIMIT_PX]
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

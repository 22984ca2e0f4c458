"""torchvision's SSDLite320 exported whole, its suppression inside: cut, baked, and held to itself.

Usage: python -m tools.torch_nms   (with torch, torchvision: make test-torch installs them)

Six classes and seeded weights, scaled until a picture has some hundred detections. The whole file
runs in onnxruntime; every artifact that is made of it must give the same boxes.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SIDE, MOST, THRESHOLD = 320, 200, 0.5
WANTED = 150
HERE = Path(__file__).resolve().parents[1]
PICTURE = HERE / "mobilecat" / "demo" / "pictures" / "three_in_a_meadow.png"
SPEC = f"""
source = "whole.onnx"
[input]
size = [{SIDE}, {SIDE}]
range = [0, 1]
[head]
kind = "yolov8"
layout = "rows-first"
[nms]
score_threshold = {THRESHOLD}
iou_threshold = 0.55
max_detections = {MOST}
[targets.onnx]
[targets.tflite]
[[targets.coreml]]
precision = "float32"
"""


def save_whole(path: Path, picture: Any) -> None:
    """Write the detector, its scores scaled so that some are above the threshold."""
    import torch

    from tools.torch_nets import whole_detector

    detector = whole_detector(
        "ssdlite320_mobilenet_v3_large",
        num_classes=6,
        score_thresh=THRESHOLD,
        detections_per_img=MOST,
    )
    parts = torch.nn.ModuleList([detector.backbone, detector.head])
    norms = [m for m in parts.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.momentum = 1.0
    noise = torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    image = torch.from_numpy(picture.transpose(2, 0, 1).copy())
    with torch.no_grad():
        parts.train()
        detector.head(list(detector.backbone(noise).values()))
        detector.eval()
        features = list(detector.backbone((image[None] - 0.5) / 0.5).values())
        logits = detector.head(features)["cls_logits"][0]
        scale = 2
        while _above(logits * scale) < WANTED:
            scale *= 2
        for layers in detector.head.classification_head.module_list:
            layers[-1].weight *= scale
            layers[-1].bias *= 0
    torch.onnx.export(
        detector,
        ([image],),
        path,
        dynamo=False,
        opset_version=18,
        input_names=["image"],
        output_names=["boxes", "scores", "labels"],
    )


def _above(logits: Any) -> int:
    return int(((logits - logits.mean()).softmax(-1)[:, 1:] > THRESHOLD).sum())


def worst(found: Any, boxes: Any, scores: Any, labels: Any) -> float:
    """Return how far any box is from its own, pixels; infinity where one has none."""
    if len(found.scores) != len(scores):
        return float("inf")
    off = 0.0
    for box, score, label in zip(boxes, scores, labels, strict=True):
        near = (np.abs(found.scores - score) < 1e-3) & (found.class_ids == label - 1)
        differences = np.abs(found.boxes_xyxy[near] - box).max(axis=1)
        off = max(off, float(differences.min(initial=np.inf)))
    return off


def main() -> int:
    import onnxruntime as ort

    import mobilecat as mc

    image = Image.open(PICTURE).convert("RGB").resize((SIDE, SIDE))
    shares = np.asarray(image, np.float32) / 255
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_whole(folder / "whole.onnx", shares)
        session = ort.InferenceSession(folder / "whole.onnx")
        wanted = session.run(None, {"image": shares.transpose(2, 0, 1)})
        (folder / "mobilecat.toml").write_text(SPEC)
        done = mc.export(folder / "mobilecat.toml", folder / "bundle")
        print(done.notes[0])
        opened, bad = mc.open(done), 0
        for runner in ("onnx", "tflite", "coreml", "source"):
            off = worst(opened.run(image, runner=runner).detections, *wanted)
            bad += not off < 0.5
            print(f"{runner}: {len(wanted[0])} boxes, {off:.2g} px off at most")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

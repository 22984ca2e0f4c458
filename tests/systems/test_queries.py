"""Transformers with queries and end-to-end YOLOs, seeded: every target, ten pictures.

The networks are `tools/query_nets.py`'s, by the families' published structures. Every artifact
gives the source's detections: box sides within 0.05 px of the model's input, scores within 1e-4.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from mobilecat.compare.match import match
from mobilecat.compile import export
from mobilecat.formats.coreai.dialect import missing
from mobilecat.geometry.resize import plan_resize
from mobilecat.lanes import NotRun, decode_outputs, lanes_of, open_lane
from mobilecat.pictures.reading import fit_picture, read_picture
from mobilecat.spec import ImageSpec, spec_from_text

ROOT = Path(__file__).resolve().parents[2]
PICTURES = sorted((ROOT.parent / "shared" / "data" / "cats").glob("*.jpg"))[:10]
if not PICTURES:
    PICTURES = sorted((ROOT / "shared" / "data" / "cats").glob("*.jpg"))[:10]
TARGETS = """
[[targets.onnx]]
[[targets.tflite]]
[[targets.coreml]]
precision = "float32"
[[targets.coreml]]
precision = "float32"
format = "mlmodel"
"""
VISION = """
[[targets.coreml]]
precision = "float32"
contract = "vision"
name = "vision"
"""
HEADS = {
    "rtdetr": 'kind = "detr"\nactivation = "sigmoid"',
    "dfine": 'kind = "detr"\nactivation = "sigmoid"',
    "detr": 'kind = "detr"\nactivation = "softmax"',
    "yolov10": 'kind = "end2end"',
    "yolo26": 'kind = "end2end"',
}
CLASSES = {"yolov10": 3, "yolo26": 3}


@pytest.fixture(scope="module")
def nets() -> object:
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        import query_nets
    finally:
        sys.path.remove(str(ROOT / "tools"))
    return query_nets


@pytest.mark.skipif(len(PICTURES) < 10, reason="NOT_RUN: ../shared/data/cats is not here")
@pytest.mark.parametrize("name", HEADS)
def test_every_target_gives_the_sources_detections(name: str, nets: object, tmp_path: Path) -> None:
    image = ImageSpec(size=(320, 256), range=(0.0, 1.0))
    nets.build(name, image, PICTURES, tmp_path / "net.onnx")  # type: ignore[attr-defined]
    labels = [f"class {i}" for i in range(CLASSES.get(name, 5))]
    text = (
        f'name = "net"\nsource = "{tmp_path / "net.onnx"}"\nlabels = {labels}\n'
        f"[input]\nsize = [320, 256]\nrange = [0, 1]\n[head]\n{HEADS[name]}\n{TARGETS}{VISION}"
        + ("" if missing() else "[[targets.coreai]]\n")
    )
    bundle = export(spec_from_text(text), tmp_path / "bundle").bundle
    plan = plan_resize(image.size, image.size, "stretch")
    pictures = [fit_picture(read_picture(p), image)[0] for p in PICTURES]
    expected = []
    worst: dict[str, tuple[float, float, int]] = {}
    for lane in lanes_of(bundle):
        if lane.runner == "coreai-apple":
            continue  # slow
        try:
            runner = open_lane(tmp_path / "bundle", bundle, lane)
        except NotRun:
            assert lane.runner in ("coreml-native", "coreai-native")
            continue
        found = [decode_outputs(runner.infer({"image": p}), plan) for p in pictures]
        expected = expected or found
        boxes, scores, several = 0.0, 0.0, 0
        for e, g in zip(expected, found, strict=True):
            pairs = match(e, g, 0.05)
            assert not pairs.missing and not pairs.extra, (name, lane.name, pairs)
            i, j = [p[0] for p in pairs.pairs], [p[1] for p in pairs.pairs]
            off = np.abs(e.boxes_xyxy[i] - g.boxes_xyxy[j])
            boxes = max(boxes, float(off.max(initial=0)))
            scores = max(scores, float(np.abs(e.scores[i] - g.scores[j]).max(initial=0)))
            several += len(i)
        worst[lane.name] = (boxes, scores, several)
    print(name, {k: (f"{b:.2g}", f"{s:.2g}", n) for k, (b, s, n) in worst.items()})
    assert len(worst) == (6 if missing() else 7)
    assert worst["source"][2] >= 20, "a network that finds nothing shows nothing"
    assert all(b <= 0.05 and s <= 1e-4 for b, s, _ in worst.values()), worst

"""Trained networks over photos: the source, decoded in numpy, and the baked graph in onnxruntime.

MOBILECAT_ALL_PHOTOS=1 runs all 66 cats: YOLOX-nano finds 65 above 0.3, YOLOv5n 50, YOLOv3-tiny 33.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from mobilecat.bundle import Bundle, open_bundle
from mobilecat.compile import export
from mobilecat.formats.onnx.target import OnnxTarget
from mobilecat.lanes import Runner, decode_outputs, detect, lanes_of, open_lane
from mobilecat.pictures.detections import Detections
from mobilecat.pictures.reading import fit_picture, read_picture
from mobilecat.spec import Spec, load_spec
from mobilecat.spec.values import Targets
from tests.conftest import ROOT

EXAMPLES = ROOT / "examples"


def example(name: str) -> Spec:
    spec = load_spec(EXAMPLES / name / "mobilecat.toml")
    return spec.model_copy(update={"targets": Targets(onnx=(OnnxTarget(),))})


def exported(spec: Spec, model: Path, out: Path) -> tuple[Bundle, dict[str, Runner]]:
    export(spec, out, source=model)
    bundle = open_bundle(out)
    return bundle, {lane.runner: open_lane(out, bundle, lane) for lane in lanes_of(bundle)}


def _file(image: dict[str, object]) -> str:
    return str(image["file"])


def photos(folder: Path) -> list[dict[str, object]]:
    images = json.loads((folder / "labels.json").read_text("utf-8"))["images"]
    images = sorted(({**i, "file": Path(i["file"]).name} for i in images), key=_file)
    return images if os.environ.get("MOBILECAT_ALL_PHOTOS") else images[::11]


def best_cat(found: Detections, class_id: int) -> int | None:
    rows = np.flatnonzero((found.class_ids == class_id) & (found.scores > 0.3))
    return int(rows[0]) if len(rows) else None


# What each finds of the six (and of all 66), counted once; a change is a change of the decode.
CATS = {"yolox_nano": (6, 65), "yolov3_tiny": (2, 33), "yolov5n": (4, 50)}


# YOLOv5n boxes this black cat's white chest alone; source and baked graph agree on it.
MISPLACED = {"yolov5n": ["00000002_008.jpg"]}


@pytest.mark.parametrize("name", CATS)
def test_cats_are_found_where_they_are(name: str, shared_data: Path, tmp_path: Path) -> None:
    spec = example(name)
    bundle, runners = exported(spec, shared_data / "models" / f"{name}.onnx", tmp_path / "bundle")
    cat = spec.labels.index("cat")
    hits, misplaced = 0, []
    for image in photos(shared_data / "cats"):
        picture = read_picture(shared_data / "cats" / str(image["file"]))
        source, onnx = (detect(runners[r], bundle, picture) for r in ("source", "onnx"))
        assert source.class_ids.tolist() == onnx.class_ids.tolist(), image["file"]
        np.testing.assert_allclose(onnx.boxes_xyxy, source.boxes_xyxy, atol=0.01)
        np.testing.assert_allclose(onnx.scores, source.scores, atol=1e-5)
        row = best_cat(onnx, cat)
        if row is None:
            continue
        hits += 1
        x1, y1, x2, y2 = onnx.boxes_xyxy[row]
        eyes_and_mouth = np.mean(np.array(image["landmarks9"])[:3], axis=0)
        if not (x1 < eyes_and_mouth[0] < x2 and y1 < eyes_and_mouth[1] < y2):
            misplaced.append(image["file"])
    every = bool(os.environ.get("MOBILECAT_ALL_PHOTOS"))
    assert misplaced == (MISPLACED.get(name, []) if every else [])
    assert hits == CATS[name][every]


def test_ultraface_decodes_as_its_own_export_does(shared_data: Path, tmp_path: Path) -> None:
    """The same weights with their authors' decode inside: every candidate must be the same."""
    picture = read_picture(shared_data / "astronaut.png")
    found = {}
    for form, suffix in (("raw", "_without_postprocessing"), ("decoded", "")):
        spec = example("ultraface")
        spec = spec.model_copy(update={"head": spec.head.model_copy(update={"form": form})})
        model = shared_data / "models" / f"ultraface_version-slim-320{suffix}.onnx"
        bundle, runners = exported(spec, model, tmp_path / form)
        assert spec.input is not None
        pixels, plan = fit_picture(picture, spec.input)
        taps = [c.name for c in bundle.candidates]
        for name, runner in runners.items():
            got = runner.infer({"image": pixels}, taps)
            faces = decode_outputs(got, plan)
            assert len(faces) == 1
            np.testing.assert_allclose(faces.boxes_xyxy[0], (180, 62, 271, 173), atol=1.5)
            found[form, name] = got[taps[0]]
    for boxes in found.values():
        # 0.02 px of 320: the authors' constants are float32 in 0..1
        np.testing.assert_allclose(boxes, found["decoded", "source"], atol=0.02)


def test_landmarks_of_a_crop_read_in_columns(shared_data: Path, tmp_path: Path) -> None:
    """MTCNN's O-net on the astronaut's face; the points were read off the picture."""
    bundle, runners = exported(
        example("mtcnn_onet"), shared_data / "models" / "mtcnn_onet.onnx", tmp_path / "bundle"
    )
    crop = read_picture(shared_data / "astronaut.png").crop((170, 62, 280, 172))
    by_eye = [(33, 40), (76, 42), (53, 68), (36, 78), (73, 79)]
    for runner in runners.values():
        found = detect(runner, bundle, crop)
        assert len(found) == 1 and found.scores[0] > 0.99
        assert found.landmarks_xy is not None
        np.testing.assert_allclose(found.landmarks_xy[0], by_eye, atol=6)


def test_generated_anchors_are_those_of_a_published_ssd(shared_data: Path) -> None:
    """The COCO SSD's anchors lie in its file as bytes: equal within half a step."""
    from ai_edge_litert.interpreter import Interpreter

    from mobilecat.heads.ssd import generated
    from mobilecat.spec.heads import AnchorGenerator

    path = shared_data / "models" / "coco_ssd_mobilenet_v1_quant.tflite"
    model = Interpreter(str(path))
    model.allocate_tensors()
    (tensor,) = (t for t in model.get_tensor_details() if t["name"] == "anchors")
    step, zero = tensor["quantization"]
    theirs = (model.get_tensor(tensor["index"]).astype(np.float64) - zero) * step
    ours = generated(AnchorGenerator(), (300, 300))
    assert np.abs(ours - theirs).max() <= step / 2
    # The range of the bytes ends at the largest: aspect ratio .3333, not ⅓.
    assert abs(ours.max() - 255 * step) < 1e-6

"""MediaPipe Tasks' own ObjectDetector loads the file and finds the same boxes.

pip install mediapipe==1.2.2 && pytest tests/formats/tflite/detection/test_mediapipe.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilecat.bundle import Bundle
from mobilecat.compile import export
from mobilecat.formats.tflite.target import TfliteTarget
from mobilecat.lanes import lanes_of, open_lane
from mobilecat.pictures.reading import fit_picture, read_picture
from mobilecat.spec import Spec, load_spec, spec_from_text
from mobilecat.spec.values import Targets
from tests.conftest import ROOT
from tests.formats.tflite.detection.networks import SSD_SIZE, Array, save_ssd, ssd_spec

mp = pytest.importorskip("mediapipe", reason="NOT_RUN: mediapipe is not installed")

CATS = ("00000001_000.jpg", "00000005_012.jpg", "00000009_021.jpg", "00000011_016.jpg")


def bundle_of(spec: Spec, out: Path, source: Path | None = None) -> tuple[Bundle, Path]:
    bundle = export(spec, out, source=source).bundle
    return bundle, out / bundle.artifacts[0].file


def ours(bundle: Bundle, folder: Path, picture: Array) -> dict[str, Array]:
    lane = lanes_of(bundle, "tflite")[0]
    return open_lane(folder, bundle, lane).infer({"image": picture})


def theirs(model: Path, pictures: list[Array]) -> list[list[Any]]:
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.ObjectDetectorOptions(
        base_options=BaseOptions(model_asset_buffer=model.read_bytes())
    )
    with vision.ObjectDetector.create_from_options(options) as detector:
        return [
            detector.detect(mp.Image(image_format=mp.ImageFormat.SRGB, data=p)).detections
            for p in pictures
        ]


def assert_same(found: list[Any], got: dict[str, Array], spec: Spec) -> int:
    """Compare detection by detection, in order; return how many there are."""
    assert spec.input is not None
    width, height = spec.input.size
    labels = spec.labels
    count = int(got["count"][0])
    assert len(found) == count
    for i, d in enumerate(found):
        x1, y1, x2, y2 = got["boxes"][0, i]
        box = d.bounding_box
        # MediaPipe gives whole pixels, cut, not rounded; it moves a corner outside the picture to
        # its edge and keeps the size, at most the picture's.
        expected = [max(x1, 0), max(y1, 0), min(x2 - x1, width), min(y2 - y1, height)]
        given = np.array([box.origin_x, box.origin_y, box.width, box.height])
        off = np.array(expected) - given
        assert (off > -0.01).all() and (off < 1.01).all(), (given, expected)
        best = d.categories[0]
        assert best.score == pytest.approx(got["scores"][0, i], abs=1e-5)
        class_id = int(got["class_ids"][0, i])
        if labels:
            assert best.category_name == labels[class_id]
        else:
            assert best.index == class_id
    return count


@pytest.mark.parametrize("labels", [True, False], ids=["labels", "no labels"])
@pytest.mark.parametrize("target", ["", 'input = "float32"'], ids=["uint8", "float32"])
@pytest.mark.parametrize("per_class", [True, False], ids=["per class", "all classes"])
def test_ssd(per_class: bool, target: str, labels: bool, tmp_path: Path) -> None:
    path = save_ssd(tmp_path / "ssd.onnx")
    spec = spec_from_text(ssd_spec(path, per_class=per_class, target=target, labels=labels))
    bundle, model = bundle_of(spec, tmp_path / "b")
    rng = np.random.default_rng(8)
    cells = [rng.integers(0, 256, (4, 6, 3), dtype=np.uint8) for _ in range(3)]
    pictures = [c.repeat(15, axis=0).repeat(15, axis=1) for c in cells]
    assert pictures[0].shape[1::-1] == SSD_SIZE
    classes = set()
    for picture, found in zip(pictures, theirs(model, pictures), strict=True):
        got = ours(bundle, tmp_path / "b", picture)
        assert assert_same(found, got, spec) > 3
        classes |= set(got["class_ids"][0, : int(got["count"][0])].tolist())
    assert classes == {0, 1, 2}


def test_yolox_through_unit_anchors_on_cats(shared_data: Path, tmp_path: Path) -> None:
    spec = load_spec(ROOT / "examples" / "yolox_nano" / "mobilecat.toml")
    target = TfliteTarget(contract="detection")
    spec = spec.model_copy(update={"targets": Targets(tflite=(target,))})
    bundle, model = bundle_of(spec, tmp_path / "b", shared_data / "models" / "yolox_nano.onnx")
    assert spec.input is not None
    photos = [read_picture(shared_data / "cats" / name) for name in CATS]
    pictures = [fit_picture(p, spec.input)[0] for p in photos]
    cats = 0
    for picture, found in zip(pictures, theirs(model, pictures), strict=True):
        assert_same(found, ours(bundle, tmp_path / "b", picture), spec)
        cats += any(d.categories[0].category_name == "cat" for d in found)
    assert cats >= 3

"""The Vision pipeline: what it declares, and what it finds, in both formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
from PIL import Image

from mobilecat.errors import ModelError, SpecError
from mobilecat.formats.coreml import CoreMLArtifact, ImageInput, write_vision_pipeline
from mobilecat.formats.coreml.fillers import fillers
from mobilecat.graph import Array
from tests.formats.coreml.lower.graphs import graph
from tests.formats.coreml.lower.harness import FORMATS

# Three boxes that do not depend on the picture, and scores that do: red, green and blue means.
BOXES = np.float32([[0.25, 0.5, 0.2, 0.4], [0.26, 0.52, 0.2, 0.4], [0.75, 0.5, 0.1, 0.2]])
DETECTOR = """g (float[1,3,6,10] image) => (float[3,2] conf, float[3,4] coords) {
  means = ReduceMean <keepdims = 0> (image, spatial)
  column = Reshape (means, three_one)
  unit = Div (column, top)
  conf = Mul (unit, mix)
  none = Mul (unit, zero)
  coords = Add (none, boxes)
}"""
WEIGHTS = {
    "spatial": np.array([2, 3]),
    "three_one": np.array([3, 1]),
    "top": np.float32(255),
    "mix": np.float32([[1, 0.5]]),
    "zero": np.float32(0),
    "boxes": BOXES,
}

# An ML Program's two classes and 78 fillers: Core ML's NMS is right for multiples of 80 only.
WIDTHS = {"mlpackage": 80, "mlmodel": 2}


@pytest.fixture
def detector(tmp_path: Path) -> ir.Model:
    return graph(DETECTOR, tmp_path, **WEIGHTS)


def write(model: ir.Model, tmp_path: Path, format: str, **options: object) -> CoreMLArtifact:
    settings: dict[str, object] = {
        "confidence": "conf",
        "coordinates": "coords",
        "labels": ["cat", "dog"],
        "image": ImageInput("image", "RGB"),
        "iou_threshold": 0.45,
        "score_threshold": 0.2,
        "precision": "float32",
        "deployment_target": FORMATS[format],
    }
    return write_vision_pipeline(
        model, tmp_path / f"p.{format}", format=format, **(settings | options)
    )


def picture(red: int, green: int, blue: int) -> Image.Image:
    return Image.new("RGB", (10, 6), (red, green, blue))


@pytest.mark.parametrize("format", FORMATS)
def test_it_finds_what_it_should(detector: ir.Model, format: str, tmp_path: Path) -> None:
    from mobilecat.formats.coreml import runtime

    artifact = write(detector, tmp_path, format)
    model = runtime.load(artifact.path)
    # Red 0.8 suppresses green 0.4 (IoU 0.82); blue 0.6 is elsewhere.
    got = model.predict({"image": picture(204, 102, 153)})
    np.testing.assert_allclose(got["coordinates"], BOXES[[0, 2]], atol=1e-6)
    wanted = np.zeros((2, WIDTHS[format]))
    wanted[:, :2] = [[0.8, 0.4], [0.6, 0.3]]
    np.testing.assert_allclose(got["confidence"], wanted, atol=1e-6)
    assert model.predict({"image": picture(10, 20, 30)})["coordinates"].shape == (0, 4)


@pytest.mark.parametrize("format", FORMATS)
def test_thresholds_are_optional_inputs(detector: ir.Model, format: str, tmp_path: Path) -> None:
    from mobilecat.formats.coreml import runtime

    model = runtime.load(write(detector, tmp_path, format).path)
    named = {f.name: f for f in model.inputs}
    assert named["iouThreshold"].optional and named["confidenceThreshold"].optional
    image = picture(204, 102, 153)
    all_three = model.predict({"image": image, "iouThreshold": 0.9})
    np.testing.assert_allclose(all_three["coordinates"], BOXES[[0, 2, 1]], atol=1e-6)
    one = model.predict({"image": image, "confidenceThreshold": 0.7})
    np.testing.assert_allclose(one["coordinates"], BOXES[[0]], atol=1e-6)


@pytest.mark.parametrize(("format", "element"), [("mlpackage", 65568), ("mlmodel", 65600)])
def test_what_it_declares(detector: ir.Model, format: str, element: int, tmp_path: Path) -> None:
    """Neighbouring element types match, labels and thresholds are stored, ranges are open."""
    from mobilecat.formats.coreml.runtime.package import read_package

    artifact = write(detector, tmp_path, format, per_class=False, max_detections=7)
    spec = read_package(artifact.path).spec
    first, second = spec.pipeline.models
    assert list(spec.pipeline.names) == ["detector", "suppression"]
    for feature in (*first.description.output, *second.description.output):
        assert feature.type.multiArrayType.dataType == element
    assert [f.name for f in second.description.input[:2]] == ["raw_confidence", "raw_coordinates"]
    nms = second.nonMaximumSuppression
    classes = list(nms.stringClassLabels.vector)
    assert classes[:2] == ["cat", "dog"]
    assert classes[2:] == [f"filler {i}" for i in range(1, WIDTHS[format] - 1)]
    assert spec.description.metadata.userDefined["classes"] == "cat,dog"
    assert (nms.iouThreshold, nms.confidenceThreshold) == (0.45, 0.2)
    assert not nms.pickTop.perClass
    ranges = [
        [(r.lowerBound, r.upperBound) for r in f.type.multiArrayType.shapeRange.sizeRanges]
        for f in spec.description.output
    ]
    assert [f.name for f in spec.description.output] == ["confidence", "coordinates"]
    width = WIDTHS[format]
    assert ranges == [[(0, 7), (width, width)], [(0, 7), (4, 4)]]
    shapes = {f.name: list(f.type.multiArrayType.shape) for f in first.description.output}
    assert shapes == {"raw_confidence": [3, width], "raw_coordinates": [3, 4]}
    assert artifact.outputs == {"conf": "confidence", "coords": "coordinates"}
    assert spec.description.input[0].type.WhichOneof("Type") == "imageType"


def test_per_class_keeps_both(tmp_path: Path) -> None:
    from mobilecat.formats.coreml import runtime

    mix = np.float32([[1, 0.5], [0.5, 1], [1, 0.5]])
    model = graph(DETECTOR, tmp_path, **(WEIGHTS | {"mix": mix}))
    (tmp_path / "one").mkdir()
    image = picture(204, 102, 153)
    for per_class, rows, folder in ((True, [0, 2, 1], tmp_path), (False, [0, 2], tmp_path / "one")):
        artifact = write(model, folder, "mlpackage", per_class=per_class)
        got = runtime.load(artifact.path).predict({"image": image})
        np.testing.assert_allclose(got["coordinates"], BOXES[rows], atol=1e-6)


def test_refusals(detector: ir.Model, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="1 labels for 2 classes"):
        write(detector, tmp_path, "mlpackage", labels=["cat"])
    with pytest.raises(ModelError, match="exactly two outputs"):
        write(detector, tmp_path, "mlpackage", confidence="scores")
    with pytest.raises(ModelError, match=r"'conf' is \[3, 2\]"):
        write(detector, tmp_path, "mlpackage", confidence="coords", coordinates="conf")
    assert not (tmp_path / "p.mlpackage").exists()


def scores_of(model: ir.Model, folder: Path, image: Image.Image, **options: object) -> Array:
    """Return the scores of every box that the NMS leaves, whatever they are."""
    from mobilecat.formats.coreml import runtime

    folder.mkdir()
    artifact = write(model, folder, "mlpackage", **options)
    got = runtime.load(artifact.path).predict({"image": image, "confidenceThreshold": -9.0})
    return np.asarray(got["confidence"])


@pytest.mark.parametrize("mix", [[1, 0.5], [-1, -0.5], [-0.5, 1], [0, 0]])
def test_a_filler_never_wins(mix: list[float], tmp_path: Path) -> None:
    """Below every threshold that an app may give, and where no class has a score above 0."""
    model = graph(DETECTOR, tmp_path, **(WEIGHTS | {"mix": np.float32([mix])}))
    got = scores_of(model, tmp_path / "padded", picture(204, 102, 153))
    assert got.shape[1] == 80 and got.argmax(axis=1).max() < 2
    # By hand: the best class where that is below 0, else 0; so labels keep their order and sum.
    best = got[:, :2].max(axis=1, keepdims=True)
    np.testing.assert_array_equal(got[:, 2:], np.repeat(np.minimum(best, 0), 78, axis=1))
    plain = scores_of(model, tmp_path / "plain", picture(204, 102, 153), pad_classes=False)
    np.testing.assert_array_equal(got[:, :2], plain)


@pytest.mark.parametrize("precision", ["float16", "float32"])
def test_fillers_round_nothing(detector: ir.Model, precision: str, tmp_path: Path) -> None:
    """A score of 0.1 float32 computed on its own stays that, whatever the program's precision."""
    names = frozenset(n.name or "" for n in detector.graph)
    options = {"precision": precision, "float32_names": names}
    got = scores_of(detector, tmp_path / "padded", picture(26, 77, 51), **options)
    np.testing.assert_allclose(got[:, 0], np.sort([26, 77, 51])[::-1][: len(got)] / 255, rtol=1e-6)


def test_names_and_numbers_of_fillers() -> None:
    for classes, count in ((1, 79), (79, 1), (80, 0), (81, 79), (160, 0), (1000, 40)):
        labels = [f"c{i}" for i in range(classes)]
        assert len(fillers(labels, "mlpackage")) == count
        assert fillers(labels, "mlmodel") == fillers(labels, "mlpackage", False) == ()
    names = fillers(["filler 1", "no filler 3"], "mlpackage")
    assert len(set(names)) == 78 and not {"filler 1", "no filler 3"} & set(names)

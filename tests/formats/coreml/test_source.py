"""Core ML files as sources: graphs against hand arithmetic, and pipelines to other targets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest
from PIL import Image

from mobilecat.bundle import open_bundle
from mobilecat.compile import export
from mobilecat.errors import MobileCatError
from mobilecat.formats.base.notes import notes_from_metadata
from mobilecat.formats.base.options import ImportOptions
from mobilecat.formats.base.source import Source
from mobilecat.formats.coreml import runtime
from mobilecat.formats.coreml.source import read, reference
from mobilecat.formats.importing import format_of, import_model
from mobilecat.lanes import lanes_of, open_lane
from mobilecat.proposal.whole import propose
from tests.formats.coreml.runtime.builders import (
    DOUBLE,
    layer,
    model,
    multi_array,
    network,
    nms_model,
    program,
    save,
)
from tests.formats.tflite.lower.engines import Array, assert_agrees, run_ort

LABELS = ["cat", "dog", "bird"]
SIDE, CELLS = 8, 4


def graph_of(path: Path) -> ir.Model:
    return read(Source(path, format_of(path)), {}, lambda _: None)


def assert_as_the_file(path: Path, feeds: dict[str, Array]) -> dict[str, Array]:
    have = run_ort(graph_of(path), feeds)
    assert_agrees(have, reference(Source(path, format_of(path)), {}).network.run(feeds), 1e-6)
    return have


@pytest.mark.parametrize("half", [False, True])
def test_a_program(half: bool, tmp_path: Path) -> None:
    from coremltools.converters.mil import Builder as mb

    w = np.array([[1, 2, 3], [-1, 0.5, 4]], np.float32)

    def body(x: Any) -> Any:
        return mb.relu(x=mb.matmul(x=x, y=w, transpose_y=True), name="y")

    path = program(tmp_path / "m.mlpackage", body, {"x": (1, 3)}, half=half)
    x = np.array([[1, -2, 0.5]], np.float32)
    have = assert_as_the_file(path, {"x": x})
    np.testing.assert_allclose(have["y"], [[0, 0]], atol=1e-6)
    have = assert_as_the_file(path, {"x": -x})
    np.testing.assert_allclose(have["y"], [[1.5, 0]], atol=1e-3 if half else 1e-6)


def test_palettes_are_read_as_what_they_stand_for(tmp_path: Path) -> None:
    from coremltools.converters.mil import Builder as mb

    def body(x: Any) -> Any:
        w = mb.constexpr_lut_to_dense(
            lut=np.array([0.5, -1.0], np.float32),
            indices=np.array([0b00000110], np.uint8),
            shape=np.array([2, 2], np.uint32),
        )
        return mb.matmul(x=x, y=w, name="y")

    path = program(tmp_path / "m.mlpackage", body, {"x": (1, 2)}, target="iOS16")
    have = assert_as_the_file(path, {"x": np.array([[1, 2]], np.float32)})
    np.testing.assert_allclose(have["y"], [[0.5 - 2, -1 + 1]], atol=1e-6)
    assert any(
        "constexpr_lut_to_dense" in n for n in notes_from_metadata(graph_of(path).metadata_props)
    )


def _pictures(spec: Any, color: int) -> None:
    feature = spec.description.input.add()
    feature.name = "picture"
    image = feature.type.imageType
    image.width, image.height, image.colorSpace = 2, 1, color


def test_colours_scale_and_bias_of_a_picture_input(tmp_path: Path) -> None:
    """BGR, · 0.5, + (10, 20, 30) for blue, green, red; by hand."""
    spec = network({}, {"y": (3, 1, 2)}, spec=model(4))
    _pictures(spec, 30)
    p = spec.neuralNetwork.preprocessing.add()
    p.featureName = "picture"
    p.scaler.channelScale = 0.5
    p.scaler.blueBias, p.scaler.greenBias, p.scaler.redBias = 10, 20, 30
    spec.neuralNetwork.imageInputShapeMapping = 1
    layer(spec.neuralNetwork, "activation", ["picture"], ["y"]).linear.alpha = 1
    path = save(spec, tmp_path / "m.mlmodel")
    pixels = np.array([[[[100, 50, 20], [0, 4, 8]]]], np.uint8)  # red, green, blue
    have = assert_as_the_file(path, {"picture": pixels})
    np.testing.assert_allclose(have["y"].reshape(3, 2), [[20, 14], [45, 22], [80, 30]])
    assert import_model(path, {}).graph.inputs[0].dtype == ir.DataType.UINT8


def test_a_classifiers_labels_and_rows(tmp_path: Path) -> None:
    spec = model(4)
    multi_array(spec.description.input.add(), "x", (3,))
    for name in ("label", "probabilities"):
        feature = spec.description.output.add()
        feature.name = name
    spec.description.output[0].type.stringType.SetInParent()
    spec.description.output[1].type.dictionaryType.stringKeyType.SetInParent()
    spec.description.predictedFeatureName = "label"
    spec.description.predictedProbabilitiesName = "probabilities"
    net = spec.neuralNetworkClassifier
    net.arrayInputShapeMapping = 1
    net.stringClassLabels.vector.extend(LABELS)
    layer(net, "softmaxND", ["x"], ["p"]).axis = -1
    path = save(spec, tmp_path / "m.mlmodel")
    x = np.log(np.array([1, 2, 5], np.float32))
    have = assert_as_the_file(path, {"x": x})
    np.testing.assert_allclose(have["probabilities"], [[0.125, 0.25, 0.625]], atol=1e-6)
    assert graph_of(path).metadata_props["names"] == repr(LABELS)


def _detector() -> Any:
    """A picture [8,8] → 4 boxes: confidences and places by its mean colour and constants."""
    spec = model(4)
    feature = spec.description.input.add()
    feature.name = "picture"
    image = feature.type.imageType
    image.width = image.height = SIDE
    image.colorSpace = 20
    for name, width in (("raw_confidence", 3), ("raw_coordinates", 4)):
        multi_array(spec.description.output.add(), name, (CELLS, width))
    net = spec.neuralNetwork
    net.arrayInputShapeMapping = net.imageInputShapeMapping = 1
    pool = layer(net, "pooling", ["picture"], ["cells"])
    pool.type = 1
    pool.kernelSize.extend([4, 4])
    pool.stride.extend([4, 4])
    pool.valid.SetInParent()
    turned = layer(net, "transpose", ["cells"], ["last"])
    turned.axes.extend([0, 2, 3, 1])
    layer(net, "reshapeStatic", ["last"], ["rows"]).targetShape.extend([CELLS, 3])
    scaled = layer(net, "activation", ["rows"], ["raw_confidence"]).linear
    scaled.alpha = 1 / 255
    at = layer(net, "loadConstantND", [], ["raw_coordinates"])
    at.shape.extend([CELLS, 4])
    places = [
        [0.25, 0.25, 0.5, 0.5],
        [0.3, 0.25, 0.5, 0.5],
        [0.25, 0.75, 0.4, 0.4],
        [0.7, 0.7, 0.6, 0.6],
    ]
    at.data.floatValue.extend(np.ravel(places).tolist())
    return spec


def _vision(stages: list[Any]) -> Any:
    spec = model(4)
    spec.description.input.add().CopyFrom(stages[0].description.input[0])
    for name, width in (("confidence", 3), ("coordinates", 4)):
        multi_array(spec.description.output.add(), name, (CELLS, width), DOUBLE)
    for stage in stages:
        spec.pipeline.models.add().CopyFrom(stage)
    spec.pipeline.names.extend(["detector", "suppression"])
    return spec


def _picture() -> Image.Image:
    pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
    pixels[:4, :4], pixels[:4, 4:] = [230, 20, 0], [200, 10, 5]
    pixels[4:, :4], pixels[4:, 4:] = [10, 180, 60], [5, 5, 40]
    return Image.fromarray(pixels)


def test_a_vision_pipeline_to_every_target(tmp_path: Path) -> None:
    """Its suppression becomes [nms]; each artifact finds what the pipeline itself does."""
    nms = nms_model(CELLS, LABELS, out_rows=CELLS, iou=0.5, confidence=0.25)
    path = save(_vision([_detector(), nms]), tmp_path / "vision.mlmodel")
    found = runtime.load(path).predict({"picture": _picture()})
    # 0.90 cat, 0.78 cat that overlaps it by 0.82, 0.71 dog, 0.16 bird below the threshold
    kept = int((found["confidence"].max(1) > 0).sum())
    assert kept == 2
    proposal = propose(path, tmp_path / "mobilecat.toml")
    assert proposal.spec.labels == tuple(LABELS) and not proposal.asks
    settings = proposal.spec.effective_nms
    assert settings is not None
    assert (settings.iou_threshold, settings.score_threshold) == (0.5, 0.25)
    done = export(proposal.spec, tmp_path / "b", leave_out=True)
    bundle = open_bundle(done.folder)
    assert {a.format for a in bundle.artifacts} >= {"mlpackage", "tflite", "onnx"}
    pixels = np.asarray(_picture())
    for lane in lanes_of(bundle):
        if lane.apples or lane.slow:
            continue
        got = open_lane(done.folder, bundle, lane).infer({"image": pixels})
        assert int(got["count"].reshape(-1)[0]) == kept, lane.name
        x, y, w, h = found["coordinates"][:kept].T * SIDE
        boxes = np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], 1)
        near = 5e-3 if lane.name.endswith(("mlpackage", "mlmodel")) else 1e-5
        np.testing.assert_allclose(got["boxes"][0, :kept], boxes, atol=SIDE * near)
        np.testing.assert_allclose(
            got["scores"][0, :kept], found["confidence"][:kept].max(1), atol=near
        )
        assert got["class_ids"][0, :kept].tolist() == [0, 1]


def test_what_depends_on_data_is_refused_in_words(tmp_path: Path) -> None:
    from coremltools.converters.mil import Builder as mb

    def body(x: Any) -> Any:
        return mb.non_zero(x=x, name="y")

    path = program(tmp_path / "m.mlpackage", body, {"x": (3, 4)})
    with pytest.raises(MobileCatError):
        graph_of(path)


def test_a_variable_inside_by_its_name(tmp_path: Path) -> None:
    from coremltools.converters.mil import Builder as mb

    def body(x: Any) -> Any:
        return mb.exp(x=mb.sqrt(x=x, name="inner"), name="y")

    path = program(tmp_path / "m.mlpackage", body, {"x": (4,)})
    model_ = import_model(path, {}, ImportOptions(outputs=("inner",)))
    have = run_ort(model_, {"x": np.array([1, 4, 9, 16], np.float32)})
    np.testing.assert_allclose(have["inner"], [1, 2, 3, 4], atol=1e-6)


def test_a_network_written_layer_by_layer_is_what_protobuf_writes(tmp_path: Path) -> None:
    from mobilecat.formats.coreml.convert import write_mlmodel
    from mobilecat.formats.coreml.runtime.proto import model_pb2

    spec = model_pb2().Model(specificationVersion=4, isUpdatable=True)
    spec.description.input.add().name = "x"
    spec.description.metadata.userDefined["b"] = "second"
    spec.description.metadata.userDefined["a"] = "first"
    for number in range(3):
        layer = spec.neuralNetwork.layers.add(name=f"layer {number}", input=["x"], output=["y"])
        layer.convolution.weights.floatValue.extend([0.5, number] * 100 * number)
    spec.neuralNetwork.preprocessing.add().featureName = "x"
    spec.neuralNetwork.arrayInputShapeMapping = 1
    write_mlmodel(spec, tmp_path / "a.mlmodel")
    whole = spec.SerializeToString(deterministic=True)
    assert (tmp_path / "a.mlmodel").read_bytes() == whole

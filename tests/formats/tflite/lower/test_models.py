"""The demo's and the sample models: raw, agreeing with onnxruntime, no operator too many."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx_ir as ir
import pytest
from PIL import Image

from mobilecat.formats.onnx.read import import_onnx
from mobilecat.formats.tflite.write import program_from_graph, tflite_from_graph
from mobilecat.graph import shape_of
from tests.conftest import network_and_picture
from tests.formats.tflite.lower.engines import Array, assert_agrees, run_lite, run_ort

MODELS = {
    "cat_faces": None,
    "cat_landmarks": None,
    "face_detection_yunet_2022mar": None,
    "face_detection_yunet_2023mar": None,
    "mtcnn_onet": None,
    "ultraface_version-slim-320": None,
    "ultraface_version-slim-320_without_postprocessing": None,
    "yolov3_tiny": (1, 3, 224, 320),
    "yolov5n": None,
    "yolox_nano": None,
    "yunet_n_320_320": None,
    "yunet_n_dynamic": (1, 3, 192, 320),
}


def _load(name: str) -> ir.Model:
    (path, _), shape = network_and_picture(name), MODELS[name]
    first = import_onnx(path, {"input": shape} if name == "yunet_n_dynamic" and shape else {})
    if shape is None or name == "yunet_n_dynamic":
        return first
    return import_onnx(path, {first.graph.inputs[0].name or "": shape})


def _counts(model: ir.Model) -> Counter[str]:
    return Counter(op.code for op in program_from_graph(model).ops)


def _inputs(model: ir.Model, name: str, picture: Image.Image | None) -> dict[str, Array]:
    """Return noise or a picture, in the range that the network was trained on."""
    (value,) = model.graph.inputs
    shape = shape_of(value)
    if picture is None:
        pixels = np.random.default_rng(1).uniform(0, 255, shape)
    else:
        nhwc = shape[3] == 3
        rows, cols = shape[1:3] if nhwc else shape[2:]
        pixels = np.asarray(picture.convert("RGB").resize((cols, rows)))[None]
        pixels = pixels if nhwc else pixels.transpose(0, 3, 1, 2)
    if name.startswith("cat_"):
        pixels = pixels / 127.5 - 1
    elif not name.startswith(("yunet", "face_detection_yunet", "yolox")):
        pixels = pixels / 255
    return {value.name or "": pixels.astype(np.float32)}


@pytest.mark.parametrize("kind", ["noise", "picture"])
@pytest.mark.parametrize("name", MODELS)
def test_agrees_with_onnxruntime(name: str, kind: str) -> None:
    model = _load(name)
    picture = Image.open(network_and_picture(name)[1]) if kind == "picture" else None
    inputs = _inputs(model, name, picture)
    assert_agrees(run_lite(tflite_from_graph(model), inputs), run_ort(model, inputs))


def test_cat_faces_moves_nothing() -> None:
    """Its ONNX file has 77 Conv, 23 of them depthwise, 46 Clip and 9 Transpose."""
    assert _counts(_load("cat_faces")) == {
        "CONV_2D": 54,
        "DEPTHWISE_CONV_2D": 23,
        "ADD": 10,
        "RESHAPE": 8,
        "CONCATENATION": 3,
        "NEG": 1,
    }


def test_yunet_moves_nothing_but_its_input() -> None:
    assert _counts(_load("face_detection_yunet_2023mar")) == {
        "TRANSPOSE": 1,  # the input is NCHW
        "PAD": 1,
        "CONV_2D": 33,
        "DEPTHWISE_CONV_2D": 20,
        "MAX_POOL_2D": 4,
        "RESIZE_NEAREST_NEIGHBOR": 2,
        "ADD": 2,
        "RESHAPE": 12,
        "LOGISTIC": 6,
    }


@pytest.mark.parametrize(
    ("name", "transposes"),
    [
        ("cat_faces", 0),  # NHWC in
        ("cat_landmarks", 1),  # each point's map becomes a row
        ("mtcnn_onet", 0),  # NHWC in
        ("yolov5n", 0),
        ("yolox_nano", 1),
        ("face_detection_yunet_2022mar", 1),
        ("ultraface_version-slim-320", 1),
        ("yolov3_tiny", 3),  # two NCHW outputs
    ],
)
def test_transposes(name: str, transposes: int) -> None:
    assert _counts(_load(name))["TRANSPOSE"] == transposes


@pytest.mark.parametrize("name", ["cat_faces", "face_detection_yunet_2023mar", "yolov5n"])
def test_only_leaky_activations_stand_alone(name: str) -> None:
    assert not {"RELU", "RELU6", "RELU_N1_TO_1"} & set(_counts(_load(name)))


def test_batch_norms_are_folded() -> None:
    model = _load("ultraface_version-slim-320_without_postprocessing")
    assert sum(n.op_type == "BatchNormalization" for n in model.graph) == 25
    assert not {"MUL", "ADD"} & set(_counts(model))

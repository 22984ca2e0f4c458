"""Lints: read from files, ours and other people's; `export` writes down what `inspect` says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from mobilecat.compile import export
from mobilecat.formats.coreml import ImageInput, write_vision_pipeline
from mobilecat.formats.inspection import inspect_file
from mobilecat.formats.tflite.lints import GPU, lints
from mobilecat.spec import spec_from_text
from tests.cat_faces import SOURCE, cat_faces_spec
from tests.command import mobilecat
from tests.formats.coreml.lower.graphs import graph
from tests.formats.coreml.lower.harness import FORMATS
from tests.tiny import save_yunet_like, yunet_like_spec

OF_80, SUM, GPU_WORD = "multiple of 80", "sum to more than 1", "a GPU delegate has no"
BOXES = np.linspace(0.1, 0.9, 12, dtype=np.float32).reshape(3, 4)
DETECTOR = """g (float[1,{c},3,5] image) => (float[{c},{n}] conf, float[{c},4] coords) {{
  column = ReduceMean <keepdims = 0> (image, spatial)
  rows = Transpose <perm = [1, 0]> (column)
  mixed = MatMul (rows, mix)
  scored = {score} (mixed)
  conf = Mul (scored, half)
  none = Mul (column, zero)
  corner = Transpose <perm = [1, 0]> (none)
  coords = Add (corner, boxes)
}}"""


def pipeline(folder: Path, format: str, classes: int, score: str, pad: bool = True) -> Path:
    """Write a detector of three boxes, its scores by the op `score`, halved, and the NMS model."""
    weights = {
        "spatial": np.array([2, 3]),
        "mix": np.ones((1, classes), np.float32),
        "half": np.float32(0.5),
        "zero": np.float32(0),
        "boxes": BOXES,
    }
    model = graph(DETECTOR.format(c=3, n=classes, score=score), folder, **weights)
    path = folder / f"p.{format}"
    write_vision_pipeline(
        model,
        path,
        confidence="conf",
        coordinates="coords",
        labels=[f"c{i}" for i in range(classes)],
        image=ImageInput("image", "RGB"),
        iou_threshold=0.45,
        score_threshold=0.2,
        format=format,  # type: ignore[arg-type]
        deployment_target=FORMATS[format],
        pad_classes=pad,
    )
    return path


def said(path: Path) -> set[str]:
    text = " | ".join(inspect_file(path).lints)
    return {word for word in (OF_80, SUM, GPU_WORD) if word in text}


@pytest.mark.parametrize(
    ("format", "classes", "score", "wanted"),
    [
        ("mlpackage", 2, "Sigmoid", {OF_80, SUM}),
        ("mlpackage", 2, "Softmax", {OF_80}),
        ("mlpackage", 1, "Sigmoid", {OF_80}),
        ("mlpackage", 80, "Sigmoid", {SUM}),
        ("mlpackage", 160, "Softmax", set()),
        ("mlmodel", 2, "Sigmoid", {SUM}),
        ("mlmodel", 2, "Softmax", set()),
        ("mlmodel", 81, "Softmax", set()),
    ],
)
def test_a_vision_pipeline(
    format: str, classes: int, score: str, wanted: set[str], tmp_path: Path
) -> None:
    """As other tools write it: no class is filled up."""
    assert said(pipeline(tmp_path, format, classes, score, pad=False)) == wanted


@pytest.mark.parametrize(("classes", "score"), [(1, "Sigmoid"), (2, "Sigmoid"), (2, "Softmax")])
def test_fillers_are_said_and_counted_as_no_classes(
    classes: int, score: str, tmp_path: Path
) -> None:
    path = pipeline(tmp_path, "mlpackage", classes, score)
    assert said(path) == ({SUM} if (classes, score) == (2, "Sigmoid") else set())
    found = inspect_file(path)
    assert found.metadata["classes"] == ",".join(f"c{i}" for i in range(classes))
    assert found.metadata["fillers"] == str(80 - classes)
    if (classes, score) == (2, "Sigmoid"):
        assert "the 2 confidences of a box" in " ".join(found.lints)


def suppression(folder: Path, offset: float, half: bool) -> Path:
    """Write another tool's model: boxes moved apart by class, then one NMS."""
    import coremltools as ct
    from coremltools.converters.mil import Builder as mb

    @mb.program(
        input_specs=[mb.TensorSpec((1, 5, 4)), mb.TensorSpec((1, 5, 3))],
        opset_version=ct.target.iOS15,
    )
    def program(boxes: Any, scores: Any) -> Any:
        best = mb.cast(x=mb.reduce_argmax(x=scores, axis=2, keep_dims=True), dtype="fp32")
        apart = mb.mul(x=best, y=np.float32(offset))
        moved = mb.add(x=boxes, y=apart)
        found = mb.non_maximum_suppression(
            boxes=moved,
            scores=scores,
            iou_threshold=np.float32(0.5),
            score_threshold=np.float32(0.1),
            max_boxes=4,
            per_class_suppression=False,
        )
        return found[2]

    precision = ct.precision.FLOAT16 if half else ct.precision.FLOAT32
    model = ct.convert(
        program,
        convert_to="mlprogram",
        compute_precision=precision,
        minimum_deployment_target=ct.target.iOS15,
        skip_model_load=True,
    )
    path = folder / "theirs.mlpackage"
    model.save(str(path))
    return path


@pytest.mark.parametrize(
    ("offset", "half", "spoken"), [(4096, True, True), (4096, False, False), (2, True, False)]
)
def test_class_offsets(offset: float, half: bool, spoken: bool, tmp_path: Path) -> None:
    found = inspect_file(suppression(tmp_path, offset, half)).lints
    assert [("moved apart by class" in lint) for lint in found] == [True] * spoken


def our_detector(folder: Path) -> Path:
    spec = cat_faces_spec('[targets.tflite]\ncontract = "detection"\n')
    export(spec, folder / "b", source=SOURCE)
    return folder / "b" / "cat_faces.tflite"


@pytest.mark.parametrize("whose", ["ours", "somebody else's"])
def test_a_detector_with_its_own_nms(
    whose: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if whose == "ours":
        file = our_detector(tmp_path)
    else:
        models = request.getfixturevalue("shared_data") / "models"
        file = models / "coco_ssd_mobilenet_v1_quant.tflite"
    found = inspect_file(file).lints
    assert any(
        "has no TFLite_Detection_PostProcess: the baked NMS runs on the CPU" in x for x in found
    )
    assert any("read TFLite_Detection_PostProcess:3" in x for x in found)


def test_operators_that_a_gpu_has() -> None:
    assert lints(["CONV_2D", "RESHAPE"], 3, False) == ()
    (one,) = lints(["CONV_2D", "TOPK_V2", "ADD", "ARG_MAX", "TOPK_V2"], 3, False)
    expected = "a GPU delegate has no 2× TOPK_V2, ARG_MAX, which the model runs on the CPU"
    assert one == f"{expected} (1 of 5 operators are before the first of them)"


def test_operators_are_spelled_as_the_schema_does() -> None:
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    custom = {"Convolution2DTransposeBias", "MaxPoolingWithArgmax2D", "MaxUnpooling2D", "Resampler"}
    assert set(vars(BuiltinOperator)) >= GPU - custom


def test_a_grey_input_and_mediapipe() -> None:
    ops = ["CONV_2D", "TFLite_Detection_PostProcess"]
    spoken = [any("MediaPipe" in x for x in lints(ops, c, m)) for c, m in ((1, 1), (1, 0), (3, 1))]
    assert spoken == [True, False, False]


TARGETS = '[targets.tflite]\n[targets.coreml]\nformat = "mlmodel"\n'


def test_export_and_inspect_say_the_same(tmp_path: Path) -> None:
    """bundle.json has them; both commands print each of them."""
    spec = tmp_path / "mobilecat.toml"
    spec.write_text(yunet_like_spec(save_yunet_like(tmp_path / "tiny.onnx"), TARGETS))
    done = mobilecat("export", spec, "-o", tmp_path / "b")
    assert done.returncode == 0, done.stderr
    bundle = export(spec_from_text(spec.read_text()), tmp_path / "b").bundle
    records = {a.file: a.lints for a in bundle.artifacts}
    assert any(GPU_WORD in x for x in records["tiny.tflite"])
    assert any("float32 in a NeuralNetwork" in x for x in records["tiny.mlmodel"])
    shown = mobilecat("inspect", tmp_path / "b")
    for lint in (x for found in records.values() for x in found):
        assert lint in done.stdout and lint in shown.stdout, lint


def test_an_onnx_file_has_none(tmp_path: Path) -> None:
    path = save_yunet_like(tmp_path / "tiny.onnx")
    assert onnx.load(path).graph.node and inspect_file(path).lints == ()

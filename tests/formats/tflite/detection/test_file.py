"""The whole file: names, types, shapes, metadata, labels, and what runners find in it."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mobilecat.bundle import Bundle
from mobilecat.compile import export
from mobilecat.errors import ArtifactError, ModelError
from mobilecat.formats.base.inspection import Inspection
from mobilecat.formats.inspection import inspect_file
from mobilecat.formats.tflite.detection_tensors import DetectionAsTensors
from mobilecat.judge.run import validate
from mobilecat.lanes import lanes_of, open_lane
from mobilecat.spec import spec_from_text
from tests.formats.tflite.detection.networks import SSD_SIZE, Array, save_ssd, ssd_spec
from tests.heads.cases import SUPPRESSED
from tests.heads.networks import save_network
from tests.heads.rows import Case, toml


def exported(text: str, out: Path) -> Bundle:
    return export(spec_from_text(text), out).bundle


def ssd(folder: Path, out: str = "b", **said: object) -> Bundle:
    path = folder / "ssd.onnx"
    if not path.exists():
        save_ssd(path)
    return exported(ssd_spec(path, **{"per_class": False, **said}), folder / out)  # type: ignore[arg-type]


# The four outputs have no place for row values, turned boxes or class maps.
_MORE = ("masks", "obb", "segments")
PLAIN = [
    c
    for c in SUPPRESSED
    if not c.points and c.c > 1 and not c.carries and c.head.split('"')[1] not in _MORE
]
ONE_A_KIND = list({c.head.split('"')[1]: c for c in reversed(PLAIN)}.values())


@pytest.mark.parametrize("per_class", [True, False])
@pytest.mark.parametrize("case", ONE_A_KIND, ids=lambda c: c.name)
def test_every_head_is_the_source(case: Case, per_class: bool, tmp_path: Path) -> None:
    path = save_network(tmp_path / "net.onnx", case.size_wh, case.outputs)
    nms = "nms = { score_threshold = 0.3, iou_threshold = 0.4, max_detections = 17, per_class = "
    text = toml(case, path, f"{nms}{str(per_class).lower()} }}")
    text = text.replace("[targets.onnx]", '[targets.tflite]\ncontract = "detection"')
    bundle = exported(text, tmp_path / "b")
    width, height = case.size_wh
    picture = np.random.default_rng(4).integers(0, 256, (height, width, 3), dtype=np.uint8)
    source, ours = (
        open_lane(tmp_path / "b", bundle, lane).infer({"image": picture})
        for lane in lanes_of(bundle)
    )
    assert source["count"][0] > 0 and ours["count"].tolist() == source["count"].tolist()
    assert {k: v.dtype for k, v in ours.items()} == {k: v.dtype for k, v in source.items()}
    np.testing.assert_array_equal(ours["class_ids"], source["class_ids"])
    # float32 in another order, on coordinates up to a few hundred, through a logarithm and back
    np.testing.assert_allclose(ours["boxes"], source["boxes"], atol=1e-3)
    np.testing.assert_allclose(ours["scores"], source["scores"], atol=1e-6)


@pytest.mark.parametrize("target", ["", 'input = "float32"'])
@pytest.mark.parametrize("per_class", [True, False])
def test_validate_holds_it_to_the_source(per_class: bool, target: str, tmp_path: Path) -> None:
    record = ssd(tmp_path, per_class=per_class, target=target).artifacts[0]
    assert (record.contract, record.kind) == ("detection", "tflite")
    assert record.output_dtypes == {"class_ids": "float32", "count": "float32"}
    report = validate(tmp_path / "b", random=3, write_pending=False)
    assert report.held, report


def coco_ssds_outputs(rows: int) -> list[tuple[str, str, tuple[int, ...]]]:
    """Return the outputs of coco_ssd_mobilenet_v1_quant.tflite, as Netron shows them."""
    shapes = [(1, rows, 4), (1, rows), (1, rows), (1,)]
    return [
        (f"TFLite_Detection_PostProcess{end}", "float32", shape)
        for end, shape in zip(("", ":1", ":2", ":3"), shapes, strict=True)
    ]


def outputs_of(file: Path) -> list[tuple[str, str, tuple[int | None, ...] | None]]:
    return [(p.name, p.dtype, p.shape) for p in inspect_file(file).outputs]


def test_the_outputs_told_of_coco_ssd_are_its_own(shared_data: Path) -> None:
    file = shared_data / "models" / "coco_ssd_mobilenet_v1_quant.tflite"
    assert outputs_of(file) == coco_ssds_outputs(10)


def test_names_order_types_and_shapes_are_coco_ssds(tmp_path: Path) -> None:
    ssd(tmp_path)
    assert outputs_of(tmp_path / "b" / "ssd.tflite") == coco_ssds_outputs(70)
    ours = said(tmp_path)
    assert (ours.inputs[0].dtype, ours.inputs[0].shape) == ("uint8", (1, 60, 90, 3))


def test_litert_gives_the_shapes_that_the_file_says(tmp_path: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter

    ssd(tmp_path)
    engine = Interpreter(model_path=str(tmp_path / "b" / "ssd.tflite"))
    before = [(d["name"], tuple(d["shape"])) for d in engine.get_output_details()]
    engine.allocate_tensors()
    after = [(d["name"], tuple(d["shape"])) for d in engine.get_output_details()]
    assert before == after == [(p.name, p.shape) for p in said(tmp_path).outputs]


def said(folder: Path) -> Inspection:
    return inspect_file(folder / "b" / "ssd.tflite")


def test_what_metadata_says(tmp_path: Path) -> None:
    ssd(tmp_path, target='input = "float32"')
    metadata = said(tmp_path).metadata
    assert metadata["  input 0"] == "'image', image RGB 90×60, mean [0.0], std [1.0]"
    assert metadata["  output 0"] == "'location', boxes BOUNDARIES RATIO, index [1, 0, 3, 2]"
    assert metadata["  output 1"] == "'category', value labels in labels.txt"
    assert metadata["  output 2"] == "'score'"
    assert metadata["  output 3"] == "'number of detections'"
    assert metadata["files"] == "labels.txt"
    with zipfile.ZipFile(tmp_path / "b" / "ssd.tflite") as packed:
        assert packed.read("labels.txt").decode() == "cat\nKätzchen\n猫\n"


def test_without_labels_there_is_no_zip(tmp_path: Path) -> None:
    ssd(tmp_path, labels=False)
    metadata = said(tmp_path).metadata
    assert metadata["  output 1"] == "'category'"
    assert not zipfile.is_zipfile(io.BytesIO((tmp_path / "b" / "ssd.tflite").read_bytes()))


def test_the_official_reader_reads_the_metadata(tmp_path: Path) -> None:
    schema = pytest.importorskip(
        "mediapipe.tasks.metadata.metadata_schema_py_generated",
        reason="NOT_RUN: mediapipe is not installed",
    )
    ssd(tmp_path)
    from mobilecat.formats.tflite.read.file import read_tflite

    model = read_tflite((tmp_path / "b" / "ssd.tflite").read_bytes(), "")
    entry = next(m for m in model.metadata if m.name == b"TFLITE_METADATA")
    raw = bytes(model.buffers[entry.buffer].data)
    assert schema.ModelMetadata.ModelMetadataBufferHasIdentifier(raw, 0)
    whole = schema.ModelMetadataT.InitFromObj(schema.ModelMetadata.GetRootAs(raw, 0))
    graph = whole.subgraphMetadata[0]
    image = graph.inputTensorMetadata[0].content.contentProperties
    assert (image.colorSpace, image.defaultSize.width, image.defaultSize.height) == (1, *SSD_SIZE)
    box = graph.outputTensorMetadata[0].content
    assert (box.range.min, box.range.max) == (2, 2)
    assert list(box.contentProperties.index) == [1, 0, 3, 2]
    assert (box.contentProperties.type, box.contentProperties.coordinateType) == (1, 0)
    label = graph.outputTensorMetadata[1].associatedFiles[0]
    assert (label.name, label.type) == (b"labels.txt", 3)
    group = graph.outputTensorGroups[0]
    assert list(group.tensorNames) == [b"location", b"category", b"score"]
    assert whole.minParserVersion == b"1.2.0"


@pytest.mark.parametrize("per_class", [True, False])
def test_the_same_spec_gives_the_same_bytes(per_class: bool, tmp_path: Path) -> None:
    one, other = (ssd(tmp_path, out, per_class=per_class) for out in ("a", "b"))
    assert one.artifacts[0].sha256 == other.artifacts[0].sha256


def test_landmarks_that_the_network_turns_out_to_have_are_refused(tmp_path: Path) -> None:
    case = next(c for c in SUPPRESSED if c.head.startswith('kind = "centernet"') and c.points)
    path = save_network(tmp_path / "net.onnx", case.size_wh, case.outputs)
    text = toml(case, path).replace("[targets.onnx]", '[targets.tflite]\ncontract = "detection"')
    with pytest.raises(ModelError, match="does not fit the head"):
        exported(text, tmp_path / "b")
    assert not (tmp_path / "b").exists()


class Fixed:
    note = "fixed"

    def __init__(self, **outputs: Array) -> None:
        self.outputs = outputs

    def infer(self, inputs: object, taps: object = ()) -> dict[str, Array]:
        return self.outputs


def test_rows_become_pixels_and_what_lies_behind_them_zero(tmp_path: Path) -> None:
    bundle = ssd(tmp_path)
    boxes = np.full((1, 70, 4), np.nan, np.float32)
    boxes[0, 0] = [0.1, 0.2, 0.5, 1.0]  # ymin, xmin, ymax, xmax of 90×60
    rest = np.full((1, 70), np.nan, np.float32)
    ids, scores = rest.copy(), rest.copy()
    ids[0, 0], scores[0, 0] = 2, 0.75
    count = np.array([1], np.float32)
    four = {"boxes": boxes, "class_ids": ids, "scores": scores, "count": count}
    got = DetectionAsTensors(Fixed(**four), bundle).infer({})
    np.testing.assert_allclose(got["boxes"][0, 0], [18, 6, 90, 30], rtol=1e-6)
    assert got["class_ids"][0, 0] == 2 and got["scores"][0, 0] == 0.75
    assert not any(got[n][0, 1:].any() for n in ("boxes", "class_ids", "scores"))
    for bad in (np.array([71.0]), np.array([-1.0]), np.array([0.5]), np.array([np.nan])):
        with pytest.raises(ArtifactError):
            DetectionAsTensors(Fixed(**{**four, "count": bad}), bundle).infer({})

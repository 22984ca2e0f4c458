"""A sample of the planted faults: each must fail, at the stage that was foretold.

Most in the demo's detector, which needs no test data. All of them:
`python -m tools.plant_faults`, which writes docs/planted_faults.md.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mobilecat.bisection.walk import bisect
from tools.plant_faults.faults import faults, weight_faults
from tools.plant_faults.harmless import changes, try_harmless
from tools.plant_faults.kept import Kept
from tools.plant_faults.kinds import Fault
from tools.plant_faults.layers import try_layer
from tools.plant_faults.models import DEMO
from tools.plant_faults.run import Row, plan, try_fault
from tools.plant_faults.workshop import RUNNER, Model, Mutant, make_models

IN_THE_DEMO = (
    # Each as it is planted in a model like it: an SSD, or a detector with a letterbox.
    ("colours swapped", "ssdlite", "mlmodel"),
    ("mean missing", "ssdlite", "tflite"),
    ("sigmoid missing in the decode", "ssdlite", "mlpackage"),
    ("padded rows not zero", "ssdlite", "mlpackage"),
    ("stretch for letterbox", "yunet", "tflite"),
    ("one flipped byte", "ssdlite", "mlmodel"),
    ("by hand, bundle.json: iou_threshold", "yunet", "mlmodel"),
    ("sealed again, bundle.json: mean", "mtcnn_onet", "mlmodel"),
    ("sealed again, bundle.json: tolerances of 1e9", "mtcnn_onet", "onnx"),
    ("sealed again, bundle.json: an artifact dropped", "yunet", "onnx"),
    ("labels.txt: a byte order mark", "yunet", "onnx"),
    ("goldens: a case deleted", "mtcnn_onet", "tflite"),
    ("goldens: approved.json copied to a lane", "mtcnn_onet", "tflite"),
    ("in the file: specification one lower", "mtcnn_onet", "mlpackage"),
    ("in the file: an output too many", "mtcnn_onet", "mlmodel"),
    ("in the file: outputs in another order", "mtcnn_onet", "onnx"),
    ("in the file: input with a quantisation", "mtcnn_onet", "tflite"),
)
IN_YUNET = (
    ("sigmoid missing", "mlpackage"),
    ("anchors shifted by half a cell", "tflite"),
    ("landmarks left and right exchanged", "mlpackage"),
    ("NMS IoU 0.45 → 0.5", "tflite"),
    ("NMS score 0.3 → 0.31", "mlmodel"),
)
LAYERS = ("stem_1", "block_6_project_1", "grid_7_boxes_1")


def made(name: str, data: Path, root: Path) -> Model:
    patch = pytest.MonkeyPatch()
    patch.delenv("CI", raising=False)
    (model,) = make_models(data, root, (name,))
    patch.undo()
    return model


@pytest.fixture(scope="module")
def cat_faces(tmp_path_factory: pytest.TempPathFactory) -> Model:
    root = tmp_path_factory.mktemp("true")
    return made(DEMO, root, root)


@pytest.fixture(scope="module")
def yunet(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Model:
    return made("yunet", shared_data, tmp_path_factory.mktemp("true"))


def assert_caught(row: Row) -> None:
    assert (row.verdict, row.found) == ("caught", row.expected), row


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name,like,format", IN_THE_DEMO)
def test_a_fault_in_the_demo_fails_at_its_stage(
    cat_faces: Model, tmp_path: Path, name: str, like: str, format: str
) -> None:
    (fault,) = [
        f for f in faults({}) if f.name == name and like in f.models and format in f.formats
    ]
    assert_caught(try_fault(fault, cat_faces, format, tmp_path / "mutant"))


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name,format", IN_YUNET)
def test_a_fault_in_yunet_fails_at_its_stage(
    yunet: Model, tmp_path: Path, name: str, format: str
) -> None:
    def chosen(fault: Fault, m: str, f: str) -> bool:
        return (fault.name, m, f) == (name, "yunet", format)

    (found,) = plan([yunet], chosen)
    assert_caught(try_fault(*found, tmp_path / "mutant"))


HARMLESS = {
    "nodes and values renamed, then exported": {"mlpackage", "mlmodel", "tflite"},
    "another folder": {"mlpackage", "mlmodel", "tflite", "onnx"},
    "Thumbs.db and .DS_Store": {"mlpackage", "tflite"},
    "bundle.json by another writer": {"mlmodel", "tflite"},
    "every tensor without a name": {"tflite"},
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", HARMLESS)
def test_a_harmless_change_holds(cat_faces: Model, tmp_path: Path, name: str) -> None:
    jobs = [
        (change, cat_faces, format)
        for change in changes()
        if change.name == name and "mtcnn_onet" in change.models
        for format in change.formats
    ]
    assert {format for *_, format in jobs} == HARMLESS[name]
    for job in jobs:
        row = try_harmless(*job, tmp_path / "mutant")
        assert row.verdict == "held", row


@pytest.mark.sampled(2)
@pytest.mark.parametrize("index,format", [(0, "mlpackage"), (1, "tflite"), (2, "mlmodel")])
def test_bisect_names_the_planted_layer(
    cat_faces: Model, tmp_path: Path, index: int, format: str
) -> None:
    """The first layer zeroed, one in the middle permuted, one of the last cut to 8 bits."""
    nodes = tuple(f"functional_1/{layer}/BiasAdd" for layer in LAYERS)
    fault = weight_faults({DEMO: nodes})[index]
    assert fault.layer == nodes[index] and format in fault.formats
    row = try_layer(fault, cat_faces, format, tmp_path / "mutant")
    assert row.verdict == "caught", row


@pytest.mark.parametrize("format", ["mlpackage", "mlmodel", "tflite"])
def test_bisect_finds_nothing_in_a_true_bundle(
    cat_faces: Model, tmp_path: Path, format: str
) -> None:
    mutant = Mutant(cat_faces, format, tmp_path / "same")
    mutant.finish()
    picture = sorted((cat_faces.golden / DEMO).glob("*/*.png"))[0]
    found = bisect(mutant.folder, RUNNER[format], picture, source=cat_faces.source)
    assert found.first is None
    assert {"image", "decode/candidate_boxes", "boxes", "count"} <= {x.value for x in found.layers}
    assert len(found.layers) > 100
    assert all(np.isfinite(x.own) for x in found.layers)
    found.plot(tmp_path / "plot.svg")
    assert (tmp_path / "plot.svg").read_text().count("<circle") >= len(found.layers)


def test_rows_survive_a_run_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "kept" / "m.jsonl"
    row = Row("a fault", "m.tflite", "raw", "raw", "caught", "0.5 > 0.1, „quoted“", 1.25)
    Kept(path, "code 1").add("fault a", row)
    with path.open("a", encoding="utf-8") as file:
        file.write('{"of": "fault b", "row": {"na')  # killed while it wrote
    again = Kept(path, "code 1")
    assert again.get("fault a") == row and again.get("fault b") is None
    again.add("fault b", row)
    assert Kept(path, "code 1").get("fault b") == row
    assert Kept(path, "code 2").get("fault a") is None  # another code's rows prove nothing
    assert Kept(path, "code 1").get("fault a") is None

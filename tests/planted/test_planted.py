"""A sample of the planted faults: each must fail, at the stage that was foretold.

All of them: `python -m tools.plant_faults`, which writes docs/planted_faults.md.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mobilecat.bisection.walk import bisect
from tools.plant_faults.harmless import plan_harmless, try_harmless
from tools.plant_faults.kept import Kept
from tools.plant_faults.kinds import Fault
from tools.plant_faults.layers import plan_layers, try_layer
from tools.plant_faults.run import Row, plan, try_fault
from tools.plant_faults.workshop import RUNNER, Model, Mutant, make_models

SAMPLE = (
    ("colours swapped", "yunet", "mlmodel"),
    ("mean missing", "mtcnn_onet", "tflite"),
    ("sigmoid missing", "yunet", "mlpackage"),
    ("anchors shifted by half a cell", "yunet", "tflite"),
    ("landmarks left and right exchanged", "mtcnn_onet", "mlpackage"),
    ("NMS IoU 0.45 → 0.5", "yunet", "tflite"),
    ("NMS score 0.3 → 0.31", "yunet", "mlmodel"),
    ("padded rows not zero", "yunet", "mlpackage"),
    ("stretch for letterbox", "yunet", "tflite"),
    ("one flipped byte", "mtcnn_onet", "mlmodel"),
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


@pytest.fixture(scope="module")
def models(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Model]:
    patch = pytest.MonkeyPatch()
    patch.delenv("CI", raising=False)
    made = make_models(shared_data, tmp_path_factory.mktemp("true"), ("yunet", "mtcnn_onet"))
    patch.undo()
    return made


@pytest.mark.parametrize("name,model,format", SAMPLE)
def test_a_fault_fails_at_its_stage(
    models: list[Model], tmp_path: Path, name: str, model: str, format: str
) -> None:
    def chosen(fault: Fault, m: str, f: str) -> bool:
        return (fault.name, m, f) == (name, model, format)

    (found,) = plan(models, chosen)
    row = try_fault(*found, tmp_path / "mutant")
    assert (row.verdict, row.found) == ("caught", row.expected), row


HARMLESS = {
    "nodes and values renamed, then exported": {"mlpackage", "mlmodel", "tflite"},
    "another folder": {"mlpackage", "mlmodel", "tflite", "onnx"},
    "Thumbs.db and .DS_Store": {"mlpackage", "tflite"},
    "bundle.json by another writer": {"mlmodel", "tflite"},
    "every tensor without a name": {"tflite"},
}


@pytest.mark.parametrize("name", HARMLESS)
def test_a_harmless_change_holds(models: list[Model], tmp_path: Path, name: str) -> None:
    jobs = [p for p in plan_harmless(models) if p[0].name == name and p[1].name == "mtcnn_onet"]
    assert {p[2] for p in jobs} == HARMLESS[name]
    for job in jobs:
        row = try_harmless(*job, tmp_path / "mutant")
        assert row.verdict == "held", row


@pytest.mark.parametrize("index", [0, 2, 6])
def test_bisect_names_the_planted_layer(models: list[Model], tmp_path: Path, index: int) -> None:
    row = try_layer(*plan_layers(models)[index], tmp_path / "mutant")
    assert row.verdict == "caught", row


@pytest.mark.parametrize("format", ["mlpackage", "mlmodel", "tflite"])
def test_bisect_finds_nothing_in_a_true_bundle(
    models: list[Model], tmp_path: Path, format: str
) -> None:
    yunet = models[0]
    mutant = Mutant(yunet, format, tmp_path / "same")
    mutant.finish()
    picture = sorted((yunet.golden / "yunet").glob("*/*.png"))[0]
    found = bisect(mutant.folder, RUNNER[format], picture, source=yunet.source)
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

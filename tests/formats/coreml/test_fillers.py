"""Filler classes end to end: the same detections in every lane; labels that nothing confuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from mobilecat.bundle import open_bundle
from mobilecat.cli.main import app
from mobilecat.compile import export
from mobilecat.graph import Array
from mobilecat.judge.written import check_written
from mobilecat.lanes import NotRun, lanes_of, open_lane
from mobilecat.spec import spec_from_text
from tests.formats.tflite.detection.networks import SSD_SIZE, save_ssd, ssd_spec
from tools.plant_faults.files import edit_coreml

LABELS = ("cat", "Kätzchen", "猫")
TARGETS = """
[[targets.coreml]]
contract = "vision"
[[targets.coreml]]
name = "plain"
contract = "vision"
pad_classes = false
[[targets.coreml]]
contract = "vision"
format = "mlmodel"
[[targets.coreml]]
name = "tensors"
[targets.onnx]
[targets.tflite]
"""


@pytest.fixture(scope="module", params=[False, True], ids=["agnostic", "per class"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("ssd")
    save_ssd(root / "ssd.onnx")
    text = ssd_spec(root / "ssd.onnx", per_class=request.param)
    text = text.replace('[targets.tflite]\ncontract = "detection"\n', TARGETS)
    text = text.replace("score_threshold = 0.85", "score_threshold = 0.6")
    export(spec_from_text(text), root / "b")
    return root / "b"


def detections(folder: Path) -> dict[str, tuple[Array, Array]]:
    """Return each lane's boxes and classes, by box: lanes may order equal scores as they like."""
    width, height = SSD_SIZE
    picture = np.random.default_rng(5).integers(0, 256, (height, width, 3), dtype=np.uint8)
    bundle, found = open_bundle(folder), {}
    for lane in lanes_of(bundle):
        try:
            got = open_lane(folder, bundle, lane).infer({"image": picture})
        except NotRun:
            continue
        count = int(np.ravel(got["count"])[0])
        boxes, ids = got["boxes"].reshape(-1, 4)[:count], np.ravel(got["class_ids"])[:count]
        order = np.lexsort([*boxes.round(1).T, ids])
        found[lane.name] = boxes[order], ids[order]
    return found


def test_every_lane_finds_the_same_boxes(folder: Path) -> None:
    found = detections(folder)
    assert len(found) == 7 and {"coreml:ssd.mlpackage", "coreml:plain.mlpackage"} < set(found)
    boxes, ids = found["source"]
    assert set(ids) == {0, 1, 2} and len(ids) > 10
    for name, (mine, classes) in found.items():
        np.testing.assert_array_equal(classes, ids, err_msg=name)
        np.testing.assert_allclose(mine, boxes, atol=0.05, err_msg=name)


def test_the_contract_names_no_filler(folder: Path) -> None:
    assert (folder / "labels.txt").read_text("utf-8").split() == list(LABELS)
    assert "filler" not in (folder / "bundle.json").read_text("utf-8")
    said = CliRunner().invoke(app, ["inspect", str(folder / "ssd.mlpackage"), "--json"])
    about = json.loads(said.stdout)["metadata"]
    assert (about["classes"], about["fillers"]) == (",".join(LABELS), "77")
    for file in ("plain.mlpackage", "ssd.mlmodel"):
        said = CliRunner().invoke(app, ["inspect", str(folder / file), "--json"])
        assert "fillers" not in json.loads(said.stdout)["metadata"]


def _labels(spec: Any) -> Any:
    return spec.pipeline.models[-1].nonMaximumSuppression.stringClassLabels.vector


def one_lost(spec: Any) -> None:
    del _labels(spec)[-1]


def before_the_labels(spec: Any) -> None:
    held = list(_labels(spec))
    _labels(spec)[:] = [*held[3:], *held[:3]]


def a_label_among_them(spec: Any) -> None:
    _labels(spec)[40] = "cat"


def another_number(spec: Any) -> None:
    spec.description.metadata.userDefined["fillers"] = "78"


@pytest.mark.parametrize("fault", [one_lost, before_the_labels, a_label_among_them, another_number])
def test_a_file_with_other_fillers_falls_short(
    folder: Path, fault: Callable[[Any], None], tmp_path: Path
) -> None:
    out = tmp_path / "b"
    shutil.copytree(folder, out)
    bundle = open_bundle(out)
    record = bundle.artifact("ssd.mlpackage")
    assert {c.verdict for c in check_written(out / record.file, record, bundle)} == {"PASS"}
    edit_coreml(out / record.file, fault)
    failed = [c for c in check_written(out / record.file, record, bundle) if c.verdict == "FAIL"]
    assert any(c.name == "labels as written" for c in failed), failed

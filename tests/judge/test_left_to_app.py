"""Files whose suppression is the app's: goldens of a bundle that suppresses itself hold them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from mobilecat.compile import export
from mobilecat.disk import sha256_of
from mobilecat.judge.run import validate
from mobilecat.lanes import lanes_of
from mobilecat.measure.tune.candidates import lane_to_tune
from mobilecat.review.approve import approve, record
from mobilecat.spec import NmsSpec
from tests.cat_faces import ONE, SOURCE, cat_faces_spec
from tests.judge.fake import edit_bundle

TARGETS = """
[targets.onnx]
[targets.tflite]
[[targets.coreml]]
precision = "float32"
"""


def made(out: Path, **nms: Any) -> Path:
    spec = cat_faces_spec(TARGETS)
    assert spec.nms is not None
    placed = NmsSpec(**{**spec.nms.model_dump(), **nms})
    text = spec.model_dump(mode="python", by_alias=True)
    export(type(spec).model_validate({**text, "nms": placed}), out, source=SOURCE)
    return out


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that suppresses itself, its approved goldens, and one that leaves it to the app."""
    root = tmp_path_factory.mktemp("left_to_app")
    patch = pytest.MonkeyPatch()
    patch.delenv("CI", raising=False)
    made(root / "graph")
    record(root / "graph", root / "golden", ONE, link=True)
    approve(root / "graph", root / "golden", every=True)
    patch.undo()
    made(root / "app", where="app")
    return root


def test_the_goldens_do_not_care_where_boxes_are_suppressed(work: Path) -> None:
    report = validate(work / "app", work / "golden", random=1)
    assert report.held, report.failed
    assert {r.lane.runner for r in report.lanes} >= {"source", "onnx", "tflite", "coreml"}
    contracts = [a.contract for a in report.bundle.artifacts]
    assert contracts == ["candidates"] * 3
    assert lane_to_tune(report.bundle, None, None) == lanes_of(report.bundle, "source")[0]


def ended(name: str, op: str, *more: np.ndarray, **attributes: int) -> Callable[[Any], None]:
    """Return an edit: the node that hands over `name` does something else than pass it on."""

    def edit(model: onnx.ModelProto) -> None:
        (node,) = [n for n in model.graph.node if name in n.output]
        node.op_type = op
        for i, array in enumerate(more):
            model.graph.initializer.append(onnx.numpy_helper.from_array(array, f"planted{i}"))
            node.input.append(f"planted{i}")
        node.attribute.extend(onnx.helper.make_attribute(k, v) for k, v in attributes.items())

    return edit


FAULTS = {
    "corners in another order": ended("candidate_boxes", "Gather", np.array([1, 0, 3, 2]), axis=2),
    "boxes out of step with their scores": ended(
        "candidate_boxes", "Gather", np.arange(530)[::-1].copy(), axis=1
    ),
    "scores not the head's": ended("candidate_scores", "Sqrt"),
    "boxes in 0..1": ended("candidate_boxes", "Mul", np.float32(1 / 224)),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_what_is_handed_over_is_caught(work: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(work / "app", tmp_path / "b")
    file = tmp_path / "b" / "cat_faces.onnx"
    model = onnx.load(file)
    FAULTS[name](model)
    onnx.save(model, file)

    def vouch(told: dict[str, Any]) -> None:
        (mine,) = [a for a in told["artifacts"] if a["file"] == file.name]
        mine["sha256"] = sha256_of(file)
        told["source"]["path"] = str((work / "app" / told["source"]["path"]).resolve())

    edit_bundle(tmp_path / "b", vouch)
    report = validate(tmp_path / "b", work / "golden", write_pending=False)
    wrong = {r.lane for r in report.failed}
    assert wrong == {"onnx:cat_faces.onnx"}


@pytest.mark.parametrize(
    "nms", [{"score_threshold": 0.35}, {"iou_threshold": 0.6}, {"candidates": 5}], ids=str
)
def test_other_settings_for_the_app_are_no_settings_of_these_goldens(
    work: Path, tmp_path: Path, nms: dict[str, Any]
) -> None:
    made(tmp_path / "other", where="app", **nms)
    report = validate(tmp_path / "other", work / "golden", write_pending=False)
    assert not report.held
    assert any(f"[nms] {next(iter(nms))}: golden made with" in str(r) for r in report.failed)

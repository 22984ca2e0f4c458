"""Faults of turned boxes and of suppression in the app, each in one artifact alone, all caught.

A fault is planted in the network or the spec that the artifact is made of, or in what an app does
with the candidates; bundle.json, the source and the goldens stay right.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image

from mobilecat.bundle import open_bundle
from mobilecat.compare.match import compare_detections
from mobilecat.compare.tolerances import Limits
from mobilecat.compile import export
from mobilecat.disk import sha256_of
from mobilecat.formats.base.candidates import CandidatesAsTensors
from mobilecat.geometry.affine import Affine
from mobilecat.geometry.resize import plan_resize
from mobilecat.judge.run import validate
from mobilecat.lanes.base import lanes_of, open_lane
from mobilecat.lanes.detect import decode_outputs
from mobilecat.review.approve import approve, record
from mobilecat.spec import NmsSpec, spec_from_text
from tests.heads.networks import save_network
from tests.judge.fake import edit_bundle

SIZE = (96, 64)
ROWS = ((1, 126, 8), (8, 8, 10, 4, 0, 0, 0, -0.78), (88, 56, 40, 14, 1, 1, 1, 2.35))
TOML = """name = "net"
source = "{source}"
labels = ["ship", "plane", "car"]
nms = {{ score_threshold = 0.8, iou_threshold = 0.3, max_detections = 60{nms} }}
[input]
size = [96, 64]
resize = "letterbox"
[head]
kind = "obb"
{head}
[targets.onnx]
[targets.tflite]
[[targets.coreml]]
precision = "float32"
[[targets.coreml]]
precision = "float16"
"""
FILES = ("net.onnx", "net.tflite", "net.mlpackage", "net-float16.mlpackage")


def made(source: Path, out: Path, head: str = "", nms: str = "") -> Path:
    export(spec_from_text(TOML.format(source=source, head=head, nms=nms)), out)
    return out


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("turned")
    patch = pytest.MonkeyPatch()
    patch.delenv("CI", raising=False)
    save_network(root / "net.onnx", SIZE, {"out": ROWS})
    made(root / "net.onnx", root / "bundle")
    rng = np.random.default_rng(1)
    Image.fromarray(rng.integers(0, 256, (60, 100, 3), np.uint8)).save(root / "noise.png")
    record(root / "bundle", root / "golden", root / "noise.png", link=True)
    approve(root / "bundle", root / "golden", every=True)
    patch.undo()
    return root


def test_the_right_bundle_holds(work: Path) -> None:
    report = validate(work / "bundle", work / "golden", random=1)
    assert report.held, report.failed
    assert [a.file for a in report.bundle.artifacts] == [*FILES[2:], *FILES[1::-1]]
    assert {a.contract for a in report.bundle.artifacts} == {"candidates"}
    counts = [r.check.detail for r in report.results if r.check.name == "count" and r.case]
    assert all(int(c.split()[0]) > 15 for c in counts)


@pytest.mark.parametrize(
    ("head", "turn", "said"),
    [("", 60.0, 'is head.angle "degrees"'), ('angle = "degrees"', 1.0, 'is head.angle "radians"')],
)
def test_an_angle_of_the_other_unit_speaks_up(
    head: str, turn: float, said: str, tmp_path: Path
) -> None:
    low, high = (tuple(v * turn if k == 7 else v for k, v in enumerate(b)) for b in ROWS[1:])
    save_network(tmp_path / "net.onnx", SIZE, {"out": (ROWS[0], low, high)})
    spec = spec_from_text(TOML.format(source=tmp_path / "net.onnx", head=head, nms=""))
    notes = export(spec, tmp_path / "bundle").notes
    assert any(said in note for note in notes), notes


def test_right_angles_do_not(work: Path, tmp_path: Path) -> None:
    spec = spec_from_text(TOML.format(source=work / "net.onnx", head="", nms=""))
    assert not any("head.angle" in note for note in export(spec, tmp_path / "bundle").notes)


def columns(change: Callable[[Any], Any]) -> Callable[[Path], None]:
    """Return an edit of the network: its rows' numbers, base and slope, [1,N,8], changed."""

    def edit(path: Path) -> None:
        model = onnx.load(path)
        for weight in model.graph.initializer:
            array = onnx.numpy_helper.to_array(weight).copy()
            level = 1.0 if weight.name.endswith("base") else 0.0
            array = change((array, level)).astype(np.float32)
            weight.CopyFrom(onnx.numpy_helper.from_array(array, weight.name))
        onnx.save(model, path)

    return edit


def _with(column: int, new: Callable[[Any, float], Any]) -> Callable[[Path], None]:
    def change(given: Any) -> Any:
        array, level = given
        array[..., column] = new(array, level)
        return array

    return columns(change)


Planted = tuple[str, str, Callable[[Path], None] | None]
NOTHING = columns(lambda given: given[0])
FAULTS: dict[str, Planted] = {
    "angle negated": ('direction = "counterclockwise"', "", None),
    "degrees for radians": ('angle = "degrees"', "", None),
    "angle read from the scores": ('angle_column = "fifth"', "", None),
    "boxes taken for 0..1": ('units = "normalised"', "", None),
    "width and height exchanged": ("", "", columns(lambda g: g[0][..., [0, 1, 3, 2, 4, 5, 6, 7]])),
    "x and y exchanged": ("", "", columns(lambda g: g[0][..., [1, 0, 2, 3, 4, 5, 6, 7]])),
    "a quarter turn off": ("", "", _with(7, lambda a, one: a[..., 7] + one * math.pi / 2)),
    "angle left in 0..1": (
        "", "", _with(7, lambda a, one: (a[..., 7] + one * math.pi / 4) / math.pi)
    ),
    "angle left out": ("", "", _with(7, lambda a, one: 0 * a[..., 7])),
    "corner for centre": ("", "", _with(0, lambda a, one: a[..., 0] + a[..., 2] / 2)),
    "classes rolled": ("", "", columns(lambda g: g[0][..., [0, 1, 2, 3, 5, 6, 4, 7]])),
    "too few compete": ("", ", candidates = 9", None),
}  # fmt: skip


@pytest.fixture(scope="module")
def planted(work: Path) -> Callable[[str], Path]:
    """Return bundles of the faults, each made once."""

    def make(name: str) -> Path:
        head, nms, edit = FAULTS[name]
        home = work / "planted" / name.replace(" ", "_")
        if not home.is_dir():
            home.mkdir(parents=True)
            shutil.copy(work / "net.onnx", home / "net.onnx")
            (edit or NOTHING)(home / "net.onnx")
            made(home / "net.onnx", home / "bundle", head, nms)
        return home / "bundle"

    return make


@pytest.mark.sampled(3)
@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_one_artifact_is_caught(
    work: Path, planted: Callable[[str], Path], tmp_path: Path, name: str, file: str
) -> None:
    wrong, out = planted(name), tmp_path / "b"
    shutil.copytree(work / "bundle", out)
    copy = shutil.copytree if (wrong / file).is_dir() else shutil.copyfile
    shutil.rmtree(out / file) if (out / file).is_dir() else (out / file).unlink()
    copy(wrong / file, out / file)

    def vouch(told: dict[str, Any]) -> None:
        (mine,) = [a for a in told["artifacts"] if a["file"] == file]
        mine["sha256"] = sha256_of(out / file)
        told["source"]["path"] = str(work / "net.onnx")

    edit_bundle(out, vouch)
    report = validate(out, work / "golden", write_pending=False)
    lanes = {r.lane for r in report.failed}
    assert lanes and all(file in lane for lane in lanes), (name, lanes)


IN_THE_APP: dict[str, dict[str, Any]] = {
    "score_threshold off": {"score_threshold": 0.85},
    "iou_threshold off": {"iou_threshold": 0.4},
    "classes suppress each other": {"per_class": False},
    "fewer detections": {"max_detections": 12},
    "polygons for Gaussians": {"overlap": "polygon"},
    "no suppression at all": {"selection": "best", "iou_threshold": 1.0, "per_class": False},
}


def _detections(work: Path, change: dict[str, Any], upright: bool = False) -> Any:
    """Return what an app finds that suppresses one artifact's candidates by changed settings."""
    bundle = open_bundle(work / "bundle")
    (lane,) = [x for x in lanes_of(bundle) if x.runner == "onnx"]
    runner = open_lane(work / "bundle", bundle, lane)
    assert isinstance(runner, CandidatesAsTensors)
    assert bundle.nms is not None
    runner._nms = NmsSpec(**{**bundle.nms.model_dump(), **change})
    picture = np.random.default_rng(1).integers(0, 256, (64, 96, 3), np.uint8)
    found = runner._runner.infer({"image": picture})
    if upright:
        found["candidate_angles"] = found["candidate_angles"] * 0
    runner._runner = _Given(found)
    return decode_outputs(runner.infer({"image": picture}), plan_resize(SIZE, SIZE, "stretch"))


class _Given:
    note = "given"

    def __init__(self, found: Any) -> None:
        self._found = found

    def infer(self, inputs: Any, taps: Any = ()) -> Any:
        return dict(self._found)


LIMITS = Limits(boxes_px=0.5, landmarks_px=0.5, scores=1e-3, tensors=1e-4)


@pytest.mark.parametrize("name", [*IN_THE_APP, "upright boxes for turned ones"])
def test_a_fault_in_the_apps_suppression_is_caught(work: Path, name: str) -> None:
    """What comes back from a device is compared with the golden as any lane's results are."""
    right = _detections(work, {})
    same = Affine.identity()
    wrong = _detections(work, IN_THE_APP.get(name, {}), name not in IN_THE_APP)
    verdicts = {
        key: {c.verdict for c in compare_detections(right, found, LIMITS, same, 0.8)}
        for key, found in (("right", right), ("wrong", wrong))
    }
    assert verdicts["right"] == {"PASS"} and "FAIL" in verdicts["wrong"]

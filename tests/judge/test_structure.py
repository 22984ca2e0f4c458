"""Faults smaller than float16's rounding, and ends that no picture tries."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mobilecat.bundle import open_bundle
from mobilecat.compare.compare import MADE
from mobilecat.compare.tolerances import STRUCTURE
from mobilecat.compile import export
from mobilecat.formats.importing import import_model
from mobilecat.judge import validate
from mobilecat.review.approve import approve, record
from mobilecat.spec import spec_from_text
from tests.tiny import save_yunet_like
from tools.plant_faults.changes import Plant, graph, image, plus, through, times
from tools.plant_faults.edit import Editor
from tools.plant_faults.subtle import (
    BOXES,
    POINTS,
    SCORES,
    channel,
    clip,
    exponent,
    gain,
    shifted,
    top,
    unary,
)
from tools.plant_faults.workshop import Model, Mutant, stage_of, writable

SPEC = """
name = "tiny"
source = "-"
labels = ["face"]
landmarks = ["a", "b", "c", "d", "e"]
[input]
size = [96, 64]
color = "BGR"
mean = [104, 117, 123]
resize = "stretch"
[head]
kind = "yunet"
[nms]
score_threshold = 0.3
iou_threshold = 0.45
max_detections = 20
[[targets.coreml]]
precision = "float16"
[[targets.coreml]]
format = "mlmodel"
precision = "float32"
[targets.tflite]
[targets.onnx]
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    root = tmp_path_factory.mktemp("tiny")
    source = save_yunet_like(root / "source.onnx")
    done = export(spec_from_text(SPEC), root / "tiny", source=source)
    noise = np.random.default_rng(3).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    picture = root / "noise.png"
    Image.fromarray(noise).save(picture)
    with writable():
        record(root / "tiny", root / "golden", picture, source=source)
        approve(root / "tiny", root / "golden", every=True)
    network = import_model(source, dict(done.bundle.source.shapes))
    return Model("tiny", source, root / "tiny", root / "golden", network, done.bundle)


def test_the_true_bundle_holds_and_every_lane_was_tried(model: Model) -> None:
    report = validate(model.folder, model.golden, source=model.source, random=2)
    assert report.held, [r.check for r in report.failed] + list(report.shortfalls)
    for lane in report.lanes:
        if lane.lane.artifact is None or lane.unloaded:
            continue
        against = {c.against for c in report.of(lane.lane.name) if c.verdict == "PASS"}
        half = lane.lane.artifact.precision == "float16"
        assert MADE in against and (STRUCTURE in against) == half, lane.lane.name


def conv(which: int, change: object) -> Plant:
    def edit(e: Editor) -> None:
        e.set_const(e.of_type("Conv")[which].name or "", 1, change)  # type: ignore[arg-type]

    return graph(edit)


FLOAT16: dict[str, Plant] = {
    "half a pixel in x": through(BOXES, shifted(0.5, 0, 0.5, 0)),
    "half a pixel in y": through(BOXES, shifted(0, 0.5, 0, 0.5)),
    "rounded down": through(BOXES, unary("Floor")),
    "width one too large": through(BOXES, shifted(0, 0, 1, 0)),
    "a landmark half a pixel off": through(POINTS, plus(0.5)),
    "a dead channel": conv(2, channel(0.0, 0)),
    "1 % gain in a layer": conv(3, gain(1.01)),
    "means in RGB order": image(mean=(123.0, 117.0, 104.0)),
    "scores times 0.99": through(SCORES, times(0.99)),
    "scores clamped": through(SCORES, clip(0.01, 0.99)),
}


@pytest.mark.parametrize("name", FLOAT16)
def test_a_fault_below_float16s_rounding_is_caught(model: Model, tmp_path: Path, name: str) -> None:
    mutant = Mutant(model, "mlpackage", tmp_path / "mutant")
    FLOAT16[name](mutant)
    mutant.finish()
    stage, said = stage_of(mutant)
    assert stage in ("raw", "candidates", "detections"), (stage, said)


UNTRIED: dict[str, Plant] = {
    "boxes rounded": through(BOXES, unary("Round")),
    "final boxes clipped to the picture": through("boxes", clip(0, 96)),
    "a top-k of 2": through(SCORES, top(2)),
    "a top-k of 50": through(SCORES, top(50)),
    "exp cut off": exponent(4.0),
    "scores times 0.999": through(SCORES, times(0.999)),
    "scores plus 0.001": through(SCORES, plus(0.001)),
}
FORMATS = ("mlpackage", "mlmodel", "tflite", "onnx")


@pytest.mark.parametrize(
    "name,format", [(n, FORMATS[(k + j) % 4]) for k, n in enumerate(UNTRIED) for j in (0, 2)]
)
def test_an_end_that_no_picture_tries_is_caught_on_made_values(
    model: Model, tmp_path: Path, name: str, format: str
) -> None:
    mutant = Mutant(model, format, tmp_path / "mutant")
    UNTRIED[name](mutant)
    mutant.finish()
    report = validate(mutant.folder, model.golden, source=model.source, write_pending=False)
    assert any(r.check.against == MADE for r in report.failed), [r.check for r in report.failed]


def test_without_the_source_the_ends_are_tried_and_the_weights_are_not(
    model: Model, tmp_path: Path
) -> None:
    report = validate(
        model.folder, model.golden, source=tmp_path / "gone.onnx", write_pending=False
    )
    assert report.held, [r.check for r in report.failed]
    lane = "coreml:tiny.mlpackage"
    assert any(c.against == MADE for c in report.of(lane))
    assert not any(c.against == STRUCTURE for c in report.of(lane))


def test_a_wrong_artifact_without_inner_values_does_not_blame_nms(
    model: Model, tmp_path: Path
) -> None:
    """Its end is right on made candidates, so the weights are named."""
    mutant = Mutant(model, "tflite", tmp_path / "mutant")
    conv(0, np.zeros_like)(mutant)
    raw = [t.name for t in model.bundle.raw_outputs]
    mutant.artifact["taps"] = {k: v for k, v in mutant.artifact["taps"].items() if k not in raw}
    mutant.finish()
    report = validate(mutant.folder, model.golden, source=model.source, write_pending=False)
    (lane,) = [r.lane for r in report.lanes if r.lane.artifact]
    assert report.first_fault(lane) in ("raw", "candidates")


def test_open_bundle_reads_goldens_of_before(model: Model) -> None:
    """A golden without `moves` keeps its seal."""
    from mobilecat.golden.store import read_cases

    (case,), _ = read_cases(model.golden, open_bundle(model.folder))
    assert case.approved.moves["float16"] and case.approved.seal_holds
    old = case.approved.model_copy(update={"moves": {}})
    assert "moves" not in old.sealed().to_json() and old.sealed().seal_holds

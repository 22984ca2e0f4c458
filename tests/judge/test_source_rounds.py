"""A source whose engine rounds: what is made of it is held to its numbers without that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mobilecat as mc
from mobilecat.bundle import Bundle
from mobilecat.compare.tolerances import STRUCTURE
from mobilecat.compile import export
from mobilecat.judge import validate
from mobilecat.judge.report import Report
from mobilecat.lanes import Lane, open_lane
from mobilecat.spec import spec_from_text
from tests.formats.tflite.lower.engines import drawn, graph, run_ort
from tests.formats.tflite.quantise.files import made

SPEC = """
name = "rounded"
source = "-"
[head]
kind = "raw"
[[targets.coreml]]
precision = "float32"
[targets.tflite]
[targets.onnx]
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An int8 .tflite, three convolutions deep, to float32 files of every kind."""
    root = tmp_path_factory.mktemp("rounded")
    convolutions = "\n".join(
        f"c{k} = Conv <pads = [1, 1, 1, 1]> ({'x' if k == 0 else f'r{k - 1}'}, w{k}, b{k}) "
        f"{'y' if k == 2 else f'r{k}'} = Relu (c{k})"
        for k in range(3)
    )
    text = f"(float[1,8,9,7] x) => (float[1,8,9,7] y) {{ {convolutions} }}"
    weights = {f"w{k}": drawn(f"w{k}", (8, 8, 3, 3)) for k in range(3)}
    model = graph(text, **weights, **{f"b{k}": drawn(f"b{k}", (8,)) for k in range(3)})
    x = np.random.default_rng(5).random((1, 8, 9, 7), np.float32)
    high = {"y": float(run_ort(model, {"x": x})["y"].max())}
    ranges: dict[str, Any] = {"x": (0.0, 1.0), "y": (0.0, 1.5 * high["y"])}
    for k in range(2):
        ranges[f"r{k}"] = (0.0, 12.0 * (30.0 if k else 1.0))
    source = root / "rounded.tflite"
    source.write_bytes(made(model, "int8", ranges).data)
    export(spec_from_text(SPEC), root / "bundle", source=source)
    return root / "bundle"


class Wrong:
    """A lane whose first channel is 1 % too large: less than int8 rounds."""

    def __init__(self, runner: Any) -> None:
        self.note, self._runner = runner.note, runner

    def infer(self, inputs: Mapping[str, Any], taps: Sequence[str] = ()) -> dict[str, Any]:
        found = dict(self._runner.infer(inputs, taps))
        found["y"] = found["y"].copy()
        found["y"][:, 0] *= 1.01
        return found


def judged(bundle: Path, wrong: str = "") -> Report:
    def opener(folder: Path, b: Bundle, lane: Lane, source: Path | None) -> Any:
        runner = open_lane(folder, b, lane, source)
        return Wrong(runner) if wrong and lane.name.startswith(wrong) else runner

    opener.opener = open_lane  # type: ignore[attr-defined]  # real engines, so all is tried
    return validate(bundle, random=2, source=bundle.parent / "rounded.tflite", opener=opener)


def test_right_artifacts_hold_far_from_their_source(bundle: Path) -> None:
    report = judged(bundle)
    assert report.held and report.source_rounds, [r.check for r in report.failed]
    # int8 rounds far beyond float32's limits, and they are held to those nevertheless
    assert max(r.value or 0 for r in report.random) > 1e-3
    whole = [r for r in report.results if r.check.against == STRUCTURE]
    assert {r.lane.partition(":")[0] for r in whole} == {"coreml", "tflite", "onnx"}
    assert all(r.check.value is not None and r.check.value <= 1e-4 for r in whole)
    assert any("rounds its values" in note for note in report.notes)


@pytest.mark.parametrize("lane", ["coreml", "tflite", "onnx"])
def test_less_than_the_source_rounds_is_noticed_in_one_lane(bundle: Path, lane: str) -> None:
    failed = judged(bundle, wrong=lane).failed
    assert failed and {r.lane.partition(":")[0] for r in failed} == {lane}
    assert {r.check.against for r in failed} == {STRUCTURE}


def test_a_page_has_the_very_checks(bundle: Path, tmp_path: Path) -> None:
    """What writes down for the page what lanes give must not hide the source from the judge."""
    source = bundle.parent / "rounded.tflite"
    plain = mc.validate(bundle, random=1, source=source)
    paged = mc.validate(bundle, random=1, source=source, html=tmp_path / "page.html")

    def made(report: Any) -> list[tuple[str, ...]]:
        return sorted((r.lane, r.case, r.check.stage, r.check.name, r.check.against)
                      for r in report.report.results)  # fmt: skip

    assert made(paged) == made(plain)
    assert any(r.check.against == STRUCTURE for r in paged.report.results)
    assert "The source rounds its values" in (tmp_path / "page.html").read_text("utf-8")

"""What a cascade's goldens hide is seen in each of its models alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mobilecat.compare.compare import MADE
from mobilecat.compare.tolerances import STRUCTURE
from mobilecat.compile.cascade import export_cascade
from mobilecat.judge import validate
from mobilecat.judge.report import Report
from mobilecat.review.approve import approve, record
from tests.judge.test_ends import planted
from tests.lanes.cascade.tiny_landmarks import landmark_spec
from tests.tiny import save_yunet_like, yunet_like_spec

HALF = "[[targets.coreml]]\n"
PARTS = ("detector", "landmarks")


def judged(folder: Path) -> Report:
    landmark_spec(folder, HALF)
    source = save_yunet_like(folder / "yunet.onnx")
    text = yunet_like_spec(source, HALF).replace("threshold = 0.5", "threshold = 0.3")
    (folder / "detector.toml").write_text(text)
    (folder / "cascade.toml").write_text(
        '[cascade]\ndetector = "detector.toml"\nlandmarks = "points.toml"\nmax_crops = 5\n'
    )
    export_cascade(folder / "cascade.toml", folder / "out")
    rng = np.random.default_rng(3)
    blocks = rng.integers(0, 256, (6, 9, 3), dtype=np.uint8).repeat(15, axis=0).repeat(15, axis=1)
    Image.fromarray(blocks).save(folder / "noise.png")
    record(folder / "out", folder / "golden", folder / "noise.png")
    approve(folder / "out", folder / "golden", every=True, by="test")
    return validate(folder / "out", folder / "golden", write_pending=False)


@pytest.fixture(autouse=True)
def writable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)


def test_both_models_are_tried_alone(tmp_path: Path) -> None:
    report = judged(tmp_path)
    assert report.held, [r.check for r in report.failed]
    for home in PARTS:
        own = [r.check for r in report.results if r.check.detail.startswith(f"{home}: ")]
        assert {c.against for c in own if c.verdict == "PASS"} == {STRUCTURE, MADE}


@pytest.mark.parametrize("home,value", [("detector", "boxes"), ("landmarks", "landmarks")])
def test_half_a_pixel_in_one_model_is_caught(
    home: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = np.array(0.5, np.float32)
    file = "tiny.mlpackage" if home == "detector" else "points.mlpackage"
    name = f"decode/candidate_{value}"
    planted(monkeypatch, file, name, lambda e, v: e.op("Add", v, half))
    report = judged(tmp_path)
    assert not report.held
    alone = [r.check for r in report.failed if r.check.against in (STRUCTURE, MADE)]
    assert alone and all(c.detail.startswith(f"{home}: ") for c in alone)
    assert {c.against for c in alone} >= {STRUCTURE}

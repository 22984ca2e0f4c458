"""A cascade in every form of a report: pytest, the page, the review page, saved results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mobilecat.bundle.cascade import open_any
from mobilecat.judge.report import Report
from mobilecat.judge.run import validate
from mobilecat.judge.saved import open_saved, recording
from mobilecat.lanes import Lane, Runner, open_lane
from mobilecat.report.html_review import review_page
from mobilecat.review.approve import approve, pendings, record
from tests.judge.fake import Fault, Tensors
from tests.judge.test_faults import add, cut_to, edit, put, renamed, rows, without
from tests.lanes.cascade.test_cascade import BOX_VISION, boxes_file, exported, picture_of
from tests.report.test_plugin import run

LANE = "onnx:points.onnx"
OTHER_BOX = [0.1, 0.1, 0.2, 0.4]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two given boxes, one point fixed and one by colour; three rows of result."""
    root = tmp_path_factory.mktemp("cascade")
    patch = pytest.MonkeyPatch()
    patch.delenv("CI", raising=False)
    exported(root, "vision", "", "[targets.onnx]\n[targets.tflite]\n")
    given = [{"box_xywh": BOX_VISION, "score": 0.9}, {"box_xywh": OTHER_BOX, "score": 0.4}]
    record(root / "out-vision", root / "golden", picture_of(root), boxes=boxes_file(root, given))
    approve(root / "out-vision", root / "golden", every=True, by="test")
    patch.undo()
    return root


class Faulty:
    """Opens every lane as it is, but for one, whose results are changed."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault

    def __call__(self, folder: Path, bundle: object, lane: Lane, source: Path | None) -> Runner:
        engine = open_lane(folder, bundle, lane, source)  # type: ignore[arg-type]
        if lane.name != LANE:
            return engine
        fault = self.fault

        class Changed:
            note = engine.note

            def infer(self, inputs: Tensors, taps: object = ()) -> object:
                return fault(engine.infer(inputs))

        return Changed()  # type: ignore[return-value]


def check(work: Path, opener: Callable[..., Runner], **more: object) -> Report:
    return validate(work / "out-vision", work / "golden", opener=opener, **more)  # type: ignore[arg-type]


FAULTS: dict[str, tuple[str, Fault]] = {
    "no output at all": ("contract", lambda t: {}),
    "landmarks missing": ("contract", without("landmarks")),
    "an extra output": ("contract", lambda t: {**t, "more": np.ones((1, 3), np.float32)}),
    "boxes renamed": ("contract", renamed("boxes", "Identity")),
    "scores as float64": ("contract", edit("scores", lambda a: a.astype(np.float64))),
    "class ids as float": ("contract", edit("class_ids", lambda a: a.astype(np.float32))),
    "landmarks as pairs in one row": ("contract", edit("landmarks", lambda a: a.reshape(1, 3, 4))),
    "boxes transposed": ("contract", edit("boxes", lambda a: a.transpose(0, 2, 1))),
    "one row fewer": ("contract", edit("boxes", lambda a: a[:, :2])),
    "NaN in a landmark": ("contract", edit("landmarks", put((0, 0, 0, 0), np.nan))),
    "rows in another order": ("contract", rows([1, 0, 2], "boxes", "scores", "landmarks")),
    "padding rows not zero": ("contract", edit("boxes", put((0, 2), 3))),
    "x and y exchanged": ("detections", edit("landmarks", lambda a: a[..., ::-1].copy())),
    "left for right": ("detections", edit("landmarks", lambda a: a[:, :, ::-1].copy())),
    "one landmark 0.6 px off": ("detections", edit("landmarks", add((0, 1, 0, 0), 0.6))),
    "landmarks of two boxes exchanged": ("detections", rows([1, 0, 2], "landmarks")),
    "the last one lost": ("detections", cut_to(1)),
    "all lost": ("detections", cut_to(0)),
}


@pytest.mark.parametrize("name", FAULTS)
def test_no_fault_passes_live_or_saved(work: Path, tmp_path: Path, name: str) -> None:
    stage, fault = FAULTS[name]
    with recording(tmp_path / "kept", Faulty(fault)) as recorder:
        live = check(work, recorder, write_pending=False)
    saved = check(work, open_saved(tmp_path / "kept"), write_pending=False)
    for report in (live, saved):
        assert not report.held and report.exit_code == 1
        lanes = {r.lane.name: r.lane for r in report.lanes}
        assert report.verdict(lanes[LANE]) == "FAIL"
        assert report.first_fault(lanes[LANE]) == stage
        assert report.verdict(lanes["tflite:points.tflite"]) == "PASS"


def test_unchanged_it_holds_live_and_saved(work: Path, tmp_path: Path) -> None:
    with recording(tmp_path / "kept", Faulty(lambda t: t)) as recorder:
        assert check(work, recorder).held
    assert check(work, open_saved(tmp_path / "kept")).held


def test_the_review_page_shows_a_cascade(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    moved = edit("landmarks", add((0, 0, 0, 0), 2))
    out, golden = work / "out-vision", work / "golden"
    report = check(work, Faulty(moved))
    try:
        found = pendings(out, golden)
        page = review_page(out, golden, found)
    finally:
        for path in report.pending:
            path.unlink()
    assert [p.lane for p in found] == [LANE]
    assert (
        "detections: landmarks off by 2, limit 0.5" in page
        and f"golden approve {out} picture --golden {golden} --lane {LANE}" in page
    )
    assert page.count("<svg") == 1 and "data:image/jpeg" in page


def test_pytest_takes_a_cascade(work: Path, tmp_path: Path) -> None:
    words = ["--mobilecat", str(work / "out-vision"), "--mobilecat-golden", str(work / "golden")]
    done = run(tmp_path, *words)
    name = open_any(work / "out-vision").name
    assert done.returncode == 0, done.stdout + done.stderr
    for item in ("picture-source", f"picture-{LANE}", "picture-tflite:points.tflite", "goldens"):
        assert f"mobilecat::{name}[{item}] PASSED" in done.stdout, done.stdout
    assert "4 passed" in done.stdout
    boxes = work / "golden" / name / "picture" / "boxes.json"
    kept = boxes.read_text()
    boxes.write_text(kept.replace("0.25", "0.2"))
    try:
        done = run(tmp_path, *words, "-k", "source or goldens")
    finally:
        boxes.write_text(kept)
    assert done.returncode == 1 and "boxes.json" in done.stdout, done.stdout

"""Goldens judged by workers: the report of one process, also where it falls short."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

import mobilecat as mc
from mobilecat.demo import PICTURES
from mobilecat.errors import MobileCatError
from mobilecat.judge import spread
from mobilecat.judge.untried import Moved
from mobilecat.spec import Tolerance
from tests.tiny import save_yunet_like, yunet_like_spec
from tests.workers import here


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle and three approved goldens."""
    folder = tmp_path_factory.mktemp("judged")
    save_yunet_like(folder / "tiny.onnx")
    text = yunet_like_spec(Path("tiny.onnx"), "[targets.onnx]\n[targets.tflite]\n")
    (folder / "spec.toml").write_text(text)
    mc.export(folder / "spec.toml", folder / "tiny")
    patch = pytest.MonkeyPatch()
    patch.delenv("CI", raising=False)
    for picture in sorted(PICTURES.glob("*.png"))[:3]:
        mc.golden.record(folder / "tiny", folder / "golden", picture, link=True)
    mc.golden.approve(folder / "tiny", folder / "golden", every=True)
    patch.undo()
    return folder


def test_workers_give_the_report_of_one_process(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = mc.validate(work / "tiny", work / "golden")
    client = here(monkeypatch, spread)
    two = mc.validate(work / "tiny", work / "golden", on="local")
    assert one.held and client.asked == 2, "all but the first picture, which is judged here"
    assert two.to_json() == one.to_json()
    assert two.report.results == one.report.results


def test_what_differs_is_told_and_left_for_review_by_the_paths_that_were_given(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other scores are expected, and a picture is gone: pending files, and a path in words."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(work / "golden", "golden", symlinks=True)
    lanes = {"tflite": Tolerance.model_validate({"scores": 0.0, "boxes_px": 0.0})}
    home = Path(os.path.relpath(work / "tiny"))

    def told(**how: str) -> tuple[object, list[Path]]:
        done = mc.validate(home, "golden", tolerances=lanes, **how)  # type: ignore[arg-type]
        return done.to_json(), list(done.report.pending)

    one = told()
    here(monkeypatch, spread)
    assert told(on="local") == one
    assert all(not p.is_absolute() for p in one[1])


def test_what_workers_do_not_send_back_is_refused(work: Path, tmp_path: Path) -> None:
    for given in ({"html": tmp_path / "a.html"}, {"save": tmp_path / "kept"}):
        with pytest.raises(MobileCatError, match="leave it or --on out"):
            mc.validate(work / "tiny", work / "golden", on="local", **given)
    with pytest.raises(MobileCatError, match="random inputs run here"):
        mc.validate(work / "tiny", random=1, on="local")


def test_how_far_outputs_move_is_the_farthest_of_all() -> None:
    """Per channel, by hand: of 0.1, 0.5 and 0.3, 0.2 the larger each."""
    mine = Moved(moved={"a": np.array([0.1, 0.5])}, most=3)
    mine.join(Moved(moved={"a": np.array([0.3, 0.2]), "b": np.array([0.7])}, most=2))
    assert mine.most == 3
    assert mine.moved["a"].tolist() == [0.3, 0.5] and mine.moved["b"].tolist() == [0.7]

"""`mobilecat demo` from what the package holds; the whole of it, from a wheel: `make wheel`."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from mobilecat.api import demonstrating
from mobilecat.cli.main import app
from mobilecat.compile import cascade
from mobilecat.pictures.detections import Detections
from tools.wheel import MARKS


def test_the_demo_ends_with_the_picture(
    cats: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exported(spec: Path, out: Path, **_: Any) -> None:
        shutil.copytree(cats, out, copy_function=os.link)

    def validated(home: Path, progress: Any) -> tuple[Any, Any]:
        (home / "report.html").write_text("the page")  # tests/demo/test_cats.py holds the goldens
        report = SimpleNamespace(held=held, cases=[1, 2, 3, 4], verdict=lambda lane: "PASS")
        return report, SimpleNamespace(held=True, rows=[1])

    monkeypatch.setattr(cascade, "export_cascade", exported)
    monkeypatch.setattr(demonstrating, "_validated", validated)
    monkeypatch.setattr(demonstrating, "_TIMED_RUNS", 1)
    held = True
    words = ["demo", str(tmp_path / "made"), "--json", str(tmp_path / "demo.json")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    told = json.loads((tmp_path / "demo.json").read_text())
    # Six drawn cats, and the one on the photo.
    assert {row["cats"] for row in told["lanes"]} == {7} and len(told["lanes"]) > 3
    for name in MARKS["demo"]:
        assert (tmp_path / "made" / name).is_file()
    with Image.open(tmp_path / "made" / "cats.png") as sheet:
        assert sheet.width == 1200 and np.asarray(sheet).std() > 10
    assert "the cats:" in done.output and "Your own model next" in done.output


def test_what_falls_short_is_no_success() -> None:
    row = SimpleNamespace(same_count=True)
    held = SimpleNamespace(held=True)
    made = [
        demonstrating.Demonstration(Path(), (row,), (), report, placed, 0.0, 0.0)  # type: ignore[arg-type]
        for report, placed, row in (
            (held, held, row),
            (SimpleNamespace(held=False), held, row),
            (held, SimpleNamespace(held=False), row),
            (held, held, SimpleNamespace(same_count=False)),
        )
    ]
    assert [d.exit_code for d in made] == [0, 1, 1, 1]


def test_how_far_two_results_are_apart() -> None:
    def one(x: float) -> Detections:
        rows = {"landmarks": np.full((1, 9, 2), x)}
        return Detections(np.array([[x, 0, 9, 9.0]]), np.ones(1), np.zeros(1, np.int64), rows)

    assert demonstrating._apart([one(1.5)], [one(1.0)]) == (0.5, 0.5)
    none = Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))
    assert np.isnan(demonstrating._apart([one(1.0)], [none])).all()

"""A Mac's golden run from end to end, with stand-ins for Core ML and Vision: they are no Mac's.

What is held is the way: each artifact, way and compute unit, the results file, and its verdict.
"""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from mobilecat.bundle import open_bundle
from mobilecat.cli.main import app
from mobilecat.compile import export
from mobilecat.demo import GOLDEN
from mobilecat.golden.store import read_cases
from mobilecat.judge.observe import Inputs
from mobilecat.runtime import coremltools_predict
from mobilecat.spec import load_spec

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import mac_lane  # noqa: E402
import simulated_phone  # noqa: E402

FILES = ("cat_faces.mlmodel", "cat_faces.mlpackage")
WAYS = ("predict", "vision", "stages")


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cats") / "detector"
    path = ROOT / "ios_sample/Cats/cat_faces.toml"
    spec = load_spec(path)
    # What a Mac runs here is Core ML; and Core AI's files are not written everywhere.
    targets = spec.targets.model_copy(update={"coreai": ()})
    export(spec.model_copy(update={"targets": targets}), folder, spec_folder=path.parent)
    return folder


@pytest.fixture(scope="module")
def results(detector: Path) -> dict[str, Any]:
    """What mac_lane writes on one kind of compute unit."""
    bundle = open_bundle(detector)
    phone = simulated_phone.Vision(detector, bundle)

    def vision(path: Path, inputs: Inputs, units: str) -> Any:
        picture = Image.fromarray(np.asarray(inputs.tensors["image"]))
        ask = {"orientation": 1, "region": [0, 0, 1, 1], "crop_and_scale": "scaleFill"}
        return phone.look(picture, {**ask, "observations": "whole", "file": path.name})

    with pytest.MonkeyPatch.context() as patch, coremltools_predict():
        patch.setattr(mac_lane, "vision", vision)
        patch.setattr(mac_lane, "UNITS", {"cpuOnly": "CPU_ONLY"})
        cases, _ = read_cases(GOLDEN, bundle)
        found: dict[str, Any] = mac_lane.results_of(detector, bundle, cases)
    return found


def validated(detector: Path, results: dict[str, Any], path: Path) -> tuple[int, dict[str, Any]]:
    path.write_text(json.dumps(results), "utf-8")
    command = ["validate", str(detector), "--golden", str(GOLDEN), "--no-write", "--json"]
    report = path.with_suffix(".report")
    done = CliRunner().invoke(app, [*command, str(report), "--from", str(path)])
    answer: dict[str, Any] = json.loads(report.read_text("utf-8"))
    return done.exit_code, answer


def test_every_way_runs_on_every_golden(results: dict[str, Any]) -> None:
    done = {(r["artifact"], r["how"], r["case"]) for r in results["runs"]}
    cases = {p.parent.name for p in (GOLDEN / "cat_faces").glob("*/approved.json")}
    assert len(cases) >= 3
    assert done == {(f, w, c) for f in FILES for w in WAYS for c in cases}
    assert [r for r in results["runs"] if "not_run" in r] == []


def test_validate_folds_them_into_its_report(
    detector: Path, results: dict[str, Any], tmp_path: Path
) -> None:
    code, answer = validated(detector, results, tmp_path / "results.json")
    lanes = {one["lane"]: one["verdict"] for one in answer["lanes"]}
    macs = {f"coreml-native/{w}@cpuOnly:{f}" for f in FILES for w in WAYS}
    assert macs <= set(lanes) and set(lanes.values()) == {"PASS"}, lanes
    assert (code, answer["verdict"]) == (0, "HELD"), answer["shortfalls"]


def test_one_box_that_a_mac_had_elsewhere_falls_short(
    detector: Path, results: dict[str, Any], tmp_path: Path
) -> None:
    changed = copy.deepcopy(results)
    wrong = next(r for r in changed["runs"] if r["how"] == "vision" and r["case"] == "one_at_night")
    wrong["detections"][0]["box_xyxy"][1] += 30
    code, answer = validated(detector, changed, tmp_path / "results.json")
    bad = {one["lane"] for one in answer["lanes"] if one["verdict"] == "FAIL"}
    assert (code, bad) == (1, {f"coreml-native/vision@cpuOnly:{wrong['artifact']}"})

"""A Mac's results file, made up here: read, refused, and held to a golden."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilecat.bundle import Bundle, open_bundle
from mobilecat.errors import ArtifactError
from mobilecat.golden.store import Case, Expected, read_result
from mobilecat.report.results_file import judge_results, read_results

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import mac_lane  # noqa: E402

GOLDEN = ROOT / "golden/yunet/astronaut/approved.json"


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """YuNet's, whichever model the app holds now."""
    return open_bundle(Path(__file__).parent / "yunet", verify=False)


@pytest.fixture(scope="module")
def case() -> Case:
    approved: Expected = read_result(GOLDEN)
    return Case(
        "astronaut", GOLDEN.parent, "image", Path("x.png"), approved.input_sha256, approved, {}
    )


def results(bundle: Bundle, case: Case, /, **changes: Any) -> dict[str, Any]:
    """A file that agrees with the golden to the last digit, on two artifacts."""
    rows = json.loads(GOLDEN.read_text("utf-8"))["detections"]
    run = {
        "how": "vision",
        "compute_units": "cpuOnly",
        "case": case.name,
        "input_sha256": case.input_sha256,
        "detections": rows,
        **changes,
    }
    runs = [
        {**run, "artifact": a.file, "artifact_sha256": a.sha256}
        for a in bundle.artifacts
        if a.kind == "coreml"
    ]
    return {
        "schema": 1,
        "bundle": bundle.name,
        "spec_sha256": bundle.spec_sha256,
        "machine": "made up",
        "runs": runs,
    }


def written(path: Path, data: dict[str, Any]) -> Path:
    path.write_text(json.dumps(data), "utf-8")
    return path


def verdicts(bundle: Bundle, cases: list[Case], path: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for r in judge_results(read_results(path, bundle), bundle, cases):
        found.setdefault(r.lane, set()).add(r.check.verdict)
    return found


def test_what_agrees_passes(bundle: Bundle, case: Case, tmp_path: Path) -> None:
    path = written(tmp_path / "r.json", results(bundle, case))
    assert verdicts(bundle, [case], path) == {
        "coreml-native/vision@cpuOnly:yunet.mlpackage": {"PASS"},
        "coreml-native/vision@cpuOnly:yunet.mlmodel": {"PASS"},
    }


def test_a_moved_box_fails(bundle: Bundle, case: Case, tmp_path: Path) -> None:
    rows = json.loads(GOLDEN.read_text("utf-8"))["detections"]
    rows[0]["box_xyxy"][2] += 40
    path = written(tmp_path / "r.json", results(bundle, case, detections=rows))
    assert all("FAIL" in v for v in verdicts(bundle, [case], path).values())


def test_nothing_found_fails(bundle: Bundle, case: Case, tmp_path: Path) -> None:
    path = written(tmp_path / "r.json", results(bundle, case, detections=[]))
    assert all("FAIL" in v for v in verdicts(bundle, [case], path).values())


def test_what_did_not_run_vouches_for_nothing(bundle: Bundle, case: Case, tmp_path: Path) -> None:
    data = results(bundle, case, detections=None, not_run="no Neural Engine")
    checks = judge_results(read_results(written(tmp_path / "r.json", data), bundle), bundle, [case])
    assert {(c.check.verdict, c.check.detail) for c in checks} == {("NOT_RUN", "no Neural Engine")}


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"case": "nobody"}, "no such golden"), ({"input_sha256": "0"}, "another input")],
)
def test_another_input_fails(
    changes: dict[str, Any], said: str, bundle: Bundle, case: Case, tmp_path: Path
) -> None:
    path = written(tmp_path / "r.json", results(bundle, case, **changes))
    checks = judge_results(read_results(path, bundle), bundle, [case])
    assert any(said in c.check.detail and c.check.verdict == "FAIL" for c in checks)


def test_a_case_left_out_fails(bundle: Bundle, case: Case, tmp_path: Path) -> None:
    other = Case("chelsea", case.folder, "image", case.input, "1", case.approved, {})
    path = written(tmp_path / "r.json", results(bundle, case))
    checks = judge_results(read_results(path, bundle), bundle, [case, other])
    assert [c.check.detail for c in checks if c.check.verdict == "FAIL"] == [
        "the results have nothing on chelsea"
    ] * 2


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda d: d.update(spec_sha256="0"), "another export"),
        (lambda d: d["runs"][0].update(artifact_sha256="0"), "none of the bundle's"),
        (lambda d: d["runs"][0].update(artifact="yunet.tflite"), "none of the bundle's"),
        (lambda d: d["runs"][0].update(how="stages"), "only a pipeline has stages"),
        (lambda d: d["runs"][0].update(not_run="why"), "exactly one"),
        (lambda d: d["runs"].append(d["runs"][0]), "given 2 times"),
        (lambda d: d["runs"][0].update(how="guess"), "runs.0.how"),
        (lambda d: d["runs"][0]["detections"][0].update(score=float("nan")), "score"),
        (lambda d: d.update(runs=[]), "runs"),
        (lambda d: d.update(schema=2), "schema"),
    ],
)
def test_refusals(damage: Any, said: str, bundle: Bundle, case: Case, tmp_path: Path) -> None:
    data = results(bundle, case)
    damage(data)
    with pytest.raises(ArtifactError) as e:
        read_results(written(tmp_path / "r.json", data), bundle)
    assert said in str(e.value)


def test_no_file(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="cannot be read"):
        read_results(tmp_path / "none.json", bundle)


def test_visions_boxes_become_model_pixels(bundle: Bundle) -> None:
    """640 × 640: x .25 → 160; the lower edge .1 up, .3 high → 640 · (1 − .4) = 384 to 576."""
    record = bundle.artifacts[0]
    answer = {"observations": [{"box_xywh": [0.25, 0.1, 0.5, 0.3], "label": "face", "score": 0.8}]}
    got = mac_lane.tensors_from_vision(answer, record, bundle)
    np.testing.assert_allclose(got["boxes"], [[[160, 384, 480, 576]]])
    assert got["count"].tolist() == [1] and got["class_ids"].tolist() == [[0]]
    none = mac_lane.tensors_from_vision({"observations": []}, record, bundle)
    assert none["boxes"].shape == (1, 0, 4) and none["count"].tolist() == [0]


def test_not_run_is_said_aloud() -> None:
    if sys.platform == "darwin":
        pytest.skip("NOT_RUN: this is a Mac")
    command = [sys.executable, str(ROOT / "tools/mac_lane.py"), "b", "--golden", "g", "-o", "o"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout.startswith("mac lane: NOT_RUN")

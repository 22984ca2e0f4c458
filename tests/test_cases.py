"""Situations of public reports (shared/cases): each right in every target, or refused."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from mobilecat.bundle import open_bundle
from mobilecat.compile import Exported, export
from mobilecat.errors import MobileCatError
from mobilecat.graph import Array
from mobilecat.judge import validate
from mobilecat.lanes import lanes_of, open_lane
from mobilecat.spec import Spec, load_spec, spec_from_model_file

ROOT = Path(__file__).resolve().parents[1]
ABSENT = "NOT_RUN: no shared/cases beside this checkout"
TENSORFLOW = "NOT_RUN: TensorFlow is not installed"

EVERY = frozenset({"mlpackage", "mlmodel", "tflite", "onnx"})
MADE: dict[str, frozenset[str]] = {
    # What a bare export makes of a network that has no form in every target.
    "roialign": frozenset({"onnx"}),
}
PICTURES = ("08-fp16-overflow", "10-onnx-with-nms", "13-size-swapped", "14-uint8-input")
"""Cases whose spec takes a picture: what they hold is tried below, one by one."""


def cases_path() -> Path | None:
    given = os.environ.get("MOBILECAT_SHARED_CASES")
    path = Path(given) if given else ROOT.parent / "shared" / "cases"
    return path if (path / "import").is_dir() else None


def _names(folder: str, pattern: str) -> list[str]:
    path = cases_path()
    return sorted(p.stem for p in (path / folder).glob(pattern)) if path else ["absent"]


@pytest.fixture(scope="session")
def cases() -> Path:
    path = cases_path()
    if path is None:
        pytest.skip(ABSENT)
    return path


def _model(case: Path) -> Path:
    found = next(case / f for f in ("model.onnx", "model.keras") if (case / f).exists())
    if found.suffix == ".keras" and find_spec("tensorflow") is None:
        pytest.skip(TENSORFLOW)
    return found


def _expected(case: Path) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return inputs and right outputs, by name where the file says one."""
    with np.load(case / "expected.npz") as stored:
        held = {k: stored[k] for k in stored.files}
    given = {k.split("/")[-1]: v for k, v in held.items() if k.startswith(("in", "x"))}
    right = {k.split("/")[-1]: v for k, v in held.items() if k.startswith(("out", "y"))}
    return given, right


def _assert_right(
    done: Exported, given: dict[str, Array], right: dict[str, Array]
) -> frozenset[str]:
    """Hold every lane to the outputs that are known; return the formats that were tried."""
    bundle = open_bundle(done.folder)
    if len(given) == len(bundle.inputs) == 1:
        given = {bundle.inputs[0].name: next(iter(given.values()))}
    if len(right) == len(bundle.outputs) == 1:
        right = {bundle.outputs[0].name: next(iter(right.values()))}
    tried = set()
    for lane in lanes_of(bundle):
        if lane.apples or lane.slow:
            continue
        got = open_lane(done.folder, bundle, lane).infer(given)
        assert set(got) == set(right), lane.name
        for name, want in right.items():
            assert got[name].shape == want.shape, (lane.name, name)
            limit = 1e-4 * max(1.0, float(np.abs(want).max()))
            worst = float(np.abs(got[name].astype(np.float64) - want).max())
            assert worst <= limit, f"{lane.name} {name}: {worst:.2e} > {limit:.2e}"
        tried.add(lane.artifact.format if lane.artifact else "source")
    return frozenset(tried) & EVERY


@pytest.mark.parametrize("name", _names("import", "*"))
def test_the_network_is_right_in_every_target(name: str, cases: Path, tmp_path: Path) -> None:
    case = cases / "import" / name
    given, right = _expected(case)
    if name == "10-onnx-with-nms":  # refused whole: tried below with its import.outputs
        return
    spec = spec_from_model_file(_model(case))
    done = export(spec, tmp_path / "b", leave_out=True)
    assert _assert_right(done, given, right) == EVERY


@pytest.mark.parametrize("name", [n for n in _names("import", "*") if n not in PICTURES])
def test_the_spec_of_the_report(name: str, cases: Path, tmp_path: Path) -> None:
    case = cases / "import" / name
    if not (case / "mobilecat.toml").is_file():
        return
    _model(case)
    spec = load_spec(case / "mobilecat.toml")
    done = export(spec, tmp_path / "b", spec_folder=case)
    assert len(_assert_right(done, *_expected(case))) == len(spec.targets.all)


@pytest.mark.parametrize("name", _names("networks", "*.onnx"))
def test_networks_of_todays_exporters(name: str, cases: Path, tmp_path: Path) -> None:
    path = cases / "networks" / f"{name}.onnx"
    proto = onnx.load(path)
    rng = np.random.default_rng(5)
    given = {
        v.name: rng.uniform(-1, 1, [d.dim_value for d in v.type.tensor_type.shape.dim]).astype("f4")
        for v in proto.graph.input
    }
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    right = dict(zip(names, session.run(names, given), strict=True))
    done = export(spec_from_model_file(path), tmp_path / "b", leave_out=True)
    assert _assert_right(done, given, right) == MADE.get(name, EVERY)
    left_out = [n for n in done.notes if "is left out" in n and ".aimodel" not in n]
    assert len(left_out) == len(EVERY - MADE.get(name, EVERY))


def _spec(cases: Path, name: str) -> tuple[Spec, Path]:
    case = cases / "import" / name
    return load_spec(case / "mobilecat.toml"), case


def test_float16_that_overflows_is_said_and_seen(cases: Path, tmp_path: Path) -> None:
    spec, case = _spec(cases, "08-fp16-overflow")
    done = export(spec, tmp_path / "b", spec_folder=case)
    (artifact,) = done.bundle.artifacts
    assert any("ReduceSum 'node_2' 4.76e+09" in lint for lint in artifact.lints)
    assert any('precision = "float32"' in lint for lint in artifact.lints)
    assert artifact.peak == pytest.approx(4755400704.0)
    report = validate(tmp_path / "b", random=2)
    assert not report.held


def test_a_network_with_its_own_suppression_is_cut_before_it(cases: Path, tmp_path: Path) -> None:
    spec, case = _spec(cases, "10-onnx-with-nms")
    assert spec.input is not None
    unit = spec.input.model_copy(update={"range": (0.0, 1.0)})  # else every score is 1.000
    export(spec.model_copy(update={"input": unit}), tmp_path / "b", spec_folder=case)
    assert validate(tmp_path / "b", random=2).held
    bare = export(spec_from_model_file(case / "model.onnx"), tmp_path / "c", leave_out=True)
    assert [o.name for o in bare.bundle.outputs] == ["boxes_and_scores"]
    assert any("cut" in note for note in bare.notes)
    assert validate(tmp_path / "c", random=2).held


def test_a_swapped_size_is_refused_with_the_right_one(cases: Path, tmp_path: Path) -> None:
    spec, case = _spec(cases, "13-size-swapped")
    with pytest.raises(MobileCatError) as caught:
        export(spec, tmp_path / "b", spec_folder=case)
    text = str(caught.value)
    assert "width 128, height 96" in text and "input.size = [128, 96]" in text
    assert not (tmp_path / "b").exists()


def test_a_network_of_bytes_takes_a_picture(cases: Path, tmp_path: Path) -> None:
    spec, case = _spec(cases, "14-uint8-input")
    done = export(spec, tmp_path / "b", spec_folder=case)
    bundle = open_bundle(tmp_path / "b")
    given, right = _expected(case)
    tried = 0
    for lane in lanes_of(bundle):
        if lane.apples:
            continue
        runner = open_lane(done.folder, bundle, lane)
        got = runner.infer({"image": given["images"][0]}, ["output0"])["output0"]
        np.testing.assert_allclose(got, right["output0"], rtol=1e-4, atol=1e-2)
        tried += 1
    assert tried == 3
    assert validate(tmp_path / "b", random=2).held


def test_a_detector_is_held_on_random_inputs_in_every_format(cases: Path, tmp_path: Path) -> None:
    """The .tflite holds no raw output: it is compared by what is decoded from it."""
    spec, case = _spec(cases, "13-size-swapped")
    assert spec.input is not None
    right = {"input": spec.input.model_copy(update={"size": (128, 96)})}
    targets = spec_from_model_file(case / "model.onnx").targets
    bytes_in = tuple(t.model_copy(update={"input": "uint8"}) for t in targets.tflite)
    given = targets.model_copy(update={"tflite": bytes_in, "coreai": ()})
    export(spec.model_copy(update={**right, "targets": given}), tmp_path / "b", spec_folder=case)
    report = validate(tmp_path / "b", random=2)
    assert report.held
    rows = {(r.lane.runner, r.verdict) for r in report.random if not r.lane.apples}
    assert rows == {(name, "PASS") for name in ("coreml", "tflite", "onnx")}

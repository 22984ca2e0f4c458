"""`pytest --mobilecat` in a pytest of its own, on a real bundle; unused, it costs nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mobilecat.compile import export
from mobilecat.formats.coreai.dialect import missing
from mobilecat.review.approve import approve, record
from tests.cat_faces import ONE, PICTURES, SOURCE, cat_faces_spec
from tests.conftest import ROOT
from tests.judge.fake import edit_bundle


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("plugin")
    patch = pytest.MonkeyPatch()
    patch.delenv("CI", raising=False)
    export(cat_faces_spec(), root / "bundle", source=SOURCE)
    record(root / "bundle", root / "golden", ONE, link=True)
    approve(root / "bundle", root / "golden", every=True)
    patch.undo()
    return root


def run(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    env.pop("CI", None)
    command = [sys.executable, "-m", "pytest", "-p", "mobilecat.pytest_plugin", "-p",
               "no:cacheprovider", "-v", *args]  # fmt: skip
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120)


def bundle_args(work: Path) -> list[str]:
    return ["--mobilecat", str(work / "bundle"), "--mobilecat-golden", str(work / "golden")]


def test_one_test_a_case_and_lane(work: Path, tmp_path: Path) -> None:
    done = run(tmp_path, *bundle_args(work))
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("one_at_night-source", "one_at_night-onnx:cat_faces.onnx", "goldens"):
        assert f"mobilecat::cat_faces[{name}] PASSED" in done.stdout
    assert "3 passed" in done.stdout


@pytest.mark.skipif(missing() is not None, reason=f"NOT_RUN: {missing()}")
def test_an_aimodel_has_a_test_a_case_and_apples_interpreter_one_in_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    bundle, golden = tmp_path / "bundle", tmp_path / "golden"
    export(cat_faces_spec("[targets.coreai]\n"), bundle, source=SOURCE)
    for picture in (ONE, PICTURES / "nobody_home.png"):
        record(bundle, golden, picture, link=True)
    approve(bundle, golden, every=True)
    done = run(tmp_path, *bundle_args(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    for case, lane in (
        ("nobody_home", "coreai"),
        ("one_at_night", "coreai"),
        ("one_at_night", "coreai-apple"),  # the picture with a cat, though not the first
    ):
        assert f"cat_faces[{case}-{lane}:cat_faces.aimodel] PASSED" in done.stdout
    assert "[nobody_home-coreai-apple" not in done.stdout


def test_a_fault_fails_its_lane_alone_and_leaves_a_pending_file(work: Path, tmp_path: Path) -> None:
    path = work / "golden/cat_faces/one_at_night/approved.json"
    bundle = work / "bundle/bundle.json"
    before = path.read_bytes()
    kept = bundle.read_text()
    tight = {"onnx": {"tensors": 1e-12, "boxes_px": 1e-12}}
    edit_bundle(bundle.parent, lambda told: told["spec"].update(tolerances=tight))
    try:
        done = run(tmp_path, *bundle_args(work))
    finally:
        bundle.write_text(kept)
    assert done.returncode == 1, done.stdout
    assert "[one_at_night-source] PASSED" in done.stdout
    assert (
        "[one_at_night-onnx:cat_faces.onnx] FAILED" in done.stdout and "limit 1e-12" in done.stdout
    )
    assert "Traceback" not in done.stdout and "golden review" in done.stdout
    pending = path.with_name("pending-onnx@cat_faces.onnx.json")
    assert pending.is_file() and path.read_bytes() == before
    pending.unlink()


def test_another_contract_fails_one_test_which_says_what_to_run(work: Path, tmp_path: Path) -> None:
    spec = cat_faces_spec()
    assert spec.nms is not None
    higher = spec.nms.model_copy(update={"score_threshold": 0.61})
    export(spec.model_copy(update={"nms": higher}), tmp_path / "bundle", source=SOURCE)
    words = ["--mobilecat", "bundle", "--mobilecat-golden", str(work / "golden"), "-rs"]
    done = run(tmp_path, *words)
    assert done.returncode == 1 and "1 failed, 2 skipped" in done.stdout, done.stdout
    assert "see mobilecat::cat_faces[goldens]" in done.stdout
    assert "one_at_night: was approved for another contract: [nms] score_threshold: " in done.stdout
    picture = (
        work
        / "golden/cat_faces/one_at_night"
        / os.path.relpath(ONE, work / "golden/cat_faces/one_at_night")
    )
    assert f"mobilecat golden record bundle {picture} --golden {work / 'golden'}" in done.stdout
    assert f"mobilecat golden review bundle --golden {work / 'golden'}" in done.stdout
    # Where the test that says it was not chosen, its lane does.
    alone = run(tmp_path, *words, "-k", "source")
    assert "1 failed" in alone.stdout and "another contract" in alone.stdout, alone.stdout


def test_k_chooses_and_a_runner_can_be_named(work: Path, tmp_path: Path) -> None:
    done = run(tmp_path, *bundle_args(work), "-k", "source")
    assert "1 passed, 2 deselected" in done.stdout, done.stdout
    done = run(tmp_path, *bundle_args(work), "--mobilecat-runner", "onnx")
    assert "2 passed" in done.stdout, done.stdout


def test_a_source_that_is_not_there(work: Path, tmp_path: Path) -> None:
    gone = ["--mobilecat-source", str(tmp_path / "gone.onnx")]
    done = run(tmp_path, *bundle_args(work), *gone)
    assert done.returncode == 0 and "2 passed, 1 skipped" in done.stdout, done.stdout
    done = run(tmp_path, *bundle_args(work), *gone, "--mobilecat-runner", "source")
    assert done.returncode == 1 and "the source model is not at" in done.stdout, done.stdout


def test_no_goldens_and_bad_options(work: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    words = ["--mobilecat", str(work / "bundle")]
    done = run(tmp_path, *words, "--mobilecat-golden", str(tmp_path / "empty"))
    assert done.returncode == 1 and "there are no cases in" in done.stdout
    done = run(tmp_path, *words)
    assert done.returncode == 4 and "--mobilecat-golden GDIR" in done.stderr
    done = run(work, "--mobilecat", "bundle", "-k", "source")  # goldens lie in ./golden
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr
    done = run(tmp_path, "--mobilecat", str(tmp_path), "--mobilecat-golden", str(tmp_path))
    assert done.returncode == 4 and "has no bundle.json" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_fixture_fails_a_test_that_uses_it(work: Path, tmp_path: Path) -> None:
    (tmp_path / "test_own.py").write_text(
        "def test_good(mobilecat_validate):\n"
        f"    assert mobilecat_validate({str(work / 'bundle')!r}, {str(work / 'golden')!r}).held\n"
        "def test_bad(mobilecat_validate):\n"
        f"    mobilecat_validate({str(work / 'bundle')!r}, {str(work / 'golden')!r},\n"
        "        runner='source', cases=['attic'])\n"
    )
    done = run(tmp_path)
    assert "1 failed, 1 passed" in done.stdout, done.stdout
    assert "there is no such case" in done.stdout


def test_unused_it_loads_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_own.py").write_text(
        "import sys\n"
        "def test_light():\n"
        "    heavy = ('numpy', 'pydantic', 'onnx', 'onnxruntime', 'PIL', 'rich', 'typer')\n"
        "    assert not [m for m in heavy if m in sys.modules]\n"
        "    assert 'mobilecat.pytest_plugin' in sys.modules\n"
    )
    done = run(tmp_path)
    assert "1 passed" in done.stdout, done.stdout + done.stderr

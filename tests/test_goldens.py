"""The goldens that the repository ships hold, from a fresh export; a changed threshold does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilecat import demo
from mobilecat.compile import export
from mobilecat.demo import DETECTOR
from mobilecat.disk import sha256_of
from mobilecat.judge.run import validate
from mobilecat.spec import load_spec

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = {"cat_faces": demo.GOLDEN, "yunet": ROOT / "golden"}


SPECS = {"cat_faces": DETECTOR, "yunet": ROOT / "examples" / "yunet" / "mobilecat.toml"}


@pytest.fixture(scope="module", params=SPECS)
def name(request: pytest.FixtureRequest) -> str:
    if request.param == "yunet":
        data = request.getfixturevalue("shared_data")
        if data.resolve() != (ROOT.parent / "shared" / "data").resolve():
            pytest.skip("NOT_RUN: the goldens link to pictures in ../shared/data, not here")
    return str(request.param)


@pytest.fixture(scope="module")
def bundle(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("goldens") / name
    export(load_spec(SPECS[name]), out, spec_folder=SPECS[name].parent)
    return out


def _state(name: str) -> dict[str, str]:
    return {str(p): sha256_of(p) for p in (GOLDEN[name] / name).rglob("*") if p.is_file()}


def test_every_artifact_holds_to_the_goldens(name: str, bundle: Path) -> None:
    before = _state(name)
    report = validate(bundle, GOLDEN[name], random=1, write_pending=False)
    assert report.held, [str(r) for r in report.failed]
    assert report.exit_code == 0
    assert len(report.cases) == {"cat_faces": 5, "yunet": 3}[name]
    assert _state(name) == before


def test_another_threshold_falls_short(name: str, tmp_path: Path) -> None:
    """Proof that the goldens can fail: the astronaut's face scores 0.944, the best cat's 0.932."""
    spec = SPECS[name]
    text = spec.read_text("utf-8")
    for threshold in ("0.3", "0.4"):
        text = text.replace(f"score_threshold = {threshold}", "score_threshold = 0.97")
    changed = tmp_path / "mobilecat.toml"
    changed.write_text(text.replace('source = "', f'source = "{spec.parent}/'), "utf-8")
    export(load_spec(changed), tmp_path / name)
    report = validate(tmp_path / name, GOLDEN[name], runner="onnx", write_pending=False)
    assert not report.held
    assert report.exit_code == 1

"""The goldens that the repository ships hold, from a fresh export; a changed threshold does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilecat.compile import export
from mobilecat.disk import sha256_of
from mobilecat.judge.run import validate
from mobilecat.spec import load_spec

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "golden"


@pytest.fixture(scope="module")
def yunet(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shared_data.resolve() != (ROOT.parent / "shared" / "data").resolve():
        pytest.skip("NOT_RUN: the goldens link to pictures in ../shared/data, which is not here")
    spec = ROOT / "examples" / "yunet" / "mobilecat.toml"
    out = tmp_path_factory.mktemp("goldens") / "yunet"
    export(load_spec(spec), out, spec_folder=spec.parent)
    return out


def _state() -> dict[str, str]:
    return {str(p): sha256_of(p) for p in (GOLDEN / "yunet").rglob("*") if p.is_file()}


def test_every_artifact_holds_to_the_goldens(yunet: Path) -> None:
    before = _state()
    report = validate(yunet, GOLDEN, random=1, write_pending=False)
    assert report.held, [str(r) for r in report.failed]
    assert report.exit_code == 0
    assert len(report.cases) == 3
    assert _state() == before


def test_another_threshold_falls_short(yunet: Path, tmp_path: Path) -> None:
    """Proof that the goldens can fail: the face scores 0.944."""
    spec = ROOT / "examples" / "yunet" / "mobilecat.toml"
    text = spec.read_text().replace("score_threshold = 0.3", "score_threshold = 0.97")
    changed = tmp_path / "mobilecat.toml"
    changed.write_text(text.replace('source = "', f'source = "{spec.parent}/'))
    export(load_spec(changed).model_copy(update={"name": "yunet"}), tmp_path / "yunet")
    report = validate(tmp_path / "yunet", GOLDEN, runner="onnx", write_pending=False)
    assert not report.held
    assert report.exit_code == 1

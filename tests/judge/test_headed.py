"""What fell short beside the goldens stands in the first line, and not behind a HELD."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from mobilecat.api.judging import Validation
from tests.judge.fake import check, write_bundle


@pytest.mark.parametrize("held", [True, False])
def test_a_loss_beyond_its_limit_heads_the_words(
    held: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    report = check(write_bundle(tmp_path).approved("room"))
    why = "more mAP is lost than may be"
    budget = SimpleNamespace(held=held, untried="", why=why, words=lambda: ())
    first = str(next(iter(Validation(report, budget=budget).words())))  # type: ignore[arg-type]
    assert report.held and ("HELD: fake" in first) == held
    assert ("FELL SHORT: more mAP is lost than may be. Else fake gives" in first) != held

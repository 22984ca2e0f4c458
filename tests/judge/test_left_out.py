"""A verdict on some of a bundle's files does not read as one on all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilecat.judge.words import verdict_sentence
from tests.judge.fake import check, write_bundle


def test_files_that_no_lane_looked_at_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    shop = write_bundle(tmp_path).approved("room")
    assert "Not looked at" not in verdict_sentence(check(shop))
    alone = verdict_sentence(check(shop, runner="onnx"))
    assert alone.startswith("HELD") and alone.endswith("Not looked at: fake.tflite.")

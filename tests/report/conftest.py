"""A browser for the pages, and the small bundle that they are of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.judge.fake import Workshop, write_bundle
from tests.report.browser import Browser, chromium


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    binary = chromium()
    if binary is None:
        pytest.skip("NOT_RUN: no chromium on this machine")
    with Browser(binary, tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    monkeypatch.delenv("CI", raising=False)
    return write_bundle(tmp_path).approved("room", "hall")

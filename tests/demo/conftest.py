"""The demo's cascade, exported once."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilecat.compile.cascade import export_cascade
from mobilecat.demo import CASCADE


@pytest.fixture(scope="session")
def cats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "cats"
    export_cascade(CASCADE, folder)
    return folder

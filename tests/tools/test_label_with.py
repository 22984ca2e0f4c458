"""tools/label_with.py: what a user is told who names the wrong things."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("bundle", "out", "picture", "word"),
    [
        ("absent", "labels.json", ".", "This is not a bundle"),
        ("absent", "no/labels.json", ".", "there is no folder"),
        ("absent", "labels.json", "cats", "not found"),
    ],
)
def test_wrong_arguments(tmp_path: Path, bundle: str, out: str, picture: str, word: str) -> None:
    paths = [str(tmp_path / p) for p in (bundle, out, picture)]
    command = [sys.executable, "-m", "tools.label_with", *paths]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert word in done.stderr and "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []

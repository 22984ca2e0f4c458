"""What to type about a pending result: one form everywhere, in the terminal and on the page."""

from __future__ import annotations

import shlex
from pathlib import Path

from mobilecat.review.approve import Pending

_USUAL = Path("bundle"), Path("golden")


def approve_command(folder: Path, golden_dir: Path, pending: Pending) -> str:
    """Return the command that makes a pending result the expected one."""
    return _command("approve", folder, golden_dir, pending, [pending.case])


def reject_command(folder: Path, golden_dir: Path, pending: Pending) -> str:
    """Return the command that takes a pending result away."""
    return _command("review", folder, golden_dir, pending, ["--reject", pending.case])


def clean_command(folder: Path, golden_dir: Path) -> str:
    """Return the command that takes away all that cannot be approved."""
    named = [] if (folder, golden_dir) == _USUAL else [str(folder), "--golden", str(golden_dir)]
    return shlex.join(["mobilecat", "golden", "review", *named, "--clean"])


def _command(verb: str, folder: Path, golden_dir: Path, pending: Pending, words: list[str]) -> str:
    usual = (folder, golden_dir) == _USUAL and not Path(pending.case).exists()
    named = [] if usual else [str(folder)]
    beside = ["--golden", str(golden_dir)] if named else []
    lane = ["--lane", pending.lane] if pending.lane else []
    return shlex.join(["mobilecat", "golden", verb, *named, *words, *beside, *lane])

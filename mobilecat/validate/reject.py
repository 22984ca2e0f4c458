"""Take pending results away, for good; approved ones are never touched."""

from __future__ import annotations

from pathlib import Path

from mobilecat.disk import sha256_of
from mobilecat.errors import MobileCatError, Problem
from mobilecat.validate.approve import Pending
from mobilecat.validate.golden import APPROVED, CASE, PENDING, may_write, read_case_file


def reject(pending: Pending) -> list[Path]:
    """Remove a pending result and its drawing; return what was removed.

    A case that has nothing approved and nothing else pending goes with it: `record` made it, and
    its copy of the input is removed where it is the very file that was recorded. Errors:
    MobileCatError where CI is set.
    """
    if not may_write():
        raise MobileCatError("Goldens are not written in CI", [Problem("CI is set")])
    home = pending.folder
    gone = [pending.path, pending.path.with_suffix(".png")]
    kept = [p for p in home.glob("*.json") if p.stem.partition("-")[0] in (APPROVED, PENDING)]
    if not [p for p in kept if p != pending.path]:
        record = read_case_file(home)
        copied = home / record.input.file
        inside = copied.parent == home and copied.is_file() and not copied.is_symlink()
        # The input last: killed on the way, what is left can be recorded again.
        gone.append(home / CASE)
        gone += [copied] if inside and sha256_of(copied) == record.input.sha256 else []
    removed = [p for p in gone if p.is_file()]
    for path in removed:
        path.unlink()
    if not any(home.iterdir()):
        home.rmdir()
        removed.append(home)
    return removed

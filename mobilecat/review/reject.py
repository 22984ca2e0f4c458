"""Take pending results away, for good; approved ones are never touched."""

from __future__ import annotations

from pathlib import Path

from mobilecat.disk import is_litter, remove_folder, sha256_of
from mobilecat.errors import MobileCatError, Problem
from mobilecat.golden.store import APPROVED, CASE, PENDING, InputFile, may_write, read_case_file
from mobilecat.review.approve import Pending


def reject(pending: Pending) -> list[Path]:
    """Remove a pending result and its drawing; return what was removed.

    A case that has nothing approved and nothing else pending goes with it, in one step where it
    holds nothing else: `record` made it, and its copy of the input is removed where it is the very
    file that was recorded. Errors: MobileCatError where CI is set.
    """
    if not may_write():
        raise MobileCatError("Goldens are not written in CI", [Problem("CI is set")])
    home = pending.folder
    gone = [pending.path, pending.path.with_suffix(".png")]
    whole = False
    kept = [p for p in home.glob("*.json") if p.stem.partition("-")[0] in (APPROVED, PENDING)]
    if not [p for p in kept if p != pending.path]:
        record = read_case_file(home)
        given = [x for x in (record.input, record.boxes) if x is not None]
        gone += [home / CASE, *(home / x.file for x in given if _is_copy(home, x))]
        whole = {p for p in home.iterdir() if not is_litter(p)} <= {*gone}
    removed = [p for p in gone if p.is_file()]
    if whole:
        remove_folder(home)
        return [*removed, home]
    for path in removed:
        path.unlink()
    return removed


def _is_copy(home: Path, entry: InputFile) -> bool:
    path = home / entry.file
    inside = path.parent == home and path.is_file() and not path.is_symlink()
    return inside and sha256_of(path) == entry.sha256

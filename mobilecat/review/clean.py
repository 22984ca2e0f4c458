"""Take away what nobody can approve: results of another bundle, or of a golden that changed since,
and pictures whose result is gone."""

from __future__ import annotations

from pathlib import Path

from mobilecat.bundle.cascade import open_any
from mobilecat.golden.store import (
    PENDING,
    case_folders,
    require_golden_folder,
    require_writable,
)
from mobilecat.review.approve import pendings
from mobilecat.review.reject import reject


def clean(folder: Path, golden_dir: Path) -> list[Path]:
    """Remove these pending results and pictures of a bundle's cases; return what was removed.

    What is approved stays. A case that has nothing else goes with its result.
    Errors: MobileCatError where CI is set, or there is no such golden folder.
    """
    require_writable()
    require_golden_folder(golden_dir)
    gone: list[Path] = []
    for pending in pendings(folder, golden_dir):
        if pending.useless:
            gone += reject(pending)
    for path in orphans(folder, golden_dir):
        path.unlink()
        gone.append(path)
    return gone


def orphans(folder: Path, golden_dir: Path) -> list[Path]:
    """Return the pictures of pending results that are gone."""
    homes = case_folders(golden_dir, open_any(folder))
    drawn = (p for home in homes for p in sorted(home.glob(f"{PENDING}*.png")))
    return [p for p in drawn if not p.with_suffix(".json").is_file() and _is_ours(p)]


def _is_ours(path: Path) -> bool:
    """Whether it is a drawing, and no input that somebody called like one."""
    return path.stem == PENDING or path.stem.startswith(f"{PENDING}-")

"""A name that is not there, and the one beside it that may be meant."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

_MOST_NAMES = 10_000


def did_you_mean(path: Path, fits: Callable[[Path], bool] = lambda _: True) -> str:
    """Return "did you mean …?" for what lies beside a missing path and is nearly called so, or "".

    Of a folder that is missing itself, that one is told. fits: what may be meant.
    """
    for there in (path, *path.parents):
        if not there.parent.exists() or not there.name:
            continue
        names = [p.name for p in _beside(there) if there != path or fits(p)]
        close = difflib.get_close_matches(there.name, names, n=1)
        if not close:
            return ""
        return f"did you mean {there.with_name(close[0]) / path.relative_to(there)}?"
    return ""


def nearest(word: str, names: Iterable[str]) -> str:
    """Return "did you mean …?" for the name that a word nearly is, whatever its capitals, or ""."""
    plain = {n.lower(): n for n in names}
    close = difflib.get_close_matches(word.lower(), plain, n=1)
    return f"did you mean {plain[close[0]]}?" if close else ""


def _beside(path: Path) -> list[Path]:
    try:
        return list(islice(path.parent.iterdir(), _MOST_NAMES))
    except OSError:
        return []

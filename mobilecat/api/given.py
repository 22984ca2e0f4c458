"""What callers may give, and what every verb takes of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

PathLike: TypeAlias = str | os.PathLike[str]
"""A path; of a bundle also what `mc.export` or `mc.open` gave."""
Progress: TypeAlias = Callable[[str], None]
"""Is told each step, in a few words."""


def silent(_: str) -> None:
    """Show no progress."""


def path_or_none(given: PathLike | None) -> Path | None:
    return None if given is None else Path(given)


def source_of(bundle: PathLike | None, source: PathLike | None) -> Path | None:
    """Return where the source model lies: as asked, or as the bundle was opened with."""
    return path_or_none(source if source is not None else getattr(bundle, "source", None))

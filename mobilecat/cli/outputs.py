"""Files that a verb will write, looked at before it starts: nobody waits for a result in vain."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from mobilecat.errors import MobileCatError, Problem


def require_outputs(files: Mapping[str, Path | str | None], *pictures: str) -> None:
    """Raise MobileCatError with every file that cannot be written; `-` is stdout.

    files: by option. pictures: the options whose file is a picture, known by its suffix.
    """
    problems = []
    for option, given in files.items():
        if given is None or str(given) == "-":
            continue
        if found := _problem(Path(given), option in pictures):
            what, fix = found
            problems.append(Problem(f"{given}: {what}", option, fix))
    if problems:
        raise MobileCatError("This cannot be written", problems)


def _problem(path: Path, picture: bool) -> tuple[str, str] | None:
    """Return what keeps `path` from being written, and what to do, or None."""
    folder = path.parent
    if not folder.exists():
        return f"there is no folder {folder}", f"mkdir -p {folder}"
    if not folder.is_dir():
        return f"{folder} is a file, not a folder", "name another folder"
    if path.is_dir():
        return "is a folder", f"name a file in it: {path / 'out.png' if picture else path / 'out'}"
    if path.exists() and not path.is_file():
        return "is no plain file", "--json - writes to stdout"
    if picture and path.suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp", ".bmp"):
        return f"{path.suffix or 'no suffix'} is no picture's", f"{path.with_suffix('.png')}"
    if not os.access(path if path.exists() else folder, os.W_OK):
        return "no permission to write there", "name another folder"
    return None

"""Frozen graphs kept between runs: freezing takes TensorFlow seconds, reading back takes none.

The folder may be deleted at any time. A file's name carries the hash of what it was made from and
the hash of its own bytes, so that a damaged or stale one is never used.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_KEPT = 32
"""Files kept; beyond that, those made first go."""


def cache_folder() -> Path:
    """Return $XDG_CACHE_HOME/mobilecat, by default ~/.cache/mobilecat; it may not exist."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(given) if given and Path(given).is_absolute() else Path.home() / ".cache"
    return base / "mobilecat"


def cached(key: str, suffix: str) -> Path | None:
    """Return the whole file kept under `key`, or None."""
    for path in sorted(cache_folder().glob(f"{key}-*{suffix}")):
        try:
            if path.name == _name(key, path.read_bytes(), suffix):
                return path
        except OSError:
            continue
    return None


@contextmanager
def scratch_file(suffix: str) -> Iterator[Path]:
    """Give the path of a file to write, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="mobilecat-") as folder:
        yield Path(folder) / f"file{suffix}"


def keep(key: str, made: Path, suffix: str) -> None:
    """Copy `made` into the cache in one step; a cache that cannot be written is no error."""
    folder = cache_folder()
    temporary = folder / f".{key}.{os.getpid()}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        data = made.read_bytes()
        temporary.write_bytes(data)
        temporary.replace(folder / _name(key, data, suffix))
        _drop_the_oldest(folder, suffix)
    except OSError as e:
        print(f"mobilecat: {folder} cannot be written ({e.strerror})", file=sys.stderr)
    finally:
        if temporary.is_file():
            temporary.unlink(missing_ok=True)


def _name(key: str, data: bytes, suffix: str) -> str:
    return f"{key}-{hashlib.sha256(data).hexdigest()[:16]}{suffix}"


def _drop_the_oldest(folder: Path, suffix: str) -> None:
    files = sorted(folder.glob(f"*{suffix}"), key=lambda p: p.stat().st_mtime, reverse=True)
    for path in files[_KEPT:]:
        path.unlink(missing_ok=True)

"""What a kept result follows from besides its input: the package's own code, installed versions."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


@cache
def code_sha256(without: Collection[str] = frozenset()) -> str:
    """Hash the package's code: after a change, nothing old is believed.

    without: rooms of the package that the result does not pass through, as a frozen set or tuple.
    """
    home = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for file in sorted(home.rglob("*.py")):
        place = file.relative_to(home)
        if place.parts[0] not in without:
            digest.update(f"{place.as_posix()}\0".encode() + file.read_bytes())
    return digest.hexdigest()


@cache
def version_of(package: str, absent: str = "") -> str:
    """Return the installed version of a package; `absent` where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return absent

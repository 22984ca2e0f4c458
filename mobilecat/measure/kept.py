"""Results kept between runs: what they follow from, as one hash, and which folders stay.

A store's folder may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from mobilecat.disk.origin import code_sha256, version_of
from mobilecat.lanes import Lane
from mobilecat.spread import ENGINES

NOT_PASSED = (
    "api", "bisection", "cli", "compare", "compile", "compression", "coordinates", "diagnosis",
    "golden", "judge", "measure", "report", "review", "spread.py", "templates",
)  # fmt: skip
"""Rooms of the package that no detection passes through: a change there leaves results believed."""


def key_of(lane: Lane, said: Mapping[str, Any]) -> str:
    """Hash what a lane's results follow from: `said`, our code, the engines and the machine."""
    whole = {
        "code": code_sha256(NOT_PASSED),
        "engines": {name: version_of(name) for name in ENGINES},
        "machine": platform.platform() if lane.apples else platform.machine(),
        "runner": lane.runner,
        **said,
    }
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def drop_the_oldest(root: Path, used: Collection[Path], most: int) -> None:
    """Keep `most` folders in `root`, those of `used` among them; the longest unused go."""
    try:
        for home in used:
            if home.is_dir():
                home.touch()
        homes = [p for p in root.iterdir() if p.is_dir() and p not in used]
        homes.sort(key=lambda p: p.stat().st_mtime, reverse=True)
        for old in homes[max(0, most - len(used)) :]:
            shutil.rmtree(old, ignore_errors=True)
    except OSError:
        pass  # nothing kept so far

"""`mobilecat doctor` and `mobilecat demo`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import mobilecat as mc
from mobilecat.cli.outputs import give
from mobilecat.cli.progress import progress_line
from mobilecat.disk.outputs import require_outputs


def run_doctor(extras: Sequence[str], json_: str | None) -> None:
    require_outputs({"--json": json_})
    found = mc.doctor(extras)
    give(found, json_)


def run_demo(folder: Path, json_: str | None) -> None:
    require_outputs({"--json": json_})
    with progress_line() as progress:
        done = mc.demonstrate(folder, progress=progress)
    give(done, json_)

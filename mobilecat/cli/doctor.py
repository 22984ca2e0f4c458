"""`mobilecat doctor` and `mobilecat demo`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import mobilecat as mc
from mobilecat.cli.outputs import write_json
from mobilecat.cli.progress import progress_line
from mobilecat.cli.terminal import show
from mobilecat.disk.outputs import require_outputs


def run_doctor(extras: Sequence[str], json_: str | None) -> None:
    require_outputs({"--json": json_})
    found = mc.doctor(extras)
    write_json(found.to_json, json_)
    if json_ != "-":
        show(found.words())
    sys.exit(found.exit_code)


def run_demo(folder: Path, json_: str | None) -> None:
    require_outputs({"--json": json_})
    with progress_line() as progress:
        done = mc.demonstrate(folder, progress=progress)
    write_json(done.to_json, json_)
    if json_ != "-":
        show(done.words())
    sys.exit(done.exit_code)

"""`mobilecat inspect`."""

from __future__ import annotations

from pathlib import Path

import mobilecat as mc
from mobilecat.cli.outputs import write_json
from mobilecat.cli.terminal import show
from mobilecat.disk.outputs import require_outputs


def run_inspect(path: Path, placement: bool, rules: Path | None, json_: str | None) -> None:
    require_outputs({"--json": json_}, inputs=(path, rules))
    found = mc.place(path, rules) if placement or rules else mc.inspect(path)
    write_json(found.to_json, json_)
    if json_ != "-":
        show(found.words())

"""`mobilecat inspect`."""

from __future__ import annotations

import json
from pathlib import Path

import mobilecat as mc
from mobilecat.cli.terminal import show


def run_inspect(path: Path, as_json: bool) -> None:
    found = mc.inspect(path)
    if as_json:
        print(json.dumps(found.to_json(), indent=2))
    else:
        show(found.words())

"""What `--json F` writes; what a verb must not write over is `mobilecat.disk.outputs`'."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mobilecat.disk import write_text


def write_json(told: Callable[[], dict[str, Any]], target: str | None) -> None:
    """Write a report as `--json F` asks: `-` is stdout, None is nowhere."""
    if target is None:
        return
    text = json.dumps(told(), indent=2, allow_nan=False) + "\n"
    if target == "-":
        sys.stdout.write(text)
    else:
        write_text(Path(target), text)

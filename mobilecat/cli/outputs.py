"""What `--json [FILE]` writes; what a verb must not write over is `mobilecat.disk.outputs`'."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mobilecat.disk import write_text


def write_json(told: Callable[[], Any], target: str | None) -> None:
    """Write JSON values as `--json` asks: `-` is stdout, None is nowhere."""
    if target is not None:
        text = json.dumps(told(), indent=2, allow_nan=False, ensure_ascii=False)
        write_told(f"{text}\n", target)


def write_markdown(told: Callable[[], str], target: str | None) -> None:
    """Write Markdown as `--markdown` asks: `-` is stdout, None is nowhere."""
    if target is not None:
        write_told(told(), target)


def write_told(text: str, target: str | None) -> None:
    """Write what is text already."""
    if target == "-":
        sys.stdout.write(text)
    elif target is not None:
        write_text(Path(target), text)

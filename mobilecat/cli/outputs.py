"""How a verb gives its result; what it must not write over is `mobilecat.disk.outputs`'."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn, Protocol

from mobilecat.cli.terminal import show
from mobilecat.disk import write_text
from mobilecat.shown import Line, Table


class Result(Protocol):
    """What a verb found: as JSON values, in words, and as an exit code."""

    def to_json(self) -> Any: ...

    def words(self) -> Iterable[Line | Table]: ...

    @property
    def exit_code(self) -> int: ...


def give(found: Result, json_: str | None, *made: str) -> NoReturn:
    """Write JSON where it is asked for, show the words unless that went to stdout, and leave.

    made: a line for each file that was written, such as "wrote sweep.svg".
    """
    write_json(found.to_json, json_)
    if json_ != "-":
        show(found.words())
        for line in made:
            print(line)
    sys.exit(found.exit_code)


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

"""One line on stderr that says what is going on, where somebody is looking."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_line() -> Iterator[Callable[[str], None]]:
    """Give a function that shows a step in place of the last; silent where nobody looks."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from mobilecat.cli.terminal import plain

    start = time.monotonic()

    def show(step: str) -> None:
        sys.stderr.write(f"\r\x1b[2K{time.monotonic() - start:5.1f} s  {plain(step)}")
        sys.stderr.flush()

    try:
        yield show
    finally:
        sys.stderr.write("\r\x1b[2K")
        sys.stderr.flush()

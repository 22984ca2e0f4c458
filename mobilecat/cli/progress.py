"""One line on stderr that says what is going on; in a log, one now and then."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mobilecat.shown import WARNING

EVERY_S = 20.0
"""In a log: seconds between two lines, so that minutes of work are neither silent nor a flood."""


@contextmanager
def progress_line() -> Iterator[Callable[[str], None]]:
    """Give a function that shows a step in place of the last; in a log, a line now and then."""
    start = time.monotonic()
    if not sys.stderr.isatty():
        yield _log(start)
        return
    from mobilecat.cli.plain import cut, plain

    def show(step: str) -> None:
        if step.startswith(WARNING):
            sys.stderr.write(f"\r\x1b[2K{plain(step)}\n")
            return
        told = f"{time.monotonic() - start:5.1f} s  {plain(' '.join(step.split()))}"
        # A line that wraps is cleared in its last row only; in the last column some wrap already.
        sys.stderr.write(f"\r\x1b[2K{cut(told, _columns() - 1)}")
        sys.stderr.flush()

    try:
        yield show
    finally:
        sys.stderr.write("\r\x1b[2K")
        sys.stderr.flush()


def _columns() -> int:
    """Return how wide the terminal is now: its window may be resized meanwhile."""
    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        columns = 0
    return columns or shutil.get_terminal_size().columns


def _log(start: float) -> Callable[[str], None]:
    said = start

    def log(step: str) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said < EVERY_S and not step.startswith(WARNING):
            return
        from mobilecat.cli.terminal import plain

        if step.startswith(WARNING):
            print(plain(step), file=sys.stderr, flush=True)
            return
        said = now
        print(f"{now - start:.0f} s  {plain(step)}", file=sys.stderr, flush=True)

    return log


STOPPED = 130
"""The exit code of what Ctrl-C stopped: 128 and the signal's number, as shells have it."""


@contextmanager
def stoppable(said: str) -> Iterator[None]:
    """Say what was kept, and how to go on, where Ctrl-C or a plain kill stops what is within."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:
        print(f"mobilecat: {said}", file=sys.stderr)
        sys.exit(STOPPED)
    finally:
        signal.signal(signal.SIGTERM, before)

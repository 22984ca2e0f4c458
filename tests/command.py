"""The command line in this process: a new interpreter a call would cost more than most tests."""

from __future__ import annotations

import gc
import io
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mobilecat.cli import main


def mobilecat(*args: object) -> subprocess.CompletedProcess[str]:
    """Return what `mobilecat ARGS` ends with, prints and complains of, as a process would.

    What its own children print is in it, too. A test whose point is the process (how it is killed,
    what it imports, what it reads from its input) starts one itself.
    """
    argv, given = sys.argv, list(map(str, args))
    sys.argv = ["mobilecat", *given]
    try:
        with _streams() as (out, err), _as_before():
            code = _exit_code()
        return subprocess.CompletedProcess(given, code, out.getvalue(), err.getvalue())
    finally:
        sys.argv = argv


def _exit_code() -> int:
    try:
        main()
    except SystemExit as e:
        if isinstance(e.code, str):  # as the interpreter does
            print(e.code, file=sys.stderr)
            return 1
        return e.code or 0
    return 0


@contextmanager
def _as_before() -> Iterator[None]:
    """Undo what is meant for a process that is about to end."""
    thresholds = gc.get_threshold()
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


@contextmanager
def _streams() -> Iterator[tuple[io.StringIO, io.StringIO]]:
    """Catch what is written to the two descriptors, and give standard input that is empty."""
    texts = io.StringIO(), io.StringIO()
    old = sys.stdin, sys.stdout, sys.stderr
    kept = [os.dup(k) for k in (0, 1, 2)]
    with (
        Path(os.devnull).open() as nothing,
        tempfile.TemporaryFile("w+b") as out,
        tempfile.TemporaryFile("w+b") as err,
    ):
        files = out, err
        try:
            os.dup2(nothing.fileno(), 0)
            sys.stdin = nothing
            for k, (name, file) in enumerate(zip(("stdout", "stderr"), files, strict=True), 1):
                os.dup2(file.fileno(), k)
                setattr(sys, name, open(k, "w", encoding="utf-8", closefd=False))  # noqa: SIM115
            yield texts
        finally:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            sys.stdin, sys.stdout, sys.stderr = old
            for k, fd in enumerate(kept):
                os.dup2(fd, k)
                os.close(fd)
            for text, file in zip(texts, files, strict=True):
                file.seek(0)
                text.write(re.sub("\r\n?", "\n", file.read().decode()))

"""What parent and child say to each other: a line of JSON, and the bytes that it announces."""

from __future__ import annotations

import gc
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, BinaryIO

LONGEST_LINE = 1 << 16
_PIPE_BYTES = 1 << 20
_SET_PIPE_SIZE = 1031  # F_SETPIPE_SZ, fcntl(2)


COLLECT_EACH = 30
"""Frames after which garbage is collected: PyAV's packets and frames hold each other in circles,
too few objects for Python to look, and megabytes (measured: 0.2 MB a frame of 1080p)."""


def collect(count: int) -> None:
    """Free what frames left behind, each `COLLECT_EACH` of them."""
    if count == 0:
        gc.collect()
        gc.freeze()  # what start-up made stays: a collection is then cheap
    elif count % COLLECT_EACH == 0:
        gc.collect()


def widen(stream: BinaryIO) -> None:
    """Let the pipe hold a megabyte: a frame crosses it in fewer steps."""
    with suppress(ImportError, OSError):
        import fcntl

        fcntl.fcntl(stream.fileno(), _SET_PIPE_SIZE, _PIPE_BYTES)


def send(stream: BinaryIO, told: Mapping[str, Any], payload: memoryview | bytes = b"") -> None:
    """Write `told` as one line, and `payload` behind it; `bytes` says how long it is."""
    line = json.dumps({**told, "bytes": len(payload)}) + "\n"
    stream.write(line.encode())
    if len(payload):
        stream.write(payload)
    stream.flush()


def receive(stream: BinaryIO) -> dict[str, Any] | None:
    """Return the next line; None at the end. ValueError for what is no line of ours."""
    line = stream.readline(LONGEST_LINE)
    if not line:
        return None
    told = json.loads(line)
    if not isinstance(told, dict) or not isinstance(told.get("bytes"), int):
        raise ValueError("no message")
    return told


def fill(stream: BinaryIO, into: memoryview) -> bool:
    """Read exactly `into`; False where the stream ends before."""
    done = 0
    while done < len(into):
        count = stream.readinto(into[done:])  # type: ignore[attr-defined]
        if not count:
            return False
        done += count
    return True

"""A clip written in a confined child: drawn frames in, the sound of the old clip beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mobilecat.clips.child.messages import receive, send, widen
from mobilecat.clips.clip import Clip, Frame, Pixels
from mobilecat.clips.extra import require_video
from mobilecat.clips.reading import MEMORY
from mobilecat.confined import Confinement, start
from mobilecat.disk.files import folder_beside
from mobilecat.errors import MobileCatError, Problem

SUFFIXES = (".mp4", ".mov", ".mkv", ".m4v")
_MOST_BYTES = 64 << 30
_ANY_RATE = Fraction(30)


class ClipWriter:
    """Takes frames of one size, in the order of their times, and makes a clip of them.

    copied: how many packets of sound are in it, once it is done.
    """

    def __init__(self, scratch: Path, name: str, clip: Clip, wh: tuple[int, int]) -> None:
        facts = clip.facts
        self.wh, self.copied = wh, 0
        self._rate = facts.rate or _ANY_RATE
        # A clip's own unit keeps its times exact; a folder of pictures without times gets a rate.
        self._base = facts.time_base or 1 / self._rate
        source = clip.path if facts.audio else None
        said = {
            "source": str(source.resolve()) if source else None,
            "file": name,
            "wh": wh,
            "time_base": [self._base.numerator, self._base.denominator],
            "rate": [self._rate.numerator, self._rate.denominator],
        }
        self._last: int | None = None
        self._child = start(
            "mobilecat.clips.child.write",
            Confinement(
                scratch, (source,) if source else (), memory=MEMORY, file_bytes=_MOST_BYTES
            ),
            environment={"OMP_NUM_THREADS": "1"},
            arguments=(json.dumps(said),),
        )
        assert self._child.stdin is not None and self._child.stdout is not None
        self._into: BinaryIO = self._child.stdin.buffer  # type: ignore[attr-defined]
        self._from: BinaryIO = self._child.stdout.buffer  # type: ignore[attr-defined]
        widen(self._into)

    def add(self, frame: Frame, drawn: Pixels) -> None:
        """Add `drawn`, uint8 [H,W,3] RGB, at the time of `frame`."""
        pts = frame.index if frame.time is None else round(frame.time / self._base)
        if self._last is not None and pts <= self._last:
            pts = self._last + 1  # two frames at one time: no clip holds that
        self._last = pts
        if drawn.shape[:2] != (self.wh[1], self.wh[0]):
            what = f"frame {frame.index} is {drawn.shape[1]} × {drawn.shape[0]}, the first was "
            raise MobileCatError(
                "The clip cannot be drawn", [Problem(f"{what}{self.wh[0]} × {self.wh[1]}")]
            )
        try:
            whole = np.ascontiguousarray(drawn)
            send(self._into, {"kind": "frame", "pts": pts}, whole.data.cast("B"))
        except OSError:
            self._finish()

    def finish(self) -> None:
        """Write what is left. Errors: MobileCatError with the child's reason."""
        with suppress(OSError):
            send(self._into, {"kind": "end"})
        self._finish()

    def _finish(self) -> None:
        with suppress(OSError):
            self._into.close()
        try:
            told = receive(self._from)
        except ValueError:
            told = None
        code = self._child.wait()
        if told is None or told["kind"] != "done":
            what = str(told["what"])[:300] if told else f"the process that writes it ended ({code})"
            fix = str(told["fix"])[:300] if told else ""
            raise MobileCatError("The clip cannot be drawn", [Problem(what, fix=fix)])
        self.copied = int(told["packets"])

    def close(self) -> None:
        """End the child, whatever it was doing."""
        self._child.kill()
        self._child.wait()
        for stream in (self._child.stdin, self._child.stdout):
            with suppress(OSError, ValueError):
                if stream is not None:
                    stream.close()


@contextmanager
def new_clip(path: Path, clip: Clip, wh: tuple[int, int]) -> Iterator[ClipWriter]:
    """Give a writer whose clip takes the place of `path` at the end, in one step.

    On an error, or a kill, nothing is at `path` that was not there before.
    """
    require_video(str(path))
    with folder_beside(path) as scratch:
        writer = ClipWriter(scratch, f"clip{path.suffix.lower()}", clip, wh)
        try:
            yield writer
            writer.finish()
        finally:
            writer.close()
        (scratch / f"clip{path.suffix.lower()}").replace(path)

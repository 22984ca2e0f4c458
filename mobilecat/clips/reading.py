"""A clip read in a confined child: its frames come through a pipe, a few ahead of who takes them.

The child has FFmpeg, the file, bounded memory and nothing else (docs/security.md). It decodes while
we compute: the pipe and the queue behind it hold `AHEAD` frames, so that memory does not grow.
"""

from __future__ import annotations

import json
import queue
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mobilecat.clips.child.messages import fill, receive, widen
from mobilecat.clips.clip import ClipFacts, Frame
from mobilecat.clips.extra import require_video
from mobilecat.confined import Confinement, start
from mobilecat.disk.near import did_you_mean
from mobilecat.errors import ImageError, Problem
from mobilecat.geometry.orientation import Orientation

MAX_PIXELS = 1 << 25
"""Of a frame: 8K is 33 million. FFmpeg refuses larger ones before it takes memory for them."""
MEMORY = 3 << 30
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    # Frames are given back to the system: glibc else keeps ever larger ones (mallopt(3)).
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "131072",
}
PATIENCE_S = 120.0
"""How long the child may take for one message: a hostile file must not hold us for ever."""
AHEAD = 3


class ClipReader:
    """A clip that is open: iterate over its frames once, then close it; or use it in `with`.

    every: give each N-th frame. stored: as stored, not turned. read_as: `matrix` (swscale's number)
    and `full` (range) in place of the clip's own, to see what a wrong reader sees.

    Errors: ImageError for what is no clip, damaged or cut off (then after the frames that could be
    read), MobileCatError without the extra `video`.
    """

    def __init__(
        self,
        path: Path,
        every: int = 1,
        *,
        stored: bool = False,
        read_as: Mapping[str, Any] | None = None,
    ) -> None:
        require_video(str(path))
        require_clip(path)
        self.path: Path | None = path
        self._scratch = tempfile.TemporaryDirectory(prefix="mobilecat-")
        said = {
            "path": str(path.resolve()),
            "every": every,
            "max_pixels": MAX_PIXELS,
            "stored": stored,
            "read_as": dict(read_as or {}),
        }
        self._child = start(
            "mobilecat.clips.child.read",
            Confinement(Path(self._scratch.name), (path,), memory=MEMORY, file_bytes=0),
            environment=_ENVIRONMENT,
            arguments=(json.dumps(said),),
        )
        self._queue: queue.Queue[dict[str, Any] | Frame | None] = queue.Queue(AHEAD)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._pump, daemon=True)
        self._thread.start()
        try:
            first = self._next()
            if not isinstance(first, dict) or first["kind"] != "clip":
                raise self._broken(first)
            self.facts = _facts(path, first)
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[Frame]:
        while isinstance(got := self._next(), Frame):
            yield got
        if not isinstance(got, dict) or got["kind"] != "end":
            raise self._broken(got)
        missing = got["announced"] - got["packets"]
        if missing > 0 or got["damaged"]:
            lost = f"{max(missing, got['damaged'])} of {max(got['announced'], got['packets'])}"
            what = f"it is cut off or damaged: {lost} frames are missing"
            fix = "copy or export it again"
            raise ImageError("The clip is not whole", [Problem(what, str(self.path), fix)])

    def close(self) -> None:
        """End the child; frames that were not taken are lost."""
        self._closing.set()
        self._child.kill()
        self._child.wait()
        with suppress(queue.Empty):
            while True:
                self._queue.get_nowait()
        self._thread.join(5)
        for stream in (self._child.stdin, self._child.stdout):
            with suppress(OSError, ValueError):
                if stream is not None:
                    stream.close()
        self._scratch.cleanup()

    def __enter__(self) -> ClipReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _next(self) -> dict[str, Any] | Frame | None:
        try:
            return self._queue.get(timeout=PATIENCE_S)
        except queue.Empty:
            what = f"no frame of it in {PATIENCE_S:g} seconds"
            raise ImageError("The clip cannot be read", [Problem(what, str(self.path))]) from None

    def _broken(self, got: dict[str, Any] | Frame | None) -> ImageError:
        if isinstance(got, dict) and got["kind"] == "error":
            said = Problem(str(got["what"])[:300], str(self.path), str(got["fix"])[:300])
            return ImageError("The clip cannot be read", [said])
        code = self._child.poll()
        what = f"the process that reads it ended ({code})" if code else "it ends before its end"
        fix = "it may be damaged on purpose; export it again"
        return ImageError("The clip cannot be read", [Problem(what, str(self.path), fix)])

    def _pump(self) -> None:
        """Read the pipe into the queue, until its end, what is no message, or `close`."""
        stdout = self._child.stdout
        assert stdout is not None
        stream: BinaryIO = stdout.buffer  # type: ignore[attr-defined]
        widen(stream)
        got: dict[str, Any] | Frame | None
        try:
            while not self._closing.is_set():
                got = receive(stream)
                if got is not None and got.get("kind") == "frame":
                    got = _frame(stream, got)
                self._put(got)
                if not isinstance(got, Frame) and (got is None or got["kind"] != "clip"):
                    return
        except (OSError, ValueError, KeyError, TypeError):
            self._put(None)

    def _put(self, got: dict[str, Any] | Frame | None) -> None:
        while not self._closing.is_set():
            with suppress(queue.Full):
                self._queue.put(got, timeout=0.2)
                return


def require_clip(path: Path) -> None:
    """Raise ImageError where there is no file, or an empty one."""
    if not path.is_file():
        if not path.is_dir():
            missing = Problem("not found", str(path), did_you_mean(path))
            raise ImageError("There is no such clip", [missing])
        what = "a folder of frames is replayed and diagnosed, but a clip here is one file"
        fix = f"make one of it: ffmpeg -i {path}/%03d.png clip.mp4"
        raise ImageError("This clip cannot be taken", [Problem(what, str(path), fix)])
    if not path.stat().st_size:
        raise ImageError("The clip cannot be read", [Problem("the file is empty", str(path))])


def _frame(stream: BinaryIO, told: dict[str, Any]) -> Frame | None:
    """Read a frame's pixels; None where the pipe ends before. Sizes are held to the bounds."""
    w, h = told["wh"]
    if not (min(w, h) >= 1 and w * h <= MAX_PIXELS and told["bytes"] == 3 * w * h):
        raise ValueError("no frame of ours")
    pixels = np.empty((h, w, 3), np.uint8)
    if not fill(stream, pixels.data.cast("B")):
        return None
    time = None if told["time"] is None else Fraction(*told["time"])
    return Frame(told["index"], time, pixels, Orientation(told["orientation"]), told["pts"])


def _facts(path: Path, told: dict[str, Any]) -> ClipFacts:
    rate, base = told["rate"], told["time_base"]
    return ClipFacts(
        name=path.name,
        codec=str(told["codec"]),
        stored_wh=(int(told["stored_wh"][0]), int(told["stored_wh"][1])),
        orientation=Orientation(told["orientation"]),
        aspect=Fraction(*told["aspect"]),
        matrix=str(told["matrix"]),
        full_range=bool(told["full_range"]),
        rate=Fraction(*rate) if rate else None,
        time_base=Fraction(*base) if base else None,
        frames=int(told["frames"]),
        audio=tuple(map(str, told["audio"])),
    )

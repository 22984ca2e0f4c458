"""A folder of frames as a moving picture: its pictures by the numbers in their names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from mobilecat.clips.clip import ClipFacts, Frame
from mobilecat.errors import ImageError, Problem
from mobilecat.geometry.orientation import Orientation, apply_orientation
from mobilecat.pictures.reading import read_picture

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


class FolderReader:
    """Pictures as frames; usable as a `ClipReader` is.

    frames: (file, EXIF orientation that turns it upright or None for its own, seconds or None).
    """

    def __init__(
        self,
        name: str,
        frames: Sequence[tuple[Path, Orientation | None, Fraction | None]],
        every: int = 1,
        *,
        stored: bool = False,
    ) -> None:
        if not frames:
            fix = ", ".join(PICTURES)
            raise ImageError("There are no frames", [Problem("no picture in it", name, fix)])
        self._frames, self._every, self._stored = frames, every, stored
        self.path: Path | None = None
        first = next(iter(self))
        times = [t for _, _, t in frames if t is not None]
        rate = None
        if len(times) == len(frames) > 1 and times[-1] > times[0]:
            rate = (len(times) - 1) / (times[-1] - times[0])
        self.facts = ClipFacts(
            name,
            "pictures",
            first.wh if first.orientation < 5 or stored else (first.wh[1], first.wh[0]),
            first.orientation,
            rate=rate,
            time_base=Fraction(1, 90_000) if rate else None,
            frames=len(frames),
        )

    def __iter__(self) -> Iterator[Frame]:
        for index, (path, turn, time) in enumerate(self._frames):
            if index % self._every:
                continue
            pixels = np.asarray(read_picture(path), np.uint8)
            turn = Orientation.UP if turn is None else turn
            if not self._stored:
                pixels = apply_orientation(pixels, turn)
            yield Frame(index, time, pixels, turn, None)

    def close(self) -> None: ...

    def __enter__(self) -> FolderReader:
        return self

    def __exit__(self, *_: object) -> None: ...


def pictures_of(folder: Path) -> list[Path]:
    """Return a folder's pictures as frames follow each other: frame_9 before frame_10."""
    found = [p for p in folder.iterdir() if p.suffix.lower() in PICTURES]
    return sorted(found, key=lambda p: (_numbers(p.stem), p.name))


def _numbers(stem: str) -> list[tuple[int, int, str]]:
    parts = re.findall(r"\d+|\D+", stem)
    return [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in parts]

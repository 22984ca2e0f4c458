"""A moving picture, frame by frame: what it is, and each frame upright, as RGB, with its time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from mobilecat.geometry.orientation import Orientation

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame.

    index: its number in the clip, from 0, frames that were skipped counted. time: when it is shown,
    in seconds, as the file says; None where nothing does. pixels: uint8 [H,W,3] RGB, upright, in
    square pixels. orientation: what turned the stored frame upright. pts: its time stamp.
    """

    index: int
    time: Fraction | None
    pixels: Pixels
    orientation: Orientation = Orientation.UP
    pts: int | None = None

    @property
    def wh(self) -> tuple[int, int]:
        return self.pixels.shape[1], self.pixels.shape[0]

    @property
    def seconds(self) -> float | None:
        return None if self.time is None else float(self.time)


@dataclass(frozen=True)
class ClipFacts:
    """What a clip says of itself.

    stored_wh: a frame as stored. orientation: what turns it upright, of the first frame. aspect: a
    pixel's width over its height. matrix, full_range: how its YCbCr was read. rate: frames a
    second on average, None where nothing says it. time_base: seconds of a time stamp's unit.
    frames: how many it announces, 0 where it does not. audio: the codecs of its sound.
    """

    name: str
    codec: str
    stored_wh: tuple[int, int]
    orientation: Orientation = Orientation.UP
    aspect: Fraction = Fraction(1)
    matrix: str = "RGB"
    full_range: bool = True
    rate: Fraction | None = None
    time_base: Fraction | None = None
    frames: int = 0
    audio: tuple[str, ...] = ()

    def words(self) -> str:
        """Return it in one line."""
        w, h = self.stored_wh
        turn = self.orientation
        said = [f"{self.codec} {w} × {h}"]
        if turn != Orientation.UP:
            said.append(f"to be turned: .{turn.cg_name}, EXIF {int(turn)}")
        if self.aspect != 1:
            said.append(f"pixels {self.aspect.numerator}:{self.aspect.denominator}")
        if self.matrix != "RGB":
            said.append(f"{self.matrix}, {'full' if self.full_range else 'video'} range")
        if self.rate:
            said.append(f"{float(self.rate):.4g} frames/s")
        said += [f"sound {', '.join(self.audio)}"] if self.audio else []
        return ", ".join(said)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "name": self.name,
            "codec": self.codec,
            "stored_wh": list(self.stored_wh),
            "orientation": int(self.orientation),
            "aspect": float(self.aspect),
            "matrix": self.matrix,
            "full_range": self.full_range,
            "rate": float(self.rate) if self.rate else None,
            "frames": self.frames,
            "audio": list(self.audio),
        }


class Clip(Protocol):
    """What frames come from: a clip, or a folder of pictures. `facts` is known once it is open.

    path: the file that a clip's sound is in, None for a folder.
    """

    facts: ClipFacts
    path: Path | None

    def __iter__(self) -> Iterator[Frame]: ...

    def close(self) -> None: ...

"""Faults of a frame's pixels: what the model sees where a stream is read wrongly.

Each gives the picture as such an app sees it, from what the clip really shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from mobilecat.camera.color import MATRICES, Matrix, rgb_from_ycbcr, to_bytes, ycbcr_from_rgb
from mobilecat.clips.clip import ClipFacts, Pixels
from mobilecat.geometry.orientation import (
    Orientation,
    apply_orientation,
    compose_orientations,
    inverse_orientation,
)


@dataclass(frozen=True)
class Seen:
    """A frame: upright, in square pixels; and what the clip says of it."""

    pixels: Pixels
    facts: ClipFacts

    @property
    def stored(self) -> Pixels:
        """As stored, but for its pixels' shape."""
        return apply_orientation(self.pixels, inverse_orientation(self.facts.orientation))


Change = Callable[[Seen], "Pixels | None"]
"""What an app sees; None where the fault makes no difference to this clip."""


@dataclass(frozen=True)
class PictureFault:
    """name: short. says: what happened and what to do. read_as: of a colour fault, how a clip is
    decoded so (`ClipReader`); `change` is for frames that are no clip's."""

    name: str
    says: str
    change: Change
    read_as: Mapping[str, Any] | None = None

    def applies(self, facts: ClipFacts) -> bool:
        """Whether `read_as` is another reading than the clip's own."""
        wrong = self.read_as or {}
        own = {"matrix": _NUMBERS.get(facts.matrix), "full": facts.full_range}
        return own["matrix"] is not None and any(own[k] != v for k, v in wrong.items())


_NUMBERS = {"BT.709": 1, "BT.601": 5}


def _turned(extra: Orientation) -> Change:
    """Return what turns the upright picture by `extra` besides."""

    def change(seen: Seen) -> Pixels | None:
        return np.ascontiguousarray(apply_orientation(seen.pixels, extra))

    return change


def _ignored(seen: Seen) -> Pixels | None:
    return None if seen.facts.orientation == Orientation.UP else seen.stored


def _other_way(seen: Seen) -> Pixels | None:
    turn = seen.facts.orientation
    back = inverse_orientation(turn)
    if back == turn:
        return None
    return apply_orientation(seen.pixels, compose_orientations(back, back))


def _matrix(seen: Seen) -> Matrix:
    return next((m for m in MATRICES if m == seen.facts.matrix), "BT.601")


def _read_as(matrix: Matrix | None = None, full: bool | None = None) -> Change:
    """Return what decodes YCbCr as another matrix or range than the clip's own."""

    def change(seen: Seen) -> Pixels | None:
        own, own_full = _matrix(seen), seen.facts.full_range
        other = own if matrix is None else matrix
        other_full = own_full if full is None else full
        if seen.facts.matrix not in MATRICES or (own, own_full) == (other, other_full):
            return None
        ycbcr = to_bytes(ycbcr_from_rgb(seen.pixels, own, own_full))
        return rgb_from_ycbcr(ycbcr, other, other_full)

    return change


def _chroma_swapped(seen: Seen) -> Pixels | None:
    own, full = _matrix(seen), seen.facts.full_range
    ycbcr = to_bytes(ycbcr_from_rgb(seen.pixels, own, full))
    return rgb_from_ycbcr(ycbcr[..., [0, 2, 1]], own, full)


def _grey(seen: Seen) -> Pixels | None:
    own, full = _matrix(seen), seen.facts.full_range
    ycbcr = ycbcr_from_rgb(seen.pixels, own, full)
    ycbcr[..., 1:] = 128
    return rgb_from_ycbcr(to_bytes(ycbcr), own, full)


def _sheared(pad: int) -> Change:
    """Return what reads rows that are `pad` pixels longer in memory as if they were not."""

    def change(seen: Seen) -> Pixels | None:
        h, w = seen.pixels.shape[:2]
        stored = np.zeros((h, w + pad, 3), np.uint8)
        stored[:, :w] = seen.pixels
        return stored.reshape(-1, 3)[: h * w].reshape(h, w, 3)

    return change


def _aspect_ignored(seen: Seen) -> Pixels | None:
    from PIL import Image

    aspect: Fraction = seen.facts.aspect
    if aspect == 1:
        return None
    h, w = seen.pixels.shape[:2]
    lies = seen.facts.orientation >= Orientation.LEFT_MIRRORED
    size = (w, round(h / aspect)) if lies else (round(w / aspect), h)
    return np.asarray(Image.fromarray(seen.pixels).resize(size, Image.Resampling.BICUBIC))


_O = Orientation
PICTURE_FAULTS = (
    PictureFault(
        "rotation ignored",
        "The clip says how it is to be turned, and the app runs the model on it as stored. Apply "
        "the track's preferredTransform (iOS) or rotation (Android), or hand the orientation over.",
        _ignored,
    ),
    PictureFault(
        "turned the wrong way",
        "The clip is turned by its rotation in the wrong direction: FFmpeg and OpenGL count "
        "anticlockwise, phones clockwise.",
        _other_way,
    ),
    PictureFault(
        "mirrored",
        "The frames are mirrored left to right: switch isVideoMirrored off, or say so.",
        _turned(_O.UP_MIRRORED),
    ),
    PictureFault(
        "upside down",
        "The frames' rows are in the wrong order: the origin is at the bottom (OpenGL, Core "
        "Graphics), or the stride is negative.",
        _turned(_O.DOWN_MIRRORED),
    ),
    PictureFault(
        "turned by 180°",
        "The frames stand on their head: the rotation is applied twice, or the phone lay on its "
        "other side.",
        _turned(_O.DOWN),
    ),
    PictureFault(
        "BGR", "Red and blue are exchanged: the frames are BGR, and are read as RGB.",
        lambda s: np.ascontiguousarray(s.pixels[..., ::-1]),
    ),
    PictureFault(
        "full range read as video range",
        "Luma of 0 to 255 is read as 16 to 235: the picture has too much contrast. Take the range "
        "from the buffer's format (420f) or the stream.",
        _read_as(full=False),
        {"full": False},
    ),
    PictureFault(
        "video range read as full range",
        "Luma of 16 to 235 is read as 0 to 255: the picture is grey. Take the range from the "
        "buffer's format (420v) or the stream.",
        _read_as(full=True),
        {"full": True},
    ),
    PictureFault(
        "BT.709 read as BT.601",
        "The colour matrix is not the stream's: BT.709 is read as BT.601.",
        _read_as(matrix="BT.601"),
        {"matrix": 5},
    ),
    PictureFault(
        "BT.601 read as BT.709",
        "The colour matrix is not the stream's: BT.601 is read as BT.709.",
        _read_as(matrix="BT.709"),
        {"matrix": 1},
    ),
    PictureFault(
        "Cb and Cr exchanged",
        "The chroma planes are exchanged: NV21 is read as NV12, or U as V.",
        _chroma_swapped,
    ),
    PictureFault(
        "colour lost", "Only luma is read: the chroma planes are missing or grey.", _grey
    ),
    *(
        PictureFault(
            "padded rows",
            f"Rows are {pad} pixels longer in memory than the frame is wide: step by bytesPerRow.",
            _sheared(pad),
        )
        for pad in (8, 16, 32, 64)
    ),
    PictureFault(
        "aspect ratio ignored",
        "The clip's pixels are not square, and are taken as if they were.",
        _aspect_ignored,
    ),
)  # fmt: skip

"""Whether two files are one picture: by what they decode to, whatever they are saved as."""

from __future__ import annotations

import hashlib
from pathlib import Path

from mobilecat.pictures.reading import read_picture

_TURNED = (5, 6, 7, 8)
"""EXIF orientations that exchange width and height."""
_DIGITS = 16
_ORIENTATION = 0x0112


def upright_size(path: Path) -> str:
    """Return `640x480` of the upright picture, read from the file's head; "" where it is none."""
    from PIL import Image

    try:
        with Image.open(path) as opened:
            width, height = opened.size
            if opened.getexif().get(_ORIENTATION) in _TURNED:
                width, height = height, width
            return f"{width}x{height}"
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return ""


def pixels_of(path: Path) -> str:
    """Return `640x480:` and the first digits of the SHA-256 of the upright picture's RGB bytes.

    Errors: ImageError.
    """
    picture = read_picture(path)
    digest = hashlib.sha256(picture.tobytes()).hexdigest()[:_DIGITS]
    return f"{picture.width}x{picture.height}:{digest}"

"""The extra `video`: PyAV, and what a user without it is told."""

from __future__ import annotations

from importlib.util import find_spec

from mobilecat.errors import MobileCatError, Problem

INSTALL = "pip install 'mobilecat[video]'"


def require_video(where: str) -> None:
    """Raise MobileCatError with the install command where PyAV is missing."""
    if find_spec("av") is None:
        raise MobileCatError(
            "Reading and writing clips needs the extra `video`",
            [Problem("not installed: av (PyAV)", where, INSTALL)],
        )

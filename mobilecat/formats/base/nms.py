"""What a file says of its NMS, whichever format: the values of each setting that it holds."""

from __future__ import annotations

Found = dict[str, set[float]]
"""Setting → every value that the file has for it; none where it says nothing."""


def nothing() -> Found:
    """Return the settings, each without a value."""
    names = ("iou_threshold", "score_threshold", "max_detections", "per_class")
    return {name: set() for name in names}

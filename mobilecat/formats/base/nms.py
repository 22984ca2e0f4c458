"""What a file says of its NMS, whichever format: the values of each setting that it holds."""

from __future__ import annotations

Found = dict[str, set[float]]
"""Setting → every value that the file has for it; none where it says nothing."""


PER_CLASS_FLAG = "per_class flag"
"""A per_class that the file states, where one class would leave no other trace of it."""


def nothing() -> Found:
    """Return the settings, each without a value."""
    names = ("iou_threshold", "score_threshold", "max_detections", "per_class", PER_CLASS_FLAG)
    return {name: set() for name in names}

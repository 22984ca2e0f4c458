"""Lanes: a bundle, and one engine with one artifact of it; and what it finds in a picture.

Takes a bundle's folder; gives `Runner`s (`open_lane`) and `Detections` (`detect`). The engines are
the formats' own: `formats/<format>/run.py`.
"""

from mobilecat.formats.base.runner import NotRun, Runner
from mobilecat.lanes.base import RUNNERS, Lane, lanes_of, open_lane
from mobilecat.lanes.detect import decode_outputs, detect

__all__ = [
    "RUNNERS",
    "Lane",
    "NotRun",
    "Runner",
    "decode_outputs",
    "detect",
    "lanes_of",
    "open_lane",
]

"""Runners: one small protocol, one engine a module. To add one, copy `tflite.py`."""

from mobilecat.runners.base import RUNNERS, Lane, NotRun, Runner, lanes_of, open_lane
from mobilecat.runners.detect import decode_outputs, detect

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

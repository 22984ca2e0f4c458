"""The smallest or fastest recipe of each target within a budget of accuracy: `mobilecat compress`.

`layers` and `probe` ask the source graph what rounding one layer alone does to its detections
(`weighted`); `greedy` orders layers by that for each byte saved; `measured` exports what looks
promising and runs it on labelled pictures; `spec_file` writes the choice into the user's spec.
Knows targets by `recipes` alone: what a recipe makes of a weight is the format's verb `rounded`.
"""

from mobilecat.compression.result import Compressed, Row
from mobilecat.compression.whole import compress

__all__ = ["Compressed", "Row", "compress"]

"""How large the values inside a network become: samples → histograms → ranges.

Takes any float graph of ours and the pictures that `[quantize]` names; gives a range for every
value, of the whole tensor and a channel. Knows no format: what a range becomes is a format's own.
"""

from mobilecat.quantize.calibrate import Calibration, calibration_of
from mobilecat.quantize.histogram import Histogram
from mobilecat.quantize.ranges import Range, Ranges, Seen, minmax, mse, percentile

__all__ = [
    "Calibration",
    "Histogram",
    "Range",
    "Ranges",
    "Seen",
    "calibration_of",
    "minmax",
    "mse",
    "percentile",
]

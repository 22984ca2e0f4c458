"""`[quantize]` of a spec: which pictures say how large the values inside a network become."""

from typing import Annotated, Literal

from pydantic import Field

from mobilecat.value import FilePath, Value

Method = Literal["minmax", "percentile", "mse"]


class QuantizeSpec(Value):
    """Calibration: targets with int8 activations take their scales from pictures."""

    calibration: FilePath
    """A folder of pictures, or labelled ones as `evaluate` reads them, relative to the spec's
    folder. Pictures like those that the app will see, and none of those that accuracy is measured
    on."""
    number: Annotated[int, Field(ge=1, le=10_000)] = 64
    """How many of them, drawn by `seed`; all where there are fewer."""
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    """Which of them: the same seed draws the same pictures."""
    method: Method = "minmax"
    """How what was seen becomes a range. minmax: all of it. percentile: `percentile` of it, and the
    rest saturates. mse: the range whose 256 steps move the values least, squared."""
    percentile: Annotated[float, Field(gt=50, le=100)] = 99.99
    """Of the values, in percent, counted from each end; with `method = "percentile"`."""

"""What nobody has measured on a device yet: named, switchable, listed; never a silent fact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Placement = Literal["center", "top-left"]
Upsampling = Literal["nearest", "linear"]


@dataclass(frozen=True)
class Assumptions:
    """The device behaviour that the simulation takes for granted. `UNMEASURED` says how to check.

    scale_fit_placement: where Vision's scaleFit puts the picture in the model input.
    scale_fit_fill: the byte in scaleFit's padding, after "transparent" became RGB.
    observations_relative_to_roi: recognised-object boxes are in the region's unit square.
    chroma_upsampling: how 4:2:0 chroma becomes one value a pixel.
    android_full_range: CameraX's YUV_420_888 uses all of 0–255 for luma.
    """

    scale_fit_placement: Placement = "center"
    scale_fit_fill: int = 0
    observations_relative_to_roi: bool = True
    chroma_upsampling: Upsampling = "nearest"
    android_full_range: bool = True


DEFAULT_ASSUMPTIONS = Assumptions()


@dataclass(frozen=True)
class Unmeasured:
    """One field of `Assumptions`: why it is open, and what to run on a device to close it."""

    field: str
    why: str
    measure: str


UNMEASURED: tuple[Unmeasured, ...] = (
    Unmeasured(
        "scale_fit_placement",
        "Apple documents the scale of scaleFit, not where the picture is put",
        "run an image → image identity model on an x-ramp and a y-ramp, 3:5, and read the borders",
    ),
    Unmeasured(
        "scale_fit_fill",
        "the padding is documented as transparent pixels; which RGB the model sees is not",
        "the same identity model: read a pixel in the border",
    ),
    Unmeasured(
        "observations_relative_to_roi",
        "the region's documentation does not name VNRecognizedObjectObservation",
        "detect one object with the region (0.25, 0.5, 0.5, 0.25), compare with the full image",
    ),
    Unmeasured(
        "chroma_upsampling",
        "no documentation says how 420v and 420f chroma is enlarged for a model input",
        "the identity model on a buffer of one-pixel red and blue columns",
    ),
    Unmeasured(
        "android_full_range",
        "YUV_420_888 leaves the range to the device's data space",
        "photograph a black and a white card; luma below 16 or above 235 means full range",
    ),
)

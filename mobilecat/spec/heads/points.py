"""Landmark networks that give maps or bins: one set of points a picture or crop."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from mobilecat.spec.heads.base import Activation, HeadValue, Name, Positive

Method = Literal["argmax", "quarter", "dark", "soft-argmax"]
Grid = Literal["stride", "half-pixel", "align-corners"]
Kernel = Annotated[int, Field(ge=3, le=63)]


class HeatmapHead(HeadValue):
    """One map a point: [1,L,h,w], or [1,h,w,L]."""

    tasks: ClassVar[tuple[str, ...]] = ("pose",)
    suppressed: ClassVar[bool] = False
    gives_landmarks: ClassVar[bool | None] = True
    one_set_of_points: ClassVar[bool] = True
    carries: ClassVar[tuple[str, ...]] = ("landmark_scores",)
    kind: Literal["heatmap"]
    method: Method
    """How a map becomes a point. argmax: its highest cell; quarter: and a quarter of a cell towards
    the higher neighbour (Simple Baselines, HRNet); dark: the top of a parabola through the blurred
    map's logarithm (DARK); soft-argmax: the mean place under the softmax of the map (integral
    regression)."""
    output: Name | None = None
    """The output with the maps, where there are several that could be it."""
    layout: Literal["NCHW", "NHWC"] | None = None
    """Inferred: the map's sides divide the input's."""
    grid: Grid = "stride"
    """How cell i becomes pixels, of W pixels and w cells: stride, i·W/w (Simple Baselines, HRNet,
    DARK, SimCC); half-pixel, (i + ½)·W/w; align-corners, i·(W−1)/(w−1) (UDP)."""
    activation: Literal["none", "sigmoid"] = "none"
    """What is still to be applied to the maps."""
    kernel: Kernel = 11
    """dark: side of the Gaussian blur in cells, odd; 11 belongs to σ = 2 (64×48 cells), 17 to 3."""
    beta: Positive = 1.0
    """soft-argmax: what the map is multiplied by before the softmax."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = []
        if self.kernel % 2 == 0:
            problems.append(f"kernel {self.kernel} is even, and a blur needs a middle")
        for key, method in (("kernel", "dark"), ("beta", "soft-argmax")):
            if getattr(self, key) != type(self).model_fields[key].default and self.method != method:
                problems.append(f'{key} is set, but method is "{self.method}", not "{method}"')
        if problems:
            raise ValueError("; ".join(problems))
        return self


class SimccHead(HeadValue):
    """Bins along x and along y for every point: [1,L,W·k] and [1,L,H·k] (SimCC, RTMPose)."""

    tasks: ClassVar[tuple[str, ...]] = ("pose",)
    suppressed: ClassVar[bool] = False
    gives_landmarks: ClassVar[bool | None] = True
    one_set_of_points: ClassVar[bool] = True
    carries: ClassVar[tuple[str, ...]] = ("landmark_scores",)
    kind: Literal["simcc"]
    x: Name | None = None
    """Output with the bins along x; by their number, or else the first."""
    y: Name | None = None
    """Output with the bins along y."""
    split: Positive | None = None
    """Bins a pixel (SimCC's splitting factor k, RTMPose's simcc_split_ratio); inferred from the
    number of bins."""
    activation: Activation = "none"
    """What is still to be applied to the bins before their height is a score."""

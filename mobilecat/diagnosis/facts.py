"""What is known of a frame's way through the phone, and what was seen of its boxes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from mobilecat.camera.request import AppResize, SimulatedRequest
from mobilecat.errors import Problem
from mobilecat.geometry.affine import F64, Affine, GeometryError, Size
from mobilecat.geometry.assumptions import DEFAULT_ASSUMPTIONS, Assumptions
from mobilecat.geometry.orientation import Camera, Orientation
from mobilecat.geometry.spaces import Extent
from mobilecat.geometry.views import View
from mobilecat.geometry.vision import FULL_REGION, CropAndScale, Region

Engine = Literal["coreml", "coreai"]
REFERENCE_PX = 640.0
"""Residuals and noise are in pixels of a picture whose longer side is this."""


@dataclass(frozen=True)
class Facts:
    """One frame's facts: what a correct app would do with it.

    frame_wh:      the buffer as stored, in pixels.
    orientation:   what it takes to turn the stored frame upright.
    handed:        what the app told Vision; None where nobody wrote that down.
    fit:           how the picture is brought to the model's input.
    content_scale: pixels in a point, 2 or 3; None where unknown: both are tried.
    extent:        the CIImage's extent, where one is used.
    row_pixels:    bytesPerRow / bytes in a pixel of the first plane; None where unknown.
    known:         whether somebody said what turns it upright, or a model showed it.
    camera:        back or front; None where nobody said.
    engine:        coreml, through Vision, or coreai, whose input the app draws; None where unknown.
    """

    frame_wh: Size
    model_wh: Size
    orientation: Orientation = Orientation.UP
    handed: Orientation | None = None
    fit: CropAndScale | AppResize = CropAndScale.SCALE_FILL
    region: Region = FULL_REGION
    view: View | None = None
    content_scale: float | None = None
    extent: Extent | None = None
    row_pixels: float | None = None
    assumptions: Assumptions = DEFAULT_ASSUMPTIONS
    engine: Engine | None = None
    known: bool = False
    camera: Camera | None = None

    @property
    def request(self) -> SimulatedRequest:
        """The chain as it should be."""
        return SimulatedRequest(
            self.frame_wh,
            self.model_wh,
            self.orientation,
            self.fit,
            self.region,
            self.view,
            self.assumptions,
        )

    @property
    def image_wh(self) -> Size:
        """The upright picture's size."""
        return self.request.image_wh

    @property
    def turned(self) -> Facts:
        """The same facts with the picture's sides swapped: what is left after a quarter turn."""
        lying = self.orientation >= Orientation.LEFT_MIRRORED
        e = self.extent
        return replace(
            self,
            orientation=Orientation.UP if lying else Orientation.RIGHT,
            extent=None if e is None else Extent(e.x, e.y, e.h, e.w),
        )

    @property
    def pixels_from_norm(self) -> F64:
        """Per-axis factor (x, y) from normalised to `REFERENCE_PX` pixels."""
        w, h = self.image_wh
        return np.array([w, h]) * REFERENCE_PX / max(w, h)


def norm_map(map_px: Affine, src_wh: Size, dst_wh: Size) -> Affine:
    """Return a map between pixels as one between normalised coordinates."""
    into, out = Affine.scale_then_move(*src_wh), Affine.scale_then_move(*dst_wh).inverse()
    return out @ map_px @ into


@dataclass(frozen=True, eq=False)
class Evidence:
    """True and observed boxes of frames with the same facts.

    Frame: both normalised on the upright picture, top-left origin; observed ones are what a correct
    app's inverse makes of what was drawn. Shapes: true (N, 4) xyxy, observed (M, 4); marks
    (N, L, 2) and (M, L, 2); scores (N,) and (M,).
    partners: (N, M), which observed box may be which true one's; None: row k is row k's, and N = M.
    missing, extra: boxes that were left out before, true and observed, since they had no partner.
    earlier: true boxes of the same objects d frames before, NaN where there were none.
    edges: (E, 4) rectangles at whose sides observed boxes may have been cut off.
    """

    true: F64
    observed: F64
    true_marks: F64 | None = None
    observed_marks: F64 | None = None
    true_scores: F64 | None = None
    observed_scores: F64 | None = None
    missing: int = 0
    extra: int = 0
    earlier: Mapping[int, F64] = field(default_factory=dict)
    partners: npt.NDArray[np.bool_] | None = None
    edges: F64 = field(default_factory=lambda: np.zeros((0, 4)))

    def __post_init__(self) -> None:
        n, m = len(self.true), len(self.observed)
        pairs = (
            ("boxes", self.true, self.observed, (n, 4), (m, 4)),
            ("landmarks", self.true_marks, self.observed_marks, None, None),
            ("scores", self.true_scores, self.observed_scores, (n,), (m,)),
        )
        problems = []
        if self.partners is not None and self.partners.shape != (n, m):
            problems.append(Problem(f"partners {self.partners.shape} of {n} and {m} boxes"))
        for name, a, b, left, right in pairs:
            if (a is None) != (b is None):
                problems.append(Problem(f"{name} are given on one side only"))
            elif a is not None and b is not None:
                shapes = (left and a.shape != left) or (right and b.shape != right)
                unlike = a.shape[1:] != b.shape[1:] or len(a) != n or len(b) != m
                if shapes or unlike or (self.partners is None and len(a) != len(b)):
                    problems.append(Problem(f"true {name} {a.shape}, observed {b.shape}"))
                elif not (np.isfinite(a).all() and np.isfinite(b).all()):
                    problems.append(Problem(f"{name} hold NaN or infinity"))
        if problems:
            raise GeometryError("These are not pairs of boxes", problems)

    def __len__(self) -> int:
        """At most how many pairs there are."""
        return min(len(self.true), len(self.observed))


@dataclass(frozen=True, eq=False)
class Scene:
    """Facts with the evidence that belongs to them. A capture of several frames gives several."""

    facts: Facts
    evidence: Evidence

"""What is known of a frame's way through the phone, and what was seen of its boxes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from mobilecat.camera.request import AppResize, SimulatedRequest
from mobilecat.errors import Problem
from mobilecat.geometry.affine import F64, Affine, GeometryError, Size
from mobilecat.geometry.assumptions import DEFAULT_ASSUMPTIONS, Assumptions
from mobilecat.geometry.orientation import Orientation
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
    """Pairs of true and observed boxes of frames with the same facts.

    Frame: both normalised on the upright picture, top-left origin; observed ones are what a correct
    app's inverse makes of what was drawn. Shapes: (N, 4) xyxy; marks (N, L, 2); scores (N,).
    missing, extra: boxes without a partner, true and observed.
    earlier: true boxes of the same objects d frames before, NaN where there were none.
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

    def __post_init__(self) -> None:
        n = len(self.true)
        pairs = (
            ("boxes", self.true, self.observed, (n, 4)),
            ("landmarks", self.true_marks, self.observed_marks, None),
            ("scores", self.true_scores, self.observed_scores, (n,)),
        )
        problems = []
        for name, a, b, shape in pairs:
            if (a is None) != (b is None):
                problems.append(Problem(f"{name} are given on one side only"))
            elif a is not None and b is not None:
                if a.shape != b.shape or len(a) != n or (shape and a.shape != shape):
                    problems.append(Problem(f"true {name} {a.shape}, observed {b.shape}"))
                elif not (np.isfinite(a).all() and np.isfinite(b).all()):
                    problems.append(Problem(f"{name} hold NaN or infinity"))
        if problems:
            raise GeometryError("These are not pairs of boxes", problems)

    def __len__(self) -> int:
        return len(self.true)


@dataclass(frozen=True, eq=False)
class Scene:
    """Facts with the evidence that belongs to them. A capture of several frames gives several."""

    facts: Facts
    evidence: Evidence

"""A simulated request: everything a phone does between a camera frame and a dot on the screen.

    buffer ─orientation→ image ─region, crop and scale→ model ─undo→ vision ─view→ view

Each arrow is an `Affine` named destination first; every one can be inverted and composed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from mobilecat.camera.buffer import PixelBuffer, rgb_from_buffer
from mobilecat.camera.color import U8
from mobilecat.camera.sample import render
from mobilecat.errors import ImageError, Problem
from mobilecat.geometry.affine import F64, Affine, GeometryError, Size, whole_size
from mobilecat.geometry.assumptions import DEFAULT_ASSUMPTIONS, Assumptions
from mobilecat.geometry.boxes import Boxes, Landmarks, xywh_from_xyxy, xyxy_from_xywh
from mobilecat.geometry.frames import Frame, vision_frame
from mobilecat.geometry.orientation import Orientation, upright_from_stored, upright_size
from mobilecat.geometry.resize import ResizeMode, ResizePlan, Rounding, plan_resize
from mobilecat.geometry.views import View
from mobilecat.geometry.vision import (
    FULL_REGION,
    CropAndScale,
    Region,
    image_from_vision,
    model_from_image,
    vision_from_image,
)


@dataclass(frozen=True)
class AppResize:
    """The app fits the picture itself, as on Android or without Vision: see `plan_resize`."""

    mode: ResizeMode
    rounding: Rounding | None = None
    fill: int = 114


@dataclass(frozen=True)
class SimulatedRequest:
    """One frame's way through a phone.

    buffer_wh:   the frame as stored, before it is turned.
    model_wh:    the model's input.
    orientation: what the app tells Vision (or how it turns the pixels itself).
    fit:         Vision's crop-and-scale option, or the app's own resize.
    region:      Vision's region of interest, on the upright image.
    view:        where the result is drawn; None where it is not.
    """

    buffer_wh: Size
    model_wh: Size
    orientation: Orientation = Orientation.UP
    fit: CropAndScale | AppResize = CropAndScale.SCALE_FILL
    region: Region = FULL_REGION
    view: View | None = None
    assumptions: Assumptions = DEFAULT_ASSUMPTIONS

    def __post_init__(self) -> None:
        whole_size(self.buffer_wh), whole_size(self.model_wh)
        if isinstance(self.fit, AppResize) and self.region != FULL_REGION:
            raise GeometryError(
                "A region of interest belongs to Vision",
                [Problem("fit is the app's own resize", fix="crop the frame before the request")],
            )

    @property
    def image_wh(self) -> Size:
        """The upright image's size."""
        return upright_size(self.orientation, self.buffer_wh)

    @property
    def image_from_frame(self) -> Affine:
        """Buffer pixels → upright image pixels."""
        return upright_from_stored(self.orientation, self.buffer_wh)

    @property
    def model_from_image(self) -> Affine:
        """Upright image pixels → model input pixels."""
        if isinstance(self.fit, AppResize):
            return self._plan(self.fit).model_from_image
        return model_from_image(
            self.fit, self.image_wh, self.model_wh, self.region, self.assumptions
        )

    def _plan(self, fit: AppResize) -> ResizePlan:
        return plan_resize(self.image_wh, self.model_wh, fit.mode, fit.rounding)

    @property
    def model_from_frame(self) -> Affine:
        """Buffer pixels → model input pixels."""
        return self.model_from_image @ self.image_from_frame

    @property
    def image_from_model(self) -> Affine:
        """Model input pixels → upright image pixels."""
        return self.model_from_image.inverse()

    @property
    def vision_from_model(self) -> Affine:
        """Model input pixels → Vision's space over the whole upright image (0–1, lower-left)."""
        return vision_from_image(self.image_wh) @ self.image_from_model

    @property
    def observed_from_vision(self) -> Affine:
        """Vision's space over the whole image → the space observations are given in.

        To the region's unit square if `assumptions.observations_relative_to_roi`, else identity.
        """
        if self.assumptions.observations_relative_to_roi:
            return self.region.full_from_region.inverse()
        return Affine.identity()

    @property
    def observed_from_model(self) -> Affine:
        """Model input pixels → observations as Vision gives them."""
        return self.observed_from_vision @ self.vision_from_model

    @property
    def view_from_image(self) -> Affine:
        """Upright image pixels → view points; GeometryError without a view."""
        if self.view is None:
            raise GeometryError(
                "This request draws nowhere", [Problem("view is None", fix="give it a View")]
            )
        return self.view.view_from_image(self.image_wh)

    @property
    def view_from_vision(self) -> Affine:
        """Vision's space over the whole image → view points."""
        return self.view_from_image @ image_from_vision(self.image_wh)

    @property
    def view_from_model(self) -> Affine:
        """Model input pixels → view points."""
        return self.view_from_vision @ self.vision_from_model

    def frame_pixels(self, frame: PixelBuffer | npt.NDArray[Any]) -> U8:
        """Return the frame's RGB as stored; ImageError where its size is not `buffer_wh`."""
        rgb = rgb_from_buffer(frame, self.assumptions) if isinstance(frame, PixelBuffer) else frame
        w, h = whole_size(self.buffer_wh)
        if rgb.shape != (h, w, 3) or rgb.dtype != np.uint8:
            raise ImageError(
                "The frame is not the request's",
                [Problem(f"{rgb.shape} of {rgb.dtype}, expected ({h}, {w}, 3) of uint8")],
            )
        return rgb

    def model_input(self, frame: PixelBuffer | npt.NDArray[Any], antialias: bool = True) -> U8:
        """Return what the model sees. Shapes: (model h, model w, 3) RGB uint8."""
        fill = self.assumptions.scale_fit_fill
        if isinstance(self.fit, AppResize):
            fill = self.fit.fill
        rgb = self.frame_pixels(frame)
        # Vision crops to the region before it scales: padding never shows what lies beside it.
        region_xyxy = image_from_vision(self.image_wh).boxes_xyxy(
            self.region.full_from_region.boxes_xyxy((0, 0, 1, 1))
        )
        return render(
            rgb,
            self.model_from_frame,
            whole_size(self.model_wh),
            fill,
            antialias,
            within_xyxy=self.image_from_frame.inverse().boxes_xyxy(region_xyxy),
        )

    def frame(self, name: Literal["buffer", "image", "model", "view", "vision"]) -> Frame:
        """Return the named coordinate frame of this request."""
        if name == "vision":
            return vision_frame(self.image_wh)
        if name == "view":
            if self.view is None:
                raise GeometryError("This request draws nowhere", [Problem("view is None")])
            return Frame("view", self.view.size, "points")
        sizes = {"buffer": self.buffer_wh, "image": self.image_wh, "model": self.model_wh}
        return Frame(name, sizes[name])

    def observations(self, model_boxes_xyxy: npt.ArrayLike) -> F64:
        """Return the boxes Vision reports for the model's. Shapes: (N, 4) xyxy → (N, 4) xywh."""
        return xywh_from_xyxy(self.observed_from_model.boxes_xyxy(model_boxes_xyxy))

    def view_boxes(self, observed_xywh: npt.ArrayLike) -> F64:
        """Return where a correct app draws observed boxes. Shapes: (N, 4) xywh → (N, 4) xyxy."""
        view_from_observed = self.view_from_vision @ self.observed_from_vision.inverse()
        return view_from_observed.boxes_xyxy(xyxy_from_xywh(observed_xywh))

    def image_boxes(self, model_boxes_xyxy: npt.ArrayLike) -> Boxes:
        """Return the model's boxes on the upright image, xyxy pixels."""
        return Boxes(
            self.image_from_model.boxes_xyxy(model_boxes_xyxy), "xyxy", self.frame("image")
        )

    def image_landmarks(self, model_landmarks_xy: npt.ArrayLike) -> Landmarks:
        """Return the model's landmarks on the upright image. Shapes: (N, K, 2)."""
        return Landmarks(self.image_from_model.points(model_landmarks_xy), self.frame("image"))

"""What an app draws into a model's own buffer, where no engine turns and fits pictures for it.

No Vision request takes an `.aimodel`, and Core AI's image inputs do no scaling, orientation or
colour conversion. Source: developer.apple.com/documentation/coreai/imagedescriptor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mobilecat.geometry.affine import F64, Affine, Size
from mobilecat.geometry.boxes import clip_xyxy, xywh_from_xyxy
from mobilecat.geometry.spaces import core_graphics_from_uikit


@dataclass(frozen=True)
class Drawing:
    """A frame in a model's input.

    buffer_wh:        the frame as stored, in pixels.
    model_wh:         the model's input, in pixels.
    model_from_frame: turned, mirrored and fitted in one map; both sides top-left.
    """

    buffer_wh: Size
    model_wh: Size
    model_from_frame: Affine

    @property
    def picture_xyxy(self) -> F64:
        """The model's pixels whose centres the picture covers, top-left; the others are padding."""
        covered = self.model_from_frame.boxes_xyxy((0, 0, *self.buffer_wh))
        return clip_xyxy(np.floor(covered + 0.5), self.model_wh)

    @property
    def core_image_from_frame(self) -> Affine:
        """The same map between Core Image's spaces, which count y upwards on both sides."""
        model_upside_down = core_graphics_from_uikit(self.model_wh.h)
        frame_upside_down = core_graphics_from_uikit(self.buffer_wh.h)
        return model_upside_down @ self.model_from_frame @ frame_upside_down

    @property
    def core_image_picture_xywh(self) -> F64:
        """`picture_xyxy` as Core Image counts: x, y of its lower edge, w, h."""
        upside_down = core_graphics_from_uikit(self.model_wh.h)
        return xywh_from_xyxy(upside_down.boxes_xyxy(self.picture_xyxy))

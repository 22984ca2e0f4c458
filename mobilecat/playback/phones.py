"""A phone's stream: each frame stored, handed over, cropped and drawn as a camera set-up does it.

    upright frame → stored buffer (turned, 4:2:0, rows longer than the picture) → the request
    (orientation, crop option) → model → observations → view → upright frame again

A frame that comes back elsewhere than it went in is a fault of the set-up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mobilecat.camera.buffer import PixelBuffer, buffer_from_rgb
from mobilecat.camera.layout import PixelFormat, aligned, plane_layouts
from mobilecat.camera.request import AppResize, SimulatedRequest
from mobilecat.clips.clip import Pixels
from mobilecat.errors import MobileCatError, Problem
from mobilecat.geometry.affine import Affine, Size
from mobilecat.geometry.orientation import (
    Camera,
    Device,
    Orientation,
    apply_orientation,
    inverse_orientation,
    orientation_for_buffer,
    upright_from_stored,
)
from mobilecat.geometry.views import View
from mobilecat.geometry.vision import CropAndScale
from mobilecat.spec import ImageSpec

_VIEW = Size(390, 844)


@dataclass(frozen=True)
class Phone:
    """A camera set-up. mirrored: the app asks for the mirror image, as a selfie preview shows."""

    device: Device
    camera: Camera
    format: PixelFormat
    gravity: str
    vision: bool
    mirrored: bool = False

    @property
    def orientation(self) -> Orientation:
        """What the app must hand over."""
        return orientation_for_buffer(self.device, self.camera, self.mirrored)


def _ios(device: Device, camera: Camera, mirrored: bool = False) -> Phone:
    return Phone(device, camera, "420v", "resizeAspectFill", True, mirrored)


def _android(device: Device, camera: Camera) -> Phone:
    return Phone(device, camera, "YUV_420_888", "FILL_CENTER", False)


PHONES: dict[str, Phone] = {
    "ios-back-portrait": _ios("portrait", "back"),
    "ios-back-upside-down": _ios("portraitUpsideDown", "back"),
    "ios-back-landscape": _ios("landscapeLeft", "back"),
    "ios-back-landscape-right": _ios("landscapeRight", "back"),
    "ios-front": _ios("portrait", "front", mirrored=True),
    "ios-front-unmirrored": _ios("portrait", "front"),
    "android-back-portrait": _android("portrait", "back"),
    "android-back-landscape": _android("landscapeLeft", "back"),
    "android-front": _android("portrait", "front"),
}
_VISIONS = {"letterbox": CropAndScale.SCALE_FIT, "stretch": CropAndScale.SCALE_FILL}


@dataclass(frozen=True)
class Setup:
    """A phone and how the frame is fitted into the model's input; `phone[+option]` by name."""

    name: str
    phone: Phone
    fit: CropAndScale | AppResize

    def request(self, upright_wh: tuple[int, int], model_wh: tuple[int, int]) -> SimulatedRequest:
        """Return the request for frames of a size."""
        stored = Size(*upright_wh)
        turned = self.phone.orientation >= Orientation.LEFT_MIRRORED
        return SimulatedRequest(
            stored.swapped if turned else stored,
            Size(*model_wh),
            self.phone.orientation,
            self.fit,
            view=View(_VIEW, self.phone.gravity),
        )

    def buffer(self, upright: Pixels) -> PixelBuffer:
        """Return what the camera hands over of an upright frame: rows padded by 64 bytes."""
        seen = upright[:, ::-1] if self.phone.mirrored else upright
        stored = apply_orientation(seen, inverse_orientation(self.phone.orientation))
        tight = plane_layouts(self.phone.format, (stored.shape[1], stored.shape[0]))
        strides = [aligned(p.row_stride, 64) + 64 for p in tight]
        return buffer_from_rgb(np.ascontiguousarray(stored), self.phone.format, strides)

    def frame_from_view(self, request: SimulatedRequest) -> Affine:
        """Return the way back from the view, where the app draws, to the upright frame."""
        back = request.view_from_image.inverse()
        if self.phone.mirrored:
            return upright_from_stored(Orientation.UP_MIRRORED, request.image_wh) @ back
        return back


def setup_named(text: str, spec: ImageSpec) -> Setup:
    """Return the set-up called `phone[+option]`. Errors: MobileCatError with those that there are.

    Without an option: Vision's that does what the spec's own resize does, or the app's own resize.
    """
    name, _, option = text.partition("+")
    options = [o.value for o in CropAndScale if not o.turns]
    if name not in PHONES or (option and option not in options):
        fix = f"one of {', '.join(PHONES)}, with +{', +'.join(options)} where that is asked for"
        raise MobileCatError("No such phone", [Problem(repr(text), "--simulate", fix)])
    phone = PHONES[name]
    fit: CropAndScale | AppResize = AppResize(spec.resize, spec.rounding, spec.pad)
    if option:
        fit = CropAndScale(option)
    elif phone.vision and spec.resize in _VISIONS and (spec.pad == 0 or spec.resize == "stretch"):
        fit = _VISIONS[spec.resize]
    return Setup(text, phone, fit)

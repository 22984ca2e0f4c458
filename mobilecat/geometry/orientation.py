"""Orientation: the eight EXIF values, what each system calls them, and what a phone hands over.

A stored picture w×h becomes upright by: transpose, then flip x, then flip y, as the table says.
Source: EXIF 2.32 §4.6.4 A; developer.apple.com/documentation/imageio/cgimagepropertyorientation.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from mobilecat.errors import Problem
from mobilecat.geometry.affine import Affine, GeometryError, Size, SizeLike, as_size

Device = Literal["portrait", "portraitUpsideDown", "landscapeLeft", "landscapeRight"]
Camera = Literal["back", "front"]
DEVICES: tuple[Device, ...] = get_args(Device)
CAMERAS: tuple[Camera, ...] = get_args(Camera)


class Orientation(IntEnum):
    """EXIF orientation, whose values are CGImagePropertyOrientation's raw values as well."""

    UP = 1
    UP_MIRRORED = 2
    DOWN = 3
    DOWN_MIRRORED = 4
    LEFT_MIRRORED = 5
    RIGHT = 6
    RIGHT_MIRRORED = 7
    LEFT = 8

    @property
    def cg_name(self) -> str:
        """CGImagePropertyOrientation's case name: `.right` for 6."""
        head, *tail = self.name.lower().split("_")
        return head + "".join(word.capitalize() for word in tail)


# orientation: (transpose, flip x, flip y), in this order, from stored to upright
_STEPS: dict[Orientation, tuple[bool, bool, bool]] = {
    Orientation.UP: (False, False, False),
    Orientation.UP_MIRRORED: (False, True, False),
    Orientation.DOWN: (False, True, True),
    Orientation.DOWN_MIRRORED: (False, False, True),
    Orientation.LEFT_MIRRORED: (True, False, False),
    Orientation.RIGHT: (True, True, False),
    Orientation.RIGHT_MIRRORED: (True, True, True),
    Orientation.LEFT: (True, False, True),
}

# UIImage.Orientation's raw value → EXIF. A raw cast is a known bug: 3 (right) would become down.
_UI_IMAGE: dict[int, Orientation] = {
    0: Orientation.UP,
    1: Orientation.DOWN,
    2: Orientation.LEFT,
    3: Orientation.RIGHT,
    4: Orientation.UP_MIRRORED,
    5: Orientation.DOWN_MIRRORED,
    6: Orientation.LEFT_MIRRORED,
    7: Orientation.RIGHT_MIRRORED,
}

_U, _D, _L, _R = Orientation.UP, Orientation.DOWN, Orientation.LEFT, Orientation.RIGHT
# (camera, mirrored): one orientation for each of DEVICES, for buffers straight off the sensor.
# True of every iPhone's and iPad's back camera, and of front cameras whose sensor lies along the
# long side: iPhones up to the 16. A front camera with a square sensor (iPhone 17, 17 Pro, Air)
# delivers upright portrait frames, each angle a quarter turn less:
# developer.apple.com/forums/thread/825928.
_BUFFER: dict[tuple[Camera, bool], tuple[Orientation, ...]] = {
    ("back", False): (_R, _L, _U, _D),
    ("front", False): (_R, _L, _D, _U),
    ("front", True): (
        Orientation.LEFT_MIRRORED,
        Orientation.RIGHT_MIRRORED,
        Orientation.DOWN_MIRRORED,
        Orientation.UP_MIRRORED,
    ),
}
_ANGLES: dict[Camera, tuple[int, ...]] = {"back": (90, 270, 0, 180), "front": (90, 270, 180, 0)}
_CLOCKWISE = {0: _U, 90: _R, 180: _D, 270: _L}


def orientation(value: int) -> Orientation:
    """Return the EXIF orientation 1–8; GeometryError for anything else (0 is UIImage's .up)."""
    try:
        return Orientation(value)
    except ValueError:
        raise GeometryError(
            "No such orientation",
            [
                Problem(
                    f"{value!r} is not 1 to 8",
                    fix="a UIImage.Orientation must be translated, not cast: it counts from 0",
                )
            ],
        ) from None


def upright_size(o: int, stored_wh: SizeLike) -> Size:
    """Return the upright picture's size: h×w for orientations 5 to 8."""
    size = as_size(stored_wh)
    return size.swapped if _STEPS[orientation(o)][0] else size


def upright_from_stored(o: int, stored_wh: SizeLike) -> Affine:
    """Return the map from a stored picture to the upright one, both top-left pixel edges."""
    transpose, flip_x, flip_y = _STEPS[orientation(o)]
    w, h = upright_size(o, stored_wh)
    turned = Affine(0, 1, 0, 1, 0, 0) if transpose else Affine.identity()
    flipped = Affine.scale_then_move(
        -1 if flip_x else 1, -1 if flip_y else 1, w if flip_x else 0, h if flip_y else 0
    )
    return flipped @ turned


def stored_from_upright(o: int, stored_wh: SizeLike) -> Affine:
    """Return the map back, from the upright picture to the stored one."""
    return upright_from_stored(o, stored_wh).inverse()


def inverse_orientation(o: int) -> Orientation:
    """Return the orientation that undoes `o`: 6 and 8 swap, the others undo themselves."""
    return {_R: _L, _L: _R}.get(orientation(o), orientation(o))


def compose_orientations(second: int, first: int) -> Orientation:
    """Return the one orientation equal to applying `first`, then `second`."""
    unit = Size(1, 1)
    both = upright_from_stored(second, unit) @ upright_from_stored(first, unit)
    return next(o for o in Orientation if upright_from_stored(o, unit) == both)


def apply_orientation(pixels: npt.NDArray[Any], o: int) -> npt.NDArray[Any]:
    """Return the upright pixels of a stored picture. Shapes: (h, w) or (h, w, C)."""
    transpose, flip_x, flip_y = _STEPS[orientation(o)]
    turned = np.swapaxes(pixels, 0, 1) if transpose else pixels
    return np.ascontiguousarray(turned[:: -1 if flip_y else 1, :: -1 if flip_x else 1])


def orientation_from_ui_image(raw: int) -> Orientation:
    """Return the EXIF orientation of a UIImage.Orientation raw value 0–7."""
    if raw not in _UI_IMAGE:
        raise GeometryError("No such UIImage.Orientation", [Problem(f"{raw!r} is not 0 to 7")])
    return _UI_IMAGE[raw]


def ui_image_from_orientation(o: int) -> int:
    """Return UIImage.Orientation's raw value of an EXIF orientation."""
    return next(raw for raw, found in _UI_IMAGE.items() if found == orientation(o))


def _device(device: str) -> int:
    if device not in DEVICES:
        raise GeometryError(
            "No such device orientation",
            [
                Problem(
                    f"{device!r}", fix=f"one of {', '.join(DEVICES)}; face up and down have none"
                )
            ],
        )
    return DEVICES.index(device)


def orientation_for_buffer(
    device: Device, camera: Camera, mirrored: bool = False, *, upright_angle: int | None = None
) -> Orientation:
    """Return what to hand to Vision for a buffer that no connection has rotated.

    upright_angle: what AVCaptureDevice.RotationCoordinator reports; where it is given, it decides,
    and the device does not. Without it: a table, true of back cameras, and of front cameras up to
    the iPhone 16; those of iPhone 17 and Air deliver upright portrait frames.
    landscapeLeft has the home button on the right. After a physical rotation hand over UP instead.
    mirrored: the upright picture is to be the front camera's mirror image, as its preview shows it,
    of a buffer that no connection has mirrored.
    Errors: GeometryError for a mirrored back camera, which no table covers, and for an angle that
    is no quarter turn.
    """
    if (camera, mirrored) not in _BUFFER:
        raise GeometryError(
            "No such camera buffer", [Problem(f"camera {camera!r} with mirrored={mirrored}")]
        )
    by_table = _BUFFER[camera, mirrored][_device(device)]
    if upright_angle is not None:
        return orientation_for_reported(upright_angle, mirrored=mirrored)
    return by_table


def orientation_for_reported(
    upright_angle: int, applied_angle: int = 0, mirrored: bool = False
) -> Orientation:
    """Return what to hand to Vision, by the angles that the system itself reports.

    upright_angle: clockwise degrees that turn the sensor's picture upright:
    AVCaptureDevice.RotationCoordinator's videoRotationAngleForHorizonLevelCapture. applied_angle:
    what the connection has turned the buffer by already, its videoRotationAngle. mirrored: the
    upright picture is to be a mirror image. Errors: GeometryError for what is no quarter turn.
    """
    for degrees in (upright_angle, applied_angle):
        orientation_for_rotation(degrees)
    turn = orientation_for_rotation((upright_angle - applied_angle) % 360)
    return compose_orientations(Orientation.UP_MIRRORED, turn) if mirrored else turn


def rotation_angle(device: Device, camera: Camera) -> int:
    """Return AVFoundation's videoRotationAngle for an upright picture, in clockwise degrees."""
    if camera not in CAMERAS:
        raise GeometryError("No such camera", [Problem(f"{camera!r}", fix="back or front")])
    return _ANGLES[camera][_device(device)]


def video_orientation(device: Device) -> Device:
    """Return AVCaptureVideoOrientation's name for a device orientation: the landscapes swap."""
    return DEVICES[(0, 1, 3, 2)[_device(device)]]


def orientation_for_rotation(degrees: int) -> Orientation:
    """Return the orientation equal to a clockwise turn: CameraX's rotationDegrees, or an angle.

    Source: developer.android.com/reference/androidx/camera/core/ImageInfo#getRotationDegrees().
    """
    if degrees not in _CLOCKWISE:
        raise GeometryError("No such rotation", [Problem(f"{degrees!r} is not 0, 90, 180 or 270")])
    return _CLOCKWISE[degrees]

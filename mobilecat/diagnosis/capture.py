"""capture.json: what an app writes down of its frames, so that a bug can be named elsewhere.

docs/capture.md describes every key; docs/capture.schema.json is the same for machines.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mobilecat.camera.layout import PixelFormat
from mobilecat.camera.request import AppResize
from mobilecat.diagnosis.facts import Engine, Facts
from mobilecat.disk import read_text
from mobilecat.disk.near import nearest
from mobilecat.errors import MobileCatError, Problem, reason
from mobilecat.geometry.affine import Size
from mobilecat.geometry.orientation import (
    Camera,
    Device,
    Orientation,
    compose_orientations,
    orientation_for_buffer,
    orientation_for_reported,
)
from mobilecat.geometry.resize import RESIZE_MODES, ResizeMode, Rounding
from mobilecat.geometry.spaces import Extent
from mobilecat.geometry.views import VIEW_MODES, View, meant_mode
from mobilecat.geometry.vision import FULL_REGION, CropAndScale, Region, crop_and_scale
from mobilecat.value import FilePath

Space = Literal["view", "vision", "normalized", "image", "frame", "model"]
Side = Annotated[int, Field(ge=1, le=100_000)]
Length = Annotated[float, Field(gt=0, le=100_000)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Angle = Literal[0, 90, 180, 270]
FARTHEST = 1_000_000
"""Pixels: where no box of a capture lies."""
Coordinate = Annotated[float, Field(ge=-FARTHEST, le=FARTHEST)]
Four = tuple[Coordinate, Coordinate, Coordinate, Coordinate]
_PIXEL_BYTES = {"32BGRA": 4, "OneComponent8": 1, "420v": 1, "420f": 1, "YUV_420_888": 1}
FITS = (*CropAndScale, *RESIZE_MODES)


class Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CapturedBox(Value):
    """One box. box_xyxy: two corners. id: the same object in true and observed, and over time."""

    box_xyxy: Four
    score: Annotated[float, Field(ge=0, le=1)] | None = None
    class_id: Annotated[int, Field(ge=0)] = 0
    id: str | int | None = None
    label: str | None = None
    landmarks: (
        tuple[tuple[Coordinate, Coordinate], ...] | dict[str, tuple[Coordinate, Coordinate]]
    ) = ()

    @property
    def points(self) -> tuple[tuple[float, float], ...]:
        """The landmarks, without their names."""
        marks = self.landmarks
        return tuple(marks.values()) if isinstance(marks, dict) else marks


class CapturedView(Value):
    """The view the boxes were drawn in. scale: pixels in a point."""

    size_wh: tuple[Length, Length]
    mode: str = "resizeAspectFill"
    mirrored: bool = False
    rtl: bool = False
    scale: Annotated[float, Field(gt=0, le=8)] | None = None

    @model_validator(mode="after")
    def _known(self) -> CapturedView:
        if self.mode not in VIEW_MODES:
            meant = meant_mode(self.mode)
            hint = f"did you mean {meant}?" if meant else f"it is one of {', '.join(VIEW_MODES)}"
            raise ValueError(f"no view has the mode {self.mode!r}: {hint}")
        return self


class CapturedFrame(Value):
    """One frame: how it came, what was asked of the model, what was drawn.

    size_wh: the buffer as stored. orientation: EXIF value that the app handed over, or by which it
    turned the frame itself. engine: coreml, through Vision, or coreai, whose input the app draws.
    upright: EXIF value that turns the frame upright, where it is known; else `upright_angle` less
    `applied_angle` says it, else `device` and `camera` by a table of devices, for a buffer that no
    connection turned (`buffer_turned` false).
    true: what should be there; without it, `outputs` through a correct chain.
    """

    size_wh: tuple[Side, Side]
    pixel_format: PixelFormat | None = None
    bytes_per_row: tuple[Side, ...] = ()
    orientation: Annotated[int, Field(ge=1, le=8)] = 1
    upright: Annotated[int, Field(ge=1, le=8)] | None = None
    upright_angle: Angle | None = None
    applied_angle: Angle = 0
    device: Device | None = None
    camera: Camera = "back"
    mirrored: bool = False
    buffer_turned: bool = False
    engine: Engine | None = None
    crop_and_scale: str = "scaleFill"
    rounding: Rounding | None = None
    region_of_interest: Four = (0.0, 0.0, 1.0, 1.0)
    model_wh: tuple[Side, Side]
    view: CapturedView | None = None
    extent: Four | None = None
    image: FilePath | None = None
    time: Number | None = None
    outputs: tuple[CapturedBox, ...] | None = None
    drawn: tuple[CapturedBox, ...] = ()
    drawn_in: Space = "view"
    true: tuple[CapturedBox, ...] | None = None
    true_in: Space = "image"

    @model_validator(mode="after")
    def _consistent(self) -> CapturedFrame:
        problems = []
        if self.crop_and_scale not in FITS:
            hint = nearest(self.crop_and_scale, FITS) or f"it is one of {', '.join(FITS)}"
            problems.append(f"no fit is called crop_and_scale {self.crop_and_scale!r}: {hint}")
        if self.drawn_in == "view" and self.drawn and self.view is None:
            problems.append('drawn_in is "view", but there is no view')
        if self.true_in == "view" and self.true and self.view is None:
            problems.append('true_in is "view", but there is no view')
        x, y, w, h = self.region_of_interest
        if min(x, y) < 0 or min(w, h) <= 0 or max(x + w, y + h) > 1 + 1e-9:
            problems.append(f"region_of_interest {[x, y, w, h]} is not inside [0, 0, 1, 1]")
        elif self.crop_and_scale in RESIZE_MODES and (x, y, w, h) != (0, 0, 1, 1):
            problems.append("region_of_interest belongs to Vision; crop_and_scale is the app's own")
        if self.app_drew and self.crop_and_scale not in RESIZE_MODES:
            problems.append(
                f"crop_and_scale {self.crop_and_scale!r} is Vision's, and no Vision request takes "
                f'an .aimodel: with engine "coreai" it is one of {", ".join(RESIZE_MODES)}'
            )
        if self.rounding is not None and self.crop_and_scale not in RESIZE_MODES:
            problems.append("rounding belongs to the app's own resize")
        if self.extent and min(self.extent[2:]) <= 0:
            problems.append(f"extent {list(self.extent)} has no width or height above zero")
        if self.camera == "back" and self.mirrored and self.device:
            problems.append("mirrored belongs to the front camera")
        if self.bytes_per_row and self.pixel_format:
            least = self.size_wh[0] * _PIXEL_BYTES[self.pixel_format]
            if self.bytes_per_row[0] < least:
                problems.append(
                    f"bytes_per_row {self.bytes_per_row[0]} is less than a row's {least}"
                )
        for side in ("outputs", "drawn", "true"):
            counts = {len(b.points) for b in getattr(self, side) or ()}
            if len(counts) > 1:
                problems.append(f"{side}: boxes differ in their number of landmarks")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def app_drew(self) -> bool:
        """Whether the app drew the model's input itself.

        Its `true` boxes are then what it believes of its own drawing: a re-run knows better.
        """
        return self.engine == "coreai"

    @property
    def needed(self) -> Orientation | None:
        """The orientation that turns the frame upright, or None where nobody said."""
        if self.upright is not None:
            return Orientation(self.upright)
        if self.upright_angle is not None:
            return orientation_for_reported(self.upright_angle, self.applied_angle, self.mirrored)
        if self.buffer_turned:
            return Orientation.UP
        if self.device is not None:
            return self._by_table(self.device)
        return None

    def _by_table(self, device: Device) -> Orientation:
        """The table's orientation, but where the frame's own shape denies it.

        The table expects a sensor that lies along the phone's long side. A front camera with a
        square one (iPhone 17, Air) delivers portrait frames, a quarter turn further; a portrait
        frame of a back camera has been turned by its connection.
        """
        needed = orientation_for_buffer(device, self.camera, self.mirrored)
        if self.size_wh[0] >= self.size_wh[1]:
            return needed
        if self.camera == "front":
            return compose_orientations(needed, Orientation.LEFT)
        return Orientation.UP if device.startswith("portrait") else needed

    @property
    def facts(self) -> Facts:
        """The facts of a correct chain."""
        handed = Orientation(self.orientation)
        row = None
        if self.bytes_per_row and self.pixel_format:
            row = self.bytes_per_row[0] / _PIXEL_BYTES[self.pixel_format]
        view = self.view
        roi = Region(*self.region_of_interest)
        return Facts(
            Size(*self.size_wh),
            Size(*self.model_wh),
            self.needed or handed,
            handed=handed,
            fit=fit_named(self.crop_and_scale, self.rounding),
            region=FULL_REGION if self.region_of_interest == (0, 0, 1, 1) else roi,
            view=View(Size(*view.size_wh), view.mode, view.mirrored, view.rtl) if view else None,
            content_scale=view.scale if view else None,
            extent=Extent(*self.extent) if self.extent else None,
            row_pixels=row,
            engine=self.engine,
            known=self.needed is not None,
            camera=self.camera if "camera" in self.model_fields_set else None,
        )

    @property
    def contradictions(self) -> list[str]:
        """Sentences on facts that contradict each other before any box is looked at."""
        needed, handed = self.needed, Orientation(self.orientation)
        if needed is None or needed == handed:
            return []
        did = "turned it by" if self.app_drew else "handed over"
        said = (
            f"the app {did} .{handed.cg_name} (EXIF {int(handed)}); this frame needs "
            f".{needed.cg_name} (EXIF {int(needed)})"
        )
        if self.upright is None and self.upright_angle is None and self.camera == "front":
            said += (
                ", by a table of devices: write `upright_angle`, the angle that the system "
                "reports, and it decides"
            )
        return [said]


class Capture(Value):
    """capture.json. app, device_model: free text for the reader."""

    schema_version: Annotated[Literal[1], Field(alias="schema")] = 1
    app: str = ""
    device_model: str = ""
    frames: Annotated[tuple[CapturedFrame, ...], Field(min_length=1, max_length=10_000)]


def fit_named(name: str, rounding: Rounding | None = None) -> CropAndScale | AppResize:
    """Return Vision's option or the app's own resize by name; GeometryError for neither."""
    if name in RESIZE_MODES:
        mode: ResizeMode = next(m for m in RESIZE_MODES if m == name)
        return AppResize(mode, rounding)
    return crop_and_scale(name)


def read_capture(path: Path) -> Capture:
    """Read a capture.json; MobileCatError with every problem in it."""
    try:
        text = read_text(path)
    except (OSError, ValueError) as e:
        raise MobileCatError("The capture cannot be read", [Problem(reason(e), str(path))]) from e
    return parse_capture(text, str(path))


def parse_capture(text: str, where: str) -> Capture:
    """Return the capture in `text`; MobileCatError with every problem in it."""
    try:
        return Capture.model_validate_json(text)
    except ValidationError as e:
        told = e.errors(include_url=False)
        problems = [
            _problem(x["type"], x["loc"], x["msg"], where)
            for x in told
            # Frames that were refused leave "too short" behind, which is no problem of its own.
            if x["type"] != "too_short" or e.error_count() == 1
        ]
        page = "docs/capture.md describes every key"
        last = problems[-1]
        fix = f"{last.fix} {page}" if last.fix else page
        problems[-1] = Problem(last.what, where, fix)
        unread = any(x["type"] == "json_invalid" for x in told)
        summary = "This is not a capture" if unread else "This capture cannot be used as it is"
        raise MobileCatError(summary, problems) from e


def _problem(kind: str, loc: tuple[int | str, ...], said: str, where: str) -> Problem:
    if kind != "extra_forbidden":
        return Problem(f"{_place(loc)}{said.removeprefix('Value error, ')}", where)
    *around, key = loc
    model = _model_at(around)
    names = [f.alias or name for name, f in model.model_fields.items()]
    return Problem(
        f"{_place(tuple(around))}there is no key `{key}`", where, nearest(str(key), names)
    )


def _model_at(loc: Sequence[int | str]) -> type[Value]:
    """Return what stands at a place of the file: `frames.0.drawn.2` is a box."""
    names = [part for part in loc if isinstance(part, str)]
    last = names[-1] if names else ""
    by_name: dict[str, type[Value]] = {"": Capture, "frames": CapturedFrame, "view": CapturedView}
    return by_name.get(last, CapturedBox)


def _place(loc: tuple[int | str, ...]) -> str:
    return ".".join(map(str, loc)) + ": " if loc else ""


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of capture.json."""
    return Capture.model_json_schema(by_alias=True)

"""Pictures in: read upright as RGB, and fitted into a model's input as the spec says."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from mobilecat.disk.near import did_you_mean
from mobilecat.errors import ImageError, Problem
from mobilecat.geometry.resize import ResizePlan, plan_resize
from mobilecat.spec import ImageSpec

if TYPE_CHECKING:
    from PIL.Image import Image

Pixels = npt.NDArray[np.uint8]
Picture: TypeAlias = "str | os.PathLike[str] | Image | Pixels"
"""What a caller may call a picture: a path, a PIL image, or uint8 [H,W,3], RGB."""


def read_picture(path: Path) -> Image:
    """Return the picture at `path` as RGB, turned upright as its EXIF says; ImageError if none."""
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                require_8_bits(opened, path)
                ImageOps.exif_transpose(opened, in_place=True)
                return as_rgb(opened)
    except (OSError, ValueError, SyntaxError, Warning, Image.DecompressionBombError) as e:
        raise unreadable(path, e) from e


def as_rgb(picture: Image) -> Image:
    """Return the picture as RGB: itself where it is."""
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def picture_of(given: Picture) -> Image:
    """Return what a caller calls a picture as RGB, upright as its EXIF says; ImageError if none.

    given: a path, a PIL image, or uint8 [H,W,3], RGB.
    """
    from PIL import Image, ImageOps

    if isinstance(given, Image.Image):
        require_8_bits(given, Path(getattr(given, "filename", "") or "the picture"))
        return ImageOps.exif_transpose(given).convert("RGB")
    if isinstance(given, np.ndarray):
        if given.dtype != np.uint8 or given.ndim != 3 or given.shape[2] != 3 or not given.size:
            what = f"the array is {given.dtype} {list(given.shape)}, expected uint8 [H, W, 3], RGB"
            raise ImageError("This is not a picture", [Problem(what)])
        return Image.fromarray(np.ascontiguousarray(given))
    return read_picture(Path(given))


def require_8_bits(opened: Image, path: Path) -> None:
    """Raise ImageError for values beyond 8 bits: Pillow would cut them off at 255, to white."""
    if opened.mode.startswith(("I", "F")):
        what, fix = (
            f"holds values beyond 8 bits (Pillow's mode {opened.mode})",
            "save it with 8 bits",
        )
        raise ImageError("The picture cannot be read", [Problem(what, str(path), fix)])


def unreadable(path: Path, e: Exception) -> ImageError:
    """Return what a user is told where Pillow failed with `e` on `path`."""
    from PIL import UnidentifiedImageError

    where = str(path)
    if isinstance(e, FileNotFoundError):
        return ImageError(
            "There is no such picture", [Problem("not found", where, did_you_mean(path))]
        )
    if isinstance(e, IsADirectoryError):
        fix = "name one picture in it"
        return ImageError("This is not a picture", [Problem("a folder", where, fix)])
    if isinstance(e, UnidentifiedImageError):
        fix = "give a PNG, JPEG, WebP or BMP file"
        problem = Problem("no image format known here", where, fix)
        return ImageError("This is not a picture", [problem])
    fix = "copy or export it again" if "truncated" in str(e) else ""
    return ImageError("The picture cannot be read", [Problem(str(e), where, fix)])


def fit_picture(picture: Image, spec: ImageSpec) -> tuple[Pixels, ResizePlan]:
    """Return (pixels [H,W,C] uint8, RGB or one grey channel; how they were fitted).

    Resampling: Pillow's, of which bilinear and lanczos average when they shrink.
    """
    from PIL import Image

    plan = plan_resize(picture.size, spec.size, spec.resize, spec.rounding)
    mode = "L" if spec.color == "GRAY" else "RGB"
    source = picture if picture.mode == mode else picture.convert(mode)
    resized = source
    if plan.resized_wh != picture.size:
        resized = source.resize(plan.resized_wh, Image.Resampling[spec.resample.upper()])
    if plan.resized_wh != spec.size:
        canvas = Image.new(mode, spec.size, spec.pad if mode == "L" else (spec.pad,) * 3)
        canvas.paste(resized, (plan.left, plan.top))
        resized = canvas
    pixels = np.asarray(resized, dtype=np.uint8)
    return pixels.reshape(*pixels.shape[:2], spec.channels), plan

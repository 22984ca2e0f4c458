"""Pixel buffers as a phone hands them over, read and written with every stride honoured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mobilecat.camera.color import U8, Matrix, rgb_from_ycbcr, to_bytes, ycbcr_from_rgb
from mobilecat.camera.layout import (
    PixelFormat,
    PlaneLayout,
    check_plane_bytes,
    plane_layouts,
)
from mobilecat.camera.sample import enlarge_plane
from mobilecat.errors import ImageError, Problem
from mobilecat.geometry.affine import F64
from mobilecat.geometry.assumptions import DEFAULT_ASSUMPTIONS, Assumptions

# Written into row padding and between samples, so that whoever reads it sees it.
PADDING_BYTE = 0xCD


@dataclass(frozen=True)
class PixelBuffer:
    """A buffer: format, size, layout, and one bytes object for each plane; checked at construction.

    matrix: the buffer's YCbCr matrix attachment; no meaning for BGRA and gray.
    """

    format: PixelFormat
    wh: tuple[int, int]
    layouts: tuple[PlaneLayout, ...]
    planes: tuple[bytes, ...]
    matrix: Matrix = "BT.601"

    def __post_init__(self) -> None:
        check_plane_bytes(self.format, self.layouts, [len(p) for p in self.planes])

    @property
    def size(self) -> int:
        """All planes' bytes."""
        return sum(len(p) for p in self.planes)


def buffer_from_planes(
    pixel_format: PixelFormat,
    wh: tuple[int, int],
    planes: Sequence[bytes],
    row_strides: Sequence[int] | None = None,
    pixel_strides: Sequence[int] | None = None,
    matrix: Matrix = "BT.601",
) -> PixelBuffer:
    """Return the buffer; ImageError where strides or byte counts cannot be right."""
    layouts = plane_layouts(pixel_format, wh, row_strides, pixel_strides)
    return PixelBuffer(pixel_format, wh, layouts, tuple(bytes(p) for p in planes), matrix)


def buffer_from_bytes(
    pixel_format: PixelFormat,
    wh: tuple[int, int],
    data: bytes,
    row_strides: Sequence[int] | None = None,
    pixel_strides: Sequence[int] | None = None,
    matrix: Matrix = "BT.601",
) -> PixelBuffer:
    """Return the buffer of one blob with its planes end to end, all rows padded to their stride.

    Errors: ImageError with the byte count expected.
    """
    layouts = plane_layouts(pixel_format, wh, row_strides, pixel_strides)
    expected = sum(layout.full_bytes for layout in layouts)
    if len(data) != expected:
        parts = " + ".join(f"{p.name} {p.row_stride}·{p.rows}" for p in layouts)
        raise ImageError(
            f"This cannot be a {pixel_format} buffer of {wh[0]} × {wh[1]}",
            [Problem(f"{len(data)} bytes; expected {expected}: {parts}")],
        )
    planes, at = [], 0
    for layout in layouts:
        planes.append(data[at : at + layout.full_bytes])
        at += layout.full_bytes
    return PixelBuffer(pixel_format, wh, layouts, tuple(planes), matrix)


def read_plane(data: bytes, layout: PlaneLayout) -> U8:
    """Return a plane's samples. Shapes: (rows, cols, sample_bytes)."""
    flat = np.frombuffer(data, dtype=np.uint8)
    rows = np.arange(layout.rows)[:, None, None] * layout.row_stride
    cols = np.arange(layout.cols)[None, :, None] * layout.pixel_stride
    samples: U8 = flat[rows + cols + np.arange(layout.sample_bytes)]
    return samples


def write_plane(samples: U8, layout: PlaneLayout, padding: int = PADDING_BYTE) -> bytes:
    """Return the plane's bytes, `padding` wherever no sample lies. Shapes: as `read_plane`."""
    flat = np.full(layout.full_bytes, padding, dtype=np.uint8)
    rows = np.arange(layout.rows)[:, None, None] * layout.row_stride
    cols = np.arange(layout.cols)[None, :, None] * layout.pixel_stride
    flat[rows + cols + np.arange(layout.sample_bytes)] = samples
    return flat.tobytes()


def is_full_range(pixel_format: PixelFormat, assumptions: Assumptions) -> bool:
    """Return whether luma uses 0–255: always for 420f, never for 420v, assumed for Android."""
    return {"420v": False, "420f": True}.get(pixel_format, assumptions.android_full_range)


def rgb_from_buffer(buffer: PixelBuffer, assumptions: Assumptions = DEFAULT_ASSUMPTIONS) -> U8:
    """Return the buffer's pixels as stored, not turned. Shapes: (h, w, 3) RGB."""
    planes = [read_plane(p, at) for p, at in zip(buffer.planes, buffer.layouts, strict=True)]
    if buffer.format == "32BGRA":
        return np.ascontiguousarray(planes[0][..., 2::-1])
    if buffer.format == "OneComponent8":
        return np.repeat(planes[0], 3, axis=-1)
    chroma = planes[1] if len(planes) == 2 else np.concatenate(planes[1:], axis=-1)
    grown = enlarge_plane(chroma, buffer.wh, assumptions.chroma_upsampling)
    ycbcr = np.concatenate([planes[0].astype(np.float64), grown], axis=-1)
    return rgb_from_ycbcr(ycbcr, buffer.matrix, is_full_range(buffer.format, assumptions))


def _halved(plane: F64) -> F64:
    """Return 2×2 means; an odd last row or column counts twice. (h, w, C) → (⌈h/2⌉, ⌈w/2⌉, C)."""
    h, w = plane.shape[:2]
    even = np.pad(plane, ((0, h % 2), (0, w % 2), (0, 0)), mode="edge")
    return (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4


def buffer_from_rgb(
    rgb: npt.NDArray[np.uint8],
    pixel_format: PixelFormat,
    row_strides: Sequence[int] | None = None,
    pixel_strides: Sequence[int] | None = None,
    matrix: Matrix = "BT.601",
    assumptions: Assumptions = DEFAULT_ASSUMPTIONS,
) -> PixelBuffer:
    """Return a picture as the buffer a camera would deliver; alpha 255, gray by BT.601 luma.

    Shapes: (h, w, 3) RGB.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise ImageError(
            "A picture must be (h, w, 3) bytes", [Problem(f"got {rgb.shape} of {rgb.dtype}")]
        )
    wh = (rgb.shape[1], rgb.shape[0])
    layouts = plane_layouts(pixel_format, wh, row_strides, pixel_strides)
    full = is_full_range(pixel_format, assumptions)
    if pixel_format == "32BGRA":
        alpha = np.full((*rgb.shape[:2], 1), 255, dtype=np.uint8)
        samples = [np.concatenate([rgb[..., ::-1], alpha], axis=-1)]
    elif pixel_format == "OneComponent8":
        samples = [to_bytes(ycbcr_from_rgb(rgb, "BT.601", True)[..., :1])]
    else:
        ycbcr = ycbcr_from_rgb(rgb, matrix, full)
        chroma = to_bytes(_halved(ycbcr[..., 1:]))
        samples = [to_bytes(ycbcr[..., :1]), chroma]
        if pixel_format == "YUV_420_888":
            samples = [samples[0], chroma[..., :1], chroma[..., 1:]]
    planes = tuple(write_plane(s, at) for s, at in zip(samples, layouts, strict=True))
    return PixelBuffer(pixel_format, wh, layouts, planes, matrix)

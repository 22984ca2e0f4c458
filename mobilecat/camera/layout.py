"""Pixel buffer layouts: planes, strides, byte counts, addresses. Arithmetic only, no pixels.

Source: Apple's CVPixelBuffer (kCVPixelFormatType_…), Android's ImageFormat.YUV_420_888.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from mobilecat.errors import ImageError, Problem

PixelFormat = Literal["32BGRA", "OneComponent8", "420v", "420f", "YUV_420_888"]
PIXEL_FORMATS: tuple[PixelFormat, ...] = get_args(PixelFormat)

# format: (name, chroma?, bytes in a sample, pixel stride when packed) for each plane
_PLANES: dict[PixelFormat, tuple[tuple[str, bool, int, int], ...]] = {
    "32BGRA": (("BGRA", False, 4, 4),),
    "OneComponent8": (("gray", False, 1, 1),),
    "420v": (("Y", False, 1, 1), ("CbCr", True, 2, 2)),
    "420f": (("Y", False, 1, 1), ("CbCr", True, 2, 2)),
    "YUV_420_888": (("Y", False, 1, 1), ("U", True, 1, 1), ("V", True, 1, 1)),
}


@dataclass(frozen=True)
class PlaneLayout:
    """One plane: `cols` × `rows` samples of `sample_bytes`, placed by two strides, in bytes."""

    name: str
    cols: int
    rows: int
    sample_bytes: int
    pixel_stride: int
    row_stride: int

    def address(self, x: int, y: int) -> int:
        """Return the offset of sample (x, y): y·rowStride + x·pixelStride."""
        return y * self.row_stride + x * self.pixel_stride

    @property
    def row_bytes(self) -> int:
        """The bytes of a row that hold samples."""
        return self.pixel_stride * (self.cols - 1) + self.sample_bytes

    @property
    def min_bytes(self) -> int:
        """The bytes up to the end of the last sample: what Android is sure to map."""
        return self.row_stride * (self.rows - 1) + self.row_bytes

    @property
    def full_bytes(self) -> int:
        """The bytes of all rows with their padding: what Apple allocates."""
        return self.row_stride * self.rows

    def problems(self) -> list[Problem]:
        """Return why these strides cannot be right."""
        found = []
        if self.pixel_stride < self.sample_bytes:
            found.append(
                Problem(
                    f"pixel stride {self.pixel_stride} is below a sample's {self.sample_bytes}",
                    where=f"plane {self.name}",
                )
            )
        elif self.row_stride < self.row_bytes:
            found.append(
                Problem(
                    f"row stride {self.row_stride} is below a row's {self.row_bytes} bytes",
                    where=f"plane {self.name}",
                    fix="bytesPerRow and rowStride count bytes, not pixels; ask for them per plane",
                )
            )
        return found


def aligned(row_bytes: int, alignment: int) -> int:
    """Return `row_bytes` rounded up to a multiple of `alignment`: 1440 to 64 gives 1472."""
    return -(-row_bytes // alignment) * alignment


def known_format(name: str) -> PixelFormat:
    """Return `name` as a PixelFormat; ImageError with the list of those known."""
    if name not in PIXEL_FORMATS:
        raise ImageError(
            "Unknown pixel format", [Problem(f"{name!r}", fix=f"one of {', '.join(PIXEL_FORMATS)}")]
        )
    return name


def plane_layouts(
    pixel_format: PixelFormat,
    wh: tuple[int, int],
    row_strides: Sequence[int] | None = None,
    pixel_strides: Sequence[int] | None = None,
) -> tuple[PlaneLayout, ...]:
    """Return the planes of a buffer of `wh`; strides that are left out are packed tight.

    Chroma planes have ⌈w/2⌉ × ⌈h/2⌉ samples.
    Errors: ImageError listing every stride that cannot be right, a side below 1, a plane too many.
    """
    planes = _PLANES[known_format(pixel_format)]
    w, h = wh
    problems = []
    if w < 1 or h < 1 or w != int(w) or h != int(h):
        problems.append(Problem(f"{w} × {h} is no size of a picture"))
    for name, strides in (("row", row_strides), ("pixel", pixel_strides)):
        if strides is not None and len(strides) != len(planes):
            problems.append(
                Problem(
                    f"{pixel_format} has {len(planes)} planes, got {len(strides)} {name} strides"
                )
            )
    if problems:
        raise ImageError("This pixel buffer cannot be", problems)
    layouts = []
    for i, (name, chroma, sample, packed) in enumerate(planes):
        cols, rows = (-(-w // 2), -(-h // 2)) if chroma else (w, h)
        step = pixel_strides[i] if pixel_strides else packed
        row = row_strides[i] if row_strides else step * (cols - 1) + sample
        layouts.append(PlaneLayout(name, cols, rows, sample, step, row))
    problems = [p for layout in layouts for p in layout.problems()]
    if problems:
        raise ImageError("This pixel buffer cannot be", problems)
    return tuple(layouts)


def check_plane_bytes(
    pixel_format: PixelFormat, layouts: Sequence[PlaneLayout], counts: Sequence[int]
) -> None:
    """Raise one ImageError for every plane whose byte count cannot be right, with the expected one.

    Apple's planes hold rowStride · rows; Android's may end with the last row's last sample.
    """
    problems = []
    if len(layouts) != len(counts):
        problems.append(Problem(f"{pixel_format} has {len(layouts)} planes, got {len(counts)}"))
    for layout, count in zip(layouts, counts, strict=False):
        least = layout.min_bytes if pixel_format == "YUV_420_888" else layout.full_bytes
        if not least <= count <= layout.full_bytes:
            expected = (
                f"{least} to {layout.full_bytes}" if least < layout.full_bytes else f"{least}"
            )
            problems.append(
                Problem(
                    f"{count} bytes; {layout.cols} × {layout.rows} samples in rows of "
                    f"{layout.row_stride} need {expected}",
                    where=f"plane {layout.name}",
                    fix="check width, height and row stride: one of the three is another plane's",
                )
            )
    if problems:
        raise ImageError(f"This cannot be a {pixel_format} buffer", problems)


def element_offset(index: Sequence[int], strides: Sequence[int]) -> int:
    """Return an MLMultiArray element's offset, in elements: Σ index·stride; rows can be padded.

    Source: developer.apple.com/documentation/coreml/mlmultiarray/strides.
    """
    if len(index) != len(strides):
        raise ImageError(
            "Index and strides differ in length", [Problem(f"{len(index)} and {len(strides)}")]
        )
    return sum(i * stride for i, stride in zip(index, strides, strict=True))


ITEM_BYTES = {"float32": 4, "float16": 2, "int32": 4, "int64": 8, "uint8": 1, "int8": 1}


def tensor_bytes(shape: Sequence[int], dtype: str) -> int:
    """Return a dense tensor's bytes: [1, 640, 640, 3] float32 is 4,915,200."""
    if dtype not in ITEM_BYTES:
        raise ImageError(
            "Unknown element type", [Problem(f"{dtype!r}", fix=f"one of {', '.join(ITEM_BYTES)}")]
        )
    return math.prod(shape) * ITEM_BYTES[dtype]

"""Buffers with padding everywhere: every format, odd sizes, and byte counts that cannot be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mobilecat.camera.buffer import (
    PADDING_BYTE,
    PixelBuffer,
    buffer_from_bytes,
    buffer_from_planes,
    buffer_from_rgb,
    rgb_from_buffer,
)
from mobilecat.camera.layout import PIXEL_FORMATS, check_plane_bytes, plane_layouts
from mobilecat.errors import ImageError
from mobilecat.geometry.assumptions import Assumptions

# one row for each format: strides with padding, for a 7 × 5 picture
PADDED: dict[str, tuple[list[int], list[int] | None]] = {
    "32BGRA": ([64], None),
    "OneComponent8": ([16], None),
    "420v": ([64, 64], None),
    "420f": ([16, 32], None),
    "YUV_420_888": ([16, 12, 10], [1, 2, 2]),
}


def _blocks(w: int, h: int) -> Any:
    """Return a picture of 2×2 blocks of one colour each, so that halved chroma loses nothing."""
    rng = np.random.default_rng(9)
    small = rng.integers(40, 216, (-(-h // 2), -(-w // 2), 3), dtype=np.uint8)
    return np.repeat(np.repeat(small, 2, axis=0), 2, axis=1)[:h, :w]


def test_every_format_has_a_padded_row_here() -> None:
    assert set(PADDED) == set(PIXEL_FORMATS)


@pytest.mark.parametrize("fmt", PIXEL_FORMATS)
@pytest.mark.parametrize("matrix", ["BT.601", "BT.709"])
@pytest.mark.parametrize("padded", [False, True])
def test_a_picture_comes_back(fmt: Any, matrix: Any, padded: bool) -> None:
    rgb = _blocks(7, 5)
    rows, pixels = PADDED[fmt] if padded else (None, None)
    buffer = buffer_from_rgb(rgb, fmt, rows, pixels, matrix)
    back = rgb_from_buffer(buffer).astype(int)
    if fmt == "OneComponent8":
        luma = rgb @ np.array([0.299, 0.587, 0.114])
        assert np.abs(back - luma[..., None]).max() <= 0.51
    elif fmt == "32BGRA":
        assert np.array_equal(back, rgb)
    else:
        assert np.abs(back - rgb).max() <= 3  # 8-bit YCbCr: up to 1.86 · half a code twice


@pytest.mark.parametrize("fmt", PIXEL_FORMATS)
def test_padding_is_never_read_and_always_written(fmt: Any) -> None:
    rows, pixels = PADDED[fmt]
    buffer = buffer_from_rgb(_blocks(7, 5), fmt, rows, pixels)
    seen = rgb_from_buffer(buffer)
    for plane, at in zip(buffer.planes, buffer.layouts, strict=True):
        used = {
            at.address(x, y) + b
            for y in range(at.rows)
            for x in range(at.cols)
            for b in range(at.sample_bytes)
        }
        assert len(used) == at.rows * at.cols * at.sample_bytes
        assert {plane[i] for i in set(range(len(plane))) - used} == {PADDING_BYTE}
    other = tuple(p.replace(bytes([PADDING_BYTE]), b"\x00") for p in buffer.planes)
    if not any(
        PADDING_BYTE in _used(p, at) for p, at in zip(buffer.planes, buffer.layouts, strict=True)
    ):
        changed = PixelBuffer(fmt, buffer.wh, buffer.layouts, other)
        assert np.array_equal(rgb_from_buffer(changed), seen)


def _used(plane: bytes, at: Any) -> set[int]:
    return {
        plane[at.address(x, y) + b]
        for y in range(at.rows)
        for x in range(at.cols)
        for b in range(at.sample_bytes)
    }


def test_bgra_by_hand() -> None:
    # one row of two pixels, rows of 12 bytes: blue first, alpha ignored
    data = bytes([3, 2, 1, 255, 6, 5, 4, 0, 99, 99, 99, 99])
    rgb = rgb_from_buffer(buffer_from_bytes("32BGRA", (2, 1), data, [12]))
    assert rgb.tolist() == [[[1, 2, 3], [4, 5, 6]]]


def test_interleaved_android_planes_are_read_by_pixel_stride() -> None:
    # 2 × 2: luma 100; U = 128, V = 228 in one chroma sample, full range: R + 140
    planes = [bytes([100] * 4), bytes([128]), bytes([228])]
    rgb = rgb_from_buffer(buffer_from_planes("YUV_420_888", (2, 2), planes, [2, 1, 1], [1, 2, 2]))
    assert rgb.tolist() == [[[240, 29, 100]] * 2] * 2  # 100 + 1.402·100; 100 − .7141·100 = 28.6
    video = Assumptions(android_full_range=False)
    buffer = buffer_from_planes("YUV_420_888", (2, 2), planes, [2, 1, 1], [1, 2, 2])
    # (84/219 + 1.402·100/224)·255 = 257.4; (84/219 − .7141·100/224)·255 = 16.5; 84/219·255 = 97.8
    assert rgb_from_buffer(buffer, video)[0, 0].tolist() == [255, 17, 98]


def test_odd_sizes_keep_their_last_row_and_column() -> None:
    buffer = buffer_from_rgb(_blocks(7, 5), "420f")
    assert [
        (p.cols, p.rows, len(b)) for p, b in zip(buffer.layouts, buffer.planes, strict=True)
    ] == [
        (7, 5, 35),
        (4, 3, 24),
    ]
    assert buffer.size == 7 * 5 + 2 * 4 * 3


def test_chroma_is_repeated_or_interpolated_as_assumed() -> None:
    # 4 × 2: gray luma, two chroma samples with V = 128 and 178
    planes = [bytes([100] * 8), bytes([128, 128]), bytes([128, 178])]
    buffer = buffer_from_planes("YUV_420_888", (4, 2), planes)
    nearest = rgb_from_buffer(buffer)[0, :, 0].tolist()
    assert nearest == [100, 100, 170, 170]  # 100 + 1.402·50 = 170.1
    linear = rgb_from_buffer(buffer, Assumptions(chroma_upsampling="linear"))[0, :, 0].tolist()
    assert linear == [100, 118, 153, 170]  # shares 0, ¼, ¾, 1: 100 + 70.1 · share


REFUSED: list[tuple[str, Callable[[], Any], list[str]]] = [
    (
        "a tight buffer said to be padded",
        lambda: buffer_from_bytes("420v", (7, 5), bytes(59), [64, 64]),
        ["59 bytes", "expected 512", "Y 64·5 + CbCr 64·3"],
    ),
    (
        "a byte too few",
        lambda: buffer_from_bytes("32BGRA", (3, 5), bytes(59)),
        ["59 bytes", "expected 60"],
    ),
    (
        "planes swapped",
        lambda: buffer_from_planes("420f", (7, 5), [bytes(24), bytes(35)]),
        ["plane Y: 24 bytes", "need 35", "plane CbCr: 35 bytes", "need 24"],
    ),
    (
        "width and height swapped",
        lambda: buffer_from_planes("32BGRA", (5, 3), [bytes(5 * 12)], [12]),
        ["row stride 12 is below a row's 20 bytes"],
    ),
    (
        "android's last row",
        lambda: check_plane_bytes(
            "YUV_420_888",
            plane_layouts("YUV_420_888", (7, 5), [16, 12, 12], [1, 2, 2]),
            [70, 31, 37],
        ),
        ["plane Y: 70 bytes", "need 71 to 80", "plane V: 37 bytes", "need 31 to 36"],
    ),
    ("no size", lambda: plane_layouts("420v", (0, 5)), ["0 × 5"]),
    ("format", lambda: plane_layouts("NV21", (3, 5)), ["32BGRA, OneComponent8"]),  # type: ignore[arg-type]
    ("gray picture", lambda: buffer_from_rgb(np.zeros((5, 3), np.uint8), "420v"), ["(5, 3)"]),
    ("float picture", lambda: buffer_from_rgb(np.zeros((5, 3, 3)), "420v"), ["float64"]),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("make", "says"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_a_buffer_that_cannot_be_is_refused_with_the_count(
    make: Callable[[], Any], says: list[str]
) -> None:
    with pytest.raises(ImageError) as refusal:
        make()
    for words in says:
        assert words in str(refusal.value)

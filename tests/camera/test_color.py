"""YCbCr against OpenCV, against the coefficients as published, and there and back."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mobilecat.camera.buffer import buffer_from_bytes, rgb_from_buffer
from mobilecat.camera.color import rgb_from_ycbcr, to_bytes, ycbcr_from_rgb
from mobilecat.errors import ImageError

CODES = list(
    itertools.product((0, 16, 41, 128, 200, 235, 255), (1, 60, 128, 140, 240), (16, 128, 219))
)
# R from Cr; G from Cb, Cr; B from Cb, as the standards print them
PUBLISHED = {
    "BT.601": (1.402, -0.3441, -0.7141, 1.772),
    "BT.709": (1.5748, -0.1873, -0.4681, 1.8556),
}


@pytest.mark.parametrize("matrix", sorted(PUBLISHED))
@pytest.mark.parametrize("full", [False, True])
def test_published_coefficients(matrix: str, full: bool) -> None:
    r_cr, g_cb, g_cr, b_cb = PUBLISHED[matrix]
    for y8, cb8, cr8 in CODES:
        y = y8 / 255 if full else (y8 - 16) / 219
        cb, cr = ((c - 128) / (255 if full else 224) for c in (cb8, cr8))
        by_hand = np.array([y + r_cr * cr, y + g_cb * cb + g_cr * cr, y + b_cb * cb]) * 255
        got = rgb_from_ycbcr([y8, cb8, cr8], matrix, full).astype(float)  # type: ignore[arg-type]
        # half a code of rounding, and .05 of four-digit coefficients
        assert (np.abs(got - np.clip(by_hand, 0, 255)) <= 0.55).all()


def test_nv12_agrees_with_opencv() -> None:
    import cv2

    rng = np.random.default_rng(6)
    wh = (6, 4)  # OpenCV takes even sizes only
    data = rng.integers(16, 236, wh[0] * wh[1] * 3 // 2, dtype=np.uint8)
    theirs = cv2.cvtColor(data.reshape(wh[1] * 3 // 2, wh[0]), cv2.COLOR_YUV2RGB_NV12)
    ours = rgb_from_buffer(buffer_from_bytes("420v", wh, data.tobytes()))
    # OpenCV computes BT.601 video range in 20-bit fixed point with coefficients cut to three digits
    assert np.abs(ours.astype(int) - theirs).max() <= 1


def test_full_range_601_agrees_with_opencv() -> None:
    import cv2

    ycbcr = np.array(CODES, dtype=np.uint8)[None]
    theirs = cv2.cvtColor(np.ascontiguousarray(ycbcr[..., [0, 2, 1]]), cv2.COLOR_YCrCb2RGB)
    ours = rgb_from_ycbcr(ycbcr, "BT.601", True)
    # OpenCV's YCrCb uses .713/.564 rounded to three digits: one code apart at the edges
    assert np.abs(ours.astype(int) - theirs).max() <= 1


@pytest.mark.parametrize("matrix", sorted(PUBLISHED))
@pytest.mark.parametrize("full", [False, True])
def test_there_and_back(matrix: str, full: bool) -> None:
    rgb = np.array(list(itertools.product((0, 51, 130, 255), repeat=3)), dtype=np.uint8)
    ycbcr = ycbcr_from_rgb(rgb, matrix, full)  # type: ignore[arg-type]
    low, high = (0, 255) if full else (16, 235)
    assert ycbcr[:, 0].min() == pytest.approx(low)
    assert ycbcr[:, 0].max() == pytest.approx(high)
    back = rgb_from_ycbcr(to_bytes(ycbcr), matrix, full)  # type: ignore[arg-type]
    assert np.abs(back.astype(int) - rgb).max() <= 2  # three roundings to 8 bits


def test_halves_round_up_and_ends_are_clipped() -> None:
    assert to_bytes(np.array([-3, 0.49, 0.5, 1.5, 254.5, 300])).tolist() == [0, 0, 1, 2, 255, 255]


def test_an_unknown_matrix_is_refused() -> None:
    with pytest.raises(ImageError) as refusal:
        rgb_from_ycbcr([0, 0, 0], "BT.2100", True)  # type: ignore[arg-type]
    assert "BT.601, BT.709" in str(refusal.value)

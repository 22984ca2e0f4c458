"""What a frame's bytes say of themselves, without any model: rows, planes, channels, range.

Neighbours of a picture are alike. Bytes that were read in another layout than they were written in
are not, until they are put in order again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
MUCH_SMOOTHER = {"rows": 0.95, "planes": 0.72, "channels": 0.72}
"""A layout is believed where neighbours then differ by so much less. Rows have said so twice."""
_SHIFTS = 66  # pixels that a row may be longer in memory: 256 bytes of 32BGRA and a little
_LEVELS = 12
_FLAT = 2.0  # mean difference of neighbours below which there is nothing to see


@dataclass(frozen=True)
class Layout:
    """A way in which the bytes may have been misread. kind: rows, planes, channels, ycbcr, range.

    mend: the picture that the same bytes hold. said: what happened, in one sentence.
    """

    kind: str
    bug: str
    said: str
    mend: Callable[[Pixels], Pixels]
    row: int | None = None


def misread(pixels: Pixels, row_pixels: int | None = None) -> Layout | None:
    """Return the layout in which the bytes should have been read; None where they look right.

    pixels: (h, w, 3). row_pixels: how long rows are in memory, where somebody knows.
    """
    if min(pixels.shape[:2]) < 16 or roughness(pixels) < _FLAT:
        return _wrong_range(pixels)
    rough = roughness(pixels)
    found = [(roughness(x.mend(pixels)) / rough, x) for x in _layouts(pixels, row_pixels)]
    found = [(ratio, x) for ratio, x in found if ratio <= MUCH_SMOOTHER[x.kind]]
    if found:
        return min(found, key=lambda f: f[0])[1]
    return _wrong_range(pixels) or _ycbcr(pixels)


def roughness(pixels: Pixels) -> float:
    """Return how much neighbours differ: by rows, by columns and between channels, mean levels."""
    x = pixels[:: 1 + pixels.shape[0] // 400].astype(np.float32)
    down = np.abs(np.diff(pixels.astype(np.float32), axis=0)).mean()
    along = np.abs(np.diff(x, axis=1)).mean()
    # Chroma is smoother than light: differences of channels between neighbours.
    chroma = x[..., 0] - x[..., 1], x[..., 2] - x[..., 1]
    colour = np.mean([np.abs(np.diff(c, axis=1)).mean() for c in chroma])
    return float(down + along + colour)


def _layouts(pixels: Pixels, row_pixels: int | None) -> Iterator[Layout]:
    h, w = pixels.shape[:2]
    rows = {row_pixels} if row_pixels and row_pixels > w else set()
    shift = _row_shift(pixels)
    rows |= {w + shift} if shift else set()
    for row in sorted(r for r in rows if r is not None and r >= 8):
        yield Layout(
            "rows",
            "26",
            f"The picture is sheared: its rows are {row} pixels long in memory, and were read as "
            f"{w}: step by bytesPerRow, not by the width.",
            lambda p, row=row: with_rows(p, row),  # type: ignore[misc]
            row,
        )
    yield Layout(
        "planes",
        "37",
        "The bytes are planar (all of red, then green, then blue), and were read pixel by pixel.",
        lambda p: np.ascontiguousarray(p.reshape(3, *p.shape[:2]).transpose(1, 2, 0)),
    )
    yield Layout(
        "planes",
        "37",
        "The bytes go pixel by pixel, and were read as three planes.",
        lambda p: np.ascontiguousarray(p.transpose(2, 0, 1)).reshape(p.shape),
    )
    if h * 3 // 4 >= 16:
        yield Layout(
            "channels",
            "37",
            "Pixels have four bytes in memory, and were read as three.",
            _of_four,
        )


def _of_four(p: Pixels) -> Pixels:
    h, w = p.shape[0] * 3 // 4, p.shape[1]
    return np.ascontiguousarray(p.reshape(-1)[: h * w * 4].reshape(h, w, 4)[..., :3])


def with_rows(pixels: Pixels, row: int) -> Pixels:
    """Return the picture that the same memory holds when its rows are `row` pixels long."""
    h, w = pixels.shape[:2]
    flat = pixels.reshape(-1, 3)
    rows = len(flat) // row
    out = np.zeros((min(rows, h), w, 3), dtype=np.uint8)
    whole = flat[: rows * row].reshape(rows, row, 3)[:h, :w]
    out[: len(whole), : whole.shape[1]] = whole
    return out


def _row_shift(pixels: Pixels) -> int:
    """Return by how many pixels each row is moved against the one above; 0 where it is not.

    Both halves of the picture must ask for the same.
    """
    grey = pixels.astype(np.float32).mean(axis=2)
    most = min(_SHIFTS, grey.shape[1] // 3)
    halves = np.array_split(grey, 2)
    found = []
    for half in halves:
        upper, lower = half[:-1], half[1:]
        apart = []
        for k in range(-most, most + 1):
            a = upper[:, max(0, k) : upper.shape[1] + min(0, k)]
            b = lower[:, max(0, -k) : lower.shape[1] + min(0, -k)]
            apart.append(np.abs(a - b).mean())
        found.append(most - int(np.argmin(apart)))
    return found[0] if found[0] == found[1] else 0


def _wrong_range(pixels: Pixels) -> Layout | None:
    """Bytes that hold only a few levels are what is left of values that were divided."""
    levels = np.unique(pixels[::2, ::2])
    if not 1 < len(levels) <= _LEVELS or np.diff(levels.astype(int)).max(initial=0) < 1:
        return None
    if levels[-1] <= _LEVELS or (levels[0] == 0 and set(levels) <= {0, 1, 255}):
        return Layout(
            "range",
            "28",
            f"The pixel values had the wrong range before they became bytes: only the levels "
            f"{', '.join(map(str, levels))} are left.",
            lambda p: p,
        )
    return None


def _ycbcr(pixels: Pixels) -> Layout | None:
    """Two channels about the middle that hardly change, beside one that does: no RGB."""
    x = pixels[::4, ::4].astype(np.float64)
    spread, middle = x.std(axis=(0, 1)), x.mean(axis=(0, 1))
    quiet = (spread[1:] < 0.45 * spread[0]).all() and (np.abs(middle[1:] - 128) < 24).all()
    if not (quiet and spread[0] > 30 and np.abs(x[..., 1] - x[..., 0]).mean() > 20):
        return None
    mended = rgb_of_ycbcr(pixels)
    # A right reading puts the three channels on one another again.
    together = np.corrcoef(mended[::4, ::4].reshape(-1, 3).T.astype(np.float64))
    if not np.isfinite(together).all() or together[0, 1] < 0.6 or together[1, 2] < 0.6:
        return None
    return Layout(
        "ycbcr",
        "37",
        "The bytes are luma and chroma (Y, Cb, Cr), and were read as red, green and blue.",
        rgb_of_ycbcr,
    )


def rgb_of_ycbcr(pixels: Pixels) -> Pixels:
    """Return RGB of full-range BT.601 YCbCr (JFIF), both (h, w, 3)."""
    y, cb, cr = (pixels[..., k].astype(np.float64) for k in range(3))
    cb, cr = cb - 128, cr - 128
    rgb = np.stack([y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb], axis=-1)
    return np.clip(np.rint(rgb), 0, 255).astype(np.uint8)

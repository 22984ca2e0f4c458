"""Sliding windows: explicit padding for the modes of Core ML's convolutions and pools."""

from __future__ import annotations

from collections.abc import Sequence


def same_pads(
    sizes: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    *,
    lower: bool,
) -> list[tuple[int, int]]:
    """Return (before, after) per axis so that the output has ceil(size/stride) positions.

    An odd total puts the extra row after, with `lower` before.
    """
    pads = []
    for size, k, s, d in zip(sizes, kernel, strides, dilations, strict=True):
        out = -(-size // s)
        total = max(0, (out - 1) * s + (k - 1) * d + 1 - size)
        small, large = total // 2, total - total // 2
        pads.append((large, small) if lower else (small, large))
    return pads


def ceil_extra(
    sizes: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    pads: Sequence[tuple[int, int]],
) -> list[tuple[int, int]]:
    """Return `pads` grown at the end so that a last, partial window counts (`ceil_mode`).

    A window that would begin in the padding at the end is dropped, as in PyTorch.
    """
    grown = []
    for size, k, s, (before, after) in zip(sizes, kernel, strides, pads, strict=True):
        span = size + before + after - k
        out = -(-span // s) + 1
        if (out - 1) * s >= size + before:
            out -= 1
        grown.append((before, after + max(0, (out - 1) * s - span)))
    return grown


def onnx_pads(pads: Sequence[tuple[int, int]]) -> list[int]:
    """Return all begins, then all ends."""
    return [b for b, _ in pads] + [e for _, e in pads]

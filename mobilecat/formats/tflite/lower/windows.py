"""Sliding windows: ONNX's explicit paddings against TFLite's SAME and VALID."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mobilecat.formats.tflite.lower.lowering import Node
from mobilecat.formats.tflite.program import SAME, VALID
from mobilecat.graph import shape_of


@dataclass(frozen=True)
class Window:
    """One spatial axis: `size` elements in, `out` windows; `before` and `end` elements of padding.

    `end` is the padding that ONNX states; `after`, what the last window really reaches.
    """

    size: int
    out: int
    kernel: int
    stride: int
    dilation: int
    before: int
    end: int

    @property
    def reach(self) -> int:
        """Elements that one window spans."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def after(self) -> int:
        """Padding behind that gives VALID windows exactly `out`; negative crops."""
        needed = (self.out - 1) * self.stride + self.reach - self.size - self.before
        fits = (self.size + self.before - self.reach) // self.stride + 1
        return needed if needed > 0 or fits != self.out else 0

    @property
    def is_same(self) -> bool:
        """Say whether TFLite's SAME pads exactly so.

        Source: ComputeOutSize and ComputePaddingWithOffset in tflite/kernels/padding.h
        """
        total = max((self.out - 1) * self.stride + self.reach - self.size, 0)
        return self.out == -(-self.size // self.stride) and self.before == total // 2

    @property
    def is_valid(self) -> bool:
        return self.before == 0 and self.after == 0


ONE = Window(1, 1, 1, 1, 1, 0, 0)  # the rows of a one-dimensional picture


def in_blocks(window: Window, block: int) -> Window:
    """Return the window over elements, where `window` is one over blocks of them."""
    return Window(
        window.size * block,
        window.out,
        window.kernel * block,
        window.stride * block,
        window.dilation,
        window.before * block,
        window.end * block,
    )


def windows_of(n: Node, kernel: Sequence[int]) -> list[Window]:
    """Return the windows of a Conv or pooling node, one for each spatial axis."""
    sizes, outs = n.shape()[2:], shape_of(n.node.outputs[0])[2:]
    count = len(sizes)
    strides = n.attr("strides", (1,) * count)
    dilations = n.attr("dilations", (1,) * count)
    pads = n.attr("pads", (0,) * 2 * count)
    auto = n.attr("auto_pad", "NOTSET")
    result = []
    for i in range(count):
        before, end = pads[i], pads[i + count]
        if auto in ("SAME_UPPER", "SAME_LOWER"):
            reach = (kernel[i] - 1) * dilations[i] + 1
            total = max((outs[i] - 1) * strides[i] + reach - sizes[i], 0)
            before = total // 2 if auto == "SAME_UPPER" else total - total // 2
            end = total - before
        elif auto == "VALID":
            before = end = 0
        result.append(Window(sizes[i], outs[i], kernel[i], strides[i], dilations[i], before, end))
    return result


def padding_of(windows: Sequence[Window]) -> tuple[int, list[tuple[int, int]]]:
    """Return SAME or VALID, and the explicit padding that has to come first."""
    nothing = [(0, 0)] * len(windows)
    if all(w.is_valid for w in windows):
        return VALID, nothing
    if all(w.is_same for w in windows):
        return SAME, nothing
    return VALID, [(w.before, w.after) for w in windows]

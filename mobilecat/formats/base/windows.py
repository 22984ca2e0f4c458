"""Sliding windows as ONNX states them."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from mobilecat.graph import attr

Pairs = list[tuple[int, int]]


def window_pads(
    node: ir.Node, size: Sequence[int], kernel: Sequence[int], out: Sequence[int]
) -> Pairs:
    """Return (before, after) per spatial axis, with auto_pad worked out from the output's size."""
    rank = len(kernel)
    strides = attr(node, "strides", (1,) * rank)
    dilations = attr(node, "dilations", (1,) * rank)
    auto = attr(node, "auto_pad", "NOTSET")
    if auto in {"NOTSET", ""}:
        pads = attr(node, "pads", (0,) * (2 * rank))
        return [(int(pads[i]), int(pads[i + rank])) for i in range(rank)]
    if auto == "VALID":
        return [(0, 0)] * rank
    pairs = []
    for i in range(rank):
        reach = (out[i] - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1
        total = max(0, reach - size[i])
        less, more = total // 2, total - total // 2
        pairs.append((less, more) if auto == "SAME_UPPER" else (more, less))
    return pairs

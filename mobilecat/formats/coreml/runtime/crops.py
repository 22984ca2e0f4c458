"""Bilinear crops of boxes, for ML Programs and NeuralNetworks."""

from __future__ import annotations

from typing import Any

import numpy as np

from mobilecat.formats.coreml.runtime.errors import malformed, refused
from mobilecat.formats.coreml.runtime.graph import INT64, Graph, Val

_SLACK = np.float32(1e-4)  # a coordinate must not leave the picture by rounding


def split_roi(g: Graph, roi: Val) -> tuple[Val, Val | None]:
    """Return boxes [N,4] and picture indices [N] (None: every picture) of [N,1,4|5,1,1]."""
    count, fields = roi.shape[0], roi.shape[2] if roi.rank == 5 else 0
    if fields not in (4, 5):
        raise malformed(f"regions of interest have shape {roi.shape}", g.where)
    boxes = g("Reshape", roi, np.array([count, fields]))
    if fields == 4:
        return boxes, None
    first = g("Slice", boxes, np.array([0]), np.array([1]), np.array([1]))
    pictures = g("Cast", g("Reshape", first, np.array([-1])), to=INT64)
    return g("Slice", boxes, np.array([1]), np.array([5]), np.array([1])), pictures


def crop_bilinear(
    g: Graph,
    x: Val,
    boxes: Val,
    pictures: Val | None,
    *,
    size_hw: tuple[int, int],
    box_mode: str,
    sampling_mode: str,
    spatial_scale: float,
    normalized: bool,
    pad_value: float,
) -> Val:
    """Return [N, C, h, w] crops of x [B,C,H,W], or [N, B, C, h, w] without `pictures`.

    As two matrix products whose weights are tents about the sampled positions. A position outside
    of the picture gives `pad_value`.
    """
    scale = np.full(4, spatial_scale, np.float32)
    if normalized:
        h, w = x.shape[2:]
        scale *= np.array([h - 1, w - 1, h - 1, w - 1], np.float32)
    y0, x0, y1, x1 = (
        g("Mul", p, g.const(s)) for p, s in zip(_corners(g, boxes, box_mode), scale, strict=True)
    )
    rows, rows_in = _tents(g, y0, y1, sampling_mode, x.shape[2], size_hw[0])
    columns, columns_in = _tents(g, x0, x1, sampling_mode, x.shape[3], size_hw[1])
    extra = 1 if pictures is not None else 2
    images = g("Gather", x, pictures, axis=0) if pictures is not None else x
    rows, columns = (g("Unsqueeze", t, np.arange(1, extra + 1)) for t in (rows, columns))
    across = g("Transpose", columns, perm=[*range(extra + 1), extra + 2, extra + 1])
    y = g("MatMul", g("MatMul", rows, images), across)
    inside = g(
        "And", g("Unsqueeze", rows_in, np.array([2])), g("Unsqueeze", columns_in, np.array([1]))
    )
    inside = g("Unsqueeze", inside, np.arange(1, extra + 1))
    return g("Where", inside, y, g.const(np.float32(pad_value)))


def _corners(g: Graph, boxes: Val, mode: str) -> list[Val]:
    """Return y0, x0, y1, x1, each [N, 1]."""
    parts = list(g.several(4, "Split", boxes, np.array([1, 1, 1, 1]), axis=1))
    if mode.endswith("WIDTH_FIRST"):
        parts = [parts[1], parts[0], parts[3], parts[2]]
    if mode.startswith("CENTER_SIZE"):
        half = [g("Mul", p, g.const(np.float32(0.5))) for p in parts[2:]]
        low = [g("Sub", c, h) for c, h in zip(parts[:2], half, strict=True)]
        return [*low, *[g("Add", c, h) for c, h in zip(parts[:2], half, strict=True)]]
    if not mode.startswith("CORNERS"):
        raise refused(f"box coordinate mode {mode!r} is unknown", g.where)
    return parts


def _tents(g: Graph, low: Val, high: Val, mode: str, size: int, out: int) -> tuple[Val, Val]:
    """Return weights [N, out, size] and whether each of [N, out] positions lies in the picture."""
    i = np.arange(out, dtype=np.float32)[None, :]
    one = g.const(np.float32(1))
    span: Any = g("Sub", high, low)
    if mode in ("ALIGN_CORNERS", "STRICT_ALIGN_CORNERS"):
        middle = mode == "ALIGN_CORNERS" and out == 1
        at = g("Mul", span, np.full((1, 1), 0.5, np.float32) if middle else i / max(out - 1, 1))
    elif mode == "OFFSET_CORNERS":
        at = g("Mul", g("Max", span, one), (i + 0.5) / np.float32(out))
    elif mode in ("DEFAULT", "UNALIGN_CORNERS"):
        shift = np.float32(0.5 if mode == "UNALIGN_CORNERS" else 0)
        at = g("Mul", g("Add", span, one), (i + shift) / np.float32(out))
        at = g("Sub", at, g.const(shift))
    else:
        raise refused(f"sampling mode {mode!r} is unknown", g.where)
    at = g("Add", low, at)
    last = np.float32(size - 1)
    inside = g(
        "And",
        g("GreaterOrEqual", at, g.const(-_SLACK)),
        g("LessOrEqual", at, g.const(last + _SLACK)),
    )
    clipped = g("Clip", at, g.const(np.float32(0)), g.const(last))
    grid = np.arange(size, dtype=np.float32)[None, None, :]
    distance = g("Abs", g("Sub", g("Unsqueeze", clipped, np.array([2])), grid))
    return g("Relu", g("Sub", one, distance)), inside

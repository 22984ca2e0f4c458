"""YuNet in the graph: boxes, scores and five landmarks, for both published forms.

Source: https://github.com/ShiqiYu/libfacedetection.train (training code) and OpenCV's
`FaceDetectorYN`, which decodes both.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np
import onnx_ir as ir

from mobilecat.errors import ModelError, Problem
from mobilecat.graph import Array
from mobilecat.graph.builder import Builder
from mobilecat.heads import ops
from mobilecat.heads.base import Candidates, Head, Network
from mobilecat.spec.heads import YunetHead

STRIDES = (8, 16, 32)
POINTS = 5
PRIORS_2022 = {
    8: (10.0, 16.0, 24.0),
    16: (32.0, 48.0),
    32: (64.0, 96.0),
    64: (128.0, 192.0, 256.0),
}
CENTRE_VARIANCE, SIZE_VARIANCE = 0.1, 0.2


def settle(spec: YunetHead, network: Network) -> Head:
    """Choose the form by output names, and hold every shape to the input size."""
    outputs, size_wh = network.outputs, network.size_wh
    version = spec.version or ("2022" if {"loc", "conf", "iou"} <= set(outputs) else "2023")
    expected = _shapes_2022(size_wh) if version == "2022" else _shapes_2023(size_wh)
    problems = []
    for name, shape in expected.items():
        if name not in outputs:
            problems.append(Problem(f"output {name!r} is missing"))
        elif outputs[name] != shape:
            problems.append(Problem(f"output {name!r} is {outputs[name]}, expected {shape}"))
    if problems:
        raise ModelError(
            f"This is not a YuNet of {version} for {size_wh[0]}×{size_wh[1]} pictures; "
            f"it has {', '.join(outputs)}",
            problems,
        )
    priors = _priors_2022(size_wh)
    origin, stride = ops.cells(size_wh, STRIDES)
    n = len(priors) if version == "2022" else origin.shape[1]

    def decode(build: Builder, raw: Mapping[str, ir.Value]) -> Candidates:
        if version == "2022":
            return _decode_2022(build, raw, priors)
        return _decode_2023(build, raw, origin, stride)

    return Head(tuple(expected), 1, POINTS, f"yunet {version}, {n} candidates", decode)


def _shapes_2023(size_wh: tuple[int, int]) -> dict[str, tuple[int, ...]]:
    sides = {"cls": 1, "obj": 1, "bbox": 4, "kps": 2 * POINTS}
    return {
        f"{kind}_{s}": (1, (size_wh[0] // s) * (size_wh[1] // s), n)
        for kind, n in sides.items()
        for s in STRIDES
    }


def _shapes_2022(size_wh: tuple[int, int]) -> dict[str, tuple[int, ...]]:
    n = len(_priors_2022(size_wh))
    return {"loc": (n, 4 + 2 * POINTS), "conf": (n, 2), "iou": (n, 1)}


def _priors_2022(size_wh: tuple[int, int]) -> Array:
    """Return [N,3]: centre x, centre y, side of every prior, in pixels of the model input."""
    grid = tuple(((side + 1) // 2) // 2 for side in size_wh)
    priors = []
    for stride, sides in PRIORS_2022.items():
        grid = tuple(g // 2 for g in grid)
        for row, col in product(range(grid[1]), range(grid[0])):
            priors += [((col + 0.5) * stride, (row + 0.5) * stride, side) for side in sides]
    return np.array(priors, dtype=np.float32)


def _decode_2023(
    build: Builder, raw: Mapping[str, ir.Value], origin: Array, stride: Array
) -> Candidates:
    cls, obj, bbox, kps = (
        build.op("Concat", kind, *(raw[f"{kind}_{s}"] for s in STRIDES), axis=1)
        for kind in ("cls", "obj", "bbox", "kps")
    )
    scores = build.op("Sqrt", "candidate_scores", build.op("Mul", "cls_obj", cls, obj))
    offset, log_size = ops.split(build, "bbox", bbox, 2, 2)
    centre = build.op("Add", "centre", build.op("Mul", "offset_px", offset, stride), origin)
    size = build.op("Mul", "size", build.op("Exp", "size_cells", log_size), stride)
    return Candidates(
        ops.corners(build, "candidate_boxes", centre, size),
        scores,
        {"landmarks": _points(build, "candidate_landmarks", kps, origin, stride)},
    )


def _decode_2022(build: Builder, raw: Mapping[str, ir.Value], priors: Array) -> Candidates:
    loc, conf, iou = (
        build.op("Unsqueeze", f"{name}_batch", raw[name], ops.ints(0))
        for name in ("loc", "conf", "iou")
    )
    centres, sides = np.ascontiguousarray(priors[None, :, :2]), priors[None, :, 2:]
    step = sides * np.float32(CENTRE_VARIANCE)
    offset, log_size, kps = ops.split(build, "loc", loc, 2, 2, 2 * POINTS)
    centre = build.op("Add", "centre", build.op("Mul", "offset_px", offset, step), centres)
    growth = build.op("Mul", "log_size", log_size, np.array(SIZE_VARIANCE, dtype=np.float32))
    size = build.op("Mul", "size", build.op("Exp", "growth", growth), sides)
    face = ops.columns(build, "face", conf, 1, 2)
    zero, one = np.array(0, dtype=np.float32), np.array(1, dtype=np.float32)
    quality = build.op("Clip", "iou_clipped", iou, zero, one)
    return Candidates(
        ops.corners(build, "candidate_boxes", centre, size),
        build.op("Sqrt", "candidate_scores", build.op("Mul", "conf_iou", face, quality)),
        {"landmarks": _points(build, "candidate_landmarks", kps, centres, step)},
    )


def _points(build: Builder, name: str, kps: ir.Value, origin: Array, step: Array) -> ir.Value:
    """Return [1,N,2·POINTS]: origin + kps · step, x and y a point."""
    n = origin.shape[1]
    pairs = build.op("Reshape", f"{name}.pairs", kps, ops.ints(1, n, POINTS, 2))
    moved = build.op("Mul", f"{name}.steps", pairs, step[:, :, None])
    placed = build.op("Add", f"{name}.px", moved, origin[:, :, None])
    return build.op("Reshape", name, placed, ops.ints(1, n, 2 * POINTS))

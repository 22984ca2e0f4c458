"""YOLOv8-pose-like, -seg-like and -obb-like networks: seeded, in the published structure, narrow.

C2f blocks, SPPF, a pyramid up and down, decoupled heads with boxes from 16 bins, as YOLOv8n has
them, at half of its widths (0.125 of YOLOv8's). Pose: a branch of 17 points a cell, of which x, y
are (2·raw + cell)·stride and the third is σ(raw). Segmentation: a branch of 32 coefficients a cell,
and prototypes of stride 4 from the finest map: convolution, transposed convolution, two more.
Oriented boxes: a branch of one angle a cell, by which the box is turned about its centre.
Sources of the structure: https://docs.ultralytics.com/models/yolov8, Maji et al. (YOLO-Pose, CVPRW
2022), Bolya et al. (YOLACT, ICCV 2019). Weights are seeded; layers are scaled on pictures
(`right_nets.Eager`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
from right_nets import Array, Eager, _c2f, _sppf
from systems_nets import Channels, channels

from mobilecat.spec import ImageSpec

WIDTH = 8
"""Channels of the stem: YOLOv8n has 16."""
Maps = Sequence[tuple[int, str]]


def pyramid(net: Eager) -> Maps:
    """Return (stride, map) of the three levels."""
    w = WIDTH
    x = net.conv(net.conv("input", w, 3, 2), 2 * w, 3, 2)
    x = _c2f(net, x, 2 * w, 1)
    p3 = x = _c2f(net, net.conv(x, 4 * w, 3, 2), 4 * w, 2)
    p4 = x = _c2f(net, net.conv(x, 8 * w, 3, 2), 8 * w, 2)
    p5 = _sppf(net, _c2f(net, net.conv(x, 16 * w, 3, 2), 16 * w, 1), 16 * w)
    n4 = _c2f(net, net.concat(net.doubled(p5), p4), 8 * w, 1, False)
    n3 = _c2f(net, net.concat(net.doubled(n4), p3), 4 * w, 1, False)
    m4 = _c2f(net, net.concat(net.conv(n3, 4 * w, 3, 2), n4), 8 * w, 1, False)
    m5 = _c2f(net, net.concat(net.conv(m4, 8 * w, 3, 2), p5), 16 * w, 1, False)
    return [(8, n3), (16, m4), (32, m5)]


def branch(net: Eager, maps: Maps, wanted: Channels) -> str:
    """Return [1,D,N]: two convolutions and a last one at each level."""
    depth = len(wanted.mean)
    inner = max(WIDTH, depth // 4)
    rows = []
    for _, x in maps:
        made = net.last(net.conv(net.conv(x, inner, 3), inner, 3), wanted)
        rows.append(net.reshape(made, depth, -1))
    return net.concat(*rows, axis=2)


def cells(net: Eager, maps: Maps) -> tuple[Array, Array]:
    """Return [1,2,N] centres of the cells in cells, and [1,1,N] their strides."""
    width, height = net.image.size
    places, strides = [], []
    for stride, _ in maps:
        across, down = width // stride, height // stride
        y, x = np.divmod(np.arange(across * down), across)
        places.append(np.stack([x, y]) + 0.5)
        strides.append(np.full(across * down, stride))
    return np.concatenate(places, axis=1)[None], np.concatenate(strides)[None, None]


def boxes(net: Eager, maps: Maps) -> str:
    """Return [1,4,N]: centre and size in pixels, from the mean of 16 bins a side."""
    box = branch(net, maps, channels((64, 0, 1.5)))
    bins = net.op("Transpose", net.reshape(box, 4, 16, -1), perm=[0, 2, 1, 3])
    steps = net.array(np.arange(16).reshape(1, 16, 1, 1))
    far = net.reshape(net.op("Conv", net.op("Softmax", bins, axis=1), steps), 4, -1)
    low, high = net.split(far, 2, 2)
    at, strides = cells(net, maps)
    x1y1, x2y2 = net.op("Sub", net.array(at), low), net.op("Add", net.array(at), high)
    centre = net.op("Div", net.op("Add", x1y1, x2y2), net.array(2.0))
    both = net.concat(centre, net.op("Sub", x2y2, x1y1))
    return net.op("Mul", both, net.array(strides))


def scores(net: Eager, maps: Maps, classes: int) -> str:
    return net.op("Sigmoid", branch(net, maps, channels((classes, -5, 1.5))))


POINTS, CLASSES, COEFFICIENTS = 17, 3, 32


def yolov8_pose(net: Eager) -> dict[str, str]:
    """[1,4+1+3·17,N]: a box, a score, and x, y, visibility a point."""
    maps = pyramid(net)
    wanted = Channels((0, 0, 0.5) * POINTS, (1.5, 1.5, 1.5) * POINTS)
    raw = net.reshape(branch(net, maps, wanted), POINTS, 3, -1)
    xy, seen = net.split(raw, 2, 1, axis=2)
    at, strides = cells(net, maps)
    moved = net.op("Add", net.op("Mul", xy, net.array(2.0)), net.array(at[:, None] - 0.5))
    placed = net.op("Mul", moved, net.array(strides[:, None]))
    points = net.concat(placed, net.op("Sigmoid", seen), axis=2)
    flat = net.reshape(points, 3 * POINTS, -1)
    return {"output0": net.concat(boxes(net, maps), scores(net, maps, 1), flat)}


def yolov8_seg(net: Eager) -> dict[str, str]:
    """[1,4+3+32,N]: a box, scores, coefficients; and prototypes [1,32,h/4,w/4]."""
    maps = pyramid(net)
    factors = branch(net, maps, channels((COEFFICIENTS, 0, 0.5)))
    x = net.conv(maps[0][1], 4 * WIDTH, 3)
    depth = net.values[x].shape[1]
    kernel = net.array(net.rng.normal(0, 1 / np.sqrt(depth), (depth, depth, 2, 2)))
    x = net.op("ConvTranspose", x, kernel, net.array(np.zeros(depth)), strides=[2, 2])
    grid = net.conv(net.conv(x, 4 * WIDTH, 3), COEFFICIENTS)
    rows = net.concat(boxes(net, maps), scores(net, maps, CLASSES), factors)
    return {"output0": rows, "output1": grid}


def turned(net: Eager, maps: Maps, angles: str) -> str:
    """Return [1,4,N]: centre and size in pixels; the way from cell to centre turns with the box."""
    box = branch(net, maps, channels((64, 0, 1.5)))
    bins = net.op("Transpose", net.reshape(box, 4, 16, -1), perm=[0, 2, 1, 3])
    steps = net.array(np.arange(16).reshape(1, 16, 1, 1))
    far = net.reshape(net.op("Conv", net.op("Softmax", bins, axis=1), steps), 4, -1)
    low, high = net.split(far, 2, 2)
    at, strides = cells(net, maps)
    half = net.op("Div", net.op("Sub", high, low), net.array(2.0))
    x, y = net.split(half, 1, 1)
    cos, sin = net.op("Cos", angles), net.op("Sin", angles)
    across = net.op("Sub", net.op("Mul", x, cos), net.op("Mul", y, sin))
    down = net.op("Add", net.op("Mul", x, sin), net.op("Mul", y, cos))
    centre = net.op("Add", net.array(at), net.concat(across, down))
    both = net.concat(centre, net.op("Add", low, high))
    return net.op("Mul", both, net.array(strides))


def yolov8_obb(net: Eager) -> dict[str, str]:
    """[1,4+3+1,N]: a box, scores, and (σ(raw) − ¼)·π, the angle that the box is turned by."""
    maps = pyramid(net)
    share = net.op("Sigmoid", branch(net, maps, channels((1, -1, 1.5))))
    angles = net.op("Mul", net.op("Sub", share, net.array(0.25)), net.array(np.pi))
    boxes_and_scores = net.concat(turned(net, maps, angles), scores(net, maps, CLASSES))
    return {"output0": net.concat(boxes_and_scores, angles)}


PARTS: dict[str, Callable[[Eager], dict[str, str]]] = {
    "yolov8_pose": yolov8_pose,
    "yolov8_seg": yolov8_seg,
    "yolov8_obb": yolov8_obb,
}


def build(name: str, image: ImageSpec, pictures: Sequence[Path], out: Path) -> None:
    """Write the network `name` to `out`, an .onnx file."""
    net = Eager(image, pictures)
    onnx.save(net.proto(PARTS[name](net)), out)

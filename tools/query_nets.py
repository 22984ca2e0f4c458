"""Seeded detectors with object queries, and end-to-end YOLOs, by their published structures.

Built of ONNX nodes as exporters leave them (no torch), small enough for two cores, on the stem of
`systems_nets.Net`. The layers before the last have random weights; what decides, class scores and
boxes, is scaled on the pictures, as trained networks' are. Structures:
    rtdetr   RT-DETR, https://arxiv.org/abs/2304.08069: encoder on the coarsest map, maps fused from
             the top, the best 100 places of 1680 as queries, decoder with deformable attention
             (GridSample on three maps, six dimensions between), boxes refined layer by layer
    dfine    D-FINE, https://arxiv.org/abs/2410.13842: the same, each map with a number of points
             of its own, sides as sums over bins of uneven width, scores mended by the bins' peaks
    detr     DETR, https://arxiv.org/abs/2005.12872: learnt queries, plain attention, softmax with a
             class for no object
    yolov10  YOLOv10, https://arxiv.org/abs/2405.14458: one-to-one head; rows chosen by TopK over
             places, then over pairs of place and class, in the graph
    yolo26   the maps that such rows are chosen from, distances without bins
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
from onnx import helper
from systems_nets import SEED, Array, Channels, Net, channels, scaled_head

from mobilecat.spec import ImageSpec

WIDE, HEADS, POINTS, QUERIES, CLASSES = 32, 4, 4, 100, 5
STRIDES = (8, 16, 32)
BINS = 16
"""Of a side in `dfine`, plus one."""


class Queries(Net):
    """A network of tokens [1,N,WIDE] on the stem's maps."""

    def __init__(self, image: ImageSpec, pictures: Sequence[Path]) -> None:
        super().__init__(image, pictures)
        self.rng = np.random.default_rng(SEED + 1)
        self.sizes = [(image.size[1] // s, image.size[0] // s) for s in STRIDES]

    def linear(self, x: str, wide: int, out: int, gain: float = 1.0) -> str:
        kernel = self.rng.normal(0, gain / np.sqrt(wide), (wide, out))
        bias = self.rng.normal(0, 0.1 * gain, out)
        return self.op("Add", self.op("MatMul", x, self.array(kernel)), self.array(bias))

    def scaled(self, x: str, wanted: Channels) -> str:
        """Return a linear layer whose channels have the wanted mean and spread on the pictures."""
        rows = [self._run(x, f[None]) for f in self._feeds]
        features = np.concatenate([r.reshape(-1, r.shape[-1]) for r in rows])
        kernel, bias = scaled_head(features, wanted)
        return self.op("Add", self.op("MatMul", x, self.array(kernel)), self.array(bias))

    def normed(self, x: str, wide: int = WIDE) -> str:
        ones, zeros = self.array(np.ones(wide)), self.array(np.zeros(wide))
        return self.op("LayerNormalization", x, ones, zeros, axis=-1)

    def mlp(self, x: str, *widths: int) -> str:
        for i, (a, b) in enumerate(pairwise(widths)):
            x = self.linear(self.op("Relu", x) if i else x, a, b, 1.4)
        return x

    def heads(self, x: str, n: int) -> str:
        split = self.reshape(x, 1, n, HEADS, WIDE // HEADS)
        return self.op("Transpose", split, perm=[0, 2, 1, 3])

    def attention(self, q: str, k: str, v: str, n: int, m: int) -> str:
        """Return [1,n,WIDE]: q [1,n,WIDE] over k, v [1,m,WIDE]."""
        q, k, v = (self.linear(x, WIDE, WIDE) for x in (q, k, v))
        keys = self.op("Transpose", self.heads(k, m), perm=[0, 1, 3, 2])
        scale = self.array(np.sqrt(HEADS / WIDE))
        scores = self.op("Mul", self.op("MatMul", self.heads(q, n), keys), scale)
        mixed = self.op("MatMul", self.op("Softmax", scores, axis=-1), self.heads(v, m))
        joined = self.reshape(self.op("Transpose", mixed, perm=[0, 2, 1, 3]), 1, n, WIDE)
        return self.linear(joined, WIDE, WIDE)

    def added(self, x: str, y: str) -> str:
        return self.normed(self.op("Add", x, y))

    def forward(self, x: str) -> str:
        inner = self.op("Relu", self.linear(x, WIDE, 2 * WIDE))
        return self.added(x, self.linear(inner, 2 * WIDE, WIDE))

    def projected(self, stride: int, before: int) -> str:
        kernel = self.rng.normal(0, 1 / np.sqrt(before), (WIDE, before, 1, 1))
        return self.op("Conv", f"map{stride}", self.array(kernel))

    def tokens(self, grid: str, size: tuple[int, int]) -> str:
        flat = self.reshape(grid, 1, WIDE, size[0] * size[1])
        return self.op("Transpose", flat, perm=[0, 2, 1])

    def piece(self, x: str, axis: int, start: int, end: int) -> str:
        ends = (self.array([v], np.int64) for v in (start, end, axis))
        return self.op("Slice", x, *ends)

    def places(self, size: tuple[int, int]) -> Array:
        """Return sines and cosines of column and row [1,h·w,WIDE]."""
        y, x = np.indices(size).reshape(2, -1, 1)
        rate = 10000.0 ** -(np.arange(WIDE // 4) / (WIDE // 4))
        parts = [f(v * rate) for v in (x, y) for f in (np.sin, np.cos)]
        return np.concatenate(parts, axis=1)[None]

    def memory(self) -> str:
        """Return the fused maps' tokens [1,N,WIDE], finest first."""
        maps = [self.projected(s, d) for s, d in zip(STRIDES, (24, 32, 48), strict=True)]
        size = self.sizes[2]
        n = size[0] * size[1]
        top = self.tokens(maps[2], size)
        placed = self.op("Add", top, self.array(self.places(size)))
        top = self.forward(self.added(top, self.attention(placed, placed, top, n, n)))
        maps[2] = self.reshape(self.op("Transpose", top, perm=[0, 2, 1]), 1, WIDE, *size)
        scales = self.array([1, 1, 2, 2])
        for i in (1, 0):
            up = self.op(
                "Resize",
                maps[i + 1],
                "",
                scales,
                mode="nearest",
                coordinate_transformation_mode="asymmetric",
                nearest_mode="floor",
            )
            maps[i] = self.op("Add", maps[i], up)
        rows = [self.tokens(m, s) for m, s in zip(maps, self.sizes, strict=True)]
        return self.normed(self.op("Concat", *rows, axis=1))

    def unsigmoid(self, x: str) -> str:
        low, high = self.array(1e-5), self.array(1 - 1e-5)
        inside = self.op("Clip", x, low, high)
        rest = self.op("Sub", self.array(1.0), inside)
        return self.op("Log", self.op("Div", inside, rest))


def _anchors(net: Queries) -> Array:
    """Return the logits of a box at every place [1,N,4], larger on coarser maps."""
    rows = []
    for k, (h, w) in enumerate(net.sizes):
        y, x = (np.indices((h, w)).reshape(2, -1) + 0.5) / np.array([[h], [w]])
        side = np.full(h * w, 0.08 * 2**k)
        rows.append(np.stack([x, y, side, side], axis=1))
    found = np.clip(np.concatenate(rows), 0.01, 0.99)[None]
    return np.log(found / (1 - found))


def _chosen(net: Queries, memory: str) -> tuple[str, str, int]:
    """Return the best places' tokens and boxes [1,QUERIES,…], and how many places there are."""
    n = sum(h * w for h, w in net.sizes)
    known = net.normed(net.linear(memory, WIDE, WIDE))
    scores = net.scaled(known, channels((CLASSES, -3, 2)))
    boxes = net.op("Add", net.linear(known, WIDE, 4, 0.5), net.array(_anchors(net)))
    best = net.op("ReduceMax", scores, axes=[2], keepdims=0)
    net.nodes.append(
        helper.make_node(
            "TopK",
            [best, net.array([QUERIES], np.int64)],
            ["best", "where"],
            "topk",
            axis=1,
            largest=1,
            sorted=1,
        )
    )
    column = net.op("Unsqueeze", "where", net.array([2], np.int64))
    found = []
    for rows, wide in ((known, WIDE), (boxes, 4)):
        index = net.op("Tile", column, net.array([1, 1, wide], np.int64))
        found.append(net.op("GatherElements", rows, index, axis=1))
    return found[0], net.op("Sigmoid", found[1]), n


def _values(net: Queries, memory: str) -> list[str]:
    """Return each map's values [HEADS,WIDE/HEADS,h,w]."""
    value = net.linear(memory, WIDE, WIDE)
    found, start = [], 0
    for h, w in net.sizes:
        rows = net.piece(value, 1, start, start + h * w)
        planes = net.op("Transpose", rows, perm=[0, 2, 1])
        found.append(net.reshape(planes, HEADS, WIDE // HEADS, h, w))
        start += h * w
    return found


def _sample(net: Queries, value: str, grid: str) -> str:
    return net.op("GridSample", value, grid, mode="bilinear", padding_mode="zeros", align_corners=0)


def _looked_up(net: Queries, memory: str, query: str, reference: str) -> str:
    """Deformable attention as RT-DETR's export has it: offsets [1,Q,heads,maps,points,2]."""
    q, levels = QUERIES, len(STRIDES)
    shape = (1, q, HEADS, levels, POINTS, 2)
    offsets = net.reshape(net.linear(query, WIDE, HEADS * levels * POINTS * 2), *shape)
    weights = net.reshape(net.linear(query, WIDE, HEADS * levels * POINTS), 1, q, HEADS, -1)
    weights = net.op("Softmax", weights, axis=-1)
    boxes = net.reshape(reference, 1, q, 1, 1, 1, 4)
    centre, size = net.piece(boxes, 5, 0, 2), net.piece(boxes, 5, 2, 4)
    step = net.op("Mul", net.op("Mul", offsets, size), net.array(0.5 / POINTS))
    places = net.op("Add", centre, step)
    grids = net.op("Sub", net.op("Mul", places, net.array(2.0)), net.array(1.0))
    found = []
    for k, value in enumerate(_values(net, memory)):
        own = net.op("Squeeze", net.piece(grids, 3, k, k + 1), net.array([3], np.int64))
        turned = net.op("Transpose", own, perm=[0, 2, 1, 3, 4])
        sampled = _sample(net, value, net.reshape(turned, HEADS, q, POINTS, 2))
        found.append(net.op("Unsqueeze", sampled, net.array([3], np.int64)))
    stacked = net.reshape(net.op("Concat", *found, axis=3), HEADS, WIDE // HEADS, q, -1)
    return _mixed(net, stacked, weights)


def _mixed(net: Queries, sampled: str, weights: str) -> str:
    """Return [1,Q,WIDE] of samples [heads,c,Q,S] and weights [1,Q,heads,S]."""
    turned = net.op("Transpose", weights, perm=[0, 2, 1, 3])
    turned = net.op("Transpose", turned, perm=[1, 0, 2, 3])
    weighed = net.op("Mul", sampled, turned)
    total = net.op("ReduceSum", weighed, net.array([3], np.int64), keepdims=0)
    planes = net.reshape(total, 1, WIDE, QUERIES)
    return net.linear(net.op("Transpose", planes, perm=[0, 2, 1]), WIDE, WIDE)


def _layer(net: Queries, memory: str, target: str, reference: str, look: Callable[..., str]) -> str:
    place = net.mlp(reference, 4, WIDE, WIDE)
    placed = net.op("Add", target, place)
    own = net.attention(placed, placed, target, QUERIES, QUERIES)
    target = net.added(target, own)
    seen = look(net, memory, net.op("Add", target, place), reference)
    return net.forward(net.added(target, seen))


def rtdetr(net: Queries) -> dict[str, str]:
    """logits [1,100,5] and boxes [1,100,4], centre and size in 0..1."""
    memory = net.memory()
    target, reference, _ = _chosen(net, memory)
    for _ in range(2):
        target = _layer(net, memory, target, reference, _looked_up)
        delta = net.scaled(net.mlp(target, WIDE, WIDE), channels((4, 0, 0.3)))
        reference = net.op("Sigmoid", net.op("Add", delta, net.unsigmoid(reference)))
    return {"logits": net.scaled(target, channels((CLASSES, -3, 2))), "boxes": reference}


_OF_MAPS = (3, 6, 3)
"""Points of each map in `dfine`."""


def _looked_up_apart(net: Queries, memory: str, query: str, reference: str) -> str:
    """The same as D-FINE has it: all points in one dimension, each map's a number of its own."""
    q, total = QUERIES, sum(_OF_MAPS)
    offsets = net.reshape(net.linear(query, WIDE, HEADS * total * 2), 1, q, HEADS, total, 2)
    weights = net.reshape(net.linear(query, WIDE, HEADS * total), 1, q, HEADS, total)
    weights = net.op("Softmax", weights, axis=-1)
    boxes = net.reshape(reference, 1, q, 1, 1, 4)
    centre, size = net.piece(boxes, 4, 0, 2), net.piece(boxes, 4, 2, 4)
    share = np.concatenate([np.full((p, 1), 0.5 / p) for p in _OF_MAPS])
    step = net.op("Mul", net.op("Mul", offsets, net.array(share)), size)
    grids = net.op(
        "Sub", net.op("Mul", net.op("Add", centre, step), net.array(2.0)), net.array(1.0)
    )
    turned = net.reshape(net.op("Transpose", grids, perm=[0, 2, 1, 3, 4]), HEADS, q, total, 2)
    found, start = [], 0
    for value, points in zip(_values(net, memory), _OF_MAPS, strict=True):
        found.append(_sample(net, value, net.piece(turned, 2, start, start + points)))
        start += points
    return _mixed(net, net.op("Concat", *found, axis=3), weights)


def _uneven() -> Array:
    """Return the bins' places, W(n) of D-FINE's paper for a = ½, c = 4: fine in the middle."""
    a, c, half = 0.5, 4.0, BINS // 2
    step = (a * c + 1) ** (2 / (BINS - 2))
    right = [step**i - 1 for i in range(1, half)]
    return np.array([-2 * a * c, *(-v for v in reversed(right)), 0, *right, 2 * a * c])


def dfine(net: Queries) -> dict[str, str]:
    """As `rtdetr`; each side of a box is a sum over bins, added up from layer to layer."""
    memory = net.memory()
    target, first, _ = _chosen(net, memory)
    reference, corners = first, ""
    scale = 4.0
    for _ in range(2):
        target = _layer(net, memory, target, reference, _looked_up_apart)
        more = net.scaled(net.mlp(target, WIDE, WIDE), channels((4 * (BINS + 1), 0, 1)))
        corners = net.op("Add", corners, more) if corners else more
        weights = net.op("Softmax", net.reshape(corners, 1, QUERIES, 4, BINS + 1), axis=-1)
        sides = net.op("MatMul", weights, net.array(_uneven()[:, None]))
        sides = net.reshape(sides, 1, QUERIES, 4)
        reference = _moved(net, first, sides, scale)
    probabilities = net.op("Softmax", net.reshape(corners, 1, QUERIES, 4, BINS + 1), axis=-1)
    net.nodes.append(
        helper.make_node(
            "TopK",
            [probabilities, net.array([4], np.int64)],
            ["peaks", "peaks_at"],
            "peaks_topk",
            axis=-1,
            largest=1,
            sorted=1,
        )
    )
    mean = net.op("ReduceMean", "peaks", axes=[3], keepdims=1)
    told = net.reshape(net.op("Concat", "peaks", mean, axis=3), 1, QUERIES, 20)
    quality = net.mlp(told, 20, WIDE, 1)
    scores = net.scaled(target, channels((CLASSES, -3, 2)))
    return {"logits": net.op("Add", scores, quality), "boxes": reference}


def _moved(net: Queries, boxes: str, sides: str, scale: float) -> str:
    """Return the boxes whose sides lie at (scale/2 + side) · size/scale from the first's centre."""
    centre, size = net.piece(boxes, 2, 0, 2), net.piece(boxes, 2, 2, 4)
    unit = net.op("Mul", size, net.array(1 / scale))
    before, behind = net.piece(sides, 2, 0, 2), net.piece(sides, 2, 2, 4)
    half = net.array(scale / 2)
    low = net.op("Sub", centre, net.op("Mul", net.op("Add", before, half), unit))
    high = net.op("Add", centre, net.op("Mul", net.op("Add", behind, half), unit))
    middle = net.op("Mul", net.op("Add", low, high), net.array(0.5))
    return net.op("Concat", middle, net.op("Sub", high, low), axis=-1)


def detr(net: Queries) -> dict[str, str]:
    """pred_logits [1,100,5+1], the last for no object, and pred_boxes [1,100,4]."""
    size = net.sizes[2]
    n = size[0] * size[1]
    memory = net.tokens(net.projected(32, 48), size)
    placed = net.op("Add", memory, net.array(net.places(size)))
    memory = net.forward(net.added(memory, net.attention(placed, placed, memory, n, n)))
    keys = net.op("Add", memory, net.array(net.places(size)))
    learnt = net.array(net.rng.normal(0, 1, (1, QUERIES, WIDE)))
    target = net.op("Mul", learnt, net.array(0.5))
    for _ in range(2):
        placed = net.op("Add", target, learnt)
        own = net.attention(placed, placed, target, QUERIES, QUERIES)
        target = net.added(target, own)
        seen = net.attention(net.op("Add", target, learnt), keys, memory, QUERIES, n)
        target = net.forward(net.added(target, seen))
    wanted = channels((CLASSES, 0, 2), (1, 2, 1))
    boxes = net.scaled(net.mlp(target, WIDE, WIDE), channels((2, 0, 1), (2, -1, 0.5)))
    return {"pred_logits": net.scaled(target, wanted), "pred_boxes": net.op("Sigmoid", boxes)}


def _distances(net: Queries, stride: int) -> str:
    """Return a map of four distances in cells and three classes' logits."""
    return net.head(stride, channels((4, 2.5, 0.8), (3, -5, 1.8)))


def yolo26(net: Queries) -> dict[str, str]:
    """Maps [1,4+3,h,w] of strides 8, 16, 32."""
    return {f"one2one_{s}": _distances(net, s) for s in STRIDES}


def yolov10(net: Queries) -> dict[str, str]:
    """output0 [1,QUERIES,6]: x1, y1, x2, y2 in pixels, score, class; chosen in the graph."""
    boxes, scores = [], []
    for s, (h, w) in zip(STRIDES, net.sizes, strict=True):
        flat = net.op("Transpose", net.reshape(_distances(net, s), 1, 7, h * w), perm=[0, 2, 1])
        y, x = np.indices((h, w)).reshape(2, -1) + 0.5
        centre = net.array(np.stack([x, y], axis=1)[None])
        sides = net.op("Relu", net.piece(flat, 2, 0, 4))
        low = net.op("Sub", centre, net.piece(sides, 2, 0, 2))
        high = net.op("Add", centre, net.piece(sides, 2, 2, 4))
        corners = net.op("Concat", low, high, axis=-1)
        boxes.append(net.op("Mul", corners, net.array(float(s))))
        scores.append(net.op("Sigmoid", net.piece(flat, 2, 4, 7)))
    every, given = (net.op("Concat", *v, axis=1) for v in (boxes, scores))
    k = net.array([QUERIES], np.int64)

    def top(values: str, name: str) -> tuple[str, str]:
        outputs = [f"{name}_values", f"{name}_index"]
        net.nodes.append(helper.make_node("TopK", [values, k], outputs, name, axis=1))
        return outputs[0], outputs[1]

    _, rows = top(net.op("ReduceMax", given, axes=[2], keepdims=0), "rows")
    column = net.op("Unsqueeze", rows, net.array([2], np.int64))
    near = [
        net.op("GatherElements", v, net.op("Tile", column, net.array([1, 1, d], np.int64)), axis=1)
        for v, d in ((every, 4), (given, 3))
    ]
    score, pair = top(net.reshape(near[1], 1, QUERIES * 3), "pairs")
    classes = net.array(3, np.int64)
    place, number = net.op("Div", pair, classes), net.op("Mod", pair, classes)
    index = net.op("Unsqueeze", place, net.array([2], np.int64))
    index = net.op("Tile", index, net.array([1, 1, 4], np.int64))
    box = net.op("GatherElements", near[0], index, axis=1)
    last = net.array([2], np.int64)
    parts = [net.op("Unsqueeze", v, last) for v in (score, net.op("Cast", number, to=1))]
    return {"output0": net.op("Concat", box, *parts, axis=2)}


NETS: Mapping[str, Callable[[Queries], dict[str, str]]] = {
    "rtdetr": rtdetr,
    "dfine": dfine,
    "detr": detr,
    "yolov10": yolov10,
    "yolo26": yolo26,
}


def build(name: str, image: ImageSpec, pictures: Sequence[Path], out: Path) -> None:
    """Write the network `name` to `out`, an .onnx."""
    net = Queries(image, pictures)
    made = net.proto(NETS[name](net))
    onnx.checker.check_model(made)
    onnx.save(made, out)

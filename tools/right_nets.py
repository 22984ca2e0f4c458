"""Right networks whose weights are not at hand: seeded, in the structure that their papers publish.

YOLOv8n and YOLO11n: convolutions of their published widths (0.25) and depths (0.33), C2f and C3k2
blocks, SPPF, PSA, decoupled heads, boxes from 16 bins. RetinaFace: MobileNet 0.25, a pyramid of 64
channels, SSH context modules, two anchors a cell (Deng et al., https://arxiv.org/abs/1905.00641).
A transformer in RT-DETR's manner: tokens of two maps, the best of them chosen by TopK, two decoder
layers of self- and cross-attention, and TopK over queries × classes
(Zhao et al., https://arxiv.org/abs/2304.08069).

Every convolution is scaled on real pictures to a mean of 0 and a spread of 1 in each channel, as a
trained network's normalisation leaves them, and the last layers as the family's outputs are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from systems_nets import Channels, channels, network_inputs, scaled_head

from mobilecat.spec import ImageSpec

Array = np.ndarray[Any, Any]
SEED = 20


class Eager:
    """An ONNX network under construction, each op run at once on the pictures."""

    def __init__(self, image: ImageSpec, pictures: Sequence[Path]) -> None:
        self.image = image
        self.values: dict[str, Array] = {}
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, Array] = {}
        self.rng = np.random.default_rng(SEED)
        feeds = network_inputs(image, pictures).transpose(0, 3, 1, 2)
        self.values["input"] = np.ascontiguousarray(feeds)

    def array(self, values: Any, dtype: Any = np.float32) -> str:
        name = f"w{len(self.weights)}"
        self.weights[name] = np.asarray(values, dtype)
        return name

    def op(self, kind: str, *inputs: str, outputs: int = 1, **attrs: Any) -> str:
        """Add a node; return its first output, the others are `<it>.1`, `<it>.2`."""
        name = f"{kind}{len(self.nodes)}"
        names = [name, *(f"{name}.{i}" for i in range(1, outputs))]
        node = helper.make_node(kind, list(inputs), names, name, **attrs)
        self.nodes.append(node)
        self.values.update(zip(names, self._run(node), strict=True))
        return name

    def _run(self, node: onnx.NodeProto) -> list[Array]:
        fed = {n: self.values[n] for n in dict.fromkeys(node.input) if n in self.values}
        kinds = {n: helper.np_dtype_to_tensor_dtype(v.dtype) for n, v in fed.items()}
        used = [n for n in dict.fromkeys(node.input) if n in self.weights]
        graph = helper.make_graph(
            [node],
            "one",
            [helper.make_tensor_value_info(n, kinds[n], v.shape) for n, v in fed.items()],
            [onnx.ValueInfoProto(name=n) for n in node.output],
            [numpy_helper.from_array(self.weights[n], n) for n in used],
        )
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        session = ort.InferenceSession(made.SerializeToString())
        found: list[Array] = session.run(None, fed)
        return found

    def conv(
        self, x: str, depth: int, k: int = 1, s: int = 1, act: str = "silu", groups: int = 1
    ) -> str:
        """Return a convolution whose channels have a mean of 0 and a spread of 1, activated."""
        before = self.values[x].shape[1] // groups
        w = self.rng.normal(0, np.sqrt(1 / (k * k * before)), (depth, before, k, k))
        some = self.values[x][:, :, : 64 * s, : 64 * s] if k > 1 else self.values[x]
        pads = [k // 2] * 4
        plain = helper.make_node("Conv", [x, "w"], ["y"], strides=[s, s], pads=pads, group=groups)
        kept, self.values[x] = self.values[x], some
        self.weights["w"] = w.astype(np.float32)
        (made,) = self._run(plain)
        self.values[x] = kept
        del self.weights["w"]
        spread = made.std(axis=(0, 2, 3)) + 1e-3
        w = w / spread[:, None, None, None]
        bias = -made.mean(axis=(0, 2, 3)) / spread + self.rng.normal(0, 0.1, depth)
        attrs: dict[str, Any] = {"strides": [s, s], "pads": pads, "group": groups}
        y = self.op("Conv", x, self.array(w), self.array(bias), **attrs)
        if act == "silu":
            return self.op("Mul", y, self.op("Sigmoid", y))
        if act == "relu":
            return self.op("Relu", y)
        return self.op("LeakyRelu", y, alpha=0.1) if act == "leaky" else y

    def last(self, x: str, wanted: Channels) -> str:
        """Return a 1×1 convolution whose channels have the wanted means and spreads."""
        features = self.values[x].transpose(0, 2, 3, 1).reshape(-1, self.values[x].shape[1])
        kernel, bias = scaled_head(features, wanted)
        return self.op("Conv", x, self.array(kernel.T[..., None, None]), self.array(bias))

    def dense(self, x: str, depth: int, spread: float = 1.0) -> str:
        """Return x [P,N,C] times seeded weights, plus a bias."""
        before = self.values[x].shape[-1]
        w = self.rng.normal(0, spread / np.sqrt(before), (before, depth))
        return self.op("Add", self.op("MatMul", x, self.array(w)), self.array(np.zeros(depth)))

    def concat(self, *parts: str, axis: int = 1) -> str:
        return self.op("Concat", *parts, axis=axis)

    def split(self, x: str, *sizes: int, axis: int = 1) -> list[str]:
        first = self.op("Split", x, self.array(sizes, np.int64), outputs=len(sizes), axis=axis)
        return [first, *(f"{first}.{i}" for i in range(1, len(sizes)))]

    def reshape(self, x: str, *dims: int) -> str:
        """Reshape; the first of `dims` stays what it is."""
        return self.op("Reshape", x, self.array((0, *dims), np.int64))

    def doubled(self, x: str) -> str:
        scales = self.array([1, 1, 2, 2])
        return self.op(
            "Resize", x, "", scales, mode="nearest", nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
        )  # fmt: skip

    def proto(self, outputs: Mapping[str, str]) -> onnx.ModelProto:
        """Return the model for one picture; `outputs`: name → value."""
        ends = [helper.make_node("Identity", [v], [k], f"out_{k}") for k, v in outputs.items()]
        shape = self.image.shape("NCHW")
        graph = helper.make_graph(
            [*self.nodes, *ends],
            "seeded",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
            [
                helper.make_tensor_value_info(
                    k, helper.np_dtype_to_tensor_dtype(self.values[v].dtype), None
                )
                for k, v in outputs.items()
            ],
            [numpy_helper.from_array(v, n) for n, v in self.weights.items()],
        )
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        return onnx.shape_inference.infer_shapes(made)


# --- YOLOv8n and YOLO11n --------------------------------------------------------------------------


def _bottleneck(net: Eager, x: str, depth: int, inner: int, shortcut: bool) -> str:
    y = net.conv(net.conv(x, inner, 3), depth, 3)
    return net.op("Add", x, y) if shortcut else y


def _c2f(net: Eager, x: str, depth: int, n: int, shortcut: bool = True, deep: bool = False) -> str:
    """Split, n bottlenecks in a row, all of them together. deep: each is a C3 of two (C3k)."""
    half = depth // 2
    parts = net.split(net.conv(x, depth), half, half)
    for _ in range(n):
        if deep:
            y, side = net.conv(parts[-1], half // 2), net.conv(parts[-1], half // 2)
            for _ in range(2):
                y = _bottleneck(net, y, half // 2, half // 2, True)
            parts.append(net.conv(net.concat(y, side), half))
        else:
            parts.append(_bottleneck(net, parts[-1], half, half, shortcut))
    return net.conv(net.concat(*parts), depth)


def _sppf(net: Eager, x: str, depth: int) -> str:
    parts = [net.conv(x, depth // 2)]
    for _ in range(3):
        parts.append(net.op("MaxPool", parts[-1], kernel_shape=[5, 5], pads=[2] * 4))
    return net.conv(net.concat(*parts), depth)


def _psa(net: Eager, x: str, depth: int) -> str:
    """Half of the channels through attention over all cells, and a feed-forward of two layers."""
    a, b = net.split(net.conv(x, depth), depth // 2, depth // 2)
    dim, height, width = depth // 2, *net.values[b].shape[2:]
    heads = max(1, dim // 64)
    key, value = dim // heads // 2, dim // heads
    qkv = net.conv(b, heads * (2 * key + value), act="")
    q, k, v = net.split(net.reshape(qkv, heads, 2 * key + value, -1), key, key, value, axis=2)
    scores = net.op("MatMul", net.op("Transpose", q, perm=[0, 1, 3, 2]), k)
    weights = net.op("Softmax", net.op("Mul", scores, net.array(key**-0.5)), axis=-1)
    mixed = net.op("MatMul", v, net.op("Transpose", weights, perm=[0, 1, 3, 2]))
    place = net.conv(net.reshape(v, dim, height, width), dim, 3, act="", groups=dim)
    y = net.op("Add", net.reshape(mixed, dim, height, width), place)
    b = net.op("Add", b, net.conv(y, dim, act=""))
    b = net.op("Add", b, net.conv(net.conv(b, 2 * dim), dim, act=""))
    return net.conv(net.concat(a, b), depth)


CLASSES = 80


def _detect(net: Eager, maps: Sequence[tuple[int, str]], light: bool) -> str:
    """Return [1,4+80,N]: centre and size in pixels, from 16 bins a side; classes.

    light: the class branch in depthwise convolutions.
    """
    rows, places, strides = [], [], []
    width, height = net.image.size
    for stride, x in maps:
        box = net.last(net.conv(net.conv(x, 64, 3), 64, 3), channels((64, 0, 1.5)))
        kind = x
        for _ in range(2):
            if light:
                deep = net.values[kind].shape[1]
                kind = net.conv(net.conv(kind, deep, 3, groups=deep), CLASSES)
            else:
                kind = net.conv(kind, CLASSES, 3)
        score = net.last(kind, channels((CLASSES, -7, 1.5)))
        rows.append(net.reshape(net.concat(box, score), 64 + CLASSES, -1))
        across, down = width // stride, height // stride
        y, x_at = np.divmod(np.arange(across * down), across)
        places.append(np.stack([x_at, y]) + 0.5)
        strides.append(np.full(across * down, stride))
    box, score = net.split(net.concat(*rows, axis=2), 64, CLASSES)
    bins = net.op("Transpose", net.reshape(box, 4, 16, -1), perm=[0, 2, 1, 3])
    weights = net.op("Softmax", bins, axis=1)
    steps = net.array(np.arange(16).reshape(1, 16, 1, 1))
    far = net.reshape(net.op("Conv", weights, steps), 4, -1)
    low, high = net.split(far, 2, 2)
    at = net.array(np.concatenate(places, axis=1)[None])
    x1y1, x2y2 = net.op("Sub", at, low), net.op("Add", at, high)
    centre = net.op("Div", net.op("Add", x1y1, x2y2), net.array(2.0))
    both = net.concat(centre, net.op("Sub", x2y2, x1y1))
    boxes = net.op("Mul", both, net.array(np.concatenate(strides)[None, None]))
    return net.concat(boxes, net.op("Sigmoid", score))


def _yolo(net: Eager, eleven: bool) -> dict[str, str]:
    def block(x: str, depth: int, n: int, shortcut: bool = True, deep: bool = False) -> str:
        return _c2f(net, x, depth, 1 if eleven else n, shortcut, eleven and deep)

    x = net.conv(net.conv("input", 16, 3, 2), 32, 3, 2)
    x = block(x, 64 if eleven else 32, 1)
    p3 = x = block(net.conv(x, 64, 3, 2), 128 if eleven else 64, 2)
    p4 = x = block(net.conv(x, 128, 3, 2), 128, 2, deep=True)
    x = _sppf(net, block(net.conv(x, 256, 3, 2), 256, 1, deep=True), 256)
    p5 = _psa(net, x, 256) if eleven else x
    n4 = block(net.concat(net.doubled(p5), p4), 128, 1, False)
    n3 = block(net.concat(net.doubled(n4), p3), 64, 1, False)
    m4 = block(net.concat(net.conv(n3, 64, 3, 2), n4), 128, 1, False)
    m5 = block(net.concat(net.conv(m4, 128, 3, 2), p5), 256, 1, False, True)
    return {"output0": _detect(net, [(8, n3), (16, m4), (32, m5)], eleven)}


def yolov8n(net: Eager) -> dict[str, str]:
    return _yolo(net, False)


def yolo11n(net: Eager) -> dict[str, str]:
    return _yolo(net, True)


# --- RetinaFace -----------------------------------------------------------------------------------


def retinaface(net: Eager) -> dict[str, str]:
    """Encodings [1,N,4] and [1,N,10], scores [1,N,2]."""

    def separable(x: str, depth: int, s: int = 1) -> str:
        before = net.values[x].shape[1]
        return net.conv(net.conv(x, before, 3, s, "leaky", before), depth, act="leaky")

    x = net.conv("input", 8, 3, 2, "leaky")
    for depth, s in ((16, 1), (32, 2), (32, 1), (64, 2)):
        x = separable(x, depth, s)
    maps = [separable(x, 64)]
    for depth, n in ((128, 6), (256, 2)):
        x = separable(maps[-1], depth, 2)
        for _ in range(n - 1):
            x = separable(x, depth)
        maps.append(x)
    side = [net.conv(m, 64, act="leaky") for m in maps]
    for i in (1, 0):
        up = net.doubled(side[i + 1])
        side[i] = net.conv(net.op("Add", side[i], up), 64, 3, act="leaky")
    found: dict[str, list[str]] = {"loc": [], "conf": [], "landms": []}
    for m in side:
        deep = net.conv(m, 16, 3, act="leaky")
        five = net.conv(deep, 16, 3, act="")
        seven = net.conv(net.conv(deep, 16, 3, act="leaky"), 16, 3, act="")
        x = net.op("Relu", net.concat(net.conv(m, 32, 3, act=""), five, seven))
        for name, wanted, depth in (
            ("loc", channels((8, 0, 1)), 4),
            ("conf", Channels((2, -2) * 2, (1.5, 1.5) * 2), 2),
            ("landms", channels((20, 0, 1.5)), 10),
        ):
            made = net.op("Transpose", net.last(x, wanted), perm=[0, 2, 3, 1])
            found[name].append(net.reshape(made, -1, depth))
    whole = {name: net.concat(*parts) for name, parts in found.items()}
    return {**whole, "conf": net.op("Softmax", whole["conf"], axis=-1)}


# --- a detection transformer ----------------------------------------------------------------------

QUERIES, DIM, HEADS = 100, 64, 4


def _normed(net: Eager, x: str) -> str:
    scale, bias = net.array(np.ones(DIM)), net.array(np.zeros(DIM))
    return net.op("LayerNormalization", x, scale, bias, axis=-1)


def _attend(net: Eager, asks: str, memory: str) -> str:
    def heads(x: str) -> str:
        split = net.reshape(net.dense(x, DIM), -1, HEADS, DIM // HEADS)
        return net.op("Transpose", split, perm=[0, 2, 1, 3])

    q, k, v = heads(asks), heads(memory), heads(memory)
    scores = net.op("MatMul", q, net.op("Transpose", k, perm=[0, 1, 3, 2]))
    scale = net.array((DIM // HEADS) ** -0.5)
    weights = net.op("Softmax", net.op("Mul", scores, scale), axis=-1)
    mixed = net.op("Transpose", net.op("MatMul", weights, v), perm=[0, 2, 1, 3])
    return _normed(net, net.op("Add", asks, net.dense(net.reshape(mixed, -1, DIM), DIM)))


def _chosen(net: Eager, x: str, rows: str, width: int) -> str:
    """Return rows [P,Q] of x [P,N,width]."""
    last = net.op("Unsqueeze", rows, net.array([2], np.int64))
    wide = net.op("Tile", last, net.array([1, 1, width], np.int64))
    return net.op("GatherElements", x, wide, axis=1)


def query_detector(net: Eager, ends: bool) -> dict[str, str]:
    """Return logits [1,Q,C] and boxes [1,Q,4]; ends: labels, boxes and scores of the best rows."""
    x = net.conv("input", 16, 3, 2)
    for depth in (32, 48, DIM):
        x = net.conv(x, depth, 3, 2)
    tokens = []
    for y in (x, net.conv(x, DIM, 3, 2)):
        flat = net.op("Transpose", net.reshape(y, DIM, -1), perm=[0, 2, 1])
        tokens.append(flat)
    memory = _normed(net, net.concat(*tokens))
    memory = _attend(net, memory, memory)
    first = net.op("ReduceMax", net.dense(memory, 6), axes=[2], keepdims=0)
    count = net.array([QUERIES], np.int64)
    best = net.op("TopK", first, count, outputs=2, axis=1)
    asks = _chosen(net, memory, f"{best}.1", DIM)
    for _ in range(2):
        asks = _attend(net, _attend(net, asks, asks), memory)
        more = net.dense(net.op("Relu", net.dense(asks, 2 * DIM)), DIM)
        asks = _normed(net, net.op("Add", asks, more))
    logits = net.op("Add", net.dense(asks, 6, 2.0), net.array(-2.0))
    boxes = net.op("Sigmoid", net.dense(net.op("Relu", net.dense(asks, DIM)), 4))
    if not ends:
        return {"logits": logits, "boxes": boxes}
    flat = net.reshape(net.op("Sigmoid", logits), -1)
    top = net.op("TopK", flat, count, outputs=2, axis=1)
    six = net.array(6, np.int64)
    rows = net.op("Div", f"{top}.1", six)
    labels = net.op("Mod", f"{top}.1", six)
    return {"labels": labels, "boxes": _chosen(net, boxes, rows, 4), "scores": top}


NETS: dict[str, Callable[[Eager], dict[str, str]]] = {
    "yolov8n": yolov8n,
    "yolo11n": yolo11n,
    "retinaface": retinaface,
    "queries": lambda net: query_detector(net, False),
    "query_rows": lambda net: query_detector(net, True),
}


def build(name: str, image: ImageSpec, pictures: Sequence[Path], out: Path) -> None:
    """Write the network `name` to `out`."""
    net = Eager(image, pictures)
    onnx.save(net.proto(NETS[name](net)), out)

"""Large networks of seeded weights, written in ONNX here: nothing is downloaded.

A detector in the manner of YOLOv5 (cross-stage parts, three maps, 25,200 candidates of 80 classes)
in five widths, ResNet-152, and ViT-B/16. Their structures are those of the papers, their weights
random and scaled so that values stay near 1 through every layer. Opset 17, as exporters write it.

Usage: python benchmarks/large_networks.py NAME FILE [--external]
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17


class Net:
    """A network under construction; values are names, weights are drawn as they are asked for."""

    def __init__(self, side: int) -> None:
        self.side = side
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._rng = np.random.default_rng(46)

    def op(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        names = [f"{kind.lower()}_{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, names[0][:-2], **attributes))
        return names[0] if outputs == 1 else names

    def const(self, values: Any, dtype: Any = np.float32) -> str:
        name = f"const_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def drawn(self, shape: tuple[int, ...], spread: float) -> str:
        return self.const(self._rng.standard_normal(shape, np.float32) * np.float32(spread))

    def conv(self, x: str, given: int, made: int, kernel: int = 1, stride: int = 1) -> str:
        w = self.drawn((made, given, kernel, kernel), math.sqrt(1.5 / (given * kernel**2)))
        pads = [(kernel - stride + 1) // 2 if kernel > 1 else 0] * 4
        bias = self.drawn((made,), 0.02)
        return str(self.op("Conv", x, w, bias, strides=[stride] * 2, pads=pads))

    def dense(self, x: str, given: int, made: int) -> str:
        x = self.op("MatMul", x, self.drawn((given, made), 1 / math.sqrt(given)))
        return str(self.op("Add", x, self.drawn((made,), 0.02)))

    def silu(self, x: str) -> str:
        return str(self.op("Mul", x, self.op("Sigmoid", x)))

    def model(self, output: str) -> onnx.ModelProto:
        shape = (1, 3, self.side, self.side)
        last = self.op("Identity", output)
        self.nodes[-1].output[0] = last = "output"
        graph = helper.make_graph(
            self.nodes,
            "seeded",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(last, TensorProto.FLOAT, None)],
            self.weights,
        )
        opset = helper.make_opsetid("", OPSET)
        return helper.make_model(graph, opset_imports=[opset], ir_version=8)


def detector(width: float, depth: float) -> onnx.ModelProto:
    """Return a detector; output [1,25200,85]: centre, size in 0..1, objectness, 80 classes."""
    net = Net(640)
    c = [8 * math.ceil(n * width / 8) for n in (64, 128, 256, 512, 1024)]
    n = [max(round(k * depth), 1) for k in (3, 6, 9, 3)]

    def block(x: str, given: int, made: int, kernel: int = 1, stride: int = 1) -> str:
        return net.silu(net.conv(x, given, made, kernel, stride))

    def parts(x: str, given: int, made: int, repeated: int, shortcut: bool) -> str:
        half = made // 2
        a, b = block(x, given, half), block(x, given, half)
        for _ in range(repeated):
            inner = block(block(a, half, half), half, half, 3)
            a = net.op("Add", a, inner) if shortcut else inner
        return block(net.op("Concat", a, b, axis=1), made, made)

    def doubled(x: str) -> str:
        scales = net.const([1, 1, 2, 2])
        return str(net.op("Resize", x, "", scales, mode="nearest", nearest_mode="floor",
                          coordinate_transformation_mode="asymmetric"))  # fmt: skip

    def pooled(x: str) -> str:
        return str(net.op("MaxPool", x, kernel_shape=[5, 5], strides=[1, 1], pads=[2] * 4))

    def joined(*values: str) -> str:
        return str(net.op("Concat", *values, axis=1))

    x = block("input", 3, c[0], 6, 2)
    kept = []
    for i in range(4):
        x = parts(block(x, c[i], c[i + 1], 3, 2), c[i + 1], c[i + 1], n[i], True)
        kept.append(x)
    x = block(x, c[4], c[4] // 2)
    once, twice = pooled(x), pooled(pooled(x))
    x = block(joined(x, once, twice, pooled(twice)), c[4] * 2, c[4])
    top = block(x, c[4], c[3])
    x = parts(joined(doubled(top), kept[2]), 2 * c[3], c[3], n[3], False)
    middle = block(x, c[3], c[2])
    fine = parts(joined(doubled(middle), kept[1]), 2 * c[2], c[2], n[3], False)
    mid = parts(joined(block(fine, c[2], c[2], 3, 2), middle), 2 * c[2], c[3], n[3], False)
    coarse = parts(joined(block(mid, c[3], c[3], 3, 2), top), 2 * c[3], c[4], n[3], False)
    rows = [
        _decoded(net, net.conv(x, given, 255), side)
        for x, given, side in ((fine, c[2], 80), (mid, c[3], 40), (coarse, c[4], 20))
    ]
    return net.model(net.op("Concat", *rows, axis=1))


def _decoded(net: Net, x: str, side: int) -> str:
    stride = 640 // side
    x = net.op("Reshape", x, net.const([1, 3, 85, side, side], np.int64))
    x = net.op("Sigmoid", net.op("Transpose", x, perm=[0, 1, 3, 4, 2]))
    sizes = net.const([2, 2, 81], np.int64)
    centre, size, rest = net.op("Split", x, sizes, outputs=3, axis=4)
    cells = np.stack(np.meshgrid(*[np.arange(side)] * 2), -1)[None, None] - 0.5
    anchors = np.array([[1.25, 1.6], [2, 3.75], [4.1, 2.9]])[None, :, None, None] * stride * 4
    centre = net.op("Mul", centre, net.const(2))
    centre = net.op("Mul", net.op("Add", centre, net.const(cells)), net.const(stride / 640))
    size = net.op("Mul", size, net.const(2))
    size = net.op("Mul", net.op("Mul", size, size), net.const(anchors / 640))
    x = net.op("Concat", centre, size, rest, axis=4)
    return str(net.op("Reshape", x, net.const([1, 3 * side * side, 85], np.int64)))


def resnet(blocks: tuple[int, ...] = (3, 8, 36, 3)) -> onnx.ModelProto:
    """Return a ResNet of bottlenecks; output [1,1000], probabilities."""
    net = Net(224)
    x = net.op("Relu", net.conv("input", 3, 64, 7, 2))
    x = net.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    given = 64
    for stage, repeated in enumerate(blocks):
        inner = 64 << stage
        for i in range(repeated):
            stride = 2 if i == 0 and stage else 1
            y = net.op("Relu", net.conv(x, given, inner))
            y = net.op("Relu", net.conv(y, inner, inner, 3, stride))
            y = net.op("Mul", net.conv(y, inner, 4 * inner), net.const(0.2))
            if i == 0:
                x = net.conv(x, given, 4 * inner, 1, stride)
            x, given = net.op("Relu", net.op("Add", x, y)), 4 * inner
    x = net.op("Flatten", net.op("GlobalAveragePool", x))
    x = net.op("Gemm", x, net.drawn((given, 1000), 1 / math.sqrt(given)), net.drawn((1000,), 0.02))
    return net.model(net.op("Softmax", x))


def vit(width: int = 768, layers: int = 12, heads: int = 12) -> onnx.ModelProto:
    """Return a vision transformer of 16×16 patches; output [1,1000], probabilities."""
    net = Net(224)
    rows = (224 // 16) ** 2
    w = net.drawn((width, 3, 16, 16), 1 / math.sqrt(3 * 256))
    x = net.op("Conv", "input", w, net.drawn((width,), 0.02), strides=[16, 16])
    x = net.op("Reshape", x, net.const([1, width, rows], np.int64))
    x = net.op("Transpose", x, perm=[0, 2, 1])
    x = net.op("Concat", net.drawn((1, 1, width), 0.02), x, axis=1)
    x = net.op("Add", x, net.drawn((1, rows + 1, width), 0.02))
    each = width // heads

    def normed(x: str) -> str:
        scale, shift = net.const(np.ones(width)), net.const(np.zeros(width))
        return str(net.op("LayerNormalization", x, scale, shift, axis=-1, epsilon=1e-6))

    def gelu(x: str) -> str:
        y = net.op("Erf", net.op("Div", x, net.const(math.sqrt(2))))
        return str(net.op("Mul", net.op("Mul", x, net.op("Add", y, net.const(1))), net.const(0.5)))

    for _ in range(layers):
        y = net.dense(normed(x), width, 3 * width)
        y = net.op("Reshape", y, net.const([1, rows + 1, 3, heads, each], np.int64))
        y = net.op("Transpose", y, perm=[2, 0, 3, 1, 4])
        asked, keys, values = (
            net.op("Gather", y, net.const(i, np.int64), axis=0) for i in range(3)
        )
        y = net.op("MatMul", asked, net.op("Transpose", keys, perm=[0, 1, 3, 2]))
        y = net.op("Softmax", net.op("Mul", y, net.const(each**-0.5)), axis=-1)
        y = net.op("Transpose", net.op("MatMul", y, values), perm=[0, 2, 1, 3])
        y = net.op("Reshape", y, net.const([1, rows + 1, width], np.int64))
        x = net.op("Add", x, net.dense(y, width, width))
        y = gelu(net.dense(normed(x), width, 4 * width))
        x = net.op("Add", x, net.dense(y, 4 * width, width))
    x = net.op("Gather", normed(x), net.const(0, np.int64), axis=1)
    return net.model(net.op("Softmax", net.dense(x, width, 1000)))


NETWORKS: dict[str, Callable[[], onnx.ModelProto]] = {
    "detector 0.25": lambda: detector(0.25, 0.33),
    "detector 0.5": lambda: detector(0.5, 0.33),
    "detector 0.75": lambda: detector(0.75, 0.67),
    "detector 1": lambda: detector(1.0, 1.0),
    "detector 1.25": lambda: detector(1.25, 1.33),
    "ResNet-152": resnet,
    "ViT-B/16": vit,
}
"""The detector by its width; 1 has the size of YOLOv5l."""


def save(name: str, path: Path, external: bool = False) -> int:
    """Write the network; return its number of weights. external: they lie beside the file."""
    model = NETWORKS[name]()
    count = sum(math.prod(t.dims) for t in model.graph.initializer)
    if external:
        onnx.save(model, path, save_as_external_data=True, location=f"{path.name}.data")
    else:
        onnx.save(model, path)
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", choices=NETWORKS)
    parser.add_argument("file", type=Path)
    parser.add_argument("--external", action="store_true")
    args = parser.parse_args()
    print(f"{save(args.name, args.file, args.external):,} weights")


if __name__ == "__main__":
    main()

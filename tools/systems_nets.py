"""Networks for the systems whose trained weights are not public: seeded, small where they can be.

Usage: python tools/systems_nets.py NAME OUT PICTURE…

A random network gives nearly the same answer for every picture, and would hide a wrong one. So the
last layer of each is scaled on the pictures themselves: its outputs have a chosen mean and spread
over pictures and cells, such as trained networks have.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mobilecat.pictures.reading import fit_picture, read_picture
from mobilecat.spec import ImageSpec

Array = np.ndarray[Any, Any]
SEED = 4
STEM = (8, 16, 24, 32, 48)
"""Channels of the stem's convolutions, each of stride 2."""


@dataclass(frozen=True)
class Channels:
    """What a head's channels shall be like: mean and spread of each, in the network's own units."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __mul__(self, times: int) -> Channels:
        return Channels(self.mean * times, self.std * times)


def channels(*parts: tuple[int, float, float]) -> Channels:
    """Return the channels of parts (number, mean, spread)."""
    return Channels(
        tuple(mean for n, mean, _ in parts for _ in range(n)),
        tuple(std for n, _, std in parts for _ in range(n)),
    )


def network_inputs(image: ImageSpec, pictures: Sequence[Path]) -> Array:
    """Return the pictures as the network takes them, [P,H,W,C] float32."""
    rows = []
    for path in pictures:
        pixels, _ = fit_picture(read_picture(path), image)
        x = pixels.astype(np.float64)[..., :: -1 if image.color == "BGR" else 1]
        low, high = image.range
        x = low + x / 255 * (high - low)
        rows.append((x - image.per_channel(image.mean)) / image.per_channel(image.std))
    return np.stack(rows).astype(np.float32)


def scaled_head(features: Array, wanted: Channels) -> tuple[Array, Array]:
    """Return kernel [F,K] and bias [K] that give `features` [N,F] the wanted mean and spread."""
    rng = np.random.default_rng([SEED, features.shape[1], len(wanted.mean)])
    kernel = rng.normal(0, 1, (features.shape[1], len(wanted.mean)))
    made = features.astype(np.float64) @ kernel
    kernel *= np.array(wanted.std) / made.std(axis=0)
    bias = np.array(wanted.mean) - (features.astype(np.float64) @ kernel).mean(axis=0)
    return kernel.astype(np.float32), bias.astype(np.float32)


# --- in ONNX --------------------------------------------------------------------------------------


class Net:
    """An ONNX network under construction: five convolutions, then heads on their maps."""

    def __init__(self, image: ImageSpec, pictures: Sequence[Path]) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.image = image
        self._feeds = network_inputs(image, pictures).transpose(0, 3, 1, 2)
        rng = np.random.default_rng(SEED)
        value, before = "input", 3
        for i, depth in enumerate(STEM):
            w = rng.normal(0, np.sqrt(2 / (9 * before)), (depth, before, 3, 3))
            if i == 0:
                w /= self._feeds.std()
            at = self.op("Conv", value, self.array(w), strides=[2, 2], pads=[1] * 4)
            value, before = self.op("Relu", at, name=f"map{2 << i}"), depth

    def op(self, kind: str, *inputs: str, name: str = "", **attrs: Any) -> str:
        name = name or f"{kind}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name, **attrs))
        return name

    def array(self, values: Any, dtype: Any = np.float32) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def head(self, stride: int, wanted: Channels) -> str:
        """Return a map of that stride and those channels [1,K,h,w]."""
        source = f"map{stride}"
        features = np.concatenate([self._run(source, x[None]) for x in self._feeds])
        flat = features.transpose(0, 2, 3, 1).reshape(-1, features.shape[1])
        kernel, bias = scaled_head(flat, wanted)
        return self.op("Conv", source, self.array(kernel.T[..., None, None]), self.array(bias))

    def reshape(self, value: str, *dims: int) -> str:
        return self.op("Reshape", value, self.array(dims, np.int64))

    def proto(self, outputs: Mapping[str, str]) -> onnx.ModelProto:
        """Return the model; `outputs`: name → value."""
        ends = [helper.make_node("Identity", [v], [k], f"out_{k}") for k, v in outputs.items()]
        float32 = TensorProto.FLOAT
        shape = self.image.shape("NCHW")
        graph = helper.make_graph(
            [*self.nodes, *ends],
            "built",
            [helper.make_tensor_value_info("input", float32, shape)],
            [helper.make_tensor_value_info(k, float32, None) for k in outputs],
            self.weights,
        )
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        return onnx.shape_inference.infer_shapes(made)

    def _run(self, value: str, x: Array) -> Array:
        import onnxruntime as ort

        data = self.proto({"out": value}).SerializeToString()
        session = ort.InferenceSession(data, providers=["CPUExecutionProvider"])
        found: Array = session.run(["out"], {"input": x})[0]
        return found


def yolov3(net: Net) -> dict[str, str]:
    """Three maps of 3·(5+3) channels, finest last, as Darknet's exports have them."""
    row = channels((2, 0, 1), (2, 0, 0.4), (1, -4, 1.5), (3, 0, 2))
    return {f"map_{s}": net.head(s, row * 3) for s in (32, 16, 8)}


def yolov8(net: Net) -> dict[str, str]:
    """[1,4+3,8400]: centre and size in pixels, three classes after the sigmoid."""
    centres, scores, boxes = [], [], []
    width, height = net.image.size
    for s in (8, 16, 32):
        cols, rows = width // s, height // s
        y, x = np.divmod(np.arange(rows * cols), cols)
        centres.append((np.stack([x, y]) + 0.5) * s)
        made = net.head(s, channels((2, 0, 0.5 * s), (2, np.log(6 * s), 0.4), (3, -5, 1.5)))
        flat = net.reshape(made, 1, 7, rows * cols)
        parts = [f"{flat}.{k}" for k in range(3)]
        split = net.array([2, 2, 3], np.int64)
        net.nodes.append(helper.make_node("Split", [flat, split], parts, f"{flat}.s", axis=1))
        at = net.op("Add", parts[0], net.array(centres[-1][None]))
        boxes.append(net.op("Concat", at, net.op("Exp", parts[1]), axis=1))
        scores.append(net.op("Sigmoid", parts[2]))
    both = [net.op("Concat", *v, axis=2) for v in (boxes, scores)]
    return {"output0": net.op("Concat", *both, axis=1)}


def centerface(net: Net) -> dict[str, str]:
    """Heat map, log size, offset and five landmarks, all of stride 4."""
    return {
        "heatmap": net.op("Sigmoid", net.head(4, channels((1, -3, 2)))),
        "size": net.head(4, channels((2, 2, 0.4))),
        "offset": net.head(4, channels((2, 0, 0.3))),
        "landmarks": net.head(4, channels((10, 0.5, 0.2))),
    }


def blazeface(net: Net) -> dict[str, str]:
    """[1,896,16] and [1,896,1]: two anchors a cell of stride 8, six a cell of stride 16."""
    row = channels((2, 0, 4), (2, 35, 4), (12, 0, 15))
    rows: list[str] = []
    logits: list[str] = []
    for s, count in ((8, 2), (16, 6)):
        n = (128 // s) ** 2 * count
        for found, part, depth in ((rows, row, 16), (logits, channels((1, -2, 2)), 1)):
            made = net.op("Transpose", net.head(s, part * count), perm=[0, 2, 3, 1])
            found.append(net.reshape(made, 1, n, depth))
    return {
        "regressors": net.op("Concat", *rows, axis=1),
        "classificators": net.op("Concat", *logits, axis=1),
    }


def heatmaps(net: Net) -> dict[str, str]:
    """Simple Baselines' and HRNet's: a map a point of stride 4, [1,17,64,48] of 192×256."""
    return {"heatmaps": net.head(4, channels((17, 0.2, 0.15)))}


def simcc(net: Net) -> dict[str, str]:
    """RTMPose's: a row a point, then a full layer along x and one along y, two bins a pixel."""
    width, height = net.image.size
    cells = (width // 32) * (height // 32)
    row = net.reshape(net.head(32, channels((17, 0, 1))), 1, 17, cells)
    rng = np.random.default_rng(SEED)
    return {
        f"simcc_{axis}": net.op(
            "MatMul", row, net.array(rng.normal(0, 0.3 / np.sqrt(cells), (cells, 2 * side)))
        )
        for axis, side in (("x", width), ("y", height))
    }


def pose_rows(net: Net) -> dict[str, str]:
    """MediaPipe's pose: [1,195], 39 points of x, y, z, visibility, presence; and a score."""
    rng = np.random.default_rng(SEED)
    means = np.concatenate([rng.uniform(40, 216, (39, 2)), rng.normal(0, 2, (39, 3))], axis=1)
    spread = np.tile([25, 25, 10, 2, 2], 39)
    wanted = channels(*((1, m, s) for m, s in zip(means.ravel(), spread, strict=True)), (1, 2, 3))
    flat = net.op("Flatten", net.op("GlobalAveragePool", net.head(32, wanted)))
    ends = [net.array([k], np.int64) for k in (0, 195, 196, 1)]
    rows = net.op("Slice", flat, ends[0], ends[1], ends[3])
    return {"rows": rows, "there": net.op("Sigmoid", net.op("Slice", flat, *ends[1:]))}


def classes(net: Net) -> dict[str, str]:
    """torchvision's classifiers: the mean of each channel, then a full layer, before a softmax."""
    made = net.op("GlobalAveragePool", net.head(32, channels((64, 0, 1))))
    weight = np.random.default_rng(SEED).normal(0, 1.5, (64, 20))
    return {"logits": net.op("MatMul", net.op("Flatten", made), net.array(weight))}


def deeplab(net: Net) -> dict[str, str]:
    """DeepLab's: 21 scores a cell of 8 pixels."""
    return {"scores": net.head(8, channels((21, 0, 2)))}


# --- in Keras -------------------------------------------------------------------------------------


def _settled(net: Any, x: Array) -> Any:
    """Return `net` with its normalisations' statistics measured on `x`.

    With the 0 and 1 that they start from, pictures differ by a millionth after many layers, and the
    head amplifies rounding: boxes of one picture came out 30 px apart.
    """
    for layer in net.layers:
        if type(layer).__name__ == "BatchNormalization":
            layer.momentum = 0.0
    net(x, training=True)
    return net


def _dense(model: Any, x: Array, wanted: Channels, name: str, keras: Any) -> Any:
    """Return a Dense layer on `model`'s vector, scaled on `x`."""
    kernel, bias = scaled_head(np.asarray(model.predict(x, batch_size=1, verbose=0)), wanted)
    layer = keras.layers.Dense(len(bias), name=name)
    layer.build(model.output.shape)
    layer.set_weights([kernel, bias])
    return layer


def efficientnet_box(x: Array) -> Any:
    """EfficientNetV2-B0 → Dense 4 = x1, y1, x2, y2 in pixels."""
    import keras

    net = keras.applications.EfficientNetV2B0(
        include_top=False, weights=None, input_shape=x.shape[1:], pooling="avg",
        include_preprocessing=False,
    )  # fmt: skip
    _settled(net, x)
    box = Channels((50, 45, 170, 160), (20, 15, 25, 20))
    return keras.Model(net.input, _dense(net, x, box, "box", keras)(net.output))


def resnet_two_heads(x: Array) -> Any:
    """ResNet50 → squeeze and excite → softmax 2 and linear 4 = x, y, w, h over the input."""
    import keras

    layers = keras.layers
    net = keras.applications.ResNet50(include_top=False, weights=None, input_shape=x.shape[1:])
    _settled(net, x)
    squeezed = layers.GlobalAveragePooling2D(keepdims=True)(net.output)
    squeezed = layers.Conv2D(128, 1, activation="relu")(squeezed)
    excited = layers.Conv2D(2048, 1, activation="sigmoid")(squeezed)
    pooled = layers.GlobalAveragePooling2D()(layers.Multiply()([net.output, excited]))
    trunk = keras.Model(net.input, pooled)
    cls = _dense(trunk, x, channels((2, 0, 1.5)), "mask_logits", keras)(pooled)
    box = _dense(trunk, x, Channels((0.2, 0.25, 0.5, 0.4), (0.05,) * 4), "box", keras)(pooled)
    return keras.Model(net.input, [layers.Softmax(name="mask")(cls), box])


def yolov1_resnet(x: Array) -> Any:
    """ResNet50 → 14×14×30 after the sigmoid."""
    import keras

    net = keras.applications.ResNet50(include_top=False, weights=None, input_shape=x.shape[1:])
    _settled(net, x)
    maps = np.concatenate([net.predict(p[None], verbose=0) for p in x])
    logits = channels((20, -2.5, 1.5))
    for _ in range(2):
        logits = Channels((0, 0, -1, -1, -2, *logits.mean), (1, 1, 0.5, 0.5, 2, *logits.std))
    kernel, bias = scaled_head(maps.reshape(-1, maps.shape[-1]), logits)
    layer = keras.layers.Conv2D(30, 1, activation="sigmoid", name="cells")
    layer.build(net.output.shape)
    layer.set_weights([kernel[None, None], bias])
    return keras.Model(net.input, layer(net.output))


def mobilenet(columns: int) -> Callable[[Array], Any]:
    """MobileNetV2 → a box x1, y1, x2, y2 (4), five points x, y (10), or both (14), in pixels."""

    def build(x: Array) -> Any:
        import keras

        net = keras.applications.MobileNetV2(
            include_top=False, weights=None, input_shape=x.shape[1:], pooling="avg"
        )
        _settled(net, x)
        corners, points = (
            [0.2, 0.25, 0.7, 0.8],
            [0.3, 0.35, 0.6, 0.35, 0.45, 0.6, 0.2, 0.1, 0.7, 0.1],
        )
        wanted = {4: corners, 10: points, 14: corners + points}[columns]
        mean = tuple(float(v) for v in np.array(wanted) * x.shape[1])
        head = _dense(net, x, Channels(mean, (0.06 * x.shape[1],) * columns), "points", keras)
        return keras.Model(net.input, head(net.output))

    return build


ONNX: dict[str, Callable[[Net], dict[str, str]]] = {
    "yolov3": yolov3, "yolov8": yolov8, "centerface": centerface, "blazeface": blazeface,
    "heatmaps": heatmaps, "simcc": simcc, "pose_rows": pose_rows, "classes": classes,
    "deeplab": deeplab,
}  # fmt: skip
KERAS: dict[str, Callable[[Array], Any]] = {
    "efficientnet_box": efficientnet_box,
    "resnet_two_heads": resnet_two_heads,
    "yolov1_resnet": yolov1_resnet,
    "hipsterizer_box": mobilenet(4),
    "hipsterizer_points": mobilenet(10),
    "frederic_box": mobilenet(14),
    "frederic_points": mobilenet(10),
}


def build(name: str, image: ImageSpec, pictures: Sequence[Path], out: Path) -> None:
    """Write the network `name` to `out`: an .onnx, .keras or .h5 file, or a SavedModel's folder."""
    if name in ("yolov8_pose", "yolov8_seg", "yolov8_obb"):
        import parts_nets

        parts_nets.build(name, image, pictures, out)
        return
    if name in ("rtdetr", "dfine", "detr", "yolov10", "yolo26"):
        import query_nets

        query_nets.build(name, image, pictures, out)
        return
    from systems_dense import DENSE

    in_onnx = {**ONNX, **DENSE}
    if name in in_onnx:
        net = Net(image, pictures)
        onnx.save(net.proto(in_onnx[name](net)), out)
        return
    import keras

    keras.utils.set_random_seed(SEED + len(name))
    made = KERAS[name](network_inputs(image, pictures))
    if out.suffix:
        made.save(out)
    else:
        made.export(out, verbose=False)


if __name__ == "__main__":
    given, out, image, *files = sys.argv[1:]
    build(given, ImageSpec.model_validate_json(image), [Path(f) for f in files], Path(out))

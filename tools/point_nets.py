"""Networks with the outputs of landmark, classification and segmentation families, seeded.

Their trained weights are not here: each output is a fixed array, of the families' published shape
and such as trained networks give, that moves a little with the picture's mean colour. HRNet and
Simple Baselines: heat maps [1,17,64,48] of 192×256. RTMPose: bins [1,17,W·2], [1,17,H·2], here of a
square input, where only the order tells x from y. MediaPipe's pose: rows [1,195], 39 points of x,
y, z, visibility, presence. torchvision's classifiers: [1,C] before the softmax. DeepLab: scores
[1,21,h,w] of 8 pixels a cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

Array = np.ndarray[Any, Any]
SEED = 14


def hills(tops: Array, rows: int, columns: int, sigma: float) -> Array:
    """Return [1,L,rows,columns]: a Gaussian about each x, y in cells, not quite round."""
    y, x = np.mgrid[0:rows, 0:columns]
    dx, dy = (x[None] - tops[:, 0, None, None]) / sigma, (y[None] - tops[:, 1, None, None]) / sigma
    return np.exp(-(dx**2 + dy**2 + 1.2 * dx * dy) / 2)[None]


def _outputs(kind: str) -> tuple[tuple[int, int], dict[str, tuple[Array, float]]]:
    """Return the input's size and, by name, an output and how far the picture moves it."""
    rng = np.random.default_rng(SEED)
    if kind == "heatmap":
        tops = rng.uniform((4, 4), (43, 59), (17, 2))
        high = rng.uniform(0.4, 0.95, (1, 17, 1, 1))
        noise = rng.uniform(0, 0.03, (1, 17, 64, 48))
        return (192, 256), {"heatmaps": (high * hills(tops, 64, 48, 2.0) + noise, 0.004)}
    if kind == "simcc":
        tops, bins = rng.uniform(20, 490, (2, 17)), np.arange(512)
        high = rng.uniform(0.4, 0.95, (2, 17, 1))
        both = high * np.exp(-((bins - tops[..., None]) ** 2) / 72.0)
        return (256, 256), {k: (v[None], 0.002) for k, v in zip(("x", "y"), both, strict=True)}
    if kind == "rows":
        points = rng.uniform(20, 230, (39, 5))
        points[:, 2:] = rng.normal(0, 2.5, (39, 3))
        return (256, 256), {"rows": (points.reshape(1, 195), 0.5)}
    if kind == "classes":
        return (64, 48), {"logits": (rng.normal(0, 1.5, (1, 21)), 0.5)}
    at = rng.uniform(0, 1, (21, 2)) * (16, 12)
    y, x = np.mgrid[0:12, 0:16]
    scores = np.stack([-((x - a) ** 2 + (y - b) ** 2) / 4.0 for a, b in at])[None]
    return (128, 96), {"scores": (scores, 0.1)}


HEADS = {
    "heatmap": 'kind = "heatmap"\nmethod = "quarter"',
    "dark": 'kind = "heatmap"\nmethod = "dark"',
    "soft": 'kind = "heatmap"\nmethod = "soft-argmax"\nbeta = 25.0',
    "simcc": 'kind = "simcc"\nx = "x"\ny = "y"',
    "rows": 'kind = "landmarks"\nunits = "pixels"\ncolumns = 5\nvisibility = 3',
    "classes": 'kind = "classify"\nactivation = "softmax"\nbackground = true',
    "segments": 'kind = "segments"',
}
_NETWORK = {"dark": "heatmap", "soft": "heatmap"}


def save_net(path: Path, name: str) -> Path:
    """Write the network of a head of HEADS."""
    (width, height), outputs = _outputs(_NETWORK.get(name, name))
    nodes = [helper.make_node("GlobalAveragePool", ["input"], ["mean"], "mean")]
    nodes.append(helper.make_node("Flatten", ["mean"], ["colour"], "colour"))
    rng, weights, infos = np.random.default_rng(SEED + 1), [], []
    shapes: Mapping[str, tuple[int, ...]] = {k: v.shape for k, (v, _) in outputs.items()}
    for key, (base, reach) in outputs.items():
        flat = base.reshape(1, -1)
        spread = rng.normal(0, reach / 255, (3, flat.shape[1]))
        for what, array in (("weight", spread), ("base", flat[0])):
            weights.append(numpy_helper.from_array(array.astype(np.float32), f"{key}.{what}"))
        weights.append(numpy_helper.from_array(np.array(base.shape, np.int64), f"{key}.shape"))
        inputs = ["colour", f"{key}.weight", f"{key}.base"]
        nodes.append(helper.make_node("Gemm", inputs, [f"{key}.row"], f"{key}.row"))
        nodes.append(helper.make_node("Reshape", [f"{key}.row", f"{key}.shape"], [key], key))
        infos.append(helper.make_tensor_value_info(key, TensorProto.FLOAT, list(shapes[key])))
    picture = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, height, width])
    graph = helper.make_graph(nodes, name, [picture], infos, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def spec_text(name: str, source: Path, targets: str) -> str:
    """Return the spec of a network."""
    (width, height), _ = _outputs(_NETWORK.get(name, name))
    labels = {"classes": 20, "segments": 21}.get(name, 0)
    said = f"labels = {[f'c{i}' for i in range(labels)]}" if labels else ""
    return (
        f'name = "{name}"\nsource = "{source}"\n{said}\n[input]\nsize = [{width}, {height}]\n'
        f"[head]\n{HEADS[name]}\n{targets}"
    )


def save_pictures(folder: Path) -> list[Path]:
    """Write two seeded pictures of other sides than any input."""
    rng = np.random.default_rng(SEED + 2)
    paths = []
    for i, (side, colour) in enumerate((((123, 91), (200, 90, 40)), ((80, 120), (30, 60, 170)))):
        pixels = rng.integers(-30, 31, (side[1], side[0], 3)) + np.array(colour)
        paths.append(folder / f"picture_{i}.png")
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(paths[-1])
    return paths

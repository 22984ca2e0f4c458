"""A network with any outputs: seeded arrays that move with the picture's mean."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir as ir
from onnx import TensorProto, helper, numpy_helper

from mobilecat.formats.onnx.ort import OrtModel
from mobilecat.formats.onnx.read import import_onnx

Array = npt.NDArray[Any]
Range = tuple[tuple[int, ...], Any, Any]
"""Shape, low, high; the bounds may be one a column."""


def save_network(path: Path, size_wh: tuple[int, int], outputs: Mapping[str, Range]) -> Path:
    """Write it: each output is uniform in low–high of its range, give or take 1 %."""
    rng = np.random.default_rng(len(outputs) + size_wh[0])
    arrays = {}
    for name, (shape, low, high) in outputs.items():
        base = rng.uniform(low, high, shape)
        span = np.subtract(high, low)
        arrays[name] = (base, rng.uniform(-0.01, 0.01, shape) * span / 255)
    return _save(path, size_wh, arrays)


def save_constant_network(
    path: Path, size_wh: tuple[int, int], outputs: Mapping[str, Array]
) -> Path:
    """Write one that gives `outputs` for every picture."""
    return _save(path, size_wh, {k: (v, np.zeros_like(v)) for k, v in outputs.items()})


def _save(path: Path, size_wh: tuple[int, int], outputs: Mapping[str, tuple[Array, Array]]) -> Path:
    nodes = [helper.make_node("ReduceMean", ["input"], ["mean"], "mean", keepdims=0)]
    weights, infos = [], []
    for name, (base, slope) in outputs.items():
        weights += [
            numpy_helper.from_array(base.astype(np.float32), f"{name}.base"),
            numpy_helper.from_array(slope.astype(np.float32), f"{name}.slope"),
        ]
        nodes += [
            helper.make_node("Mul", ["mean", f"{name}.slope"], [f"{name}.moved"], f"{name}.mul"),
            helper.make_node("Add", [f"{name}.moved", f"{name}.base"], [name], f"{name}.add"),
        ]
        infos.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, list(base.shape)))
    width, height = size_wh
    picture = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, height, width])
    graph = helper.make_graph(nodes, "any", [picture], infos, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def frozen(path: Path) -> ir.Model:
    return import_onnx(path)


def run_graph(model: ir.Model, feeds: Mapping[str, Array], taps: tuple[str, ...]) -> dict[str, Any]:
    return OrtModel(ir.to_proto(model)).run(feeds, list(taps))


def run_file(path: Path, feeds: Mapping[str, Array]) -> dict[str, Any]:
    return OrtModel(onnx.load(path)).run(feeds)

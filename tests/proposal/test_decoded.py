"""Decoded boxes are no encodings: as many rows as an SSD has anchors say nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from mobilecat.proposal.whole import propose

_N = 1917  # anchors of the TF API's generator at 300 × 300


def _file(path: Path, boxes: np.ndarray) -> Path:
    """A network of 300 × 300 that gives `boxes`, moved by its picture's mean, and scores."""
    values = {"b": boxes.astype(np.float32), "s": np.full((1, _N, 3), -2, np.float32)}
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", ["x"], ["m"]),
            helper.make_node("ReduceMax", ["m"], ["top"], keepdims=0),
            helper.make_node("Mul", ["top", "little"], ["moved"]),
            helper.make_node("Add", ["b", "moved"], ["boxes"]),
            helper.make_node("Add", ["s", "moved"], ["scores"]),
        ],
        "g",
        [info("x", onnx.TensorProto.FLOAT, [1, 3, 300, 300])],
        [
            info("boxes", onnx.TensorProto.FLOAT, [1, _N, 4]),
            info("scores", onnx.TensorProto.FLOAT, [1, _N, 3]),
        ],
        [
            *(numpy_helper.from_array(a, n) for n, a in values.items()),
            numpy_helper.from_array(np.array(1e-3, np.float32), "little"),
        ],
    )
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def test_decoded_boxes_are_no_encodings(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    encodings = rng.standard_normal((1, _N, 4))
    corners = rng.random((1, _N, 2)) * 200
    decoded = np.concatenate([corners, corners + 1 + rng.random((1, _N, 2)) * 90], -1)
    for boxes, kind in ((encodings, "ssd"), (decoded, "raw")):
        found = propose(_file(tmp_path / f"{kind}.onnx", boxes), tmp_path / "mobilecat.toml")
        assert found.spec.head.kind == kind

"""Masks: sums of prototypes by hand and in onnxruntime, pixels of pictures in whole fractions."""

from __future__ import annotations

from fractions import Fraction as F
from math import exp, floor, log
from typing import Any

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from vector_cases.form import Cases, case, refused

MODEL = [64, 32]
BOXES = [[40, 4, 56, 12], [8, 8, 28, 24]]


def sigma(x: float) -> float:
    return 1 / (1 + exp(-x))


def grids(*places: tuple[int, int, int, float], count: int = 2) -> Any:
    """Return `count` prototypes of 16 × 8, 0 but in these places."""
    made = np.zeros((count, 8, 16))
    for p, row, column, value in places:
        made[p, row, column] = value
    return made


def hand_cases() -> list[Any]:
    plain = grids((1, 3, 4, 1))
    plain[0] = log(3)
    args = {
        "coefficients": [[-1, 0], [1, -4]], "prototypes": plain, "boxes_xyxy": BOXES,
        "model_wh": MODEL, "mask_wh": None,
    }  # fmt: skip
    want = np.zeros((2, 8, 16))
    want[0, 1:3, 10:14] = 0.25
    want[1, 2:6, 2:7] = 0.75
    want[1, 3, 4] = sigma(log(3) - 4)
    # One prototype of 8 in row 0, column 1, twice as large: ¼ and ¾ between pixel centres.
    larger = np.zeros((1, 16, 32))
    larger[0, :8, :16] = 0.5
    for row, down in ((0, 1), (1, 0.75), (2, 0.25)):
        for column, across in enumerate((0, 2, 6, 6, 2, 0)):
            larger[0, row, column] = sigma(down * across)
    spread = {
        "coefficients": [[1]], "prototypes": grids((0, 0, 1, 8), count=1),
        "boxes_xyxy": [[0, 0, 32, 16]], "model_wh": MODEL, "mask_wh": [32, 16],
    }  # fmt: skip
    edge = {**args, "boxes_xyxy": [[10, 6, 14, 10], [0, 0, 0, 0]]}
    centre = np.zeros((2, 8, 16))  # centres at 10 and 14, 6 and 10: on the edge is outside
    return [
        case("two boxes", args, want, 1e-9),
        case("twice as large", spread, larger, 1e-9),
        case("a centre on the box's edge is outside", edge, centre),
        case("padding behind the boxes", {**args, "boxes_xyxy": BOXES[:1]}, want[:1], 1e-9),
        case("no box", {**args, "boxes_xyxy": []}, []),
        refused("coefficients of another number", {**args, "coefficients": [[1], [2]]}),
        refused("more boxes than rows", {**args, "boxes_xyxy": [*BOXES, [0, 0, 9, 9]]}),
        refused("a grid between", {**args, "mask_wh": [24, 8]}),
        refused("a grid of nothing", {**args, "mask_wh": [0, 8]}),
    ]


def engine(factors: Any, grid: Any, mask_wh: list[int]) -> Any:
    """Return σ of the sums, resized by onnxruntime."""
    count, rows, cols = grid.shape
    n = len(factors)
    scales = [1, 1, mask_wh[1] / rows, mask_wh[0] / cols]
    nodes = [
        helper.make_node("MatMul", ["f", "g"], ["s"]),
        helper.make_node("Reshape", ["s", "shape"], ["r"]),
        helper.make_node("Resize", ["r", "", "scales"], ["l"], mode="linear"),
        helper.make_node("Sigmoid", ["l"], ["y"]),
    ]
    weights = [
        numpy_helper.from_array(np.array([1, n, rows, cols]), "shape"),
        numpy_helper.from_array(np.array(scales, np.float32), "scales"),
    ]
    inputs = [
        helper.make_tensor_value_info("f", TensorProto.FLOAT, [n, count]),
        helper.make_tensor_value_info("g", TensorProto.FLOAT, [count, rows * cols]),
    ]
    out = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    graph = helper.make_graph(nodes, "g", inputs, out, weights)
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    session = ort.InferenceSession(model.SerializeToString())
    fed = {"f": factors.astype(np.float32), "g": grid.reshape(count, -1).astype(np.float32)}
    return session.run(None, fed)[0][0]


def engine_cases() -> list[Any]:
    found = []
    for seed, mask_wh in ((1, [6, 4]), (2, [12, 8]), (3, [24, 4])):
        rng = np.random.default_rng(seed)
        factors = np.round(rng.normal(0, 1, (3, 5)), 3)
        grid = np.round(rng.normal(0, 1, (5, 4, 6)), 3)
        boxes = np.round(np.concatenate([rng.uniform(-9, 20, (3, 2)), rng.uniform(24, 60, (3, 2))],
                                        axis=1), 2)  # fmt: skip
        sure = engine(factors, grid, mask_wh)
        wide, high = mask_wh
        want = np.zeros(sure.shape)
        for k, j, i in np.ndindex(*sure.shape):
            x, y = (i + 0.5) * 48 / wide, (j + 0.5) * 32 / high
            if boxes[k, 0] < x < boxes[k, 2] and boxes[k, 1] < y < boxes[k, 3]:
                want[k, j, i] = sure[k, j, i]
        args = {
            "coefficients": factors, "prototypes": grid, "boxes_xyxy": boxes, "model_wh": [48, 32],
            "mask_wh": mask_wh,
        }  # fmt: skip
        found.append(case(f"onnxruntime, {wide} × {high}", args, want, 2e-6))
    return found


def pixel_cases() -> list[Any]:
    """Which cell a pixel's centre is in, by fractions; the map is a scale and a move."""
    found = []
    values = np.array([[0.9, 0.2, 0.6], [0.5, 0.7, 0.1]])
    for name, sx, sy, tx, ty, wh in (
        ("a letterbox of a square picture", F(16), F(16), F(-64), F(0), [9, 21]),
        ("stretched", F(7, 3), F(9, 4), F(0), F(0), [7, 5]),
        ("beside the picture", F(4), F(4), F(30), F(0), [9, 5]),
        ("smaller than a pixel", F(1, 3), F(1, 2), F(2, 5), F(1, 4), [3, 3]),
    ):
        rows = []
        for y in range(wh[1]):
            row = []
            for x in range(wh[0]):
                u, v = (x + F(1, 2) - tx) / sx, (y + F(1, 2) - ty) / sy
                inside = 0 <= u < 3 and 0 <= v < 2
                row.append(bool(inside and values[floor(v), floor(u)] > 0.5))
            rows.append(row)
        args = {"values": values, "image_from_mask": [sx, 0, tx, 0, sy, ty], "image_wh": wh}
        found.append(case(name, args, rows))
    flat = {"values": values, "image_from_mask": [0, 0, 0, 0, 1, 0], "image_wh": [3, 3]}
    found.append(refused("a map without an inverse", flat))
    return found


def all_cases() -> Cases:
    return {
        "masks_from_prototypes": [*hand_cases(), *engine_cases()],
        "mask_pixels": pixel_cases(),
    }

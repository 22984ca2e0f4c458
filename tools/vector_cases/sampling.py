"""Resize conventions, read off the engines: a resized ramp shows the index that was read."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper

from vector_cases.form import Cases, case, refused

PAIRS = [(5, 13), (7, 3), (2, 5), (3, 2), (8, 5), (1, 4), (6, 6)]
ENGINE_ATOL = 2e-5  # float32 interpolation of a ramp up to 8


def opencv_indices(n_in: int, n_out: int) -> Any:
    """Return the clamped source index of each output, as cv2.resize read a ramp."""
    ramp = np.repeat(np.arange(n_in, dtype=np.float32)[None, :], 2, axis=0)
    return cv2.resize(ramp, (n_out, 2), interpolation=cv2.INTER_LINEAR)[0]


def onnx_indices(n_in: int, n_out: int, mode: str) -> Any:
    """Return the clamped source index of each output, as onnxruntime's Resize read a ramp."""
    node = helper.make_node(
        "Resize", ["x", "", "", "sizes"], ["y"], mode="linear", coordinate_transformation_mode=mode
    )
    sizes = helper.make_tensor("sizes", TensorProto.INT64, [4], [1, 1, 1, n_out])
    graph = helper.make_graph(
        [node], "ramp",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 1, n_in])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 1, n_out])],
        [sizes],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    onnx.checker.check_model(model)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    ramp = np.arange(n_in, dtype=np.float32)[None, None, None]
    return session.run(None, {"x": ramp})[0][0, 0, 0]


# coremltools' MIL reference prints these for Xin = 2, to one or two decimals.
MIL_PRINTED = [
    ("UNALIGN_CORNERS", 5, [0.0, 0.1, 0.5, 0.9, 1.0]),
    ("STRICT_ALIGN_CORNERS", 5, [0.0, 0.25, 0.5, 0.75, 1.0]),
    ("DEFAULT", 5, [0.0, 0.4, 0.8, 1.0, 1.0]),
    ("OFFSET_CORNERS", 5, [0.1, 0.3, 0.5, 0.7, 0.9]),
    ("UNALIGN_CORNERS", 6, [0.0, 0.0, 0.33, 0.67, 1.0, 1.0]),
    ("ALIGN_CORNERS", 6, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
    ("DEFAULT", 6, [0.0, 0.33, 0.67, 1.0, 1.0, 1.0]),
    ("OFFSET_CORNERS", 6, [0.08, 0.25, 0.42, 0.58, 0.75, 0.92]),
]


def sampling_cases() -> Cases:
    """Indices by OpenCV, onnxruntime and the MIL reference's table; maps by their definition."""
    out: Cases = {"source_indices": [], "mil_source_indices": [], "resized_from_source": []}
    for n_in, n_out in PAIRS:
        rows = {"half-pixel": opencv_indices(n_in, n_out)}
        if n_in > 1:  # onnxruntime's asymmetric and align_corners agree on one pixel trivially
            rows["legacy"] = onnx_indices(n_in, n_out, "asymmetric")
            rows["align-corners"] = onnx_indices(n_in, n_out, "align_corners")
        for convention, indices in rows.items():
            args = {"n_in": n_in, "n_out": n_out, "convention": convention, "clamp": True}
            out["source_indices"].append(
                case(f"{n_in} to {n_out} {convention}", args, indices, ENGINE_ATOL)
            )
    hand = [
        ("half-pixel", 3, 6, [-0.25, 0.25, 0.75, 1.25, 1.75, 2.25]),
        ("half-pixel", 6, 3, [0.5, 2.5, 4.5]),
        ("legacy", 3, 6, [0, 0.5, 1, 1.5, 2, 2.5]),
        ("align-corners", 3, 5, [0, 0.5, 1, 1.5, 2]),
        ("align-corners", 5, 1, [0]),
        ("align-corners-center", 5, 1, [2]),
        ("align-corners-center", 3, 5, [0, 0.5, 1, 1.5, 2]),
        ("offset", 5, 2, [1, 3]),
        ("offset", 1, 4, [0.125, 0.375, 0.625, 0.875]),
    ]
    for convention, n_in, n_out, indices in hand:
        args = {"n_in": n_in, "n_out": n_out, "convention": convention, "clamp": False}
        out["source_indices"].append(case(f"hand {n_in} to {n_out} {convention}", args, indices))
    out["source_indices"].append(
        refused("unknown", {"n_in": 3, "n_out": 5, "convention": "corners", "clamp": True})
    )
    for mode, n_out, printed in MIL_PRINTED:
        args = {"n_in": 2, "n_out": n_out, "sampling_mode": mode}
        out["mil_source_indices"].append(case(f"{mode} 2 to {n_out}", args, printed, 0.0051))
    out["mil_source_indices"] += [
        case("STRICT_ALIGN_CORNERS 5 to 1",
             {"n_in": 5, "n_out": 1, "sampling_mode": "STRICT_ALIGN_CORNERS"}, [0]),
        case("ALIGN_CORNERS 5 to 1",
             {"n_in": 5, "n_out": 1, "sampling_mode": "ALIGN_CORNERS"}, [2]),
    ]  # fmt: skip
    points = [[0, 0], [0.5, 0.5], [2.5, 1.25], [3, 5]]
    for src, dst in (((3, 5), (7, 4)), ((8, 6), (5, 13))):
        # x/s; x/s + (1 − 1/s)/2; .5 + (x − .5)(out − 1)/(in − 1): as the definition has it
        mapped: dict[str, list[Any]] = {"half-pixel": [], "legacy": [], "align-corners": []}
        for point in points:
            per = {name: [] for name in mapped}
            for v, n_in, n_out in zip(point, src, dst, strict=True):
                x, s = Fraction(v), Fraction(n_in, n_out)
                half = Fraction(1, 2)
                per["half-pixel"].append(x / s)
                per["legacy"].append(x / s + half * (1 - 1 / s))
                per["align-corners"].append(half + (x - half) * Fraction(n_out - 1, n_in - 1))
            for name in mapped:
                mapped[name].append(per[name])
        for name, expect in mapped.items():
            args = {"src_wh": src, "dst_wh": dst, "convention": name, "points_xy": points}
            out["resized_from_source"].append(case(f"{src} to {dst} {name}", args, expect))
    out["resized_from_source"].append(
        refused("one pixel", {"src_wh": [3, 5], "dst_wh": [1, 4], "convention": "align-corners",
                "points_xy": [[0, 0]]})
    )  # fmt: skip
    return out


def all_cases() -> Cases:
    """Return every case of this file, by function."""
    return sampling_cases()

"""Resize in modes that ONNX took out of its text, said in those that it has."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from mobilecat.graph import Array, attr, const_of, opt_input

_TIE = 0.5 + 1e-6  # onnxruntime's


def standard_nearest(model: ir.Model) -> bool:
    """Say `tf_half_pixel_for_nn` with floor, TensorFlow's nearest resize, as opset 13 and later do.

    ONNX dropped the mode in opset 13; tf2onnx writes it into every opset, and onnxruntime alone
    takes it there. Only where each output pixel still comes from the same input pixel.

    Given:   Resize(tf_half_pixel_for_nn, floor):      ⌊(k + ½) / scale⌋
    Result:  Resize(half_pixel, round_prefer_ceil):    ⌊(k + ½) / scale − ½ + ½⌋
    """
    changed = False
    for node in model.graph:
        mode = attr(node, "coordinate_transformation_mode", "half_pixel")
        if node.domain or node.op_type != "Resize" or mode != "tf_half_pixel_for_nn":
            continue
        nearest = attr(node, "mode", "nearest") == "nearest"
        if nearest and attr(node, "nearest_mode", "round_prefer_floor") == "floor" and _same(node):
            for name, word in (
                ("coordinate_transformation_mode", "half_pixel"),
                ("nearest_mode", "round_prefer_ceil"),
            ):
                node.attributes[name] = ir.AttrString(name, word)
            changed = True
    return changed


def _same(node: ir.Node) -> bool:
    source, out = node.inputs[0], node.outputs[0]
    if source is None or source.shape is None or out.shape is None:
        return False
    if not source.shape.is_static() or not out.shape.is_static():
        return False
    if "axes" in node.attributes or "keep_aspect_ratio_policy" in node.attributes:
        return False
    sizes, outs = source.shape.numpy(), out.shape.numpy()
    given = const_of(opt_input(node, 2))
    scales = given if given is not None and given.size else np.divide(outs, sizes)
    return all(_same_rows(*axis) for axis in zip(sizes, outs, scales, strict=True))


def _same_rows(size: int, out: int, scale: float) -> bool:
    f = np.float32
    centre = (np.arange(out, dtype=f) + f(0.5)) / f(scale)
    ours = np.floor((centre - f(0.5)).astype(np.float64) + _TIE)
    return np.array_equal(_inside(np.floor(centre), size), _inside(ours, size))


def _inside(rows: Array, size: int) -> Array:
    return np.clip(rows, 0, size - 1)

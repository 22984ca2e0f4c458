"""How large the values inside a network become: float16 ends at 65504, and what is beyond is inf.

Sums of squares are where it happens: L2 normalisation as PyTorch exports SSD's, GRN, variances
written out. Export and float32 arithmetic say nothing of it, so the baked graph is run in float32
on a few inputs, and the largest magnitude of every value is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from onnx import helper

from mobilecat.bake import Baked
from mobilecat.foreign import quiet_onnxruntime
from mobilecat.graph import Array, dtype_of, shape_of, where

LARGEST = 65504.0
"""https://en.wikipedia.org/wiki/Half-precision_floating-point_format"""

NEAR = LARGEST / 4
"""Inputs tried are few: what comes so near on them may pass the limit on others."""

_SHOWN = 3


@dataclass(frozen=True)
class Peak:
    """The largest magnitude that a node's result, or what it adds up inside, took on."""

    node: str
    value: float


def peaks_of(baked: Baked) -> list[Peak]:
    """Return the nodes that a float16 program computes in float16 with a value of NEAR or more,
    in the graph's order; none where onnxruntime does not run the graph."""
    model = baked.model
    measured = [
        (node, value)
        for node in model.graph
        if node.name not in baked.exact_nodes and not node.domain
        for value in node.outputs
        if value.name and value.dtype is not None and dtype_of(value).kind == "f"
    ]
    largest = np.zeros(len(measured))
    try:
        session, names = _session(model, [value for _, value in measured])
        for feeds in _inputs(model, baked.image):
            found = np.array(session.run(names, feeds), np.float64)
            largest = np.fmax(largest, np.nan_to_num(found, nan=0.0, posinf=np.inf))
    except Exception:  # onnxruntime's exceptions share no base class; lanes will say what is wrong
        return []
    peaks = []
    for (node, _), value in zip(measured, largest, strict=True):
        inside = value**2 if node.op_type == "ReduceL2" else value  # its sum, before the root
        if inside >= NEAR:
            peaks.append(Peak(where(node), float(inside)))
    return peaks


def words(peaks: list[Peak]) -> tuple[str, ...]:
    """Return what a user must know of values that float16 does not hold, or only just."""
    beyond = [p for p in peaks if p.value > LARGEST]
    shown = sorted(beyond or peaks, key=lambda p: -p.value)[:_SHOWN]
    if not shown:
        return ()
    named = ", ".join(f"{p.node} {p.value:.3g}" for p in shown)
    more = len(beyond or peaks) - len(shown)
    rest = f" and {more} more" if more > 0 else ""
    if beyond:
        return (
            f"float16 ends at 65504, and values here pass it, which makes them inf: {named}{rest}; "
            'set precision = "float32" for this target, or scale them down in the model',
        )
    return (f"values come near float16's end at 65504 on the inputs tried: {named}{rest}",)


def _session(model: ir.Model, values: list[ir.Value]) -> tuple[Any, list[str]]:
    """Return a session that gives one number a value, and their names: nothing large is kept."""
    proto = ir.to_proto(model)
    names = []
    for i, value in enumerate(values):
        size, largest = f"mobilecat_size_{i}", f"mobilecat_largest_{i}"
        proto.graph.node.append(helper.make_node("Abs", [value.name or ""], [size]))
        last = helper.make_node("ReduceMax", [size], [largest], keepdims=0)
        proto.graph.node.append(last)
        names.append(largest)
    del proto.graph.output[:]
    proto.graph.output.extend(onnx.ValueInfoProto(name=n) for n in names)
    ort = quiet_onnxruntime()
    options = ort.SessionOptions()
    options.log_severity_level = 4
    return ort.InferenceSession(proto.SerializeToString(), options, ["CPUExecutionProvider"]), names


def _inputs(model: ir.Model, image: str | None) -> Iterator[Mapping[str, Array]]:
    """Yield two inputs: noise, and all at its highest, which drives sums highest."""
    rng = np.random.default_rng(3)
    for noise in (True, False):
        yield {v.name or "": _input(v, v.name == image, noise, rng) for v in model.graph.inputs}


def _input(value: ir.Value, picture: bool, noise: bool, rng: np.random.Generator) -> Array:
    shape, dtype = shape_of(value), dtype_of(value)
    if not picture and dtype.kind != "f":
        return rng.integers(0, 2, shape).astype(dtype)
    top = 255 if picture else 1
    made = rng.random(shape) * top if noise else np.full(shape, top)
    return np.asarray(np.round(made) if picture else made).astype(dtype)

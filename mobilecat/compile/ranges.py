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
from mobilecat.foreign import quiet_onnxruntime, session_options
from mobilecat.graph import Array, const_of, dtype_of, shape_of, where
from mobilecat.graph.light import proto_of, session_of

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
    floats = [
        (node, value)
        for node in model.graph
        for value in node.outputs
        if value.name and value.dtype is not None and dtype_of(value).kind == "f"
    ]
    # Most networks have nothing near, and what only moves or shrinks values needs no look then.
    if not _near(model, [(n, v) for n, v in floats if not _no_larger(n)], baked.image):
        return []
    inexact = [(n, v) for n, v in floats if n.name not in baked.exact_nodes and not n.domain]
    return _near(model, inexact, baked.image)


_MOVES = frozenset(
    {"Concat", "DepthToSpace", "Expand", "Flatten", "Gather", "Identity", "Relu", "Reshape",
     "Slice", "SpaceToDepth", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze"}
)  # fmt: skip
_TO_ONE = frozenset({"HardSigmoid", "Sigmoid", "Softmax", "Tanh"})


def _no_larger(node: ir.Node) -> bool:
    """Return whether no result of a node is larger than 1, or than all that it is given."""
    if node.domain:
        return False
    if node.op_type in _TO_ONE:
        return True
    if node.op_type == "Mul":
        return any(_is_to_one(v) for v in node.inputs) and not any(
            _is_large(v) for v in node.inputs
        )
    return node.op_type in _MOVES and not any(_is_large(v) for v in node.inputs)


def _is_to_one(value: ir.Value | None) -> bool:
    node = value.producer() if value is not None else None
    return node is not None and not node.domain and node.op_type in _TO_ONE


def _is_large(value: ir.Value | None) -> bool:
    """Return whether a value is a constant of floats that come near float16's end."""
    array = const_of(value) if value is not None else None
    return array is not None and array.dtype.kind == "f" and not np.all(np.abs(array) < NEAR)


def _near(
    model: ir.Model, measured: list[tuple[ir.Node, ir.Value]], image: str | None
) -> list[Peak]:
    """Return which of the values come near float16's end on the inputs tried."""
    largest = np.zeros(len(measured))
    try:
        session, names = _session(model, [value for _, value in measured])
        for feeds in _inputs(model, image):
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
    proto, arrays = proto_of(model)
    names = [f"mobilecat_largest_{i}" for i in range(len(values))]
    measured = {v.name or "": names[i] for i, v in enumerate(values)}
    nodes = []
    for node in proto.graph.node:
        nodes.append(node)
        for name in node.output:
            if largest := measured.get(name):
                size = f"{largest}_of"
                nodes.append(helper.make_node("Abs", [name], [size]))
                nodes.append(helper.make_node("ReduceMax", [size], [largest], keepdims=0))
    nodes = [onnx.NodeProto.FromString(n.SerializeToString()) for n in nodes]
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
    del proto.graph.output[:]
    proto.graph.output.extend(onnx.ValueInfoProto(name=n) for n in names)
    options = session_options()
    # In the order written, so that each value is measured while it is there.
    options.execution_order = quiet_onnxruntime().ExecutionOrder.PRIORITY_BASED
    return session_of(proto, arrays, options), names


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

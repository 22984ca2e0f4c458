"""Whether an upgraded model is its original by ONNX's own text, so that nothing has to be run.

A node is the same where it is written the same, its inputs among it, and its op means in the new
opset what it meant in the old one. The op's definition may be one and the same: ONNX numbers them.
Or it differs in element types, negative axes, or attributes whose default is the old meaning: those
ops are listed here, and each is held to onnxruntime by a test, in every opset from which it is
listed. Axes that became an input are the same where the input is a constant of the same numbers.
Whatever else a converter does is left to the trial (`mobilecat.formats.onnx.trial`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import onnx
from onnx import numpy_helper

from mobilecat.graph import MIN_OPSET, Array
from mobilecat.graph.light import is_marked

SAME_SINCE: dict[str, int] = {
    **dict.fromkeys((
        "Abs", "Add", "Cast", "Ceil", "Concat", "DepthToSpace", "Div", "Erf", "Exp",
        "Expand", "Flatten", "Floor", "Gemm", "Greater", "Identity", "LRN", "LeakyRelu", "Less",
        "Log", "MatMul", "Max", "Mean", "Min", "Mul", "Neg", "PRelu", "Pow", "Reciprocal", "Relu",
        "Reshape", "Shape", "Sigmoid", "Sign", "SpaceToDepth", "Sqrt", "Sub", "Sum", "Tanh", "Tile",
        "Transpose", "Where",
    ), 9),
    "Slice": 10,
    "Split": 13,
    **dict.fromkeys(("ArgMax", "ArgMin", "Clip", "Equal", "Gather", "GatherElements", "MaxPool",
                     "Pad", "Resize"), 11),
}  # fmt: skip
"""Op → the opset from which on, to MIN_OPSET, a node of it written the same means the same.

Read in the changelog of ONNX's operators: https://onnx.ai/onnx/operators/. Left out are those whose
meaning changed, as Softmax and Hardmax in 13, and BatchNormalization, whose outputs changed.
"""
AXES_MOVED: dict[str, int] = {
    **dict.fromkeys(("ReduceSum", "Squeeze", "Unsqueeze"), 13),
    **dict.fromkeys(("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax",
                     "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSumSquare"), 18),
}  # fmt: skip
"""Op → the opset in which its attribute `axes` became an input."""
_RESIZED = {
    b"nearest": {b"asymmetric", b"half_pixel", b"align_corners"},
    b"linear": {b"asymmetric", b"half_pixel", b"align_corners", b"pytorch_half_pixel"},
}
"""Modes of Resize, with the coordinates of each, that opsets 11, 13 and 18 define alike."""
_DEFAULT_DOMAINS = ("", "ai.onnx")


def unchanged(original: onnx.ModelProto, made: onnx.ModelProto, opset: int) -> bool:
    """Return whether `made`, at MIN_OPSET, is `original` of `opset` node by node.

    False says nothing: the two may compute the same all the same.
    """
    a, b = original.graph, made.graph
    if original.functions or made.functions or not _same_ends(a, b):
        return False
    was = {t.name: t for t in a.initializer}
    now = {t.name: t for t in b.initializer}
    constants = {n.output[0]: t for n in b.node if (t := _value_of(n)) is not None}
    given = {n.output[0] for n in a.node if n.op_type == "Constant"}
    nodes = [n for n in b.node if n.op_type != "Constant" or n.output[0] in given]
    if len(nodes) != len(a.node):
        return False
    read: set[str] = set()
    for old, new in zip(a.node, nodes, strict=True):
        if not _same_node(old, new, opset, now | constants):
            return False
        read.update(old.input)
    return all(n in now and _same_tensor(was[n], now[n]) for n in read if n in was)


def _same_ends(a: onnx.GraphProto, b: onnx.GraphProto) -> bool:
    """Return whether two graphs take and give the same, weights that are listed as inputs apart."""

    def ends(graph: onnx.GraphProto) -> tuple[list[bytes], list[str]]:
        weights = {t.name for t in graph.initializer}
        taken = [v.type.SerializeToString() + v.name.encode() for v in graph.input
                 if v.name not in weights]  # fmt: skip
        return taken, [v.name for v in graph.output]

    return ends(a) == ends(b)


def _same_node(
    old: onnx.NodeProto, new: onnx.NodeProto, opset: int, constants: Mapping[str, onnx.TensorProto]
) -> bool:
    op = old.op_type
    if op != new.op_type or old.output != new.output:
        return False
    if old.domain not in _DEFAULT_DOMAINS or new.domain not in _DEFAULT_DOMAINS:
        return False
    said, says = dict(_attributes(old)), dict(_attributes(new))
    if any(a.HasField("g") or a.graphs for a in old.attribute):
        return False
    if opset < AXES_MOVED.get(op, 0):
        return _same_axes(old, new, said, says, constants)
    if old.input != new.input or said != says:
        return False
    if op == "Constant":
        return set(said) == {"value"}
    if op == "Resize" and not _is_known_resize(old):
        return False
    if op == "Split" and len(old.input) < 2:  # parts of one size became a number of parts
        return False
    return opset >= SAME_SINCE.get(op, MIN_OPSET) or _defined_once(op, opset)


def _attributes(node: onnx.NodeProto) -> Iterator[tuple[str, bytes]]:
    for a in node.attribute:
        yield a.name, a.SerializeToString()


def _defined_once(op: str, opset: int) -> bool:
    """Return whether the old opset and MIN_OPSET have one definition of an op."""
    try:
        was, is_ = (onnx.defs.get_schema(op, n, "") for n in (opset, MIN_OPSET))
    except onnx.defs.SchemaError:
        return False
    return bool(was.since_version == is_.since_version)


def _same_axes(
    old: onnx.NodeProto,
    new: onnx.NodeProto,
    said: dict[str, bytes],
    says: dict[str, bytes],
    constants: Mapping[str, onnx.TensorProto],
) -> bool:
    """Return whether axes that were an attribute are an input of the same numbers."""
    axes = next((list(a.ints) for a in old.attribute if a.name == "axes"), None)
    noop = next((a.i for a in new.attribute if a.name == "noop_with_empty_axes"), 0)
    said.pop("axes", None)
    says.pop("noop_with_empty_axes", None)
    if noop or said != says or list(new.input[: len(old.input)]) != list(old.input):
        return False
    added = [n for n in new.input[len(old.input) :] if n]
    if axes is None:
        return not added
    found = [constants[n] for n in added if n in constants and not is_marked(constants[n])]
    return len(added) == len(found) == 1 and numpy_helper.to_array(found[0]).tolist() == axes


def _is_known_resize(node: onnx.NodeProto) -> bool:
    words = {a.name: a.s for a in node.attribute}
    coordinates = words.get("coordinate_transformation_mode", b"half_pixel")
    return coordinates in _RESIZED.get(words.get("mode", b"nearest"), ())


def _value_of(node: onnx.NodeProto) -> onnx.TensorProto | None:
    if node.op_type != "Constant" or len(node.attribute) != 1:
        return None
    return node.attribute[0].t if node.attribute[0].HasField("t") else None


def _same_tensor(a: onnx.TensorProto, b: onnx.TensorProto) -> bool:
    if a.data_type != b.data_type or list(a.dims) != list(b.dims) or is_marked(a) != is_marked(b):
        return False
    if is_marked(a) or a.raw_data == b.raw_data != b"":
        return True
    x, y = (np.asarray(_array(t)) for t in (a, b))
    return x.tobytes() == y.tobytes()


def _array(tensor: onnx.TensorProto) -> Array:
    array: Array = numpy_helper.to_array(tensor)
    return array

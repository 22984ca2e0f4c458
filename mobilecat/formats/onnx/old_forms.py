"""A file of an older opset → opset 18: ONNX's version converter, but for what it gets wrong.

The converter renames some ops without keeping their meaning. Of 1,161 nodes of 96 ops, opsets 9 to
17, held to onnxruntime, it was wrong in those below and nowhere else. They are brought to their new
form here, by the text of the old opset; then the upgrade is held to the file: node by node where
ONNX defines them alike, else by running both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.inliner import inline_local_functions

from mobilecat.errors import ModelError, Problem
from mobilecat.foreign import problem_from_onnx
from mobilecat.formats.onnx.checked import all_graphs, default_opset
from mobilecat.formats.onnx.trial import Trial, try_against
from mobilecat.formats.onnx.unchanged import unchanged
from mobilecat.graph import MIN_OPSET, Array
from mobilecat.graph.light import as_inputs, is_marked

_ASIDE = "mobilecat.aside"
"""A domain that the converter passes by; what is put there has its form of MIN_OPSET already."""

Rewrite = Callable[[onnx.NodeProto, "_Graph"], list[onnx.NodeProto]]


def to_min_opset(
    proto: onnx.ModelProto, path: Path, arrays: Mapping[str, Array]
) -> tuple[onnx.ModelProto, str]:
    """Return the model at MIN_OPSET or newer, and a note where the upgrade could not be tried.

    arrays: initializers that lie beside the model, by name.
    Errors: ModelError where there is no upgrade, or where it computes something else than the file.
    """
    opset = default_opset(proto)
    if opset >= MIN_OPSET:
        return proto, ""
    original = onnx.ModelProto()
    original.CopyFrom(proto)
    try:
        proto = _inlined(proto)
        _set_aside(proto, opset)
        proto = converted(proto, MIN_OPSET)
    except ModelError:
        raise
    except Exception as e:
        raise ModelError(
            f"{path.name}: opset {opset} cannot be brought to {MIN_OPSET}",
            [_with_way_out(problem_from_onnx(e))],
        ) from e
    _put_back(proto)
    if unchanged(original, proto, opset):
        return proto, ""
    trial = try_against(original, proto, arrays)
    if trial.differing:
        raise _not_the_same(trial, path, opset)
    if trial.untried:
        return proto, f"opset {opset} became {MIN_OPSET}, untried against the file: {trial.untried}"
    return proto, ""


def converted(proto: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    """Return the model by ONNX's converter, which sees what lies beside it as inputs."""
    listed = len(proto.graph.input)
    with as_inputs(proto):
        made: onnx.ModelProto = onnx.version_converter.convert_version(proto, opset)
    del made.graph.input[listed:]
    made.graph.initializer.extend(t for t in proto.graph.initializer if is_marked(t))
    return made


def _with_way_out(problem: Problem) -> Problem:
    fix = f"export the model with opset {MIN_OPSET} or newer"
    return Problem(problem.what, problem.where, problem.fix or fix)


def _not_the_same(trial: Trial, path: Path, opset: int) -> ModelError:
    fix = f"export the model with opset {MIN_OPSET} or newer"
    return ModelError(
        f"{path.name}: opset {opset} cannot be brought to {MIN_OPSET} without changing what it "
        "computes",
        [Problem("differs from onnxruntime on the file", node, fix) for node in trial.differing],
    )


def _inlined(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Take model-local functions in: the converter would drop their bodies."""
    if not proto.functions:
        return proto
    inlined: onnx.ModelProto = inline_local_functions(proto, convert_version=True)
    return inlined


class _Graph:
    """The constants of one graph, and names for new values in it."""

    def __init__(self, graph: onnx.GraphProto, opset: int) -> None:
        self.proto = graph
        self.opset = opset
        self._arrays = {t.name: t for t in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant" and node.attribute and node.attribute[0].HasField("t"):
                self._arrays[node.output[0]] = node.attribute[0].t

    def const(self, name: str) -> Array | None:
        found = self._arrays.get(name)
        return None if found is None else numpy_helper.to_array(found)

    def add(self, name: str, array: Array) -> str:
        self.proto.initializer.append(numpy_helper.from_array(array, name))
        return name


def _set_aside(proto: onnx.ModelProto, opset: int) -> None:
    for graph in all_graphs(proto.graph):
        inside = _Graph(graph, opset)
        nodes = list(_rewritten(graph, inside))
        del graph.node[:]
        graph.node.extend(nodes)
    if any(n.domain == _ASIDE for g in all_graphs(proto.graph) for n in g.node):
        proto.opset_import.add(domain=_ASIDE, version=1)


def _rewritten(graph: onnx.GraphProto, inside: _Graph) -> Iterator[onnx.NodeProto]:
    for node in tuple(graph.node):
        newest, rewrite = _OLD.get(node.op_type, (0, None))
        if rewrite is None or node.domain not in ("", "ai.onnx") or inside.opset > newest:
            yield node
        else:
            yield from rewrite(node, inside)


def _put_back(proto: onnx.ModelProto) -> None:
    for graph in all_graphs(proto.graph):
        for node in graph.node:
            if node.domain == _ASIDE:
                node.domain = ""
    kept = [o for o in proto.opset_import if o.domain != _ASIDE]
    del proto.opset_import[:]
    proto.opset_import.extend(kept)


def _new(
    op_type: str, inputs: list[str], output: str, name: str, **attributes: Any
) -> onnx.NodeProto:
    return helper.make_node(op_type, inputs, [output], name, domain=_ASIDE, **attributes)


def _attribute(node: onnx.NodeProto, name: str, default: object) -> object:
    found = next((a for a in node.attribute if a.name == name), None)
    return default if found is None else helper.get_attribute_value(found)


def _old_resize(node: onnx.NodeProto, graph: _Graph) -> list[onnx.NodeProto]:
    """Upsample 9 and Resize 10 sample at x / scale; nearest floors where it grows, else ceils.

    https://onnx.ai/onnx/operators/onnx__Resize.html#resize-10; the rounding is onnxruntime's
    ("simple"), the text has none. An axis that shrinks beside one that grows needs a node of its
    own, since nearest_mode is one for all.
    """
    mode = _attribute(node, "mode", b"nearest")
    assert isinstance(mode, bytes)
    x, scales = _sources(node, graph)
    base = node.name or node.output[0]
    common = {"mode": mode.decode(), "coordinate_transformation_mode": "asymmetric"}
    found = graph.const(scales)
    if mode != b"nearest" or found is None or not (found < 1).any():
        more = {"nearest_mode": "floor"} if mode == b"nearest" else {}
        inputs = [x, "", scales]
        return [_new("Resize", inputs, node.output[0], node.name, **common, **more)]
    steps = [("ceil", np.minimum(found, 1)), ("floor", np.maximum(found, 1))]
    steps = [(rounding, s) for rounding, s in steps if (s != 1).any()]
    made = []
    for i, (rounding, each) in enumerate(steps):
        last = i == len(steps) - 1
        out = node.output[0] if last else f"{base}__{rounding}"
        given = graph.add(f"{base}__scales_{rounding}", each.astype(np.float32))
        name = node.name if last else out
        made.append(_new("Resize", [x, "", given], out, name, nearest_mode=rounding, **common))
        x = out
    return made


def _sources(node: onnx.NodeProto, graph: _Graph) -> tuple[str, str]:
    scales = _attribute(node, "scales", None)
    if scales is None:
        return node.input[0], node.input[1]
    array = np.array(scales, np.float32)
    return node.input[0], graph.add(f"{node.name or node.output[0]}__scales", array)


def _old_hardmax(node: onnx.NodeProto, graph: _Graph) -> list[onnx.NodeProto]:
    """Hardmax to opset 12 takes the input as a matrix, cut at `axis`: one 1 in each of its rows."""
    base = node.name or node.output[0]
    axis = _attribute(node, "axis", 1)
    flat, hard, shape = (f"{base}__{part}" for part in ("matrix", "hardmax", "shape"))
    return [
        _new("Flatten", [node.input[0]], flat, flat, axis=axis),
        _new("Hardmax", [flat], hard, node.name, axis=-1),
        _new("Shape", [node.input[0]], shape, shape),
        _new("Reshape", [hard, shape], node.output[0], f"{base}__as_it_was"),
    ]


_OLD: dict[str, tuple[int, Rewrite]] = {
    # op: the newest opset of the old form, and how it is said in MIN_OPSET
    "Upsample": (9, _old_resize),
    "Resize": (10, _old_resize),
    "Hardmax": (12, _old_hardmax),
}

"""Fold everything that does not depend on the picture: shape arithmetic, constant expressions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir

from mobilecat.errors import ModelError, Problem
from mobilecat.foreign import problem_from_onnxruntime, quiet_onnxruntime, session_options
from mobilecat.graph import RANDOM_OPS, Array, const_of, where
from mobilecat.graph.light import session_of, tensor_of

MOST_BYTES = 4 << 30
"""Of all that is folded in one go."""


def fold_shapes(model: ir.Model) -> bool:
    """Replace `Shape` and `Size` of values with static shapes by constants.

    Given:   x[1,3,5,7] → Shape → y
    Result:  y = [1,3,5,7]
    """
    changed = False
    for node in tuple(model.graph):
        if node.op_type not in ("Shape", "Size") or node.domain or node.inputs[0] is None:
            continue
        shape = node.inputs[0].shape
        if shape is None or not shape.is_static():
            continue
        dims = np.array(shape.numpy(), dtype=np.int64)
        if node.op_type == "Size":
            result = np.array(dims.prod(), dtype=np.int64)
        else:
            start, end = (node.attributes.get(k) for k in ("start", "end"))
            result = dims[start.as_int() if start else None : end.as_int() if end else None]
        replace_with_constants(model, {_out(node): result})
        changed = True
    return changed


def fold_constants(model: ir.Model) -> bool:
    """Compute every node whose inputs are all constant, all of them in one onnxruntime session.

    Given:   Concat(Unsqueeze(2), Unsqueeze(3)) → Reshape.shape
    Result:  Reshape.shape = [2,3]
    """
    constant: list[ir.Node] = []
    known: set[ir.Value] = set()
    for node in model.graph:
        inputs = [v for v in node.inputs if v is not None]
        foldable = (
            not node.domain
            and node.op_type not in RANDOM_OPS
            and not (node.op_type == "Identity" and node.outputs[0].is_graph_output())
            and not any(
                a.type in (ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS)
                for a in node.attributes.values()
            )
            and all(v in known or const_of(v) is not None for v in inputs)
        )
        if foldable:
            constant.append(node)
            known.update(node.outputs)
    if not constant:
        return False
    members = set(constant)
    frontier = [
        out
        for node in constant
        for out in node.outputs
        if out.is_graph_output() or any(user not in members for user, _ in out.uses())
    ]
    replace_with_constants(model, _evaluate(model, constant, frontier))
    return True


def _evaluate(
    model: ir.Model, nodes: list[ir.Node], wanted: list[ir.Value]
) -> Mapping[ir.Value, Array]:
    if not wanted:
        return {}
    made = {out for node in nodes for out in node.outputs}
    outside = {v for n in nodes for v in n.inputs if v is not None and v not in made}
    proto = onnx.ModelProto(ir_version=min(model.ir_version, 10))
    for domain, version in model.opset_imports.items():
        proto.opset_import.add(domain=domain, version=version)
    proto.graph.name = "constants"
    proto.graph.node.extend(ir.to_proto(n) for n in nodes)
    arrays: dict[str, Array] = {}
    for value in outside:
        proto.graph.initializer.append(tensor_of(value, arrays))
    proto.graph.output.extend(onnx.ValueInfoProto(name=v.name) for v in wanted)
    options = session_options()
    in_limited_memory(options)
    try:
        session = session_of(proto, arrays, options)
        found = session.run([v.name for v in wanted], {}, shrinking())
    except Exception as e:
        raise ModelError(
            "A constant part of the model cannot be computed",
            [_why(e, nodes[0])],
        ) from e
    return dict(zip(wanted, found, strict=True))


def in_limited_memory(options: Any) -> None:
    """Let a session take what it computes from the pool of `_limit_memory`; its weights it holds by
    itself, so that the pool can give all back after a run."""
    _limit_memory()
    options.add_session_config_entry("session.use_env_allocators", "1")
    options.add_session_config_entry("session.use_device_allocator_for_initializers", "1")


def shrinking() -> Any:
    """Return options of a run after which the pool gives back what it does not need any more."""
    run = quiet_onnxruntime().RunOptions()
    run.log_severity_level = 4
    run.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return run


@cache
def _limit_memory() -> None:
    """Give constants one pool of bounded size: how large they become is the file's choice.

    https://onnxruntime.ai/docs/get-started/with-c.html (shared arena allocator)
    """
    import onnxruntime as ort

    pool = ort.OrtMemoryInfo(
        "Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT
    )
    grows_by_what_is_asked = 1
    settings = {"max_mem": MOST_BYTES, "arena_extend_strategy": grows_by_what_is_asked}
    ort.create_and_register_allocator(pool, ort.OrtArenaCfg(settings))


_TOO_LARGE = ("Available memory", "bad_alloc", "Failed to allocate", "would require more than")


def _why(error: Exception, node: ir.Node) -> Problem:
    if any(sign in str(error) for sign in _TOO_LARGE):
        return Problem(f"takes more than {MOST_BYTES >> 30} GiB", where(node))
    return problem_from_onnxruntime(str(error), where(node))


def replace_with_constants(model: ir.Model, arrays: Mapping[ir.Value, Array]) -> None:
    """Make initializers of computed values; a graph output stays one, fed through `Identity`."""
    for value, array in arrays.items():
        name = value.name or ""
        as_output = value.is_graph_output()
        new = ir.Value(
            name=f"{name}__const" if as_output else name,
            const_value=ir.tensor(np.ascontiguousarray(array).reshape(array.shape)),
            shape=ir.Shape(array.shape),
            type=ir.TensorType(ir.DataType.from_numpy(array.dtype)),
        )
        node = value.producer()
        assert node is not None
        if not as_output:
            value.name = f"{name}__folded"
        new.const_value.name = new.name  # type: ignore[union-attr]
        for user, index in tuple(value.uses()):
            user.replace_input_with(index, new)
        model.graph.register_initializer(new)
        if as_output:
            keep = ir.node(
                "Identity", [new], outputs=[ir.Value(name=name, shape=new.shape, type=new.type)]
            )
            model.graph.insert_after(node, keep)
            value.name = f"{name}__folded"
            for i, out in enumerate(model.graph.outputs):
                if out is value:
                    model.graph.outputs[i] = keep.outputs[0]


def _out(node: ir.Node) -> ir.Value:
    return node.outputs[0]

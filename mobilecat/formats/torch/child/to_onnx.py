"""A PyTorch network → ONNX, by torch's own exporters: that over torch.export, or the older one."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from mobilecat.errors import ModelError, Problem
from mobilecat.formats.torch.child.reason import reason

_SCOPES = "pkg.torch.onnx.name_scopes"
_OPSET = 18


def either(newer: Callable[[], Any], older: Callable[[], Any]) -> tuple[Any, list[str]]:
    """Return the ONNX that the newer exporter makes, else the older one, and which it was.

    Errors: ModelError with the reasons of both.
    """
    try:
        return newer(), ["translated by torch's ONNX exporter"]
    except Exception as e:
        first = reason(e)
    try:
        proto = older()
    except Exception as e:
        problems = [Problem(f"by torch.export: {first}"), Problem(f"by tracing: {reason(e)}")]
        raise ModelError("torch's ONNX exporters cannot translate the network", problems) from e
    return proto, [f"translated by torch's older ONNX exporter; the newer one says: {first}"]


def by_dynamo(program: Any, inputs: Sequence[str], outputs: Sequence[str]) -> Any:
    """Return a program of torch.export as ONNX, its nodes named by their modules."""
    import torch

    made = torch.onnx.export(
        program,
        dynamo=True,
        verbose=False,
        opset_version=_OPSET,
        input_names=list(inputs),
        output_names=list(outputs),
    )
    proto = made.model_proto
    name_by_module(proto)
    return proto


def by_tracing(module: Any, examples: Any, inputs: Sequence[str], outputs: Sequence[str]) -> Any:
    """Return a module as ONNX, of what it computes on the examples."""
    import io

    import onnx
    import torch

    made = io.BytesIO()
    _know_adaptive_pooling()
    with torch.no_grad():
        torch.onnx.export(
            module,
            tuple(examples),
            made,
            dynamo=False,
            opset_version=_OPSET,
            input_names=list(inputs),
            output_names=list(outputs),
            do_constant_folding=True,
        )
    proto = onnx.load_from_string(made.getvalue())
    name_by_module(proto)
    return proto


def _know_adaptive_pooling() -> None:
    """Teach the older exporter the means of windows that differ in size, which it refuses.

    A window reaches from ⌊i·size/out⌋ to ⌈(i+1)·size/out⌉, along rows and along columns.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html
    """
    import torch
    from torch.onnx import symbolic_helper

    def const(g: Any, *values: int) -> Any:
        return g.op("Constant", value_t=torch.tensor(values))

    @symbolic_helper.parse_args("v", "is")  # type: ignore[untyped-decorator]
    def adaptive(g: Any, x: Any, out: Sequence[int]) -> Any:
        whole = x.type().sizes()
        if whole is None or len(whole) != 4 or None in whole:
            return symbolic_helper._unimplemented("adaptive_avg_pool2d", "its size is not known")
        if set(out) == {1}:
            return g.op("GlobalAveragePool", x)
        pairs = [*zip(whole[2:], out, strict=True)]
        if all(size % many == 0 for size, many in pairs):
            sides = [size // many for size, many in pairs]
            return g.op("AveragePool", x, kernel_shape_i=sides, strides_i=sides)
        for axis, (size, many) in zip((2, 3), pairs, strict=True):
            parts = []
            for i in range(many):
                ends = i * size // many, -(-(i + 1) * size // many)
                piece = g.op("Slice", x, *(const(g, v) for v in (*ends, axis)))
                parts.append(g.op("ReduceMean", piece, const(g, axis), keepdims_i=1))
            x = g.op("Concat", *parts, axis_i=axis) if many > 1 else parts[0]
        return x

    torch.onnx.register_custom_op_symbolic("aten::adaptive_avg_pool2d", adaptive, _OPSET)


def name_by_module(proto: Any) -> None:
    """Name nodes, and the values between them, by their module: `layer1.0.conv1/Conv`.

    A second node of a kind there is numbered: `layer1.0.conv1/Conv_1`. What a module means is what
    a user knows of a graph; exporters number through.
    """
    held = {v.name for v in (*proto.graph.input, *proto.graph.output, *proto.graph.initializer)}
    taken: set[str] = set()
    renamed: dict[str, str] = {}
    for node in proto.graph.node:
        scope = _scope(node)
        base = f"{scope}/{node.op_type}" if scope else node.op_type
        name, number = base, 0
        while name in taken:
            number += 1
            name = f"{base}_{number}"
        taken.add(name)
        node.name = name
        for i, output in enumerate(node.output):
            if output and output not in held:
                renamed[output] = f"{name}:{i}"
    for node in proto.graph.node:
        for names in (node.input, node.output):
            for i, value in enumerate(names):
                names[i] = renamed.get(value, value)
        del node.metadata_props[:]
        node.doc_string = ""
        _rename_inside(node, renamed)
    del proto.graph.value_info[:]


def _rename_inside(node: Any, renamed: dict[str, str]) -> None:
    """Follow the names into branches, which read values of the graph around them."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            for inner in attribute.g.node:
                for i, value in enumerate(inner.input):
                    inner.input[i] = renamed.get(value, value)
                _rename_inside(inner, renamed)
            for output in attribute.g.output:
                output.name = renamed.get(output.name, output.name)


def _scope(node: Any) -> str:
    for entry in node.metadata_props:
        if entry.key == _SCOPES:
            scopes = re.findall(r"'([^']*)'", entry.value)
            return next((s for s in reversed(scopes[:-1]) if s), "")
    parts = [p for p in node.name.split("/") if p]
    return parts[-2] if len(parts) > 1 else ""


def add_notes(proto: Any, key: str, text: str) -> None:
    """Write a text into the model's metadata."""
    entry = proto.metadata_props.add()
    entry.key, entry.value = key, text

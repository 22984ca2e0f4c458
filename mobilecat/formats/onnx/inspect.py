"""ONNX files."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import onnx

from mobilecat.formats.base.inspection import Inspection, Port
from mobilecat.formats.onnx.read import read_onnx


def inspect_model(path: Path, kind: str = "") -> Inspection:
    proto = read_onnx(path)
    graph = proto.graph
    constants = {i.name for i in graph.initializer}
    opsets = ", ".join(f"{o.domain or 'ai.onnx'} {o.version}" for o in proto.opset_import)
    metadata = {
        "opset": opsets,
        "ir_version": str(proto.ir_version),
        "producer": f"{proto.producer_name} {proto.producer_version}".strip(),
        **{p.key: p.value for p in proto.metadata_props},
    }
    return Inspection(
        file=str(path),
        format="ONNX",
        bytes=path.stat().st_size,
        inputs=tuple(_port(v) for v in graph.input if v.name not in constants),
        outputs=tuple(_port(v) for v in graph.output),
        ops=dict(
            Counter(
                f"{n.domain}::{n.op_type}" if n.domain else n.op_type for n in graph.node
            ).most_common()
        ),
        parameters=sum(math.prod(i.dims) for i in graph.initializer),
        metadata={k: v for k, v in metadata.items() if v},
    )


def _port(value: onnx.ValueInfoProto) -> Port:
    tensor = value.type.tensor_type
    known = tensor.elem_type in onnx.TensorProto.DataType.values()
    dtype = (
        onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
        if known
        else f"type {tensor.elem_type}"
    )
    shape = None
    if tensor.HasField("shape"):
        shape = tuple(
            d.dim_value if d.HasField("dim_value") else (d.dim_param or "?")
            for d in tensor.shape.dim
        )
    return Port(value.name, {"float": "float32", "double": "float64"}.get(dtype, dtype), shape)

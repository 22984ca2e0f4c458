"""ONNX files for the importer's tests, each of a few nodes, on pictures that are never square."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

X = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2, 3, 5])


def weights(name: str, *shape: int) -> onnx.TensorProto:
    """Return seeded weights: different for every name and shape."""
    rng = np.random.default_rng([len(name), *shape])
    return numpy_helper.from_array(rng.normal(0, 1, shape).astype(np.float32), name)


def ints(name: str, *values: int) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(values, np.int64), name)


def model(
    nodes: Sequence[onnx.NodeProto],
    initializers: Sequence[onnx.TensorProto] = (),
    inputs: Sequence[onnx.ValueInfoProto] = (X,),
    outputs: Sequence[str | onnx.ValueInfoProto] = ("y",),
    opset: int = 18,
    **more: object,
) -> onnx.ModelProto:
    """Return a model; outputs named by text have a type but no shape."""
    typed = [
        helper.make_tensor_value_info(o, TensorProto.FLOAT, None) if isinstance(o, str) else o
        for o in outputs
    ]
    graph = helper.make_graph(nodes, "g", list(inputs), typed, list(initializers))
    imports = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8, **more)


def conv(opset: int = 18) -> onnx.ModelProto:
    """Return x → Conv → Relu → Reshape → y [1,48]."""
    return model(
        [
            helper.make_node("Conv", ["x", "w", "b"], ["c"], "conv", pads=[0, 1, 1, 1]),
            helper.make_node("Relu", ["c"], ["r"], "relu"),
            helper.make_node("Reshape", ["r", "s"], ["y"], "reshape"),
        ],
        [weights("w", 4, 2, 2, 2), weights("b", 4), ints("s", 1, -1)],
        opset=opset,
    )


def save(proto: onnx.ModelProto, path: Path) -> Path:
    path.write_bytes(proto.SerializeToString())
    return path


def external(path: Path, **entries: str) -> Path:
    """Write the conv model with its weights elsewhere: 128 bytes, where `entries` say."""
    proto = conv()
    tensor = proto.graph.initializer[0]
    (path.parent / "w.bin").write_bytes(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": "w.bin", "offset": "0", "length": "128", **entries}.items():
        tensor.external_data.add(key=key, value=value)
    return save(proto, path)

"""A trained network as the file that the package ships: frozen ONNX, weights stored in float16.

`python -m tools.train_demo.freeze cat_faces.keras mobilecat/demo/cat_faces.onnx` imports the Keras
file as `mobilecat export` does. The float16 weights are read through a Cast, which compiling folds:
half the size in the repository, and still one float32 network for every engine.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import onnx
import typer
from onnx import helper, numpy_helper

from mobilecat.formats.importing import dims_of, import_model
from mobilecat.formats.onnx.write import onnx_from_graph
from mobilecat.graph.anchors import ANCHORS_KEY, text_from_anchors

SMALL = 1024
"""Tensors of fewer elements stay in float32: biases and constants, which weigh nothing."""


def stored_in_float16(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with its large float32 weights in float16, each behind a Cast."""
    graph = proto.graph
    casts, kept = [], []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < SMALL:
            kept.append(tensor)
            continue
        half = f"{tensor.name}_float16"
        kept.append(numpy_helper.from_array(values.astype(np.float16), half))
        casts.append(
            helper.make_node(
                "Cast", [half], [tensor.name], name=f"{tensor.name}_cast", to=onnx.TensorProto.FLOAT
            )
        )
    nodes = [*casts, *graph.node]
    del graph.initializer[:]
    del graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)
    onnx.checker.check_model(proto, full_check=True)
    return proto


def main(
    network: Annotated[Path, typer.Argument(help="The trained .keras file.")],
    out: Annotated[Path, typer.Argument(help="The .onnx file.")],
) -> None:
    """Freeze a trained network."""
    shapes = {name: (1, *dims[1:]) for name, dims in dims_of(network).items()}
    model = import_model(network, shapes, progress=print)
    anchors = network.with_suffix(".anchors.npy")
    if anchors.exists():
        model.metadata_props[ANCHORS_KEY] = text_from_anchors(np.load(anchors))
    proto = onnx.load_from_string(onnx_from_graph(model))
    data = stored_in_float16(proto).SerializeToString(deterministic=True)
    out.write_bytes(data)
    weights = sum(int(np.prod(t.dims)) for t in proto.graph.initializer)
    print(f"{out}: {len(data) / 1e6:.2f} MB, {weights:,} weights")


if __name__ == "__main__":
    typer.run(main)

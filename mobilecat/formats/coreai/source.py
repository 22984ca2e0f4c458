"""A Core AI file to compile: its bytes rebuilt as ONNX, which is compiled, and the judge as well.

A picture input takes RGB bytes [1,H,W,3] here, in place of the pixel buffer's BGRA.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import onnx
import onnx_ir as ir
from onnx import helper, numpy_helper

from mobilecat.errors import ModelError
from mobilecat.formats.base.notes import NOTES_KEY, text_from_notes
from mobilecat.formats.base.runner import NotRun
from mobilecat.formats.base.source import Reference, Source
from mobilecat.formats.coreai.read.decode import Decoded, decode
from mobilecat.formats.coreai.read.package import missing
from mobilecat.formats.coreai.run import Executable
from mobilecat.formats.onnx.changed import Change, changed_proto
from mobilecat.formats.onnx.read import dims_of_proto, import_proto
from mobilecat.formats.onnx.source import dtypes_of
from mobilecat.graph import Array
from mobilecat.graph.light import fill

Progress = Callable[[str], None]
Shapes = Mapping[str, Sequence[int]]


def dims(source: Source, progress: Progress) -> dict[str, tuple[int | None, ...]]:
    return dims_of_proto(_proto(source)[0])


def read(source: Source, shapes: Shapes, progress: Progress) -> ir.Model:
    """Return the frozen graph. Errors: ArtifactError, UnsupportedError, ModelError."""
    proto, pictures, _ = _proto(source)
    model = import_proto(proto, shapes, source.path)
    model.metadata_props.update(_metadata(pictures))
    return model


def reference(source: Source, shapes: Shapes) -> Reference:
    """Open the file's own graph in onnxruntime. Errors: NotRun where it cannot be read here."""
    if reason := missing():
        raise NotRun(reason)
    proto, pictures, decoded = _proto(source)
    network = _Rebuilt(decoded, pictures)
    name = "onnxruntime, on the .aimodel's bytes rebuilt as ONNX"
    return Reference(network, name, _metadata(pictures), dtypes_of(proto))


def changed(source: Source, shapes: Shapes, change: Change) -> Reference:
    """Open the graph with each weight changed by `change(name, values)`."""
    return changed_proto(_proto(source)[0], change)


def _proto(source: Source) -> tuple[onnx.ModelProto, tuple[str, ...], Decoded]:
    """Return the graph to compile, the names of its picture inputs, and the file as it is."""
    if problems := source.options.unusable(
        ("signature", "inputs", "outputs"), "a Core AI file is compiled whole"
    ):
        raise ModelError(f"{source.path.name} cannot be cut", problems)
    decoded = decode(source.path)
    proto = onnx.ModelProto()
    proto.CopyFrom(decoded.model)
    fill(proto, decoded.arrays)
    kept = [o for o in proto.graph.output if o.name not in decoded.checks]
    del proto.graph.output[:]
    proto.graph.output.extend(kept)
    pictures = tuple(v.name for v in proto.graph.input if _is_picture(v))
    for name in pictures:
        _take_rgb(proto.graph, name)
    return onnx.shape_inference.infer_shapes(proto), pictures, decoded


def _is_picture(value: onnx.ValueInfoProto) -> bool:
    """Whether an input is a pixel buffer: rows, columns, four bytes, and no batch."""
    tensor = value.type.tensor_type
    sides = [d.dim_value for d in tensor.shape.dim]
    return tensor.elem_type == onnx.TensorProto.UINT8 and len(sides) == 3 and sides[2] == 4


def _take_rgb(graph: onnx.GraphProto, name: str) -> None:
    """Given:   name [H,W,4] BGRA → …
    Result:  name [1,H,W,3] RGB → Reshape → Gather → Concat(opaque) → …
    """
    value = next(v for v in graph.input if v.name == name)
    height, width = (d.dim_value for d in value.type.tensor_type.shape.dim[:2])
    for node in graph.node:
        for i, read_ in enumerate(node.input):
            if read_ == name:
                node.input[i] = f"{name}/bgra"
    value.CopyFrom(
        helper.make_tensor_value_info(name, onnx.TensorProto.UINT8, [1, height, width, 3])
    )
    constants = {
        "shape": np.array([height, width, 3], np.int64),
        "order": np.array([2, 1, 0], np.int64),
        "alpha": np.full((height, width, 1), 255, np.uint8),
    }
    for key, array in constants.items():
        graph.initializer.append(numpy_helper.from_array(array, f"{name}/{key}"))
    front = [
        helper.make_node("Reshape", [name, f"{name}/shape"], [f"{name}/rows"]),
        helper.make_node("Gather", [f"{name}/rows", f"{name}/order"], [f"{name}/bgr"], axis=2),
        helper.make_node("Concat", [f"{name}/bgr", f"{name}/alpha"], [f"{name}/bgra"], axis=2),
    ]
    nodes = [*front, *graph.node]
    copies = [onnx.NodeProto.FromString(n.SerializeToString()) for n in nodes]
    del graph.node[:]
    graph.node.extend(copies)


class _Rebuilt:
    def __init__(self, decoded: Decoded, pictures: Sequence[str]) -> None:
        self._engine, self._pictures = Executable(decoded), pictures

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        given = {n: _bgra(v) if n in self._pictures else v for n, v in feeds.items()}
        return self._engine.run(given)


def _bgra(picture: Array) -> Array:
    alpha = np.full((*picture.shape[1:3], 1), 255, np.uint8)
    return np.concatenate([picture[0, :, :, ::-1], alpha], -1)


def _metadata(pictures: Sequence[str]) -> dict[str, str]:
    notes = [
        f"the picture input {n!r} takes RGB bytes [1,H,W,3] in place of a pixel buffer's BGRA"
        for n in pictures
    ]
    return {NOTES_KEY: text_from_notes(notes)} if notes else {}

"""An ONNX file to compile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir

from mobilecat.formats.base.options import ImportOptions
from mobilecat.formats.base.source import Reference, Source
from mobilecat.formats.onnx.checked import all_nodes
from mobilecat.formats.onnx.ort import OrtModel
from mobilecat.formats.onnx.ranks import ranks_of
from mobilecat.formats.onnx.read import (
    arrays_of,
    dims_of_proto,
    import_proto,
    read_light,
    read_onnx,
    with_shapes,
)
from mobilecat.formats.onnx.unread import Place
from mobilecat.graph import Array

Progress = Callable[[str], None]


def dims(source: Source, progress: Progress) -> dict[str, tuple[int | None, ...]]:
    return dims_of_proto(_light(source, None)[0])


def read(source: Source, shapes: Mapping[str, Sequence[int]], progress: Progress) -> ir.Model:
    proto, places = _light(source, shapes)
    arrays = arrays_of(proto, places, source.path)
    return import_proto(proto, shapes, source.path, arrays=arrays)


def reference(source: Source, shapes: Mapping[str, Sequence[int]]) -> Reference:
    proto, places = _light(source, shapes)
    arrays = arrays_of(proto, places, source.path)
    return opened(with_shapes(proto, shapes, source.path), arrays)


def opened(proto: onnx.ModelProto, arrays: Mapping[str, Array] | None = None) -> Reference:
    """Return the file in onnxruntime. arrays: initializers that lie beside it, by name."""
    metadata = {p.key: p.value for p in proto.metadata_props}
    model, ranks = OrtModel(proto, arrays=arrays), ranks_of(proto)

    def ranked(feeds: Mapping[str, Array]) -> dict[str, Array]:
        found = model.run(feeds, tuple(dict.fromkeys(ranks.values())))
        return {output: found[by] for output, by in ranks.items()}

    return Reference(model, "onnxruntime", metadata, dtypes_of(proto), ranked if ranks else None)


def cut_proto(source: Source, shapes: Mapping[str, Sequence[int]] | None = None) -> onnx.ModelProto:
    """Return the file cut as its options say, or before a suppression of its own."""
    proto = read_onnx(source.path)
    if not source.options.outputs and _suppresses(proto):
        from mobilecat.formats.onnx.postprocessing import without_postprocessing

        fixed = {k: tuple(v) for k, v in (shapes or {}).items()}
        proto = without_postprocessing(proto, fixed, source.path)
    return _between(proto, source)


def _light(
    source: Source, shapes: Mapping[str, Sequence[int]] | None
) -> tuple[onnx.ModelProto, dict[str, Place]]:
    """Return the same with its large initializers left in their files, and where they lie."""
    proto, places = read_light(source.path)
    if not source.options.outputs and _suppresses(proto):
        return cut_proto(source, shapes), {}
    return _between(proto, source), places


def _suppresses(proto: onnx.ModelProto) -> bool:
    """Return whether the network has a suppression of its own."""
    return any(n.op_type == "NonMaxSuppression" and not n.domain for n in all_nodes(proto.graph))


def _between(proto: onnx.ModelProto, source: Source) -> onnx.ModelProto:
    """Return what the source's options leave of it; without any, nothing is loaded to cut it."""
    if source.options == ImportOptions():
        return proto
    from mobilecat.formats.onnx.between import between

    return between(proto, source.options, source.path)


def dtypes_of(proto: onnx.ModelProto) -> dict[str, np.dtype[Any]]:
    """Return the element types of the model's inputs, by name."""
    return {
        v.name: np.dtype(onnx.helper.tensor_dtype_to_np_dtype(v.type.tensor_type.elem_type))
        for v in proto.graph.input
    }

"""An ONNX file to compile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import onnx_ir as ir

from mobilecat.errors import ModelError
from mobilecat.formats.base.source import Reference, Source
from mobilecat.formats.onnx.ort import OrtModel
from mobilecat.formats.onnx.read import import_onnx, input_dims, onnx_with_shapes

Progress = Callable[[str], None]


def dims(source: Source, progress: Progress) -> dict[str, tuple[int | None, ...]]:
    _require_no_options(source)
    return input_dims(source.path)


def read(source: Source, shapes: Mapping[str, Sequence[int]], progress: Progress) -> ir.Model:
    _require_no_options(source)
    return import_onnx(source.path, shapes)


def reference(source: Source, shapes: Mapping[str, Sequence[int]]) -> Reference:
    proto = onnx_with_shapes(source.path, shapes)
    metadata = {p.key: p.value for p in proto.metadata_props}
    return Reference(OrtModel(proto), "onnxruntime", metadata)


def _require_no_options(source: Source) -> None:
    options = source.options
    problems = options.unusable(options.given(), "only TensorFlow and Keras files take this")
    if problems:
        raise ModelError(f"{source.path.name}: an ONNX file is imported whole", problems)

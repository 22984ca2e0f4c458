"""Model files in: one small module a format, each file → frozen graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mobilecat.errors import ModelError, Problem

if TYPE_CHECKING:
    import onnx_ir as ir

_NOT_YET = {
    ".keras": "Keras",
    ".h5": "Keras HDF5",
    ".hdf5": "Keras HDF5",
    ".pb": "TensorFlow frozen graph",
    ".tflite": "TFLite",
    ".pt": "PyTorch",
    ".pth": "PyTorch",
}


def format_of(path: Path) -> str:
    """Return the format of a model file by its name; ModelError for one that cannot be read."""
    if not path.exists():
        raise ModelError("There is no such model", [Problem("not found", str(path))])
    kind = "TensorFlow SavedModel" if path.is_dir() else _NOT_YET.get(path.suffix.lower())
    if kind is not None:
        raise ModelError(
            "This kind of model cannot be read yet",
            [Problem(f"{kind} files are not supported", str(path), "export it to ONNX first")],
        )
    return "onnx"


def dims_of(path: Path) -> dict[str, tuple[int | None, ...]]:
    """Return the model's inputs by name, None for a dynamic dimension."""
    from mobilecat.importers import onnx_file

    format_of(path)
    return onnx_file.input_dims(path)


def import_model(path: Path, shapes: Mapping[str, Sequence[int]]) -> ir.Model:
    """Return the frozen graph of a model file; the file is only read. Errors: ModelError."""
    from mobilecat.importers import onnx_file

    format_of(path)
    return onnx_file.import_onnx(path, shapes)

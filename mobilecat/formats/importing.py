"""Model files in: one small module a format, each file → frozen graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mobilecat.errors import ModelError, Problem
from mobilecat.formats.base.options import ImportOptions
from mobilecat.formats.first_bytes import what_it_is

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = ["TENSORFLOW_FORMATS", "ImportOptions", "dims_of", "format_of", "import_model"]

TENSORFLOW_FORMATS = ("keras", "keras-hdf5", "saved-model", "tf-graph")
"""What TensorFlow reads for us, in a process of its own; the rest is "onnx"."""

_BY_SUFFIX = {".keras": "keras", ".h5": "keras-hdf5", ".hdf5": "keras-hdf5", ".pb": "tf-graph"}
_BY_FIRST_BYTES = {b"\x89HDF\r\n\x1a\n": "keras-hdf5", b"PK\x03\x04": "keras"}
_UNREADABLE = {
    ".tflite": ("a TFLite file", "compile from the model that it was made from"),
    ".pt": ("a PyTorch file", "export it to ONNX: torch.onnx.export"),
    ".pth": ("a PyTorch file", "export it to ONNX: torch.onnx.export"),
    ".mlmodel": ("a Core ML file", "compile from the model that it was made from"),
    ".mlpackage": ("a Core ML package", "compile from the model that it was made from"),
}


def format_of(path: Path) -> str:
    """Return `onnx` or one of TENSORFLOW_FORMATS; ModelError for what cannot be read."""
    if not path.exists():
        fix = "a spec's source is relative to its folder; or name the file: --source FILE"
        raise ModelError("There is no such model", [Problem("not found", str(path), fix)])
    suffix = path.suffix.lower()
    if suffix in _UNREADABLE:
        kind, fix = _UNREADABLE[suffix]
        raise ModelError("This kind of model cannot be read", [Problem(kind, str(path), fix)])
    if path.is_dir():
        if any((path / f"saved_model.{end}").is_file() for end in ("pb", "pbtxt")):
            return "saved-model"
        fix = "name a SavedModel, a file, or a folder with a mobilecat.toml"
        raise _unreadable(path, "a folder without saved_model.pb", fix)
    if path.name == "saved_model.pb":
        raise _unreadable(path, "one file of a SavedModel", f"name its folder: {path.parent}")
    format = _BY_SUFFIX.get(suffix, "onnx")
    if format in ("keras", "keras-hdf5"):
        return _keras_by_first_bytes(path)
    if found := what_it_is(path):
        raise _unreadable(path, *found)
    return format


def dims_of(
    path: Path,
    options: ImportOptions | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, tuple[int | None, ...]]:
    """Return the model's inputs by name, None for a dynamic dimension."""
    options = options or ImportOptions()
    if (format := format_of(path)) in TENSORFLOW_FORMATS:
        from mobilecat.formats.tensorflow.read import Source, tensorflow_dims

        return tensorflow_dims(Source(path, format, options), progress)
    from mobilecat.formats.onnx.read import input_dims

    _require_no_options(path, options)
    return input_dims(path)


def import_model(
    path: Path,
    shapes: Mapping[str, Sequence[int]],
    options: ImportOptions | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> ir.Model:
    """Return the frozen graph of a model file; the file is only read. Errors: ModelError.

    `progress` is told the steps of work that takes seconds.
    """
    options = options or ImportOptions()
    if (format := format_of(path)) in TENSORFLOW_FORMATS:
        from mobilecat.formats.tensorflow.read import Source, import_tensorflow

        return import_tensorflow(Source(path, format, options), shapes, progress)
    from mobilecat.formats.onnx.read import import_onnx

    _require_no_options(path, options)
    return import_onnx(path, shapes)


def _keras_by_first_bytes(path: Path) -> str:
    """Return which of Keras's two formats it is: files of either are found under each suffix."""
    with path.open("rb") as f:
        start = f.read(8)
    for first, format in _BY_FIRST_BYTES.items():
        if start.startswith(first):
            return format
    again = "neither a Keras archive (zip) nor HDF5", "save it again: model.save('model.keras')"
    raise _unreadable(path, *(what_it_is(path) or again))


def _require_no_options(path: Path, options: ImportOptions) -> None:
    problems = options.unusable(options.given(), "only TensorFlow and Keras files take this")
    if problems:
        raise ModelError(f"{path.name}: an ONNX file is imported whole", problems)


def _unreadable(path: Path, what: str, fix: str) -> ModelError:
    return ModelError("The model cannot be read", [Problem(what, str(path), fix)])

"""Model files in: one small module a format, each file → frozen graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mobilecat.errors import ModelError, Problem
from mobilecat.formats.base.format import Format
from mobilecat.formats.base.options import ImportOptions
from mobilecat.formats.base.source import Reference, Source
from mobilecat.formats.first_bytes import by_name, torch_kind, what_it_is
from mobilecat.formats.table import FORMATS
from mobilecat.formats.torch.built import built, is_code
from mobilecat.formats.torch.pickles import checkpoint_words, is_checkpoint
from mobilecat.graph import Array

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = [
    "ImportOptions",
    "Source",
    "built",
    "dims_of",
    "format_of",
    "import_model",
    "is_code",
    "open_changed_reference",
    "open_reference",
]

_BY_SUFFIX = {
    ".keras": "keras",
    ".h5": "keras-hdf5",
    ".hdf5": "keras-hdf5",
    ".pb": "tf-graph",
    ".tflite": "tflite",
    ".mlmodel": "mlmodel",
}
_FOLDERS = {
    ".mlpackage": "mlpackage",
    ".aimodel": "aimodel",
}
_MARKS = {
    "tflite": (4, b"TFL3", "not a TFLite file, or cut short"),
    # A protobuf whose first field is the version of Core ML's specification.
    "mlmodel": (0, b"\x08", "not a Core ML file, or cut short"),
}
_BY_FIRST_BYTES = {b"\x89HDF\r\n\x1a\n": "keras-hdf5", b"PK\x03\x04": "keras"}


def format_of(path: Path) -> str:
    """Return which kind of source a file is (`Format.sources`); ModelError where none."""
    if path.name.startswith("python:"):
        fix = (
            f"mobilecat init {path.name} --trust-python --size 224x224 runs it and writes a spec "
            "for it, which export --trust-python compiles (docs/torch.md); or save what it builds "
            "with torch.export.save, and name the .pt2"
        )
        raise _unreadable(path, "a function of Python, which is no file", fix)
    if not path.exists():
        fix = "a spec's source is relative to its folder; or name the file: --source FILE"
        raise ModelError("There is no such model", [Problem("not found", str(path), fix)])
    suffix = path.suffix.lower()
    if path.is_file() and not path.stat().st_size:
        raise _unreadable(path, "the file is empty", "export or download it again")
    if kind := torch_kind(path):
        return kind
    if is_checkpoint(path):
        what = Problem(checkpoint_words(path)[0], str(path), checkpoint_words(path)[1])
        raise ModelError("This kind of file cannot be compiled", [what])
    named = by_name(path)
    if named is not None:
        kind, fix = (path.is_file() and what_it_is(path)) or named
        raise ModelError("This kind of file cannot be compiled", [Problem(kind, str(path), fix)])
    if suffix in _FOLDERS:
        if path.is_dir():
            return _FOLDERS[suffix]
        file = f"a {suffix} is a folder, and this is a file", "copy or unpack it whole"
        raise _unreadable(path, *(what_it_is(path) or file))
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
    if format in _MARKS:
        at, mark, said = _MARKS[format]
        if _starts(path, at + len(mark))[at:] == mark:
            return format
        raise _unreadable(path, *(what_it_is(path) or (said, "export or download it again")))
    if found := what_it_is(path):
        raise _unreadable(path, *found)
    return format


def dims_of(
    path: Path,
    options: ImportOptions | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, tuple[int | None, ...]]:
    """Return the model's inputs by name, None for a dynamic dimension."""
    source = Source(path, format_of(path), options or ImportOptions())
    dims: dict[str, tuple[int | None, ...]] = _reader(source).dims(source, progress)
    return dims


def import_model(
    path: Path,
    shapes: Mapping[str, Sequence[int]],
    options: ImportOptions | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> ir.Model:
    """Return the frozen graph of a model file; the file is only read. Errors: ModelError.

    `progress` is told the steps of work that takes seconds.
    """
    source = Source(path, format_of(path), options or ImportOptions())
    model: ir.Model = _reader(source).read(source, shapes, progress)
    return model


def open_reference(source: Source, shapes: Mapping[str, Sequence[int]]) -> Reference:
    """Open the original file in its own engine. Errors: NotRun where that is not here."""
    reference: Reference = _reader(source).reference(source, shapes)
    return reference


def open_changed_reference(
    source: Source,
    shapes: Mapping[str, Sequence[int]],
    change: Callable[[str, Array], Array],
) -> Reference:
    """Open the file with each weight changed by `change(name, values)`, in onnxruntime."""
    reference: Reference = _reader(source).changed(source, shapes, change)
    return reference


def _reader(source: Source) -> Format:
    return next(f for f in FORMATS.values() if source.format in f.sources)


def _keras_by_first_bytes(path: Path) -> str:
    """Return which of Keras's two formats it is: files of either are found under each suffix."""
    start = _starts(path, 8)
    for first, format in _BY_FIRST_BYTES.items():
        if start.startswith(first):
            return format
    again = "neither a Keras archive (zip) nor HDF5", "save it again: model.save('model.keras')"
    raise _unreadable(path, *(what_it_is(path) or again))


def _starts(path: Path, count: int) -> bytes:
    with path.open("rb") as f:
        return f.read(count)


def _unreadable(path: Path, what: str, fix: str) -> ModelError:
    return ModelError("The model cannot be read", [Problem(what, str(path), fix)])

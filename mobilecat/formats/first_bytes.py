"""What a file is that has another's name, by its first bytes."""

from __future__ import annotations

from pathlib import Path

_KNOWN: tuple[tuple[bytes, str, str], ...] = (
    (
        b"version https://git-lfs",
        "a pointer of Git LFS: the model itself was never downloaded",
        "git lfs pull",
    ),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file: an old Keras model", "name it .h5"),
    (
        b"PK\x03\x04",
        "a zip archive: a Keras or a PyTorch model",
        "name it .keras, or export it to ONNX: torch.onnx.export",
    ),
    (b"<", "a web page or other text", "download the file itself"),
)


def what_it_is(path: Path) -> tuple[str, str] | None:
    """Return what a file called .onnx or .pb really is, and what to do; None where nothing tells.

    An empty file is one, and so is a SavedModel's saved_model.pb under another name: its first
    field is the version of its schema, where a graph's first is a node.
    https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/protobuf/saved_model.proto
    """
    with path.open("rb") as f:
        start = f.read(32)
    if not start:
        return "the file is empty", "export or download it again"
    for first, what, fix in _KNOWN:
        if start.startswith(first):
            return what, fix
    if start[4:8] == b"TFL3":
        return "a TFLite file", "compile from the model that it was made from"
    if path.suffix.lower() == ".pb" and start.startswith(b"\x08\x01\x12"):
        fix = "call it saved_model.pb again, beside variables/, and name the folder"
        return "one file of a SavedModel", fix
    return None

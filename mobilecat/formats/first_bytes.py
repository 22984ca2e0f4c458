"""What a file is that cannot be read: by its first bytes and its archive, then by its name.

Nothing is unpacked, and no pickle is opened: a pickle runs what its author wrote.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from mobilecat.errors import reason

What = tuple[str, str]
"""What it is, and what to do."""

_LOAD = (
    "load it in PyTorch and export it: "
    "torch.export.save(torch.export.export(model.eval(), (example,)), 'model.pt2')"
)
_SOURCE = "compile from the model that it was made from"
_CHECKPOINT = (
    "weights without a network; write a function build() in my_net.py that returns the network "
    "with these weights loaded: mobilecat init python:my_net:build --trust-python --size 224x224 "
    "(docs/torch.md)"
)
_TAKEN = (
    "name the model: an .onnx or .tflite file, Keras's .keras or .h5, a frozen TensorFlow graph "
    "(.pb), a SavedModel's folder, PyTorch's .pt2 or TorchScript, Core ML's .mlpackage or "
    ".mlmodel, or an .aimodel"
)

_STARTS: tuple[tuple[bytes, What], ...] = (
    (
        b"version https://git-lfs",
        ("a pointer of Git LFS: the model itself was never downloaded", "git lfs pull"),
    ),
    (b"\x89HDF\r\n\x1a\n", ("an HDF5 file: an old Keras model", "name it .h5")),
    (b"7767517", ("ncnn's text of a network (.param)", _SOURCE)),
    (b"ftrt", ("a TensorRT engine: compiled for one GPU, and not to be read back", _SOURCE)),
    (b"ptrt", ("a TensorRT engine: compiled for one GPU, and not to be read back", _SOURCE)),
    (b"\x89PNG", ("a picture", _TAKEN)),
    (b"\xff\xd8\xff", ("a picture", _TAKEN)),
    (b"RIFF", ("a picture or a sound", _TAKEN)),
    (b"\x1f\x8b", ("a gzip archive", "unpack it, and name the model in it")),
    (b"BZh", ("a bzip2 archive", "unpack it, and name the model in it")),
    (b"7z\xbc\xaf", ("a 7-Zip archive", "unpack it, and name the model in it")),
    (b"\x93NUMPY", ("an array of numpy's: numbers without a network", "name the model")),
)
_NAMES: dict[str, What] = {
    ".mlmodelc": ("a compiled Core ML model, as it lies in an app", _SOURCE),
    ".pt": ("a PyTorch file", _LOAD),
    ".pth": ("a PyTorch file", _LOAD),
    ".pt2": ("no program of torch.export, though it is called so", _LOAD),
    ".torchscript": ("no TorchScript file, though it is called so", _LOAD),
    ".ptl": ("a TorchScript file for phones", _LOAD),
    ".safetensors": ("a safetensors file", _CHECKPOINT),
    ".ckpt": ("a checkpoint", _CHECKPOINT),
    ".index": ("the index of a TensorFlow checkpoint: weights without a network",
               "save the model: model.export('folder'), and name the folder"),
    ".engine": ("a TensorRT engine: compiled for one GPU, and not to be read back", _SOURCE),
    ".trt": ("a TensorRT engine: compiled for one GPU, and not to be read back", _SOURCE),
    ".plan": ("a TensorRT engine: compiled for one GPU, and not to be read back", _SOURCE),
    ".xml": ("OpenVINO's network, whose weights lie in a .bin beside it", _SOURCE),
    ".bin": ("weights without a network (OpenVINO's, ncnn's or PyTorch's)",
             "name the network beside it, or compile from the model that it was made from"),
    ".param": ("ncnn's text of a network", _SOURCE),
    ".mnn": ("an MNN file", _SOURCE),
    ".rknn": ("an RKNN file, compiled for one chip", _SOURCE),
    ".dlc": ("a file of Qualcomm's SNPE", _SOURCE),
    ".pbtxt": ("a TensorFlow graph as text: it has no weights",
               "freeze the graph into a .pb, or name its SavedModel's folder"),
    ".meta": ("the graph of a TensorFlow 1 checkpoint", "freeze it into a .pb with its weights"),
    ".joblib": ("a pickle of joblib's: a scikit-learn model, seldom a network",
                "export it to ONNX: skl2onnx.to_onnx"),
    ".pkl": ("a pickle, which runs code when it is opened", _LOAD),
    ".pickle": ("a pickle, which runs code when it is opened", _LOAD),
    ".caffemodel": ("Caffe's weights", "convert the model to ONNX with a tool of Caffe's time"),
    ".prototxt": ("Caffe's network: it has no weights", "convert both files to ONNX"),
    ".weights": ("Darknet's weights", "convert them, with their .cfg, to ONNX"),
    ".cfg": ("Darknet's network: it has no weights", "convert it, with its .weights, to ONNX"),
    ".pdmodel": ("a PaddlePaddle network", "convert it with its weights: paddle2onnx"),
    ".npz": ("arrays of numpy's: numbers without a network", "name the model"),
    ".json": ("a JSON file", "name the model beside it"),
    ".toml": ("a spec or another TOML file", "compile it: mobilecat export SPEC -o DIR"),
    ".py": ("a program", "run it, and let it export to ONNX: torch.onnx.export, or model.export"),
}  # fmt: skip
_TORCH = (".pt2", ".pt", ".pth", ".torchscript", ".ptl", ".zip", ".bin", ".ckpt")
_TORCH_PARTS = {
    "torch-export": ("models/model.json", "serialized_exported_program.json"),
    "torchscript": ("constants.pkl",),
}
_UNPACK = ("a zip archive", "unpack it, and name the model in it")
_ARCHIVES: tuple[tuple[str, What], ...] = (
    ("manifest.json", ("a zipped Core ML package", _SOURCE)),
    ("saved_model.pb", ("a zipped SavedModel", "unpack it, and name the folder")),
    ("serialized_exported_program.json", ("a program of torch.export", "name it .pt2")),
    ("models/model.json", ("a program of torch.export", "name it .pt2")),
    ("constants.pkl", ("a TorchScript file", "name it .pt")),
    ("data.pkl", (
        "a PyTorch checkpoint: a pickle, which runs code when it is opened, of weights or of a "
        "whole model", _LOAD,
    )),
    ("metadata.json", ("a zip archive: a Keras model", "name it .keras")),
)  # fmt: skip
_TEXT = 8
"""Fewer bytes than these say nothing: the reader of the format says what is wrong."""
_CHARACTER = 4
"""The most bytes of one in UTF-8."""
_MOST_NAMES = 20_000
_LARGEST_HEADER = 1 << 27


def what_it_is(path: Path) -> What | None:
    """Return what a file is that no reader of ours takes, and what to do; None where nothing tells.

    An empty file is one, and so is a SavedModel's saved_model.pb under another name: its first
    field is the version of its schema, where a graph's first is a node.
    https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/protobuf/saved_model.proto
    """
    try:
        with path.open("rb") as f:
            start = f.read(64)
    except OSError as e:
        return reason(e), "name a file that can be read"
    if not start:
        return "the file is empty", "export or download it again"
    for first, what in _STARTS:
        if start.startswith(first):
            return what
    if start.startswith(b"PK\x03\x04"):
        return _archive(path)
    if start[4:8] == b"TFL3":
        return "a TFLite file", "name it .tflite"
    if _is_safetensors(start, path.stat().st_size):
        return _NAMES[".safetensors"]
    if start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05":
        return _NAMES.get(path.suffix.lower(), _NAMES[".pkl"])
    if start.lstrip().startswith(b"<"):
        return _marked_up(path)
    if path.suffix.lower() not in (".pb", *_NAMES) and _is_text(start):
        return "a text file", _TAKEN
    if path.suffix.lower() == ".pb" and start.startswith(b"\x08\x01\x12"):
        fix = "call it saved_model.pb again, beside variables/, and name the folder"
        return "one file of a SavedModel", fix
    return None


def torch_kind(path: Path) -> str | None:
    """Return which of PyTorch's files that hold a network it is, by what lies in its archive."""
    if path.suffix.lower() not in _TORCH or not path.is_file():
        return None
    names = _names(path)
    for kind, parts in _TORCH_PARTS.items():
        if any(n.partition("/")[2] in parts or n in parts for n in names):
            return kind
    return None


def _is_text(start: bytes) -> bool:
    """No model that is read here begins with 8 bytes of letters, signs and white space alone.

    start: the first 64 bytes, which may end within a character.
    """
    if len(start) < _TEXT:
        return False
    text = start.decode("utf-8", "ignore")
    whole = len(start) - len(text.encode()) < _CHARACTER
    return whole and all(c in "\t\n\r" or c.isprintable() for c in text)


def by_name(path: Path) -> What | None:
    """Return the same by the suffix alone."""
    return _NAMES.get(path.suffix.lower())


def _archive(path: Path) -> What:
    names = _names(path)
    if not names:
        return "a zip archive, cut short", "download or save it again"
    for ending, what in _ARCHIVES:
        if any(n == ending or n.endswith(f"/{ending}") for n in names):
            return what
    return _UNPACK


def _names(path: Path) -> list[str]:
    """Return what lies in an archive; nothing where it is none, or cut short."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [n.casefold() for n in archive.namelist()[:_MOST_NAMES]]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return []


def _is_safetensors(start: bytes, size: int) -> bool:
    """Its first eight bytes are the length of the JSON that follows.

    https://huggingface.co/docs/safetensors/index#format
    """
    length = int.from_bytes(start[:8], "little")
    return 2 <= length <= min(size - 8, _LARGEST_HEADER) and start[8:9] == b"{"


def _marked_up(path: Path) -> What:
    with path.open("rb") as f:
        start = f.read(1024).lower()
    if b"<net " in start:
        return _NAMES[".xml"]
    return "a web page or other text", "download the file itself"

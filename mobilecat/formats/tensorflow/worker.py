"""TensorFlow in a process of its own: its seconds of start-up, memory and noise stay out of ours.

The child is `python -m mobilecat.formats.tensorflow.child`; how it is asked: `formats.base.child`.
"""

from __future__ import annotations

from pathlib import Path

from mobilecat.disk import size_of
from mobilecat.formats.base.child import Child, Progress, not_installed, require_installed

EXTRA = {"tensorflow": "tensorflow", "tf2onnx": "tf2onnx", "tf_keras": "tf-keras"}
INSTALL = "pip install 'mobilecat[tensorflow]'"
_QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "CUDA_VISIBLE_DEVICES": "-1",
    "TF_ENABLE_ONEDNN_OPTS": "0",  # plain order of additions: the same numbers on every machine
    "KERAS_BACKEND": "tensorflow",
}
_ROOM = 8 << 30
_ROOM_A_BYTE = 96
"""Memory: what TensorFlow and a picture's layers take, and for each byte of the file, which tf2onnx
holds 60 to 70 times over on the way (measured: MobileNetV2 and ResNet50 of Keras)."""


def require_extra(path: Path) -> None:
    """Raise ModelError with the install command where a package of the extra is missing."""
    reading = "Reading TensorFlow and Keras files needs the extra `tensorflow`"
    require_installed(missing_extra(), reading, path, INSTALL)


def missing_extra() -> str:
    """Return the packages of the extra that are not installed, as words."""
    return not_installed(EXTRA)


class Worker(Child):
    """A TensorFlow child that has one model open."""

    def __init__(self, path: Path, progress: Progress = lambda _: None) -> None:
        require_extra(path)
        size = size_of(path) if path.exists() else 0
        room = _ROOM + _ROOM_A_BYTE * size
        child = "mobilecat.formats.tensorflow.child"
        super().__init__(path, child, "TensorFlow", room, _QUIET, progress)

"""PyTorch in a process of its own: its seconds of start-up, memory and noise stay out of ours.

The child is `python -m mobilecat.formats.torch.child`; how it is asked: `formats.base.child`.
"""

from __future__ import annotations

import os
from pathlib import Path

from mobilecat.disk import size_of
from mobilecat.formats.base.child import Child, Progress, not_installed, require_installed

EXTRA = {"torch": "torch", "onnxscript": "onnxscript"}
INSTALL = "pip install 'mobilecat[torch]'"
_QUIET = {"CUDA_VISIBLE_DEVICES": "", "PYTORCH_JIT_LOG_LEVEL": "", "TORCH_CPP_LOG_LEVEL": "ERROR"}
_ROOM = 6 << 30
_ROOM_A_BYTE = 24
"""Memory: what torch and a picture's layers take, and for each byte of the file, which the exporter
holds some 8 times over on the way (measured: torchvision's ResNet50 and SSD300)."""


def require_extra(path: Path) -> None:
    """Raise ModelError with the install command where a package of the extra is missing."""
    reading = "Reading PyTorch files needs the extra `torch`"
    require_installed(missing_extra(), reading, path, INSTALL)


def missing_extra() -> str:
    """Return the packages of the extra that are not installed, as words."""
    return not_installed(EXTRA)


class Worker(Child):
    """A PyTorch child that has one file open."""

    def __init__(self, path: Path, progress: Progress = lambda _: None) -> None:
        require_extra(path)
        size = size_of(path) if path.exists() else 0
        threads = os.environ.get("OMP_NUM_THREADS", str(os.cpu_count() or 1))
        super().__init__(
            path,
            "mobilecat.formats.torch.child",
            "PyTorch",
            _ROOM + _ROOM_A_BYTE * size,
            {**_QUIET, "OMP_NUM_THREADS": threads},
            progress,
        )

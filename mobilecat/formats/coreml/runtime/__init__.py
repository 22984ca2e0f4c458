"""Core ML on any OS: read the bytes of a `.mlpackage` or `.mlmodel`, run them with onnxruntime.

It executes the specification and the weights; it is not Apple's compiler or Neural Engine.
"""

from __future__ import annotations

import os

from mobilecat.formats.coreml.runtime.errors import InputError, UnsupportedOp
from mobilecat.formats.coreml.runtime.interface import Feature
from mobilecat.formats.coreml.runtime.model import CoreMLModel, load
from mobilecat.formats.coreml.runtime.stand_in import coremltools_predict, install, uninstall

__all__ = [
    "CoreMLModel",
    "Feature",
    "InputError",
    "UnsupportedOp",
    "coremltools_predict",
    "install",
    "load",
    "uninstall",
]

if os.environ.get("MOBILECAT_COREML_PREDICT", "") not in ("", "0"):
    install()

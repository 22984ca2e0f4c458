"""Core ML on any OS, the public front door: `runtime.load(path).predict({...})`.

Everything is in `mobilecat.formats.coreml.runtime`.
"""

from mobilecat.formats.coreml.runtime import (
    CoreMLModel,
    Feature,
    InputError,
    UnsupportedOp,
    coremltools_predict,
    install,
    load,
    uninstall,
)

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

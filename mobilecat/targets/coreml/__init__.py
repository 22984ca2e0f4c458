"""Core ML: frozen graph → `.mlpackage` (ML Program) or `.mlmodel` (NeuralNetwork)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mobilecat.targets.coreml.write import (
        LOWERINGS,
        CoreMLArtifact,
        ImageInput,
        write_coreml,
    )

__all__ = ["LOWERINGS", "CoreMLArtifact", "ImageInput", "write_coreml"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(name)
    from mobilecat.targets.coreml import write

    return getattr(write, name)

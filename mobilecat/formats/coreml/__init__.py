"""Core ML: frozen graph → `.mlpackage` (ML Program) or `.mlmodel` (NeuralNetwork)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mobilecat.formats.coreml.vision import write_vision_pipeline
    from mobilecat.formats.coreml.write import LOWERINGS, CoreMLArtifact, ImageInput, write_coreml

__all__ = ["LOWERINGS", "CoreMLArtifact", "ImageInput", "write_coreml", "write_vision_pipeline"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(name)
    from mobilecat.formats.coreml import vision, write

    return getattr(vision if name == "write_vision_pipeline" else write, name)

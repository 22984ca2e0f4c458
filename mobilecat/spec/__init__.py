"""`mobilecat.toml`, one model a file → frozen, validated values."""

from mobilecat.spec.heads import HeadSpec, LandmarksHead, RawHead
from mobilecat.spec.load import load_spec, spec_from_model_file, spec_from_text
from mobilecat.spec.quantize import QuantizeSpec
from mobilecat.spec.values import (
    ImageSpec,
    ImportSpec,
    NmsSpec,
    Spec,
    TargetSpec,
    Tolerance,
)

__all__ = [
    "HeadSpec",
    "ImageSpec",
    "ImportSpec",
    "LandmarksHead",
    "NmsSpec",
    "QuantizeSpec",
    "RawHead",
    "Spec",
    "TargetSpec",
    "Tolerance",
    "load_spec",
    "spec_from_model_file",
    "spec_from_text",
]

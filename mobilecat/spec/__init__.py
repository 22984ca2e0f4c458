"""`mobilecat.toml`, one model a file → frozen, validated values."""

from mobilecat.spec.load import load_spec, spec_from_model_file, spec_from_text
from mobilecat.spec.values import (
    CoreMLTarget,
    HeadSpec,
    ImageSpec,
    NmsSpec,
    OnnxTarget,
    RawHead,
    Spec,
    TargetSpec,
    TfliteTarget,
    Tolerance,
    YunetHead,
)

__all__ = [
    "CoreMLTarget",
    "HeadSpec",
    "ImageSpec",
    "NmsSpec",
    "OnnxTarget",
    "RawHead",
    "Spec",
    "TargetSpec",
    "TfliteTarget",
    "Tolerance",
    "YunetHead",
    "load_spec",
    "spec_from_model_file",
    "spec_from_text",
]

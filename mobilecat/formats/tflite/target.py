"""`[targets.tflite]` of a spec."""

from __future__ import annotations

from typing import ClassVar, Literal

from mobilecat.formats.base.target import SuppressingTarget, Written
from mobilecat.value import TargetName


class TfliteTarget(SuppressingTarget):
    """One TFLite file."""

    precision: Literal["float32"] = "float32"
    """Of weights and arithmetic."""
    input: Literal["uint8", "float32"] = "uint8"
    """Type of the image input: bytes as a camera gives them, or the same values 0–255 as floats."""
    contract: Literal["tensor", "detection", "classifier", "candidates"] = "tensor"
    """tensor: boxes, scores, class_ids, landmarks, count. detection: the four outputs of
    TFLite_Detection_PostProcess with metadata, as MediaPipe Tasks and TF's SSD samples read.
    classifier: one row of probabilities, of head `classify`, with metadata and the labels in the
    file, as MediaPipe Tasks' image classifier reads. candidates: what `nms = "app"` makes."""
    name: TargetName | None = None
    """File name without its suffix; by default the spec's `name`."""

    kind: ClassVar[str] = "tflite"

    @property
    def suffix(self) -> str:
        return ".tflite"

    def makes(self, record: Written) -> bool:
        """Whether an artifact was made for a target of this form."""
        return record.image in (None, self.input) and record.contract == self.contract

"""`[targets.coreml]` of a spec."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import model_validator

from mobilecat.formats.base.target import SuppressingTarget, Written
from mobilecat.value import Precision, TargetName


class CoreMLTarget(SuppressingTarget):
    """One Core ML file."""

    format: Literal["mlpackage", "mlmodel"] = "mlpackage"
    """mlpackage: an ML Program, iOS 15 and newer. mlmodel: a NeuralNetwork, iOS 13 and newer."""
    contract: Literal["tensor", "vision", "classifier", "candidates"] = "tensor"
    """tensor: boxes, scores, class_ids, landmarks, count. vision: VNRecognizedObjectObservation.
    classifier: VNClassificationObservation, of head `classify`, with the labels in the file.
    candidates: what `nms = "app"` makes."""
    precision: Precision = "float16"
    """Of weights and arithmetic. float16 halves the file; boxes are computed in float32 anyway."""
    deployment_target: Literal["iOS13", "iOS14", "iOS15", "iOS16", "iOS17", "iOS18"] | None = None
    """Oldest system that must load it; by default the oldest that has every layer: iOS15 for
    mlpackage, iOS13 for mlmodel, or iOS14 where its layers need that (the export says so)."""
    pad_classes: bool = True
    """Whether a `vision` mlpackage has its classes filled up to a multiple of 80 by fillers that
    never win: with other numbers Core ML's NMS is reported to give wrong boxes behind an ML
    Program."""
    name: TargetName | None = None
    """File name without its suffix; by default the spec's `name`."""

    kind: ClassVar[str] = "coreml"

    @property
    def suffix(self) -> str:
        return f".{self.format}"

    @model_validator(mode="after")
    def _consistent(self) -> CoreMLTarget:
        system = self.deployment_target
        old = system in ("iOS13", "iOS14")
        if self.format == "mlpackage" and old:
            raise ValueError(f"an mlpackage (ML Program) needs iOS15 or newer, not {system}")
        if self.format == "mlmodel" and system is not None and not old:
            raise ValueError(
                f"an mlmodel (NeuralNetwork) is written for iOS13 or iOS14, not {system} "
                "(newer systems load those too)"
            )
        return self

    def makes(self, record: Written) -> bool:
        """Whether an artifact was made for a target of this form."""
        return record.format == self.format and record.contract == self.contract

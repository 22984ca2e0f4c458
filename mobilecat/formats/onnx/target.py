"""`[targets.onnx]` of a spec."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mobilecat.formats.base.target import SuppressingTarget, Written
from mobilecat.value import TargetName


class OnnxTarget(SuppressingTarget):
    """One ONNX file: the frozen graph itself."""

    precision: Literal["float32"] = "float32"
    """Of weights and arithmetic."""
    opset: Annotated[int, Field(ge=9)] | None = None
    """Default: the frozen graph's own (18, or the source's where that is newer)."""
    name: TargetName | None = None
    """File name without its suffix; by default the spec's `name`."""

    kind: ClassVar[str] = "onnx"

    @property
    def contract(self) -> Literal["tensor", "candidates"]:
        return "candidates" if self.nms == "app" else "tensor"

    @property
    def suffix(self) -> str:
        return ".onnx"

    def makes(self, record: Written) -> bool:
        """Whether an artifact was made for a target of this form."""
        return record.contract == self.contract

"""`[targets.onnx]` of a spec."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mobilecat.formats.base.target import SuppressingTarget, Written
from mobilecat.value import TargetName

_FLOAT = (
    "leave it out: an .onnx is float32 here. Smaller files: [targets.tflite] precision = "
    '"int8-weights", or [[targets.coreml]] weights = "int8"'
)


class OnnxTarget(SuppressingTarget):
    """One ONNX file: the frozen graph itself."""

    precision: Literal["float32"] = "float32"
    """Of weights and arithmetic."""
    opset: Annotated[int, Field(ge=9)] | None = None
    """Default: the frozen graph's own (18, or the source's where that is newer)."""
    name: TargetName | None = None
    """File name without its suffix; by default the spec's `name`."""

    kind: ClassVar[str] = "onnx"
    elsewhere: ClassVar[Mapping[str, str]] = {
        **SuppressingTarget.elsewhere,
        **dict.fromkeys(("precision", "weights", "activations", "keep_float"), _FLOAT),
    }

    @property
    def contract(self) -> Literal["tensor", "candidates"]:
        return "candidates" if self.nms == "app" else "tensor"

    @property
    def suffix(self) -> str:
        return ".onnx"

    def makes(self, record: Written) -> bool:
        """Whether an artifact was made for a target of this form."""
        return record.contract == self.contract

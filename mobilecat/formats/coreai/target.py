"""`[targets.coreai]` of a spec."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from mobilecat.formats.base.target import SuppressingTarget, Written
from mobilecat.value import TargetName


class CoreAITarget(SuppressingTarget):
    """One Core AI file, for iOS 27 and newer.

    Where it suppresses itself it has an output `settled`, which is 0 where the suppression did not
    come to its end.
    """

    weights: Literal["float32", "int8"] = "float32"
    """int8: the large weights, one scale a channel; a quarter of the file. All else is float32."""
    name: TargetName | None = None
    """File name without its suffix; by default the spec's `name`."""

    kind: ClassVar[str] = "coreai"
    elsewhere: ClassVar[Mapping[str, str]] = {
        **SuppressingTarget.elsewhere,
        "precision": "leave it out, as it computes in float32; for a quarter of the file write "
        'weights = "int8"',
        "precision = int8": 'write weights = "int8" in its place',
        "precision = int8-weights": 'write weights = "int8" in its place',
        "activations": 'leave it out: values inside stay float32; smaller: weights = "int8"',
    }

    @property
    def contract(self) -> Literal["tensor", "candidates"]:
        return "candidates" if self.nms == "app" else "tensor"

    @property
    def precision(self) -> Literal["float32", "int8"]:
        return self.weights

    @property
    def suffix(self) -> str:
        return ".aimodel"

    def makes(self, record: Written) -> bool:
        """Whether an artifact was made for a target of this form."""
        return record.contract == self.contract

"""`[targets.toy]` of a spec."""

from __future__ import annotations

from typing import ClassVar, Literal

from mobilecat.formats.base.target import Written
from mobilecat.value import Value


class ToyTarget(Value):
    kind: ClassVar[str] = "toy"
    contract: ClassVar[str] = "tensor"
    precision: Literal["float32"] = "float32"
    name: str | None = None
    calibrated: ClassVar[bool] = False
    fits: ClassVar[bool] = False

    @property
    def suffix(self) -> str:
        return ".toy"

    def makes(self, record: Written) -> bool:
        return True

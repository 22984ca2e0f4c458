"""What every part of a spec is made of: frozen values that refuse what they do not know."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Side = Annotated[int, Field(ge=1, le=16384)]
Precision = Literal["float16", "float32"]
Probability = Annotated[float, Field(ge=0, le=1)]


class Value(BaseModel):
    """Frozen, and refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

"""What a format's `emit` tells of the file that it wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Emitted:
    """inputs, outputs, taps: the graph's names → the file's.

    image: what the picture input takes, None without one (`ArtifactRecord.image`).
    dtypes: outputs of another element type than the contract's; None: read them from the file.
    ranges: quantised tensor → (low, high), what its scale and zero point were made of.
    image_scale: scale and zero point of a picture input in whole numbers that stand for others.
    fitted: whether weights went to either whole number beside them (`ArtifactRecord.rounding`).
    inspected: whether the file was read back, and `dtypes` and `lints` say all that is in it.
    hashes: SHA-256 of files in a folder that it states itself, by relative name. Who gives some
        holds them to the bytes when the file is loaded (`Engine.open`).
    """

    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    taps: Mapping[str, str]
    image: str | None
    dtypes: Mapping[str, str] | None = None
    lints: tuple[str, ...] = ()
    image_scale: tuple[float, int] | None = None
    inspected: bool = False
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    fitted: bool = False
    hashes: Mapping[str, str] = field(default_factory=dict)

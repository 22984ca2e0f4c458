"""What a target of Core ML computes with where the graph has a weight, and what that takes."""

from __future__ import annotations

import numpy as np

from mobilecat.formats.coreml.compress.pack import Affine, Blocks, Palette
from mobilecat.formats.coreml.compress.weights import SMALLEST, Packed, pack
from mobilecat.formats.coreml.target import CoreMLTarget
from mobilecat.graph import Array


def rounded(
    target: CoreMLTarget, node: str, values: Array, axes: tuple[int, int]
) -> tuple[Array, float]:
    """Return (the weights of `node` as they are computed with, the bytes that they take).

    axes: of `values`, that of the outputs and that of the inputs.
    """
    element = "fp32" if target.precision == "float32" else "fp16"
    width = 4 if element == "fp32" else 2
    own = target.recipe.of([node])
    packed = None
    if values.size >= SMALLEST and not own.plain:
        packed = pack(np.asarray(values, np.float32), *axes, own, element)
    if packed is None:
        dense = values if width == 4 else values.astype(np.float16).astype(np.float32)
        return dense, float(width * values.size)
    return packed.dense.astype(np.float32), _bytes(packed, own.bits, width)


def _bytes(packed: Packed, bits: int, width: int) -> float:
    if isinstance(packed, Affine):
        return packed.q.size + float(width * packed.scale.size)
    if isinstance(packed, Blocks):
        return packed.q.size / 2 + float(width * packed.scale.size)
    if isinstance(packed, Palette):
        return packed.index.size * bits / 8 + float(width * packed.table.size)
    return packed.mask.size / 8 + float(width * packed.values.size)

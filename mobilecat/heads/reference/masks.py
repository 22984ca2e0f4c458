"""YOLO-style masks in numpy: rows and prototypes, and what is made of them after suppression."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mobilecat.errors import ArtifactError, Problem
from mobilecat.graph import Array
from mobilecat.heads.base import Candidates
from mobilecat.heads.reference.arrays import Arrays, from_centres, pick, sigmoid, table
from mobilecat.spec.heads import MasksHead


def decode(spec: MasksHead, outputs: Arrays, size_wh: tuple[int, int]) -> Candidates:
    raw = outputs[pick(outputs, spec.output, lambda a: a.ndim == 3)]
    maps = prototypes_of(outputs[pick(outputs, spec.prototypes, lambda a: a.ndim == 4)], size_wh)
    rows_last = raw.shape[1] < raw.shape[2] if spec.layout is None else spec.layout == "rows-last"
    rows = table(raw.swapaxes(1, 2) if rows_last else raw)
    count = maps.shape[1]
    unit_x, unit_y = size_wh if spec.units == "normalised" else (1, 1)
    cx, cy, w, h = rows[:, :4].T
    boxes = from_centres(
        cx * unit_x, cy * unit_y, np.maximum(w, 0) * unit_x, np.maximum(h, 0) * unit_y
    )
    factors = rows[None, :, rows.shape[1] - count :]
    scores = rows[None, :, 4 : rows.shape[1] - count]
    return Candidates(boxes, scores, {"mask_coefficients": factors}, {"mask_prototypes": maps})


def prototypes_of(raw: Array, size_wh: tuple[int, int]) -> Array:
    """Return [1,P,h,w], float64, of that or [1,h,w,P]: rows and columns are as the picture's."""
    rows, cols = raw.shape[2:]
    first = cols * size_wh[1] == rows * size_wh[0] and size_wh[0] % cols == 0
    result: Array = (raw if first else np.moveaxis(raw, 3, 1)).astype(np.float64)
    return result


def assembled(
    factors: Array,
    prototypes: Array,
    boxes_xyxy: Array,
    model_wh: tuple[int, int],
    mask_wh: tuple[int, int] | None = None,
) -> Array:
    """Return how sure each pixel is of each object, (n,h,w), 0 outside of its box.

    Shapes: (K,P), (P,h,w), (n,4) in pixels of the model input; rows beyond the boxes are padding.
    mask_wh: a whole multiple of the prototypes', which is the default.
    Errors: ArtifactError for shapes that contradict each other.
    """
    _require_shapes(factors, prototypes, boxes_xyxy, mask_wh)
    factors = factors[: len(boxes_xyxy)]
    made = np.tensordot(factors.astype(np.float64), prototypes.astype(np.float64), axes=(1, 0))
    width, height = mask_wh or (prototypes.shape[2], prototypes.shape[1])
    made = _stretched(_stretched(made, 2, width), 1, height)
    x = (np.arange(width) + 0.5) / width * model_wh[0]
    y = (np.arange(height) + 0.5) / height * model_wh[1]
    x1, y1, x2, y2 = boxes_xyxy.astype(np.float64).T[..., None]
    in_x, in_y = (x1 < x) & (x < x2), (y1 < y) & (y < y2)
    result: Array = np.where(in_y[:, :, None] & in_x[:, None, :], sigmoid(made), 0.0)
    return result


def _require_shapes(
    factors: Array, prototypes: Array, boxes: Array, mask_wh: tuple[int, int] | None
) -> None:
    fits = factors.ndim == 2 and prototypes.ndim == 3 and min(prototypes.shape) > 0
    if not (fits and factors.shape[1] == prototypes.shape[0] and len(boxes) <= len(factors)):
        said = f"coefficients {factors.shape}, prototypes {prototypes.shape}, {len(boxes)} boxes"
        fix = "expected (K, P), (P, h, w), K boxes at most"
        raise ArtifactError("The masks contradict the contract", [Problem(said, fix=fix)])
    _, rows, cols = prototypes.shape
    if mask_wh and (min(mask_wh) < 1 or mask_wh[0] % cols or mask_wh[1] % rows):
        said = f"{mask_wh[0]}×{mask_wh[1]} is no whole multiple of {cols}×{rows}"
        raise ArtifactError("The masks' grid does not fit", [Problem(said)])


def _stretched(values: Array, axis: int, to: int) -> Array:
    """Return `to` values along an axis, each between the two pixel centres it lies between."""
    size = values.shape[axis]
    if size == to:
        return values
    at = np.clip((np.arange(to) + 0.5) * size / to - 0.5, 0, size - 1)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, size - 1)
    shape = [1] * values.ndim
    shape[axis] = to
    share = (at - low).reshape(shape)
    a, b = values.take(low, axis=axis), values.take(high, axis=axis)
    result: Array = a * (1 - share) + b * share
    return result


def finished(head: Any, tensors: Mapping[str, Array], size_wh: tuple[int, int]) -> dict[str, Array]:
    """Return the tensor contract with `masks` in place of what the graph makes them of."""
    out = dict(tensors)
    if not isinstance(head, MasksHead) or head.masks != "graph" or "mask_prototypes" not in out:
        return out
    factors, maps = out.pop("mask_coefficients")[0], out.pop("mask_prototypes")[0]
    made = assembled(factors, maps, out["boxes"][0], size_wh, head.mask_size)
    return {**out, "masks": made[None].astype(np.float32)}

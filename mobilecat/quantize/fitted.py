"""A graph whose weights are rounded to int8 so that its layers give what they gave, and the steps.

Kept between runs, by the content of graph and pictures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
import onnx_ir as ir

from mobilecat.disk.cache import cached, keep, scratch_file
from mobilecat.graph import Array
from mobilecat.quantize.calibrate import Calibration
from mobilecat.quantize.moments import PLACES, Moments, Weight, moments_of, weights_of
from mobilecat.quantize.rounding import fitted, scales_of

_SUFFIX = ".npz"


@dataclass(frozen=True, eq=False)
class Fitted:
    """A constant in whole numbers. whole: int8, in its shape. scales: float32, [outputs]."""

    whole: Array
    scales: Array
    values: Array
    """What they stand for, float32, in the constant's shape."""


def fitted_weights(
    calibration: Calibration, model: ir.Model, names: Collection[str]
) -> dict[str, Fitted]:
    """Return the constants `names` of a frozen graph, rounded by what they are multiplied with.

    One step an output, the largest weight of which is 127 of them. What cannot be fitted is left
    out (`moments.weights_of`).
    """
    weights = [w for w in weights_of(model) if w.name in names]
    if not weights:
        return {}
    key = _key(calibration, model, weights)
    if (kept := cached(key, _SUFFIX)) is not None:
        with np.load(kept, allow_pickle=False) as arrays:
            pairs = {w.name: (arrays[f"w{i}"], arrays[f"s{i}"]) for i, w in enumerate(weights)}
        return {w.name: _made(w, *pairs[w.name]) for w in weights if pairs[w.name][0].size}
    found: dict[str, tuple[Array, Array]] = {}
    for weight, moments in moments_of(calibration, model, weights):
        calibration.progress(f"rounding weights: {len(found) + 1} of {len(weights)}")
        found[weight.name] = _fit(weight, moments)
    none = np.zeros(0, np.int8), np.zeros(0, np.float32)
    with scratch_file(_SUFFIX) as file:
        arrays = {}
        for i, weight in enumerate(weights):
            arrays[f"w{i}"], arrays[f"s{i}"] = found.get(weight.name, none)
        np.savez(file, allow_pickle=False, **arrays)
        keep(key, file, _SUFFIX)
    return {w.name: _made(w, *found[w.name]) for w in weights if w.name in found}


def with_fitted(model: ir.Model, weights: Mapping[str, Fitted]) -> ir.Model:
    """Return a copy of the graph that computes with what the whole numbers stand for."""
    copy = model.clone()
    for value in copy.graph.initializers.values():
        if (own := weights.get(value.name or "")) is not None:
            value.const_value = ir.tensor(own.values, name=value.name)
    return copy


def _fit(weight: Weight, moments: Moments) -> tuple[Array, Array]:
    matrix = weight.matrix.astype(np.float64)
    whole, scales = np.empty(matrix.shape, np.int8), np.empty(matrix.shape[:2], np.float32)
    for i, (w, seen) in enumerate(zip(matrix, moments.second, strict=True)):
        steps = scales_of(w)
        whole[i] = fitted(w, steps, seen)
        scales[i] = steps[:, 0]
    return weight.like(whole), scales.reshape(-1)


def _made(weight: Weight, whole: Array, scales: Array) -> Fitted:
    groups, outputs, depth = weight.matrix.shape
    spread = np.broadcast_to(scales.reshape(groups, outputs, 1), (groups, outputs, depth))
    values = whole.astype(np.float32) * weight.like(np.ascontiguousarray(spread))
    return Fitted(whole, scales, values)


def _key(calibration: Calibration, model: ir.Model, weights: list[Weight]) -> str:
    proto = ir.to_proto(model)
    digest = hashlib.sha256(proto.SerializeToString(deterministic=True))
    said = (
        version("mobilecat"),
        str(PLACES),
        calibration.image.model_dump_json(),
        *calibration.hashes,
        *(w.name for w in weights),
    )
    digest.update("\0".join(said).encode())
    return f"fitted-{digest.hexdigest()[:32]}"

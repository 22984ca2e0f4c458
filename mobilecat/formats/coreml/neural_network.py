"""MIL program → NeuralNetwork specification, through coremltools' backend.

That backend appends weights one Python float at a time, a second for every two million. Here the
layers are made hollow and their weights parsed from bytes: the same message, far sooner.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from mobilecat.formats.coreml.compress.pack import affine
from mobilecat.formats.coreml.compress.weights import SMALLEST
from mobilecat.formats.coreml.program import Precision, Program
from mobilecat.formats.coreml.recipe import PLAIN, Recipe
from mobilecat.graph import Array

_HALF_LAYERS = ("convolution", "innerProduct", "batchedMatmul")


def neural_network(program: Program, precision: Precision, recipe: Recipe = PLAIN) -> Any:
    """Return the Model proto; float16 stores large weights as halves, arithmetic is Core ML's.

    recipe: int8 stores them as bytes with a scale and a bias for each output channel.
    """
    from coremltools.converters.mil.backend.nn.load import load

    with _no_progress_bar(), _weights_as_bytes():
        spec = load(program.mil)
    if precision == "float16":
        for layer in spec.neuralNetwork.layers:
            if layer.output[0] not in program.float32_layers:
                _halve_weights(layer)
    if recipe.weights == "int8":
        for layer in spec.neuralNetwork.layers:
            if layer.output[0] not in program.float32_layers:
                _quantise_weights(layer)
    return spec


@contextmanager
def _no_progress_bar() -> Iterator[None]:
    """coremltools' backend has no switch for it."""
    from coremltools.converters.mil.backend.nn import op_mapping

    bar = op_mapping._tqdm
    op_mapping._tqdm = lambda ops, **_: ops
    try:
        yield
    finally:
        op_mapping._tqdm = bar


@contextmanager
def _weights_as_bytes() -> Iterator[None]:
    from coremltools.models.neural_network import NeuralNetworkBuilder as Builder

    orders = {"add_convolution": _convolution_order, "add_inner_product": _as_it_is}
    saved = {name: getattr(Builder, name) for name in orders}
    for name, order in orders.items():
        setattr(Builder, name, _filled_later(saved[name], order))
    try:
        yield
    finally:
        for name, original in saved.items():
            setattr(Builder, name, original)


def _filled_later(
    original: Callable[..., Any], order: Callable[[Array, dict[str, Any]], Array]
) -> Callable[..., Any]:
    def add(builder: Any, *positional: Any, **options: Any) -> Any:
        weights = options.get("W")
        if not isinstance(weights, np.ndarray) or options.get("quantization_type") is not None:
            return original(builder, *positional, **options)
        hollow = np.empty((0,) * weights.ndim, np.float32)
        layer = original(builder, *positional, **(options | {"W": hollow}))
        params = getattr(layer, layer.WhichOneof("layer"))
        _fill(params.weights, order(weights, options))
        return layer

    return add


def _convolution_order(weights: Array, options: dict[str, Any]) -> Array:
    """[H, W, in, out] → [out, in, H, W]; a deconvolution keeps in before out."""
    return weights.transpose((2, 3, 0, 1) if options.get("is_deconv") else (3, 2, 0, 1))


def _as_it_is(weights: Array, _: dict[str, Any]) -> Array:
    return weights


def _fill(field: Any, values: Array) -> None:
    """Parse `WeightParams.floatValue` (field 1, packed) from the array's bytes."""
    data = np.ascontiguousarray(values, "<f4").tobytes()
    field.MergeFromString(b"\x0a" + _varint(len(data)) + data)


def _varint(n: int) -> bytes:
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes([*out, n])


def _halve_weights(layer: Any) -> None:
    """Store a layer's weights and bias as float16; Core ML wants both in the same type."""
    kind = layer.WhichOneof("layer")
    if kind not in _HALF_LAYERS:
        return
    params = getattr(layer, kind)
    for field in (params.weights, params.bias):
        if field.floatValue:
            field.float16Value = np.asarray(field.floatValue, np.float32).astype("<f2").tobytes()
            field.ClearField("floatValue")


def _quantise_weights(layer: Any) -> None:
    """Store a layer's large weights as bytes: w = scale·byte + bias, both a number a channel.

    Symmetric, as in a program: the byte 128 is 0. The layer's own bias stays as it is.
    https://github.com/apple/coremltools/blob/9.0/mlmodel/format/NeuralNetwork.proto
    """
    kind = layer.WhichOneof("layer")
    params = getattr(layer, kind)
    if kind not in _HALF_LAYERS[:2] or (kind == "convolution" and params.isDeconvolution):
        return
    field = params.weights
    halves = bool(field.float16Value)
    flat = np.frombuffer(field.float16Value, "<f2") if halves else np.asarray(field.floatValue)
    if flat.size < SMALLEST:
        return
    rows = params.outputChannels
    made = affine(flat.astype(np.float32).reshape(rows, -1), 0, np.float32)
    field.Clear()
    field.rawValue = (made.q.astype(np.int16) + 128).astype(np.uint8).tobytes()
    field.quantization.numberOfBits = 8
    linear = field.quantization.linearQuantization
    linear.scale.extend(made.scale.tolist())
    linear.bias.extend((-128 * made.scale).tolist())

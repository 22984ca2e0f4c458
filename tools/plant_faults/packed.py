"""Changes of quantised artifacts where their numbers lie: integers, scales, palettes."""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import onnx_ir as ir

from mobilecat.formats.coreml.compress.pack import packed_bits
from mobilecat.formats.coreml.runtime.package import read_package
from mobilecat.formats.coreml.runtime.values import literal, tensor_type
from mobilecat.formats.coreml.runtime.weights import WeightFiles
from mobilecat.formats.tflite.quantise import fitting
from mobilecat.graph import Array
from mobilecat.quantize import Calibration
from mobilecat.quantize.fitted import Fitted
from mobilecat.quantize.moments import weights_of
from tools.plant_faults.changes import Plant
from tools.plant_faults.files import coreml_file, edit_tflite, operations, tflite_ops
from tools.plant_faults.workshop import Mutant

Change = Callable[[Array], Array]
Rounding = Callable[[Array, Array], Array]
_FIELDS = ("ints", "floats", "bools", "longInts", "doubles")


def chosen(items: list[Any], share: float) -> Any:
    assert items, "nothing of this kind is in the file"
    return items[round(share * (len(items) - 1))]


# Core ML ------------------------------------------------------------------------------------------


def coreml_ops(spec: Any, kind: str, fits: Callable[[Any], bool] = lambda _: True) -> list[Any]:
    return [o for o in operations(spec) if o.type.startswith(kind) and fits(o)]


def weight(
    param: str,
    change: Change,
    share: float = 0.5,
    kind: str = "constexpr_",
    fits: Callable[[tuple[int, ...]], bool] = lambda _: True,
) -> Plant:
    """Change one parameter of one packed weight. fits: of the shape of what it unpacks to."""

    def plant(m: Mutant) -> None:
        spec = read_package(m.path).spec
        found = coreml_ops(spec, kind, lambda o: _has(o, param) and fits(_shape(o)))
        value = _value(spec, chosen(found, share), param)
        _change(m.path, value, change)
        coreml_file(m.path).write_bytes(spec.SerializeToString())

    return plant


def activation(param: str, change: Change, share: float = 0.5, both: bool = True) -> Plant:
    """Change scale or zero point of one quantised activation; both: of quantize and dequantize."""

    def plant(m: Mutant) -> None:
        spec = read_package(m.path).spec
        op = chosen(coreml_ops(spec, "quantize"), share)
        after = [
            o
            for o in coreml_ops(spec, "dequantize")
            if o.inputs["input"].arguments[0].name == op.outputs[0].name
        ]
        for o in (op, *after) if both else after:
            _alone(spec, o, param)
            _change(m.path, _value(spec, o, param), change)
        coreml_file(m.path).write_bytes(spec.SerializeToString())

    return plant


def exchanged_activations(param: str = "scale") -> Plant:
    """One activation has another's."""

    def plant(m: Mutant) -> None:
        spec = read_package(m.path).spec
        files = WeightFiles(read_package(m.path).model_dir)
        ops = coreml_ops(spec, "quantize")
        a = chosen(ops, 0.5)
        own = literal(_value(spec, a, param), files)
        others = (literal(_value(spec, o, param), files) for o in ops)
        other = next(v for v in others if not np.allclose(v, own, rtol=0.2))
        activation(param, lambda _: other)(m)

    return plant


def axis_of_scales(m: Mutant) -> None:
    """A square weight's scales lie along its inputs."""
    spec = read_package(m.path).spec

    def square(o: Any) -> bool:
        shape = _shape(o)
        return len(shape) > 1 and shape[0] == shape[1]

    op = chosen(coreml_ops(spec, "constexpr_affine", square), 0.5)
    _change(m.path, _value(spec, op, "axis"), lambda a: 1 - a)
    coreml_file(m.path).write_bytes(spec.SerializeToString())


def _has(op: Any, param: str) -> bool:
    return param in op.attributes or param in op.inputs


def _shape(op: Any) -> tuple[int, ...]:
    return tuple(int(d or 0) for d in tensor_type(op.outputs[0].type).shape)


def _value(spec: Any, op: Any, param: str) -> Any:
    if param in op.attributes:
        return op.attributes[param]
    argument = op.inputs[param].arguments[0]
    if argument.WhichOneof("binding") == "value":
        return argument.value
    made = next(o for o in operations(spec) if o.outputs[0].name == argument.name)
    return made.attributes["val"]


def _alone(spec: Any, op: Any, param: str) -> None:
    """Give an op a copy of a constant that it may share with others."""
    value = type(_value(spec, op, param))()
    value.CopyFrom(_value(spec, op, param))
    argument = op.inputs[param].arguments[0]
    argument.Clear()
    argument.value.CopyFrom(value)


def _change(path: Path, value: Any, change: Change) -> None:
    files = WeightFiles(read_package(path).model_dir)
    old = literal(value, files)
    assert isinstance(old, np.ndarray)
    new = np.asarray(change(old.copy())).astype(old.dtype)
    assert new.shape == old.shape and not np.array_equal(new, old), "nothing was changed"
    kind = tensor_type(value.type).dtype
    data = _bytes(new, kind)
    if value.WhichOneof("value") == "blobFileValue":
        blob = value.blobFileValue
        file = coreml_file(path).parent / "weights" / "weight.bin"
        whole = bytearray(file.read_bytes())
        _, _, size, start = struct.unpack_from("<IIQQ", whole, blob.offset)
        assert len(data) <= size
        whole[start : start + len(data)] = data
        file.write_bytes(whole)
        return
    tensor = value.immediateValue.tensor
    field = tensor.WhichOneof("value")
    if field == "bytes":
        tensor.bytes.values = data
    else:
        values = getattr(tensor, field).values
        del values[:]
        values.extend(new.reshape(-1).tolist())


def _bytes(values: Array, kind: str) -> bytes:
    bits = int("".join(c for c in kind if c.isdigit()) or 8)
    if bits < 8:
        return packed_bits(values.astype(np.int16) & ((1 << bits) - 1), bits).tobytes()
    return values.tobytes()


# TFLite -------------------------------------------------------------------------------------------

_SUMS = ("CONV_2D", "DEPTHWISE_CONV_2D")


def flat(change: Callable[[Any], object]) -> Plant:
    return lambda m: edit_tflite(m.path, change)


def flat_weight(change: Change, share: float = 0.5, at: int = 1, code: str = "CONV_2D") -> Plant:
    """Change the stored numbers of one convolution's weights (or bias: `at` 2)."""

    def edit(model: Any) -> None:
        tensor = _input(model, chosen(_large(model, code), share), at)
        buffer = model.buffers[tensor.buffer]
        dtype = {1: "<f2", 0: "<f4", 9: "i1", 2: "<i4"}[tensor.type]
        old = np.frombuffer(bytes(buffer.data), dtype).reshape(tensor.shape)
        new = np.asarray(change(old.copy())).astype(old.dtype)
        assert not np.array_equal(new, old), "nothing was changed"
        buffer.data = np.frombuffer(new.tobytes(), np.uint8)

    return flat(edit)


def flat_quant(
    change: Callable[[Any, Any], object],
    share: float = 0.5,
    at: int = 1,
    fits: Callable[[tuple[int, ...]], bool] = lambda _: True,
    made: bool = False,
) -> Plant:
    """Change the quantisation of one convolution's input `at`, or of its result: (it, model)."""

    def edit(model: Any) -> None:
        ops = [o for o in _large(model, "CONV_2D") if fits(tuple(_input(model, o, 1).shape))]
        op = chosen(ops, share)
        tensor = model.subgraphs[0].tensors[op.outputs[0]] if made else _input(model, op, at)
        change(tensor.quantization, model)

    return flat(edit)


def flat_rounding(change: Rounding, share: float = 0.5) -> Plant:
    """Write the artifact again with one layer's weights rounded in another way.

    change: of the weights in steps, [O,…], and the whole numbers that they were rounded to.
    """

    def plant(m: Mutant) -> None:
        made = fitting.fitted_weights

        def other(c: Calibration, model: ir.Model, names: Collection[str]) -> dict[str, Fitted]:
            found = made(c, model, names)
            weights = [w for w in weights_of(model) if w.name in found and w.values.ndim == 4]
            weight = chosen(weights, share)
            own = found[weight.name]
            steps = own.scales.astype(np.float64).reshape(-1, 1, 1, 1)
            whole = np.clip(change(weight.values / steps, own.whole.copy()), -127, 127)
            assert not np.array_equal(whole, own.whole), "nothing was changed"
            values = (whole * steps).astype(np.float32)
            return {**found, weight.name: Fitted(whole.astype(np.int8), own.scales, values)}

        with patch.object(fitting, "fitted_weights", other):
            m.relower()

    return plant


def _input(model: Any, op: Any, at: int) -> Any:
    """Return an input's tensor; where that is unpacked when the file is loaded, the stored one."""
    number = op.inputs[at]
    for unpack in tflite_ops(model, "DEQUANTIZE"):
        stored = model.subgraphs[0].tensors[unpack.inputs[0]]
        data = model.buffers[stored.buffer].data
        if unpack.outputs[0] == number and data is not None and len(data):
            return stored
    return model.subgraphs[0].tensors[number]


def _large(model: Any, code: str) -> list[Any]:
    return [o for o in tflite_ops(model, code) if np.prod(_input(model, o, 1).shape) >= 1024]

"""Preprocessing in front of the network: colour order, range, mean, std, layout."""

from __future__ import annotations

from typing import Literal

import numpy as np
import onnx_ir as ir

from mobilecat.errors import ModelError, Problem
from mobilecat.graph import Array, const_of, dtype_of, shape_of
from mobilecat.graph.builder import typed
from mobilecat.spec import ImageSpec

IMAGE = "image"

Form = Literal["uint8", "float32", "planar"]
"""What the baked input takes.

uint8, float32: [1,H,W,C], RGB order (or one grey channel), values 0–255.
planar: float32 [1,C,H,W], the network's own channel order, values 0–255; Core ML's image input
converts to it by itself.
"""


def image_input_of(model: ir.Model, spec: ImageSpec) -> ir.Value:
    """Return the graph input that takes the picture; ModelError where there is not just one."""
    inputs = list(model.graph.inputs)
    names = ", ".join(f"{v.name} {list(shape_of(v))}" for v in inputs)
    if spec.tensor is not None:
        found = [v for v in inputs if v.name == spec.tensor]
    else:
        found = [v for v in inputs if layout_of(shape_of(v), spec) is not None]
    if len(found) != 1:
        what = "no input" if not found else f"{len(found)} inputs"
        raise ModelError(
            "Which input takes the picture?",
            [
                Problem(
                    f"{what} of {spec.channels}×{spec.size[1]}×{spec.size[0]} "
                    f"(channels × height × width); there is {names}",
                    fix="set input.tensor, input.size (width, height) and input.color in the spec",
                )
            ],
        )
    if layout_of(shape_of(found[0]), spec) is None:
        width, height = spec.size
        raise ModelError(
            "The spec's picture does not fit the model's input",
            [
                Problem(
                    f"has shape {list(shape_of(found[0]))}; the spec says "
                    f"{spec.channels} channels, width {width}, height {height}",
                    f"input {found[0].name!r}",
                    "correct input.size or input.color",
                )
            ],
        )
    return found[0]


def layout_of(shape: tuple[int, ...], spec: ImageSpec) -> Literal["NCHW", "NHWC"] | None:
    """Return how `shape` holds one picture of the spec's size, or None where it cannot."""
    if shape == spec.shape("NCHW"):
        return "NCHW"
    if shape == spec.shape("NHWC"):
        return "NHWC"
    return None


def scale_and_bias(spec: ImageSpec) -> tuple[Array, Array]:
    """Return per-channel float32 (scale, bias): network value = pixel · scale + bias."""
    low, high = spec.range
    mean = np.array(spec.per_channel(spec.mean), dtype=np.float64)
    std = np.array(spec.per_channel(spec.std), dtype=np.float64)
    scale = (high - low) / 255.0 / std
    bias = (low - mean) / std
    return scale.astype(np.float32), bias.astype(np.float32)


def bake_preprocessing(model: ir.Model, spec: ImageSpec, form: Form) -> tuple[str, ...]:
    """Put the preprocessing in front of `model`, in place; return the names of the new nodes.

    Given:   input[1,3,H,W] → network
    Result:  image → Cast → Transpose → Mul → Add → network
    """
    old = image_input_of(model, spec)
    _require_fitting_numbers(old, spec)
    layout = layout_of(shape_of(old), spec)
    width, height = spec.size
    scale, bias = scale_and_bias(spec)
    if spec.color == "BGR" and form != "planar" and not _reorder_first_convs(old):
        order: list[int] | None = [2, 1, 0]
    else:
        order = None
        if spec.color == "BGR" and form != "planar":
            scale, bias = scale[::-1], bias[::-1]

    shape = (
        (1, spec.channels, height, width) if form == "planar" else (1, height, width, spec.channels)
    )
    dtype = ir.DataType.UINT8 if form == "uint8" else ir.DataType.FLOAT
    image = typed(IMAGE, shape, dtype)
    front = _Front(model, image)
    plain = bool(np.all(scale == 1) and np.all(bias == 0))
    kind = ir.DataType.UINT8 if form == "uint8" else ir.DataType.FLOAT
    if form == "uint8" and not (plain and old.dtype == ir.DataType.UINT8):
        kind = ir.DataType.FLOAT
        front.op("Cast", "float", to=int(ir.DataType.FLOAT))
    if order is not None:
        front.op("Gather", "order", np.array(order, dtype=np.int64), axis=3)
    perm = _perm(form, layout, spec.transposed)
    if perm != [0, 1, 2, 3]:
        front.op("Transpose", "layout", perm=perm)
    if not np.all(scale == 1):
        front.op("Mul", "scaled", _along(scale, layout))
    if not np.all(bias == 0):
        front.op("Add", "normalised", _along(bias, layout))
    if old.dtype not in (None, kind):
        moved = _moved_before_casts(old) if dtype_of(old).kind in "iu" else None
        if moved is None:
            front.op("Cast", "as_the_network_takes_it", to=int(old.dtype))
        for value in moved or ():
            value.type = ir.TensorType(kind)
    front.finish(old)
    return tuple(front.names)


def _require_fitting_numbers(network_input: ir.Value, spec: ImageSpec) -> None:
    """Raise ModelError where a network of whole numbers would be given fractions, or too much."""
    dtype = dtype_of(network_input)
    if dtype.kind == "f":
        return
    problem = None
    scale, bias = scale_and_bias(spec)
    if dtype.kind not in "iu":
        problem = f"it takes {dtype.name}, which is no picture"
    elif np.any(scale != 1) or np.any(bias != np.round(bias)):
        problem = f"it takes {dtype.name}, and range, mean and std make fractions of the pixels"
    else:
        low, high = float(bias.min()), float(bias.max()) + 255
        if low < np.iinfo(dtype).min or high > np.iinfo(dtype).max:
            problem = f"it takes {dtype.name}, and the spec makes {low:g} to {high:g} of the pixels"
    if problem is not None:
        fix = "leave range, mean and std out where the network normalises by itself"
        where = f"input {network_input.name!r}"
        raise ModelError("The picture does not fit the network", [Problem(problem, where, fix)])


def _moved_before_casts(value: ir.Value) -> list[ir.Value] | None:
    """Return the values that are `value` in another order, where nothing else is done with whole
    numbers than to cast them: pixels as floats then do as well. None where something is."""
    moved: list[ir.Value] = []
    waiting = [value]
    while waiting:
        uses = tuple(waiting.pop().uses())
        for user, _ in uses:
            if user.domain or user.op_type not in ("Cast", "Transpose", "Identity"):
                return None
            if user.op_type != "Cast":
                moved.append(user.outputs[0])
                waiting.append(user.outputs[0])
    return None if any(v.is_graph_output() for v in (value, *moved)) else moved


def _perm(form: Form, layout: str | None, transposed: bool) -> list[int]:
    """Return the order of the picture's dimensions in the network's."""
    batch, rows, cols, channels = (0, 2, 3, 1) if form == "planar" else (0, 1, 2, 3)
    if transposed:
        rows, cols = cols, rows
    return [batch, channels, rows, cols] if layout == "NCHW" else [batch, rows, cols, channels]


def _along(values: Array, layout: str | None) -> Array:
    if np.all(values == values[0]):
        return values[:1].reshape(())
    return np.ascontiguousarray(
        values.reshape((1, -1, 1, 1) if layout == "NCHW" else (1, 1, 1, -1))
    )


def _reorder_first_convs(network_input: ir.Value) -> bool:
    """Swap R and B in the weights that read the picture, where only convolutions do.

    Exact: a convolution sums over its input channels, and zero padding is the same for each.
    """
    uses = tuple(network_input.uses())
    convs = [user for user, index in uses if index == 0 and user.op_type == "Conv"]
    if not uses or len(convs) != len(uses):
        return False
    weights = [conv.inputs[1] for conv in convs]
    arrays = [const_of(w) for w in weights]
    if any(a is None or a.shape[1] != 3 for a in arrays):
        return False
    graph = network_input.graph
    assert graph is not None
    for conv, weight, array in zip(convs, weights, arrays, strict=True):
        assert weight is not None and array is not None
        name = f"{weight.name}__rgb"
        new = graph.initializers.get(name)
        if new is None:
            new = typed(name, array.shape, ir.DataType.from_numpy(array.dtype))
            new.const_value = ir.tensor(np.ascontiguousarray(array[:, ::-1]), name=name)
            graph.register_initializer(new)
        conv.replace_input_with(1, new)
    return True


class _Front:
    """A chain of nodes in front of everything else."""

    def __init__(self, model: ir.Model, image: ir.Value) -> None:
        self.graph = model.graph
        self.last = image
        self.image = image
        self.nodes: list[ir.Node] = []
        self.names: list[str] = []

    def op(self, op_type: str, name: str, *consts: Array, **attributes: object) -> None:
        full = f"preprocess/{name}"
        inputs = [self.last]
        for i, array in enumerate(consts):
            value = typed(f"{full}.{i}", array.shape, ir.DataType.from_numpy(array.dtype))
            value.const_value = ir.tensor(array, name=value.name)
            self.graph.register_initializer(value)
            inputs.append(value)
        node = ir.node(op_type, inputs, attributes, outputs=[ir.Value(name=full)], name=full)  # type: ignore[arg-type]
        self.nodes.append(node)
        self.names.append(full)
        self.last = node.outputs[0]

    def finish(self, old: ir.Value) -> None:
        if old.name == IMAGE:
            old.name = f"{IMAGE}__network"
        for user, index in tuple(old.uses()):
            user.replace_input_with(index, self.last)
        first = next(iter(self.graph), None)
        if first is not None:
            self.graph.insert_before(first, self.nodes)
        else:
            self.graph.extend(self.nodes)
        self.graph.inputs[list(self.graph.inputs).index(old)] = self.image

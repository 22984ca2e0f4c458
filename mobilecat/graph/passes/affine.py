"""Batch norms of Keras arrive as Conv → Mul → Add: worked into the convolution's own weights."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import onnx_ir.passes.common as common

from mobilecat.graph import Array, attr, const_of, opt_input, shape_of

_OUTPUT_AXIS = {"Conv": 0, "ConvTranspose": 1}


def fold_affine(model: ir.Model) -> bool:
    """Fold a product with, or a sum of, one constant a channel into the convolution before it.

    Given:   x → Conv(w, b) → y → Mul(s) → z → Add(t)
    Result:  x → Conv(w·s, b·s + t)

    Only where nothing else reads y or z. Arithmetic in float64, rounded once to the weights' type.
    """
    changed = False
    for node in tuple(model.graph):
        if node.domain or node.op_type not in ("Mul", "Add"):
            continue
        found = _operands(node)
        if found is None:
            continue
        conv, constant = found
        weights, bias = const_of(conv.inputs[1]), const_of(opt_input(conv, 2))
        assert weights is not None
        axis = _OUTPUT_AXIS[conv.op_type]
        new_bias = np.zeros(weights.shape[axis]) if bias is None else bias.astype(np.float64)
        if node.op_type == "Mul":
            along = [-1 if i == axis else 1 for i in range(weights.ndim)]
            scaled = weights.astype(np.float64) * constant.reshape(along)
            _set_input(model, conv, 1, scaled.astype(weights.dtype))
            new_bias = new_bias * constant
        else:
            new_bias = new_bias + constant
        if bias is not None or node.op_type == "Add":
            _set_input(model, conv, 2, new_bias.astype(weights.dtype))
        _take_over(model, conv.outputs[0], node)
        changed = True
    if changed:
        common.RemoveUnusedNodesPass()(model)
    return changed


def _operands(node: ir.Node) -> tuple[ir.Node, Array] | None:
    """Return the convolution that `node` alone reads, and a float64 constant for each channel."""
    for x, c in ((node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])):
        constant = const_of(c)
        conv = x.producer() if x is not None else None
        if x is None or conv is None or constant is None:
            continue
        if conv.domain or conv.op_type not in _OUTPUT_AXIS or shape_of(x) != _out_shape(node):
            continue
        if x.is_graph_output() or len(tuple(x.uses())) != 1 or not _is_constant(conv):
            continue
        per_channel = _per_channel(constant, shape_of(x))
        if per_channel is not None:
            return conv, per_channel
    return None


def _is_constant(conv: ir.Node) -> bool:
    """Whether weights and bias are known, and each output channel has weights of its own axis."""
    bias = opt_input(conv, 2)
    known = const_of(conv.inputs[1]) is not None and (bias is None or const_of(bias) is not None)
    return known and (conv.op_type == "Conv" or attr(conv, "group", 1) == 1)


def _per_channel(constant: Array, shape: tuple[int, ...]) -> Array | None:
    aligned = (1,) * (len(shape) - constant.ndim) + constant.shape
    if any(d != 1 for i, d in enumerate(aligned) if i != 1):
        return None
    return np.broadcast_to(constant.astype(np.float64).reshape(-1), (shape[1],)).copy()


def _out_shape(node: ir.Node) -> tuple[int, ...]:
    return shape_of(node.outputs[0])


def _set_input(model: ir.Model, conv: ir.Node, index: int, array: Array) -> None:
    """Give `conv` an initializer of its own: the old one may serve other nodes."""
    if len(conv.inputs) <= index:
        conv.resize_inputs(index + 1)
    name = f"{conv.name}__{'weights' if index == 1 else 'bias'}"
    old = conv.inputs[index]
    if old is not None and old.name == name:
        old.const_value = ir.tensor(array, name=name)
        return
    while name in model.graph.initializers:
        name += "_"
    value = ir.Value(
        name=name,
        const_value=ir.tensor(array, name=name),
        shape=ir.Shape(array.shape),
        type=ir.TensorType(ir.DataType.from_numpy(array.dtype)),
    )
    model.graph.register_initializer(value)
    conv.replace_input_with(index, value)


def _take_over(model: ir.Model, value: ir.Value, node: ir.Node) -> None:
    """Let `value` stand where the output of `node` stood, under its name."""
    old = node.outputs[0]
    for user, index in tuple(old.uses()):
        user.replace_input_with(index, value)
    for i, out in enumerate(model.graph.outputs):
        if out is old:
            model.graph.outputs[i] = value
    name, old.name = old.name, f"{old.name}__folded"
    model.graph.remove(node, safe=True)
    value.name = name

"""The one graph in the middle, and the few readers of it that every stage shares.

A *frozen graph* is an `onnx_ir.Model` of which every later stage may assume:

* default-domain opset 18 or newer; attributes and inputs in that form;
* every value has a name, a dtype and a fully static shape;
* constants are initializers; there are no `Constant` nodes and no subgraphs;
* every node has a unique, non-empty name;
* besides the default domain there is only `mobilecat::NMS` (see `mobilecat.bake.nms`), carried as a
  model-local function so that onnxruntime runs the graph as it is.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from mobilecat.errors import ModelError, Problem

Array = npt.NDArray[Any]
T = TypeVar("T")

MIN_OPSET = 18
IR_VERSIONS = (8, 10)
"""From the first with model-local functions, opset 18's, to the newest that engines of two years
ago read. Later ones add element types that no target has, and packages write them unasked.
https://github.com/onnx/onnx/blob/main/docs/Versioning.md
"""
MOBILECAT_DOMAIN = "mobilecat"

RANDOM_OPS = frozenset(
    {
        "RandomNormal",
        "RandomUniform",
        "RandomNormalLike",
        "RandomUniformLike",
        "Multinomial",
        "Bernoulli",
    }
)
"""Ops that are no function of their inputs."""


def shape_of(value: ir.Value) -> tuple[int, ...]:
    """Return the static shape of `value`; ModelError where a dimension is unknown."""
    shape = value.shape
    if shape is None or not all(isinstance(d, int) for d in shape):
        raise ModelError(
            "A shape is not known at compile time",
            [Problem(f"value {value.name!r} has shape {shape}", where=producer_of(value))],
        )
    return tuple(int(d) for d in shape)  # type: ignore[arg-type]


def dtype_of(value: ir.Value) -> np.dtype[Any]:
    """Return the numpy dtype of `value`; ModelError where it is unknown."""
    if value.dtype is None:
        raise ModelError(
            "An element type is not known at compile time",
            [Problem(f"value {value.name!r} has no type", where=producer_of(value))],
        )
    return np.dtype(value.dtype.numpy())


def const_of(value: ir.Value | None) -> Array | None:
    """Return the constant behind `value` as an array, or None where it is computed or absent."""
    if value is None or value.const_value is None:
        return None
    return np.asarray(value.const_value.numpy())


def attr(node: ir.Node, name: str, default: T) -> T:
    """Return attribute `name` of `node` as a plain value, or `default` where it is not set."""
    found = node.attributes.get(name)
    if found is None:
        return default
    value: Any = found.value
    if found.type == ir.AttributeType.TENSOR:
        value = value.numpy()
    elif isinstance(value, (list, tuple)):
        value = tuple(value)
    return value  # type: ignore[no-any-return]


def opt_input(node: ir.Node, index: int) -> ir.Value | None:
    """Return input `index`, or None where the node leaves it out."""
    return node.inputs[index] if index < len(node.inputs) else None


def op_of(node: ir.Node) -> str:
    """Return the op's name as users know it: `Conv`, or `domain::Name` outside the default."""
    return f"{node.domain}::{node.op_type}" if node.domain else node.op_type


def where(node: ir.Node) -> str:
    """Return the words that find `node` in a viewer: `Conv 'backbone/conv1'`."""
    return f"{op_of(node)} {node.name!r}"


def producer_of(value: ir.Value) -> str:
    """Return the node that makes `value`, in words."""
    node = value.producer()
    return where(node) if node is not None else f"input {value.name!r}"

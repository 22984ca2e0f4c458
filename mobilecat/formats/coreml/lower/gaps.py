"""What a graph asks for that Core ML does not have: all of it, before anything is built."""

from __future__ import annotations

from collections.abc import Iterator

import onnx_ir as ir

from mobilecat.errors import Problem, UnsupportedError
from mobilecat.formats.base.lowering import prepared
from mobilecat.formats.coreml.lower import LOWERINGS
from mobilecat.formats.coreml.lower.lowering import MAX_RANK, Format
from mobilecat.graph import dtype_of, shape_of, where

# What a value inside the graph may be: floats become float32 or float16, integers int32.
_FLOATS = ("float16", "float32", "float64", "bfloat16")
_INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
_DTYPES = frozenset(("bool", *_FLOATS, *_INTEGERS))
_INPUT_DTYPES = _DTYPES - {"bfloat16", "uint32", "uint64"}

# Ops whose lowering needs a MIL op that has no NeuralNetwork layer: taken apart for that.
_NO_NN_LAYER = frozenset({"GridSample"})


def prepared_for(model: ir.Model, fmt: Format) -> ir.Model:
    """Return the graph as one form of Core ML is lowered from it."""
    lacks = _NO_NN_LAYER if fmt == "mlmodel" else frozenset()
    return prepared(model, LOWERINGS, MAX_RANK, lacks)


def require(model: ir.Model, fmt: Format, image: str | None = None) -> None:
    """Raise one UnsupportedError with every input and node that has no form in `fmt`."""
    model = prepared_for(model, fmt)
    problems = [*_input_problems(model, image), *_node_problems(model, fmt)]
    if problems:
        raise UnsupportedError(
            f"Core ML ({fmt}) has no form for {len(problems)} parts of this model", problems
        )


def _input_problems(model: ir.Model, image: str | None) -> Iterator[Problem]:
    for value in model.graph.inputs:
        if value.name != image and dtype_of(value).name not in _INPUT_DTYPES:
            yield Problem(
                f"Core ML has no multiarray of {dtype_of(value)}",
                where=f"input {value.name!r}",
                fix="make it an image input, or cast it from float32 or int32 inside the graph",
            )


def _node_problems(model: ir.Model, fmt: Format) -> Iterator[Problem]:
    try:
        LOWERINGS.require(model)
    except UnsupportedError as e:
        yield from e.problems
    for node in model.graph:
        for value in (*node.inputs, *node.outputs):
            reason = _value_problem(value, fmt) if value is not None and value.name else None
            if reason:
                yield Problem(reason, where=where(node))
                break


def _value_problem(value: ir.Value, fmt: Format) -> str | None:
    shape = shape_of(value)
    if len(shape) > MAX_RANK:
        return (
            f"{value.name!r} has rank {len(shape)}; Core ML goes to {MAX_RANK} (transpositions and "
            "elementwise ops between two reshapes are brought to fewer)"
        )
    if 0 in shape and value.const_value is None:
        return f"{value.name!r} of shape {list(shape)} is empty"
    if dtype_of(value).name not in _DTYPES:
        return f"{value.name!r} holds {dtype_of(value)}"
    return None

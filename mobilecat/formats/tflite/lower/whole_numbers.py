"""Which int64 values surely fit int32, in which TFLite divides: indices are never larger."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from mobilecat.graph import const_of, dtype_of

_INT32 = np.iinfo(np.int32)
_COUNTS = frozenset({"ArgMax", "ArgMin", "Shape", "Size", "TopK"})
_MOVES = frozenset(
    {
        "Expand",
        "Flatten",
        "Gather",
        "GatherElements",
        "GatherND",
        "Identity",
        "Reshape",
        "Slice",
        "Split",
        "Squeeze",
        "Tile",
        "Transpose",
        "Unsqueeze",
    }
)
_NARROWER = frozenset({"bool", "int8", "uint8", "int16", "uint16", "int32"})


def fits_int32(value: ir.Value | None) -> bool:
    """Return whether every number that `value` can hold fits int32, as far as its making tells."""
    waiting, seen = [value], set[ir.Value]()
    while waiting:
        found = waiting.pop()
        if found is None:
            return False
        if found in seen:
            continue
        seen.add(found)
        constant = const_of(found)
        if constant is not None:
            if constant.size and not (_INT32.min < constant.min() and constant.max() <= _INT32.max):
                return False
            continue
        if dtype_of(found).name in _NARROWER:
            continue
        node = found.producer()
        if node is None or node.domain:
            return False
        if node.op_type in _COUNTS:
            continue
        if node.op_type in _MOVES or node.op_type in ("Cast", "Div", "Abs", "Neg"):
            waiting.append(node.inputs[0])  # a quotient is no larger than what was divided
        elif node.op_type in ("Concat", "Max", "Min"):
            waiting += node.inputs
        elif node.op_type == "Where":
            waiting += node.inputs[1:]
        elif node.op_type == "Mod":
            waiting.append(node.inputs[1])
        else:
            return False
    return True

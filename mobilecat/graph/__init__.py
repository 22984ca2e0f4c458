"""The one graph in the middle: an onnx-ir model of static shapes and frozen weights.

Takes ONNX nodes and values; gives their shapes, dtypes and constants (`base`), rewritten graphs
(`passes`), new nodes (`builder`) and anchors found in them (`anchors`). Knows no format, no head.
"""

import mobilecat.late  # noqa: F401  # before any other import of onnx_ir
from mobilecat.graph.base import (
    IR_VERSIONS,
    MIN_OPSET,
    MOBILECAT_DOMAIN,
    RANDOM_OPS,
    Array,
    attr,
    const_of,
    dtype_of,
    op_of,
    opt_input,
    producer_of,
    shape_of,
    where,
)

__all__ = [
    "IR_VERSIONS",
    "MIN_OPSET",
    "MOBILECAT_DOMAIN",
    "RANDOM_OPS",
    "Array",
    "attr",
    "const_of",
    "dtype_of",
    "op_of",
    "opt_input",
    "producer_of",
    "shape_of",
    "where",
]

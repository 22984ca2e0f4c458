"""The table of TFLite's lowerings: one op, one small function, a file a family.

Takes nodes of a frozen graph; gives operators of the flatbuffer. `LOWERINGS` has every op but
TFLite_Detection_PostProcess, which `detection` adds; to add one, copy a function of its family.
"""

from mobilecat.formats.tflite.lower import (
    activation,
    conv,
    elementwise,
    gather,
    matmul,
    nms,
    norm,
    pool,
    quantise,
    reduce,
    resize,
    shape,
)
from mobilecat.formats.tflite.lower.lowering import LOWERINGS

__all__ = ["LOWERINGS"]
_FAMILIES = (
    activation,
    conv,
    elementwise,
    gather,
    matmul,
    nms,
    norm,
    pool,
    quantise,
    reduce,
    resize,
    shape,
)  # each fills the table when it is imported

"""The table of Core ML's lowerings: one op, one small function, a file a family.

Takes nodes of a frozen graph; gives MIL operations. `LOWERINGS` has every op; to add one, copy a
function of the family's file.
"""

from mobilecat.formats.coreml.lower import (
    activation,
    conv,
    elementwise,
    gather,
    matmul,
    nms,
    norm,
    quantize,
    reduce,
    resize,
    shape,
)
from mobilecat.formats.coreml.lower.lowering import LOWERINGS

__all__ = ["LOWERINGS"]
_FAMILIES = (
    activation,
    conv,
    elementwise,
    gather,
    matmul,
    nms,
    norm,
    quantize,
    reduce,
    resize,
    shape,
)  # each fills the table when it is imported

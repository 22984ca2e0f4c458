"""Frozen graph → Core AI's dialect: one op, one small function, in a table."""

from mobilecat.formats.coreai.lower import (
    activation,
    conv,
    elementwise,
    gather,
    matmul,
    nms,
    norm,
    pool,
    quantize,
    reduce,
    resize,
    shape,
)
from mobilecat.formats.coreai.lower.node import LOWERINGS

__all__ = ["LOWERINGS"]
_REGISTERED = (
    activation,
    conv,
    elementwise,
    gather,
    matmul,
    nms,
    norm,
    pool,
    quantize,
    reduce,
    resize,
    shape,
)

"""The table with every lowering in it."""

from mobilecat.targets.coreml import (
    nms,
    ops_activation,
    ops_conv,
    ops_elementwise,
    ops_gather,
    ops_matmul,
    ops_norm,
    ops_quantize,
    ops_reduce,
    ops_resize,
    ops_shape,
)
from mobilecat.targets.coreml.lowering import LOWERINGS

__all__ = ["LOWERINGS"]
_REGISTERED = (
    nms,
    ops_activation,
    ops_conv,
    ops_elementwise,
    ops_gather,
    ops_matmul,
    ops_norm,
    ops_quantize,
    ops_reduce,
    ops_resize,
    ops_shape,
)

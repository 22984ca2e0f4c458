"""The table with every lowering in it."""

from mobilecat.formats.coreml.lower import (
    activation as ops_activation,
)
from mobilecat.formats.coreml.lower import (
    conv as ops_conv,
)
from mobilecat.formats.coreml.lower import (
    elementwise as ops_elementwise,
)
from mobilecat.formats.coreml.lower import (
    gather as ops_gather,
)
from mobilecat.formats.coreml.lower import (
    matmul as ops_matmul,
)
from mobilecat.formats.coreml.lower import (
    nms,
)
from mobilecat.formats.coreml.lower import (
    norm as ops_norm,
)
from mobilecat.formats.coreml.lower import (
    quantize as ops_quantize,
)
from mobilecat.formats.coreml.lower import (
    reduce as ops_reduce,
)
from mobilecat.formats.coreml.lower import (
    resize as ops_resize,
)
from mobilecat.formats.coreml.lower import (
    shape as ops_shape,
)
from mobilecat.formats.coreml.lower.lowering import LOWERINGS

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

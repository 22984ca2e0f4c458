"""Convolution, and the windows that it shares with pooling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from mobilecat.formats.base.windows import Pairs, window_pads
from mobilecat.formats.coreai.lower.build import Build, Var, shape_of_var
from mobilecat.formats.coreai.lower.node import Node, lowers
from mobilecat.graph import Array, shape_of


def spatial(node: ir.Node) -> str | None:
    """Refuse all but 1, 2 or 3 spatial axes."""
    source = node.inputs[0]
    assert source is not None
    rank = len(shape_of(source))
    return None if 3 <= rank <= 5 else f"{rank - 2} spatial axes; Core AI has forms for 1, 2 and 3"


def rows(x: Var, b: Build) -> Var:
    """Return [N,C,L] as [N,C,1,L]: there are no one-dimensional windows."""
    shape = shape_of_var(x)
    return b.reshape(x, (*shape[:2], 1, shape[2])) if len(shape) == 3 else x


def sizes(values: Sequence[int], fill: int = 1) -> Array:
    """Return numbers per spatial axis as the dialect's windows take them: two at least."""
    return np.array([fill, *values] if len(values) == 1 else values, np.uint32)


@lowers("Conv", check=spatial)
def lower_conv(n: Node) -> Var:
    """Pads come first, by an op of their own: the dialect's convolutions have none."""
    b, kernel = n.build, n.shape(1)[2:]
    pads = window_pads(n.node, n.shape()[2:], kernel, n.out_shape()[2:])
    ones = (1,) * len(kernel)
    out = b.op(
        "conv3d" if len(kernel) == 3 else "conv2d",
        rows(b.pad(n.x(), [(0, 0), (0, 0), *pads]), b),
        rows(n.x(1), b),
        sizes(n.attr("strides", ones)),
        sizes(n.attr("dilations", ones)),
        np.uint32(n.attr("group", 1)),
    )
    return with_bias(n, b.reshape(out, n.out_shape()))


def with_bias(n: Node, x: Var) -> Var:
    if not n.has(2):
        return x
    shape = (1, -1, *(1,) * (len(n.shape()) - 2))
    bias = n.const(2)
    if bias is not None:
        return n.build.add(x, bias.reshape(shape))
    return n.build.add(x, n.build.reshape(n.x(2), (1, n.shape(2)[0], *shape[2:])))


@lowers("ConvTranspose", check=spatial)
def lower_conv_transpose(n: Node) -> Var:
    """Pads crop the full result. Equal ones on both sides are the op's own; others a slice after.

    Where output_padding asks for more than there is, the rest is zeros, to which the bias is added.
    """
    b, kernel = n.build, n.shape(1)[2:]
    ones = (1,) * len(kernel)
    strides, dilations = n.attr("strides", ones), n.attr("dilations", ones)
    crops = _crops(n, kernel, strides, dilations)
    own = [before if before == after and before > 0 else 0 for before, after in crops]
    out = b.op(
        "conv_transpose3d" if len(kernel) == 3 else "conv_transpose2d",
        rows(n.x(), b),
        rows(n.x(1), b),
        sizes(strides),
        sizes(own, 0),
        sizes(dilations),
        sizes((0,) * len(kernel), 0),
        np.uint32(n.attr("group", 1)),
    )
    if len(kernel) == 1:
        shape = shape_of_var(out)
        out = b.reshape(out, (*shape[:2], shape[3]))
    rest = [(p - before, p - after) for p, (before, after) in zip(own, crops, strict=True)]
    return with_bias(n, b.pad(out, [(0, 0), (0, 0), *rest]))


def _crops(
    n: Node, kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int]
) -> Pairs:
    """Return the crops that lead from the full result to the output's declared size."""
    rank, size, out = len(kernel), n.shape()[2:], n.out_shape()[2:]
    full = [strides[i] * (size[i] - 1) + (kernel[i] - 1) * dilations[i] + 1 for i in range(rank)]
    auto = n.attr("auto_pad", "NOTSET")
    if auto in {"NOTSET", ""} and not n.attr("output_shape", ()):
        begins = n.attr("pads", (0,) * (2 * rank))[:rank]
    else:  # the total follows from the output's size; the smaller half comes first, or last
        total = [full[i] - out[i] + n.attr("output_padding", (0,) * rank)[i] for i in range(rank)]
        upper = auto == "SAME_UPPER"
        begins = tuple(max(t, 0) // 2 if upper else max(t, 0) - max(t, 0) // 2 for t in total)
    return [(int(begins[i]), full[i] - out[i] - int(begins[i])) for i in range(rank)]

"""Convolution, pooling, matrix products."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import onnx_ir as ir

from mobilecat.graph import Array, attr, const_of, opt_input, shape_of
from mobilecat.targets.coreml.lowering import LOWERINGS, Node, used
from mobilecat.targets.coreml.mil import Var, mb

Pairs = list[tuple[int, int]]


def window_pads(
    node: ir.Node, size: Sequence[int], kernel: Sequence[int], out: Sequence[int]
) -> Pairs:
    """Return (before, after) per spatial axis, with auto_pad worked out from the output's size."""
    rank = len(kernel)
    strides = attr(node, "strides", (1,) * rank)
    dilations = attr(node, "dilations", (1,) * rank)
    auto = attr(node, "auto_pad", "NOTSET")
    if auto in {"NOTSET", ""}:
        pads = attr(node, "pads", (0,) * (2 * rank))
        return [(int(pads[i]), int(pads[i + rank])) for i in range(rank)]
    if auto == "VALID":
        return [(0, 0)] * rank
    pairs = []
    for i in range(rank):
        reach = (out[i] - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1
        total = max(0, reach - size[i])
        less, more = total // 2, total - total // 2
        pairs.append((less, more) if auto == "SAME_UPPER" else (more, less))
    return pairs


def flat(pairs: Pairs) -> list[int]:
    return [p for pair in pairs for p in pair]


def _check_conv(node: ir.Node) -> str | None:
    rank = len(shape_of(node.inputs[0])) if node.inputs[0] is not None else 0
    if not 3 <= rank <= 5:
        return f"convolution of rank {rank}; Core ML convolves 1, 2 or 3 spatial axes"
    if any(int(p) < 0 for p in attr(node, "pads", ())):
        return "negative padding; crop the input with a Slice instead"
    return None


@LOWERINGS.op("Conv", check=_check_conv)
def lower_conv(n: Node) -> Var:
    kernel, spatial = n.shape(1)[2:], n.shape(0)[2:]
    pads = window_pads(n.node, spatial, kernel, n.out_shape()[2:])
    bias = n.const(2)
    out = mb.conv(
        x=n.x(0),
        weight=n.x(1),
        bias=None if bias is None else n.x(2),
        strides=list(n.attr("strides", (1,) * len(kernel))),
        pad_type="custom" if any(flat(pads)) else "valid",
        pad=flat(pads),
        dilations=list(n.attr("dilations", (1,) * len(kernel))),
        groups=int(n.attr("group", 1)),
    )
    return _add_bias(n, out) if n.has(2) and bias is None else out


def _add_bias(n: Node, x: Var) -> Var:
    shape = [1, -1] + [1] * (len(n.shape(0)) - 2)
    return mb.add(x=x, y=mb.reshape(x=n.x(2), shape=shape))


def _check_conv_transpose(node: ir.Node) -> str | None:
    if const_of(opt_input(node, 1)) is None:
        return "a transposed convolution needs constant weights"
    return _check_conv(node)


@LOWERINGS.op("ConvTranspose", check=_check_conv_transpose)
def lower_conv_transpose(n: Node) -> Var:
    """Crop the full transposed convolution by the pads; output_padding is that much less crop.

    Where output_padding asks for more than there is, the rest is zeros (plus bias), as ONNX says.
    Dilated kernels are spread out with zeros: NeuralNetwork deconvolutions know no dilation.
    """
    weight = n.const(1)
    assert weight is not None
    rank = weight.ndim - 2
    strides = n.attr("strides", (1,) * rank)
    weight = _spread(weight, n.attr("dilations", (1,) * rank))
    crops = _transpose_crops(n, weight.shape[2:], strides)
    short = [(max(0, -b), max(0, -e)) for b, e in crops]
    crops = [(max(0, b), max(0, e)) for b, e in crops]
    bias = n.const(2)
    fused = bias is not None and not any(flat(short))
    out = mb.conv_transpose(
        x=n.x(0),
        weight=n.num(weight),
        bias=n.x(2) if fused else None,
        strides=list(strides),
        pad_type="custom",
        pad=flat(crops),
        groups=int(n.attr("group", 1)),
    )
    if any(flat(short)):
        out = mb.pad(x=out, pad=[0, 0, 0, 0, *flat(short)], mode="constant", constant_val=n.num(0))
    return out if fused or not n.has(2) else _add_bias(n, out)


def _spread(weight: Array, dilations: Sequence[int]) -> Array:
    if set(dilations) <= {1}:
        return weight
    spatial = [(k - 1) * d + 1 for k, d in zip(weight.shape[2:], dilations, strict=True)]
    wide = np.zeros((*weight.shape[:2], *spatial), weight.dtype)
    wide[(..., *(slice(None, None, d) for d in dilations))] = weight
    return wide


def _transpose_crops(n: Node, kernel: Sequence[int], strides: Sequence[int]) -> Pairs:
    """Return the crops that lead from the full result to the output's declared size."""
    rank, size, out = len(kernel), n.shape(0)[2:], n.out_shape()[2:]
    full = [strides[i] * (size[i] - 1) + kernel[i] for i in range(rank)]
    auto = n.attr("auto_pad", "NOTSET")
    if auto in {"NOTSET", ""} and not n.attr("output_shape", ()):
        begins = n.attr("pads", (0,) * (2 * rank))[:rank]
    else:  # the total follows from the output's size; the smaller half comes first, or last
        total = [full[i] - out[i] + n.attr("output_padding", (0,) * rank)[i] for i in range(rank)]
        upper = auto == "SAME_UPPER"
        begins = tuple(max(t, 0) // 2 if upper else max(t, 0) - max(t, 0) // 2 for t in total)
    return [(int(begins[i]), full[i] - out[i] - int(begins[i])) for i in range(rank)]


# Pooling.


def _check_pool(node: ir.Node) -> str | None:
    source = node.inputs[0]
    assert source is not None
    if not 3 <= len(shape_of(source)) <= 5:
        return "pooling needs 1, 2 or 3 spatial axes"
    if used(node, 1):
        return "Core ML returns no indices from a pooling; drop the second output"
    if node.op_type == "AveragePool" and set(attr(node, "dilations", (1,))) != {1}:
        return "Core ML has no dilated average pooling"
    if any(int(p) < 0 for p in attr(node, "pads", ())):
        return "negative padding; crop the input with a Slice instead"
    return None


def _pool_pads(n: Node) -> tuple[Pairs, Pairs]:
    """Return the node's own pads, and those that make a floor division give the output's size.

    ONNX's ceil_mode lets windows reach past the end; MIL allows it with symmetric pads only, so
    the reach becomes padding, which both poolings ignore.
    """
    kernel = n.attr("kernel_shape", ())
    strides = n.attr("strides", (1,) * len(kernel))
    dilations = n.attr("dilations", (1,) * len(kernel))
    size, out = n.shape(0)[2:], n.out_shape()[2:]
    own = window_pads(n.node, size, kernel, out)
    reached = []
    for i, (before, after) in enumerate(own):
        reach = (out[i] - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1
        reached.append((before, max(after, reach - size[i] - before)))
    return own, reached


@LOWERINGS.op("MaxPool", check=_check_pool)
def lower_max_pool(n: Node) -> Var:
    kernel = list(n.attr("kernel_shape", ()))
    _, pads = _pool_pads(n)
    x = n.as_kind(n.x(), "float")
    if set(n.attr("dilations", (1,))) != {1}:
        out = _dilated_max_pool(n, x, kernel, pads)
    else:
        out = mb.max_pool(
            x=x,
            kernel_sizes=kernel,
            strides=list(n.attr("strides", (1,) * len(kernel))),
            pad_type="custom" if any(flat(pads)) else "valid",
            pad=flat(pads),
        )
    return n.as_kind(out, n.kind())


def _dilated_max_pool(n: Node, x: Var, kernel: list[int], pads: Pairs) -> Var:
    """The maximum of one strided slice for every cell of the kernel: MIL's pooling has no dilation."""
    rank = len(kernel)
    strides, dilations = n.attr("strides", (1,) * rank), n.attr("dilations", (1,) * rank)
    lowest = np.finfo(np.float32 if n.float_type == "fp32" else np.float16).min
    x = mb.pad(x=x, pad=[0, 0, 0, 0, *flat(pads)], mode="constant", constant_val=n.num(lowest))
    batch, channels, *out = n.out_shape()
    best = None
    for cell in np.ndindex(*kernel):
        begin = [c * d for c, d in zip(cell, dilations, strict=True)]
        end = [b + (o - 1) * s + 1 for b, o, s in zip(begin, out, strides, strict=True)]
        part = mb.slice_by_index(
            x=x,
            begin=[0, 0, *begin],
            end=[batch, channels, *end],
            stride=[1, 1, *(int(s) for s in strides)],
        )
        best = part if best is None else mb.maximum(x=best, y=part)
    return best


@LOWERINGS.op("AveragePool", check=_check_pool)
def lower_average_pool(n: Node) -> Var:
    """count_include_pad counts the node's own pads, but never what ceil_mode adds past them."""
    kernel = list(n.attr("kernel_shape", ()))
    own, reached = _pool_pads(n)
    x, pads, exclude = n.x(), reached, True
    if n.attr("count_include_pad", 0) and any(flat(own)):
        if own == reached:
            exclude = False
        else:
            x = mb.pad(x=x, pad=[0, 0, 0, 0, *flat(own)], mode="constant", constant_val=n.num(0))
            pads = [(0, r[1] - o[1]) for o, r in zip(own, reached, strict=True)]
    return mb.avg_pool(
        x=x,
        kernel_sizes=kernel,
        strides=list(n.attr("strides", (1,) * len(kernel))),
        pad_type="custom" if any(flat(pads)) else "valid",
        pad=flat(pads),
        exclude_padding_from_average=exclude,
    )


@LOWERINGS.op("GlobalAveragePool")
def lower_global_average_pool(n: Node) -> Var:
    return mb.reduce_mean(x=n.x(), axes=list(range(2, len(n.shape()))), keep_dims=True)


@LOWERINGS.op("GlobalMaxPool")
def lower_global_max_pool(n: Node) -> Var:
    return mb.reduce_max(x=n.x(), axes=list(range(2, len(n.shape()))), keep_dims=True)


# Matrix products.


@LOWERINGS.op("MatMul")
def lower_mat_mul(n: Node) -> Var:
    """numpy's matmul: a 1-D side gains an axis of 1, which is squeezed from the result."""
    a, b = n.as_kind(n.x(0), "float"), n.as_kind(n.x(1), "float")
    rank_a, rank_b = len(n.shape(0)), len(n.shape(1))
    if rank_a > 1 and rank_b == 2 and n.const(1) is not None and rank_a <= 3:
        out = mb.linear(x=a, weight=n.num(np.ascontiguousarray(_const(n, 1).T)))
        return n.as_kind(out, n.kind())
    if rank_a == 1:
        a = mb.expand_dims(x=a, axes=[0])
    if rank_b == 1:
        b = mb.expand_dims(x=b, axes=[1])
    out = mb.matmul(x=a, y=b)
    gone = ([-2] if rank_a == 1 else []) + ([-1] if rank_b == 1 else [])
    out = mb.squeeze(x=out, axes=gone) if gone else out
    return n.as_kind(out, n.kind())


def _const(n: Node, i: int) -> Array:
    found = n.const(i)
    assert found is not None
    return found


@LOWERINGS.op("Gemm")
def lower_gemm(n: Node) -> Var:
    """α·A'·B' + β·C; constant B and a bias per column make it one linear layer."""
    alpha, beta = n.attr("alpha", 1.0), n.attr("beta", 1.0)
    weight, bias = n.const(1), n.const(2)
    columns = n.out_shape()[1]
    plain = not n.has(2) or (bias is not None and bias.size in {1, columns} and bias.ndim < 3)
    if plain and bias is not None and bias.ndim == 2 and bias.shape[0] != 1:
        plain = False
    if weight is not None and plain and not n.attr("transA", 0):
        rows = weight if n.attr("transB", 0) else weight.T
        b = None if bias is None else np.broadcast_to(bias.reshape(-1), (columns,)) * beta
        scaled = np.ascontiguousarray(rows) * np.asarray(alpha, rows.dtype)
        return mb.linear(x=n.x(0), weight=n.num(scaled), bias=None if b is None else n.num(b))
    ta, tb = bool(n.attr("transA", 0)), bool(n.attr("transB", 0))
    a, b_ = n.as_kind(n.x(0), "float"), n.as_kind(n.x(1), "float")
    out = mb.matmul(x=a, y=b_, transpose_x=ta, transpose_y=tb)
    if alpha != 1.0:
        out = mb.mul(x=out, y=n.num(alpha))
    if n.has(2) and beta != 0.0:
        c = n.as_kind(n.x(2), "float")
        out = mb.add(x=out, y=c if beta == 1.0 else mb.mul(x=c, y=n.num(beta)))
    return n.as_kind(out, n.kind())


def _parse_einsum(node: ir.Node) -> tuple[list[str], str] | str:
    """Return the operands' labels and the output's, or why they have no form here."""
    equation = str(attr(node, "equation", "")).replace(" ", "")
    if "." in equation:
        return "Einsum with an ellipsis; write its axes out"
    left, _, out = equation.partition("->")
    operands = left.split(",")
    if "->" not in equation:
        out = "".join(sorted(c for c in set(left) if c.isalpha() and left.count(c) == 1))
    if len(operands) > 2:
        return "Einsum of more than two operands; split it in steps"
    if any(len(set(o)) != len(o) for o in operands):
        return "Einsum over a diagonal (a label twice in one operand)"
    return operands, out


def _check_einsum(node: ir.Node) -> str | None:
    found = _parse_einsum(node)
    return found if isinstance(found, str) else None


@LOWERINGS.op("Einsum", check=_check_einsum)
def lower_einsum(n: Node) -> Var:
    """Sum out what only one side has, then one batched matrix product, then the output's order."""
    parsed = _parse_einsum(n.node)
    assert not isinstance(parsed, str)
    operands, out = parsed
    xs = [n.as_kind(x, "float") for x in n.xs()]
    sizes = {c: d for x, o in zip(xs, operands, strict=True) for c, d in zip(o, x.shape, strict=True)}
    others = [set(out), *(set(o) for o in operands)]
    for k, labels in enumerate(operands):
        rest = set().union(*(s for j, s in enumerate(others) if j != k + 1))
        alone = [i for i, c in enumerate(labels) if c not in rest]
        if alone:
            xs[k] = mb.reduce_sum(x=xs[k], axes=alone, keep_dims=False)
            operands[k] = "".join(c for c in labels if c in rest)
    if len(xs) == 1:
        return n.as_kind(_permute(xs[0], operands[0], out), n.kind())
    a, b = operands
    batch = [c for c in a if c in b and c in out]
    inner = [c for c in a if c in b and c not in out]
    rows, columns = [c for c in a if c not in b], [c for c in b if c not in a]

    def dims(labels: list[str]) -> list[int]:
        return [sizes[c] for c in labels]

    left = mb.reshape(
        x=_permute(xs[0], a, "".join(batch + rows + inner)),
        shape=[*dims(batch), prod(dims(rows)), prod(dims(inner))],
    )
    right = mb.reshape(
        x=_permute(xs[1], b, "".join(batch + inner + columns)),
        shape=[*dims(batch), prod(dims(inner)), prod(dims(columns))],
    )
    product = mb.matmul(x=left, y=right)
    have = batch + rows + columns
    product = mb.reshape(x=product, shape=dims(have)) if have else mb.squeeze(x=product)
    return n.as_kind(_permute(product, "".join(have), out), n.kind())


def _permute(x: Var, have: str, want: str) -> Var:
    return x if have == want else mb.transpose(x=x, perm=[have.index(c) for c in want])



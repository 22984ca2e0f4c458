"""Matrix products: MatMul, Gemm, Einsum."""

from __future__ import annotations

from math import prod

import numpy as np

from mobilecat.formats.base.einsum import einsum_problem, parse_einsum
from mobilecat.formats.coreml.lower.lowering import LOWERINGS, Node
from mobilecat.formats.coreml.lower.mil import Var, mb
from mobilecat.graph import Array


@LOWERINGS.op("MatMul")
def lower_mat_mul(n: Node) -> Var:
    """numpy's matmul: a 1-D side gains an axis of 1, which is squeezed from the result."""
    rank_a, rank_b = len(n.shape(0)), len(n.shape(1))
    if rank_a > 1 and rank_b == 2 and n.const(1) is not None and rank_a <= 3:
        x = n.fed(0) if n.kind() == "float" else n.as_kind(n.x(0), "float")
        out = mb.linear(x=x, weight=n.num(np.ascontiguousarray(_const(n, 1).T)))
        return n.as_kind(out, n.kind())
    a, b = n.as_kind(n.x(0), "float"), n.as_kind(n.x(1), "float")
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
        shift = None if bias is None else np.broadcast_to(bias.reshape(-1), (columns,)) * beta
        scaled = np.ascontiguousarray(rows) * np.asarray(alpha, rows.dtype)
        return mb.linear(
            x=n.fed(0), weight=n.num(scaled), bias=None if shift is None else n.num(shift)
        )
    a, b = n.as_kind(n.x(0), "float"), n.as_kind(n.x(1), "float")
    # Not matmul's own flags: coremltools 9 applies them twice to a constant in an .mlmodel.
    a = mb.transpose(x=a, perm=[1, 0]) if n.attr("transA", 0) else a
    b = mb.transpose(x=b, perm=[1, 0]) if n.attr("transB", 0) else b
    out = mb.matmul(x=a, y=b)
    if alpha != 1.0:
        out = mb.mul(x=out, y=n.num(alpha))
    if n.has(2) and beta != 0.0:
        c = n.as_kind(n.x(2), "float")
        out = mb.add(x=out, y=c if beta == 1.0 else mb.mul(x=c, y=n.num(beta)))
    return n.as_kind(out, n.kind())


@LOWERINGS.op("Einsum", check=einsum_problem)
def lower_einsum(n: Node) -> Var:
    """Sum out what only one side has, then one batched matrix product, then the output's order."""
    parsed = parse_einsum(n.node)
    assert not isinstance(parsed, str)
    operands, out = parsed
    xs = [n.as_kind(x, "float") for x in n.xs()]
    sizes: dict[str, int] = {}
    for x, labels in zip(xs, operands, strict=True):
        sizes.update(zip(labels, x.shape, strict=True))
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

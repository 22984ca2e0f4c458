"""Matrix products: MatMul, Gemm, Einsum."""

from __future__ import annotations

from math import prod

import numpy as np

from mobilecat.formats.base.einsum import einsum_problem, parse_einsum
from mobilecat.formats.coreai.lower.build import Build, Var, shape_of_var
from mobilecat.formats.coreai.lower.node import NUMBERS, Node, lowers


@lowers("MatMul", types=NUMBERS)
def lower_mat_mul(n: Node) -> Var:
    """numpy's matmul: a 1-D side gains an axis of 1, which the result loses."""
    b, x, y = n.build, n.x(0), n.x(1)
    if len(n.shape(0)) == 1:
        x = b.reshape(x, (1, *n.shape(0)))
    if len(n.shape(1)) == 1:
        y = b.reshape(y, (*n.shape(1), 1))
    return b.reshape(b.matmul(x, y), n.out_shape())


@lowers("Gemm", types=NUMBERS)
def lower_gemm(n: Node) -> Var:
    """α·A'·B' + β·C; α goes into B, and β into C, where they are constants."""
    b, alpha, beta = n.build, n.attr("alpha", 1.0), n.attr("beta", 1.0)
    x, weight = n.x(0), n.const(1)
    if n.attr("transA", 0):
        x = b.transpose(x, (1, 0))
    if weight is not None and n.value(1).name not in b.packed:
        weight = weight.T if n.attr("transB", 0) else weight
        out = b.matmul(x, np.ascontiguousarray(weight) * n.num(alpha))
    else:
        y = b.transpose(n.x(1), (1, 0)) if n.attr("transB", 0) else n.x(1)
        out = b.matmul(x, y)
        out = out if alpha == 1.0 else b.mul(out, n.num(alpha))
    if not n.has(2) or beta == 0.0:
        return out
    shift = n.const(2)
    if shift is not None:
        return b.add(out, shift * n.num(beta))
    return b.add(out, n.x(2) if beta == 1.0 else b.mul(n.x(2), n.num(beta)))


@lowers("Einsum", types=NUMBERS, check=einsum_problem)
def lower_einsum(n: Node) -> Var:
    """Sum out what only one side has, then one batched matrix product, then the output's order."""
    parsed = parse_einsum(n.node)
    assert not isinstance(parsed, str)
    operands, out = parsed
    b, xs = n.build, n.xs()
    size = {c: d for i, o in enumerate(operands) for c, d in zip(o, n.shape(i), strict=True)}
    for k, labels in enumerate(operands):
        rest = set(out).union(*(o for j, o in enumerate(operands) if j != k))
        alone = [i for i, c in enumerate(labels) if c not in rest]
        if alone:
            xs[k] = b.reduce("sum", xs[k], alone, keep=False)
            operands[k] = "".join(c for c in labels if c in rest)
    if len(xs) == 1:
        return _permuted(b, xs[0], operands[0], out)
    left, right = operands
    batch = [c for c in left if c in right and c in out]
    inner = [c for c in left if c in right and c not in out]
    rows, columns = [c for c in left if c not in right], [c for c in right if c not in left]

    def folded(x: Var, have: str, *groups: list[str]) -> Var:
        x = _permuted(b, x, have, "".join(c for g in groups for c in g))
        return b.reshape(
            x, [*(size[c] for c in batch), *(prod(size[c] for c in g) for g in groups[1:])]
        )

    product = b.matmul(
        folded(xs[0], left, batch, rows, inner), folded(xs[1], right, batch, inner, columns)
    )
    have = [*batch, *rows, *columns]
    return _permuted(b, b.reshape(product, [size[c] for c in have]), "".join(have), out)


def _permuted(b: Build, x: Var, have: str, want: str) -> Var:
    assert len(shape_of_var(x)) == len(have)
    return b.transpose(x, [have.index(c) for c in want])

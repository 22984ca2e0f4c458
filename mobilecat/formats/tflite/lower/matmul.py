"""Matrix products."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from mobilecat.formats.tflite.lower.broadcast import in_layout
from mobilecat.formats.tflite.lower.layout import Perm, identity
from mobilecat.formats.tflite.lower.lowering import Build, Held, Node, lowers
from mobilecat.formats.tflite.lower.shape import reshape
from mobilecat.formats.tflite.program import Tensor, constant
from mobilecat.graph import Array, attr, shape_of


def fully_connected(build: Build, x: Tensor, w: Array, bias: Array | None) -> Tensor:
    """Append x·wᵀ + bias over the last physical axis; `w` is [outputs, inputs]."""
    bias = np.zeros(w.shape[0], np.float32) if bias is None else bias
    shape = (*x.shape[:-1], w.shape[0])
    return build.op("FULLY_CONNECTED", [x, w, bias], shape, keepNumDims=len(shape) != 2)


def _matrix(build: Build, held: Held) -> tuple[Tensor, bool]:
    """Return a stack of matrices and whether each lies transposed, so that bytes need not move."""
    rank = len(held.perm)
    straight = identity(rank)
    turned: Perm = (*range(rank - 2), rank - 1, rank - 2)
    if not build.is_free(held, straight) and build.is_free(held, turned):
        return build.laid_out(held, turned), True
    return build.laid_out(held, straight), False


@lowers("MatMul")
def lower_matmul(n: Node) -> None:
    build = n.build
    a, b = n.held(0), n.held(1)
    vectors = (len(a.perm) == 1, len(b.perm) == 1)
    if vectors[0]:
        a = reshape(build, a, (1, *a.shape))
    if vectors[1]:
        b = reshape(build, b, (*b.shape, 1))
    product = _product(build, a, b)
    shape = product.shape
    kept = [
        d
        for i, d in enumerate(shape)
        if not (vectors[0] and i == len(shape) - 2) and not (vectors[1] and i == len(shape) - 1)
    ]
    result = reshape(build, product, tuple(kept))
    n.put(result.tensor, result.perm)


def _product(build: Build, a: Held, b: Held) -> Held:
    rank = max(len(a.perm), len(b.perm))
    if b.tensor.data is not None and len(b.perm) == 2 and a.tensor.data is None:
        last = len(a.perm) - 1
        # The other axes may lie in any order: each row is multiplied on its own.
        perm = a.perm if a.perm[-1] == last else identity(len(a.perm))
        y = fully_connected(build, build.laid_out(a, perm), b.tensor.data.T, None)
        return Held(y, perm)
    (x, adj_x), (y, adj_y) = _matrix(build, a), _matrix(build, b)
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    shape = (*batch, a.shape[-2], b.shape[-1])
    if x.data is not None:
        # BATCH_MATMUL in XNNPACK wants its first operand computed: (a·b) = (bᵀ·aᵀ)ᵀ.
        swapped: Perm = (*range(rank - 2), rank - 1, rank - 2)
        out = build.op(
            "BATCH_MATMUL", [y, x], (*batch, shape[-1], shape[-2]), adjX=not adj_y, adjY=not adj_x
        )
        return Held(out, swapped)
    out = build.op("BATCH_MATMUL", [x, y], shape, adjX=adj_x, adjY=adj_y)
    return Held(out, identity(rank))


@lowers("Gemm")
def lower_gemm(n: Node) -> None:
    """alpha·A·B + beta·C; one FULLY_CONNECTED where B and C are constants."""
    build, alpha, beta = n.build, n.attr("alpha", 1.0), n.attr("beta", 1.0)
    a, b = n.held(0), n.held(1)
    if n.attr("transA", 0):
        a = Held(a.tensor, tuple(1 - axis for axis in a.perm))
    if n.attr("transB", 0):
        b = Held(b.tensor, tuple(1 - axis for axis in b.perm))
    if b.tensor.data is not None and alpha != 1.0:
        b = Held(constant(b.tensor.name, b.tensor.data * np.float32(alpha)), b.perm)
        alpha = 1.0
    if b.tensor.data is not None:
        b = Held(build.laid_out(b, (0, 1)), (0, 1))
    product = _product(build, a, b)
    y = product.tensor if alpha == 1.0 else build.ew("MUL", product.tensor, alpha)
    if n.has(2) and beta != 0.0:
        c = in_layout(build, n.held(2), product.perm)
        if c.data is not None:
            c = constant(c.name, c.data * np.float32(beta))
        elif beta != 1.0:
            c = build.ew("MUL", c, beta)
        y = build.ew("ADD", y, c)
    n.put(y, product.perm)


def _einsum_terms(equation: str, ranks: list[int]) -> tuple[list[str], str] | str:
    """Return the terms of inputs and output, one letter an axis, or why there is no form."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    free = [c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if c not in equation]
    widest = max(r - len(t.replace("...", "")) for t, r in zip(terms, ranks, strict=True))
    dots = "".join(free[: max(widest, 0)])
    full = []
    for term, rank in zip(terms, ranks, strict=True):
        count = rank - len(term.replace("...", ""))
        full.append(term.replace("...", dots[len(dots) - count :]))
    if arrow:
        out = right.replace("...", dots)
    else:
        letters = "".join(full)
        once = sorted(c for c in set(letters) if letters.count(c) == 1 and c not in dots)
        out = (dots if "..." in left else "") + "".join(once)
    if any(len(set(t)) != len(t) for t in full):
        return "an index twice in one operand (a diagonal)"
    if len(full) > 2:
        return f"{len(full)} operands, 1 or 2 have a form"
    return full, out


def _einsum_problem(node: ir.Node) -> str | None:
    ranks = [len(shape_of(v)) for v in node.inputs if v is not None]
    found = _einsum_terms(attr(node, "equation", ""), ranks)
    return found if isinstance(found, str) else None


@lowers("Einsum", check=_einsum_problem)
def lower_einsum(n: Node) -> None:
    """One operand: a sum and a transposition. Two: one batched matrix product."""
    from mobilecat.formats.tflite.lower.reduce import reduce_over

    build = n.build
    ranks = [len(n.shape(i)) for i in range(len(n.node.inputs))]
    found = _einsum_terms(n.attr("equation", ""), ranks)
    assert not isinstance(found, str)
    terms, out = found
    sizes: dict[str, int] = {}
    for i, term in enumerate(terms):
        for letter, size in zip(term, n.shape(i), strict=True):
            sizes[letter] = max(size, sizes.get(letter, 1))
    parts = []
    for i, term in enumerate(terms):
        others = "".join(t for k, t in enumerate(terms) if k != i) + out
        held = n.held(i)
        gone = [a for a, letter in enumerate(term) if letter not in others]
        tensor = build.laid_out(held, identity(len(term)))
        if gone:
            tensor = reduce_over(build, "SUM", tensor, gone, keep=False)
        parts.append((tensor, "".join(c for c in term if c in others)))
    tensor, term = parts[0] if len(parts) == 1 else _contracted(build, parts, out, sizes)
    perm = tuple(out.index(letter) for letter in term)
    n.put(tensor, perm)


def _contracted(
    build: Build, parts: list[tuple[Tensor, str]], out: str, sizes: dict[str, int]
) -> tuple[Tensor, str]:
    (a, left), (b, right) = parts
    batch = [c for c in out if c in left and c in right]
    summed = [c for c in left if c in right and c not in out]
    rows = [c for c in left if c not in right]
    cols = [c for c in right if c not in left]

    def stack(x: Tensor, term: str, first: list[str], second: list[str]) -> Tensor:
        order = [*batch, *first, *second]
        x = build.transpose(x, [term.index(c) for c in order])
        return build.reshape(
            x,
            [
                _count(x.shape[: len(batch)]),
                _count(x.shape[len(batch) : len(batch) + len(first)]),
                _count(x.shape[len(batch) + len(first) :]),
            ],
        )

    x = stack(a, left, rows, summed)
    y = stack(b, right, summed, cols)
    product = build.op("BATCH_MATMUL", [x, y], (x.shape[0], x.shape[1], y.shape[2]))
    term = [*batch, *rows, *cols]
    return build.reshape(product, [sizes[c] for c in term]), "".join(term)


def _count(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=np.int64))

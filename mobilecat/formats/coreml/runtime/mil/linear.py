"""Matrix products."""

from __future__ import annotations

import numpy as np

from mobilecat.formats.coreml.runtime.graph import Val
from mobilecat.formats.coreml.runtime.mil.elementwise import as_type
from mobilecat.formats.coreml.runtime.mil.op import Op
from mobilecat.formats.coreml.runtime.mil.table import mil_op


def swapped(op: Op, v: Val) -> Val:
    """Return `v` with its last two axes exchanged."""
    if v.rank < 2:
        return v
    order = [*range(v.rank - 2), v.rank - 1, v.rank - 2]
    return op.g("Transpose", v, perm=order)


def product(op: Op, x: Val, y: Val) -> Val:
    """Return x @ y; a mixed pair computes in float, integers in int32."""
    if x.is_float != y.is_float:
        x, y = as_type(op, x, np.float32), as_type(op, y, np.float32)
    if x.is_float:
        return op.g("MatMul", x, y)
    return op.g("MatMul", as_type(op, x, np.int32), as_type(op, y, np.int32))


@mil_op("matmul")
def onnx_from_matmul(op: Op) -> Val:
    x, y = op["x"], op["y"]
    if op.flag("transpose_x", False):
        x = swapped(op, x)
    if op.flag("transpose_y", False):
        y = swapped(op, y)
    result = product(op, x, y)
    declared = op.types[0]
    if declared is not None and compute_kind(declared.dtype) != result.dtype.kind:
        result = as_type(op, result, np.float32 if declared.dtype.startswith("fp") else np.int32)
    return result


def compute_kind(mil_type: str) -> str:
    return "f" if mil_type.startswith(("fp", "bf")) else "i"


@mil_op("linear")
def onnx_from_linear(op: Op) -> Val:
    x, weight, bias = op["x"], op["weight"], op.get("bias")
    if weight.rank != 2:
        raise op.broken(f"the weight has rank {weight.rank}")
    if x.is_float and x.rank == 2:
        return op.g("Gemm", x, weight, bias, transB=1)
    y = product(op, x, swapped(op, weight))
    return op.g("Add", y, as_type(op, bias, y.dtype)) if bias is not None else y


@mil_op("einsum")
def onnx_from_einsum(op: Op) -> Val:
    """As two transposes around a batched product: onnxruntime's Einsum does not broadcast."""
    values = op.many("values")
    equation = op.text("equation").replace(" ", "")
    left, _, out = equation.partition("->")
    terms = left.split(",")
    if len(values) != 2 or len(terms) != 2 or not out.isalpha():
        raise op.refuse(f"einsum {equation!r} is not a product of two tensors")
    a, b = terms
    if any(len(set(t)) != len(t) for t in (a, b, out)) or set(out) - set(a + b):
        raise op.refuse(f"einsum {equation!r} repeats or invents an index")
    summed = [i for i in a if i in b and i not in out]
    if any(i not in out and i not in summed for i in a + b):
        raise op.refuse(f"einsum {equation!r} sums over one operand alone")
    batch = [i for i in out if i in a and i in b]
    rows = [i for i in out if i in a and i not in b]
    columns = [i for i in out if i in b and i not in a]
    if len(rows) > 1 or len(columns) > 1 or len(summed) > 1:
        return op.g("Einsum", *values, equation=equation)
    x = _arranged(op, values[0], a, [*batch, *rows, *summed], bool(rows), bool(summed))
    y = _arranged(op, values[1], b, [*batch, *summed, *columns], bool(summed), bool(columns))
    z = op.g("MatMul", x, y)
    drop = [] if rows else [-2]
    drop += [] if columns else [-1]
    if drop:
        z = op.g("Squeeze", z, np.array(drop))
    order = [*batch, *rows, *columns]
    return op.g("Transpose", z, perm=[order.index(i) for i in out])


def _arranged(op: Op, v: Val, term: str, order: list[str], has_row: bool, has_column: bool) -> Val:
    if v.rank != len(term):
        raise op.broken(f"einsum term {term!r} meets rank {v.rank}")
    v = op.g("Transpose", v, perm=[term.index(i) for i in order])
    if not has_row:
        v = op.g("Unsqueeze", v, np.array([-2 if has_column else -1]))
    if not has_column:
        v = op.g("Unsqueeze", v, np.array([-1]))
    return v


@mil_op("scaled_dot_product_attention")
def onnx_from_scaled_dot_product_attention(op: Op) -> Val:
    """softmax(QKᵀ/√d + mask)·V; a boolean mask keeps what is True."""
    query, key, value = op["query"], op["key"], op["value"]
    scale = np.float32(1.0 / np.sqrt(query.shape[-1]))
    scores = op.g("Mul", op.g("MatMul", query, swapped(op, key)), op.g.const(scale))
    mask = op.get("attn_mask")
    if mask is not None and mask.dtype == np.bool_:
        scores = op.g("Where", mask, scores, op.g.const(np.float32(-3e38)))
    elif mask is not None:
        scores = op.g("Add", scores, mask)
    return op.g("MatMul", op.g("Softmax", scores, axis=-1), value)

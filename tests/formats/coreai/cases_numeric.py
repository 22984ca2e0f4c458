"""Convolution, pooling, reductions, sorting, resampling, quantisation, control flow."""

from __future__ import annotations

import numpy as np
from coreai._compiler.dialects._coreai_ops_gen import ConstantOp
from coreai._compiler.ir import (
    Attribute,
    DenseElementsAttr,
    DenseResourceElementsAttr,
    IntegerAttr,
    IntegerType,
    RankedTensorType,
)

from tests.formats.coreai.build import I32, U32, F, TensorType, case, d, ints, sides

rng = np.random.default_rng(7)


def normal(*shape):
    return rng.standard_normal(shape).astype(F)


def convolved(x, w, stride, dilation, groups):
    """[N,C,…] by [O,C/g,…], element by element, in float64."""
    spatial = x.ndim - 2
    out = [
        (x.shape[2 + i] - dilation[i] * (w.shape[2 + i] - 1) - 1) // stride[i] + 1
        for i in range(spatial)
    ]
    result = np.zeros((x.shape[0], w.shape[0], *out))
    a, b = x.astype(np.float64), w.astype(np.float64)
    per_in, per_out = x.shape[1] // groups, w.shape[0] // groups
    for place in np.ndindex(*out):
        for k in np.ndindex(*w.shape[2:]):
            at = tuple(p * s + q * e for p, s, q, e in zip(place, stride, k, dilation, strict=True))
            for g in range(groups):
                rows = slice(g * per_out, (g + 1) * per_out)
                part = a[(slice(None), slice(g * per_in, (g + 1) * per_in), *at)]
                result[(slice(None), rows, *place)] += part @ b[(rows, slice(None), *k)].T
    return result.astype(F)


def transposed(x, w, stride, pads, dilation, output_pad, groups):
    spatial = x.ndim - 2
    full = [
        (x.shape[2 + i] - 1) * stride[i] + dilation[i] * (w.shape[2 + i] - 1) + 1 + output_pad[i]
        for i in range(spatial)
    ]
    per_in, per_out = x.shape[1] // groups, w.shape[1]
    result = np.zeros((x.shape[0], per_out * groups, *full))
    a, b = x.astype(np.float64), w.astype(np.float64)
    for place in np.ndindex(*x.shape[2:]):
        for k in np.ndindex(*w.shape[2:]):
            at = tuple(p * s + q * e for p, s, q, e in zip(place, stride, k, dilation, strict=True))
            for g in range(groups):
                ins = slice(g * per_in, (g + 1) * per_in)
                part = a[(slice(None), ins, *place)] @ b[(ins, slice(None), *k)]
                result[(slice(None), slice(g * per_out, (g + 1) * per_out), *at)] += part
    cut = tuple(slice(p, side - p) for p, side in zip(pads, full, strict=True))
    return result[(slice(None), slice(None), *cut)].astype(F)


for _groups, _stride, _dilation in ((1, (1, 1), (1, 1)), (4, (2, 1), (1, 2)), (2, (1, 3), (2, 1))):
    _x, _w = normal(2, 4, 9, 8), normal(8, 4 // _groups, 3, 2)
    case(
        f"conv2d {_groups} {_stride} {_dilation}",
        {"x": _x},
        lambda v, w=_w, s=_stride, e=_dilation, g=_groups: d.conv2d(
            v, w, sides(*s), sides(*e), U32(g)
        ),
        convolved(_x, _w, _stride, _dilation, _groups),
        atol=1e-5,
    )
_x, _w = normal(1, 2, 5, 4, 6), normal(3, 2, 2, 3, 2)
case(
    "conv3d",
    {"x": _x},
    lambda v, w=_w: d.conv3d(v, w, sides(2, 1, 1), sides(1, 1, 2), U32(1)),
    convolved(_x, _w, (2, 1, 1), (1, 1, 2), 1),
    atol=1e-5,
)
for _groups, _stride, _pads, _out in ((1, (2, 2), (1, 0), (1, 0)), (2, (3, 1), (0, 1), (2, 0))):
    _x, _w = normal(1, 4, 4, 5), normal(4, 6 // _groups, 3, 2)
    case(
        f"conv_transpose2d {_groups} {_stride}",
        {"x": _x},
        lambda v, w=_w, s=_stride, p=_pads, o=_out, g=_groups: d.conv_transpose2d(
            v, w, sides(*s), sides(*p), sides(1, 1), sides(*o), U32(g)
        ),
        transposed(_x, _w, _stride, _pads, (1, 1), _out, _groups),
        atol=1e-5,
    )
_x, _w = normal(1, 2, 3, 3, 2), normal(2, 2, 2, 2, 2)
case(
    "conv_transpose3d",
    {"x": _x},
    lambda v, w=_w: d.conv_transpose3d(
        v, w, sides(2, 1, 1), sides(0, 0, 0), sides(1, 1, 1), sides(0, 0, 0), U32(1)
    ),
    transposed(_x, _w, (2, 1, 1), (0, 0, 0), (1, 1, 1), (0, 0, 0), 1),
    atol=1e-5,
)


def pooled(x, kernel, stride, dilation, out, function):
    result = np.zeros((*x.shape[:2], *out), x.dtype)
    for place in np.ndindex(*out):
        taken = []
        for k in np.ndindex(*kernel):
            at = [p * s + q * e for p, s, q, e in zip(place, stride, k, dilation, strict=True)]
            if all(a < side for a, side in zip(at, x.shape[2:], strict=True)):
                taken.append(x[(slice(None), slice(None), *at)])
        result[(slice(None), slice(None), *place)] = function(np.stack(taken), 0)
    return result


_x = normal(1, 3, 9, 8) - 4
for _ceil, _result in ((False, (4, 3)), (True, (4, 4))):
    case(
        f"max_pool_2d ceil {_ceil}",
        {"x": _x},
        lambda v, c=_ceil, o=_result: d.maxpool2d(
            TensorType((1, 3, *o), F)._to_mlir(), v, sides(3, 2), sides(2, 2), sides(1, 2), c
        ),
        pooled(_x, (3, 2), (2, 2), (1, 2), _result, np.max),
    )
_x = normal(1, 2, 4, 5, 6)
case(
    "max_pool_3d",
    {"x": _x},
    lambda v: d.maxpool3d(
        TensorType((1, 2, 2, 4, 3), F)._to_mlir(),
        v,
        sides(2, 2, 2),
        sides(2, 1, 2),
        sides(1, 1, 1),
        False,
    ),
    pooled(_x, (2, 2, 2), (2, 1, 2), (1, 1, 1), (2, 4, 3), np.max),
)
case(
    "sum_pool_3d",
    {"x": _x},
    lambda v: d.sumpool3d(v, sides(2, 2, 2), sides(2, 1, 2), d.constant(sides(1, 1, 1))),
    pooled(_x, (2, 2, 2), (2, 1, 2), (1, 1, 1), (2, 4, 3), np.sum),
    atol=1e-5,
)
_x = normal(1, 3, 7, 8)
case(
    "sum_pool_2d",
    {"x": _x},
    lambda v: d.sumpool2d(v, sides(3, 2), sides(2, 3), d.constant(sides(1, 1))),
    pooled(_x, (3, 2), (2, 3), (1, 1), (3, 3), np.sum),
    atol=1e-5,
)
_a, _b = normal(2, 3, 4), normal(2, 4, 5)
case("batch_matmul", {"a": _a, "b": _b}, lambda a, b: d.batch_matmul(a, b), _a @ _b, atol=1e-5)
_b = normal(4, 5)
case(
    "broadcasting_batch_matmul",
    {"a": _a, "b": _b},
    lambda a, b: d.broadcasting_batch_matmul(a, b),
    _a @ _b,
    atol=1e-5,
)

# reductions
N = np.array([[1, np.nan, 3, -2], [4, 5, -6, 0.5], [-np.inf, 1, np.inf, 2]], F)
M = normal(3, 4)
for _name, _numpy in (
    ("sum", np.sum),
    ("mean", np.mean),
    ("product", np.prod),
    ("max", np.max),
    ("min", np.min),
):
    case(
        f"reduce_{_name}",
        {"x": M},
        lambda v, n=_name: [
            getattr(d, f"reduce_{n}")(v, ints(-1)),
            getattr(d, f"reduce_{n}")(v, ints(0, 1)),
        ],
        _numpy(M, 1, keepdims=True),
        _numpy(M, (0, 1), keepdims=True),
    )
    if _name in ("max", "min"):
        case(
            f"reduce_{_name} of NaN",
            {"x": N},
            lambda v, n=_name: getattr(d, f"reduce_{n}")(v, ints(1)),
            _numpy(N, 1, keepdims=True),
        )
        case(
            f"reduce_{_name} of integers",
            {"x": ints(3, -4, 9)},
            lambda v, n=_name: getattr(d, f"reduce_{n}")(v, ints(0)),
            _numpy(ints(3, -4, 9), keepdims=True),
        )
T = np.array([[True, False], [True, True], [False, False]])
case(
    "all and any",
    {"x": T},
    lambda v: [d.all_(v, ints(1)), d.any_(v, ints(1))],
    T.all(1, keepdims=True),
    T.any(1, keepdims=True),
)
case(
    "argmax",
    {"x": np.array([[1, 5, 5, 2], [0, 0, 0, 0], [-3, np.nan, -1, -2]], F)},
    lambda v: d.argmax(v, I32(1)),
    np.array([[1], [0], [2]], U32),
)
case("argmax of integers", {"x": ints(-7, 3, 3)}, lambda v: d.argmax(v, I32(0)), np.array([1], U32))
S = np.array([3, np.nan, -np.inf, 3, np.inf, -0.0, 0, 7], F)
case(
    "sort up",
    {"x": S},
    lambda v: [d.sort(v, I32(0), False, True), d.argsort(v, I32(0), False, True)],
    S[[2, 5, 6, 0, 3, 7, 4, 1]],
    ints(2, 5, 6, 0, 3, 7, 4, 1),
)
case(
    "sort down",
    {"x": S},
    lambda v: [d.sort(v, I32(0), True, True), d.argsort(v, I32(0), True, True)],
    S[[4, 7, 0, 3, 5, 6, 2, 1]],
    ints(4, 7, 0, 3, 5, 6, 2, 1),
)
case(
    "sort of integers by rows",
    {"x": np.array([[3, 1], [2, 1], [3, 0]], np.int8)},
    lambda v: [d.sort(v, I32(-2), True, True), d.argsort(v, I32(0), True, True)],
    np.array([[3, 1], [3, 1], [2, 0]], np.int8),
    np.array([[0, 0], [2, 1], [1, 2]], I32),
)
for _kind, _numpy in (
    ("sum", np.cumsum),
    ("product", np.cumprod),
    ("min", np.minimum.accumulate),
    ("max", np.maximum.accumulate),
):
    case(
        f"scan {_kind}",
        {"x": M},
        lambda v, k=_kind: [
            d.scan(v, U32(1), False, combiner=k),
            d.scan(v, U32(0), True, combiner=k),
        ],
        _numpy(M, axis=1),
        _numpy(M[::-1], axis=0)[::-1],
        atol=1e-5,
    )
case("scan of integers", {"x": ints(3, 1, 4)}, lambda v: d.scan(v, U32(0), False), ints(3, 4, 8))


# resampling
def resampled(x, out, scale, offset, mode):
    result = x.astype(np.float64)
    for axis, (side, count) in enumerate(zip(x.shape, out, strict=True)):
        at = (np.arange(count) + 0.5 - offset[axis]) / scale[axis] - 0.5
        at = np.clip(at, 0, side - 1)
        if mode == "nearest_neighbor":
            result = np.take(result, np.rint(at).astype(int), axis)
            continue
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, side - 1)
        share = (at - low).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
        result = np.take(result, low, axis) * (1 - share) + np.take(result, high, axis) * share
    return result.astype(F)


def mode(name):
    return Attribute.parse(f"#coreai.interpolation_mode<{name}>")


_x = normal(1, 2, 5, 6)
for _mode in ("linear", "nearest_neighbor"):
    for _label, _out, _scale, _offset in (
        ("half pixel up", (1, 2, 10, 15), (1, 1, 2, 2.5), (0, 0, 0, 0)),
        ("half pixel down", (1, 2, 3, 4), (1, 1, 0.6, 4 / 6), (0, 0, 0, 0)),
        ("align corners", (1, 2, 9, 11), (1, 1, 2, 2), (0, 0, -0.5, -0.5)),
        ("asymmetric", (1, 2, 10, 12), (1, 1, 2, 2), (0, 0, -0.5, -0.5)),
    ):
        case(
            f"interpolate {_mode} {_label}",
            {"x": _x},
            lambda v, o=_out, s=_scale, f=_offset, m=_mode: d.interpolate(
                v, ints(*o), np.array(s, F), np.array(f, F), mode(m)
            ),
            resampled(_x, _out, np.array(_scale), np.array(_offset), _mode),
            atol=1e-5,
        )
_p = np.array([[0.5, 1.25], [-3, 2], [9, 9], [1.5, 0.5], [2.5, 1.5]], F)
_y = normal(4, 3)


def sampled(at):
    at = np.clip(at, 0, np.array(_y.shape) - 1)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, np.array(_y.shape) - 1)
    s = at - low
    return sum(
        _y[tuple((high if c else low)[:, i] for i, c in enumerate(corner))]
        * np.prod([s[:, i] if c else 1 - s[:, i] for i, c in enumerate(corner)], axis=0)
        for corner in np.ndindex(2, 2)
    ).astype(F)


_r = np.rint(np.clip(_p, 0, [3, 2])).astype(int)
case(
    "interpolate_coordinates",
    {"x": _y, "p": _p},
    lambda v, p: [
        d.interpolate_coordinates(v, p, mode("linear")),
        d.interpolate_coordinates(v, p, mode("nearest_neighbor")),
    ],
    sampled(_p.astype(np.float64)),
    _y[_r[:, 0], _r[:, 1]],
    atol=1e-5,
)

# smaller weights
_q = np.arange(-12, 12, dtype=np.int8).reshape(4, 6)
case(
    "blockwise_shift_scale",
    {"x": np.ones(1, F)},
    lambda v: [
        d.blockwise_shift_scale(
            _q,
            np.array([[0.5, 2], [1, 3]], F),
            np.array([[1, 0], [-1, 2]], np.int8),
            np.array([[0, 10], [20, 0]], F),
        ),
        v,
    ],
    (
        np.kron(np.array([[0.5, 2], [1, 3]]), np.ones((2, 3)))
        * (_q - np.kron(np.array([[1, 0], [-1, 2]]), np.ones((2, 3))))
        + np.kron(np.array([[0, 10], [20, 0]]), np.ones((2, 3)))
    ).astype(F),
)
case(
    "blockwise_shift_scale of an input",
    {"x": _q},
    lambda v: d.blockwise_shift_scale(
        v, np.full((4, 1), 0.5, F), np.zeros((4, 1), np.int8), np.full((4, 1), 1, F)
    ),
    (_q * 0.5 + 1).astype(F),
)


def packed(values, bits, signed):
    """A constant of less than a byte an element, low bits first, as the runtime reads it."""
    kind = IntegerType.get_signed(bits) if signed else IntegerType.get_unsigned(bits)
    data = np.zeros(values.size * bits // 8, np.uint8)
    for i, v in enumerate(values.reshape(-1)):
        data[i * bits // 8] |= (int(v) & ((1 << bits) - 1)) << (i * bits % 8)
    type_ = RankedTensorType.get(list(values.shape), kind)
    return ConstantOp(DenseResourceElementsAttr.get_from_buffer(data, "weights", type_)).result


def splat(value, bits, signed, *shape):
    kind = IntegerType.get_signed(bits) if signed else IntegerType.get_unsigned(bits)
    type_ = RankedTensorType.get(list(shape), kind)
    return ConstantOp(DenseElementsAttr.get_splat(type_, IntegerAttr.get(kind, value))).result


for _bits, _signed in ((4, False), (4, True), (2, False)):
    _v = (np.arange(32) % (1 << _bits) - (1 << (_bits - 1) if _signed else 0)).reshape(4, 8)
    case(
        f"weights of {_bits} bits {'with a sign' if _signed else ''}",
        {"x": np.ones(1, F)},
        lambda v, w=_v, b=_bits, s=_signed: [
            d.blockwise_shift_scale(
                packed(w, b, s), np.full((4, 1), 0.5, F), splat(1, b, s, 4, 1), np.zeros((4, 1), F)
            ),
            v,
        ],
        ((_v - 1) * 0.5).astype(F),
    )
_i = (np.arange(12) % 4).reshape(6, 2)
_lut = np.arange(2 * 1 * 4 * 1, dtype=F).reshape(2, 1, 4, 1) * 10
case(
    "lut_to_dense",
    {"x": np.ones(1, F)},
    lambda v: [d.lut_to_dense(packed(_i, 2, False), _lut, np.int16(0)), v],
    np.array([[_lut[r // 3, 0, _i[r, c], 0] for c in range(2)] for r in range(6)], F),
)
_lut2 = np.arange(1 * 1 * 4 * 3, dtype=F).reshape(1, 1, 4, 3)
_dense = np.zeros((6, 6), F)
for _r, _c in np.ndindex(6, 2):
    _dense[_r, _c * 3 : _c * 3 + 3] = _lut2[0, 0, _i[_r, _c]]
case(
    "lut_to_dense of vectors",
    {"x": np.ones(1, F)},
    lambda v: [d.lut_to_dense(packed(_i, 2, False), _lut2, np.int16(1)), v],
    _dense,
)
_mask = np.array([[0, 1, 0, 0], [1, 0, 1, 0]])
case(
    "sparse weights",
    {"x": np.ones(1, F)},
    lambda v: [
        d.sparse_with_bitmask_to_dense(
            d.build_sparse_with_bitmask(
                d.constant(np.array([10, 20, 30], F)), packed(_mask, 1, False)
            )
        ),
        v,
    ],
    np.array([[0, 10, 0, 0], [20, 0, 30, 0]], F),
)
_f = np.array([[1.2, -3.4, 0.05], [100, -100, 0.15]], F)
case(
    "quantize and dequantize",
    {"x": _f},
    lambda v: [
        d.quantize(v, F(0.1), np.int8(3), F(0), ints(0, 1)),
        d.dequantize(
            d.quantize(v, F(0.1), np.int8(3), F(0), ints(0, 1)),
            F(0.1),
            np.int8(3),
            F(0),
            ints(0, 1),
        ),
    ],
    np.array([[15, -31, 3], [127, -128, 5]], np.int8),
    np.array([[1.2, -3.4, 0], [12.4, -13.1, 0.2]], F),
    rtol=1e-5,
)
case(
    "quantize by channel",
    {"x": _f},
    lambda v: d.quantize(
        v, np.array([0.5, 1, 0.01], F), np.array([128, 0, 7], np.uint8), np.zeros(3, F), I32(1)
    ),
    np.array([[130, 0, 12], [255, 0, 22]], np.uint8),
)


# control flow
def doubled(v, n):
    """Doubles v until the counter reaches n."""
    zero = d.constant(I32(0))
    found, (before, after) = d.while_(results=[zero.type, v.type], inits=[zero, v])
    with before:
        i, x = before.arguments
        d.condition(d.broadcasting_greater(n, i), i, x)
    with after:
        i, x = after.arguments
        d.yield_([d.broadcasting_add(i, I32(1)), d.broadcasting_add(x, x)])
    return list(found)


for _n in (0, 1, 5):
    case(
        f"while {_n}",
        {"x": np.array([1, -3], F), "n": np.array(_n, I32)},
        doubled,
        np.array(_n, I32),
        np.array([1, -3], F) * 2**_n,
    )


def chosen(v, c):
    found, (then, otherwise) = d.if_(results=[v.type], condition=c)
    with then:
        d.yield_([d.broadcasting_add(v, F(1))])
    with otherwise:
        d.yield_([d.broadcasting_mul(v, F(10))])
    return found


case("if true", {"x": np.array([1, 2], F), "c": np.array(True)}, chosen, np.array([2, 3], F))
case("if false", {"x": np.array([1, 2], F), "c": np.array(False)}, chosen, np.array([10, 20], F))

"""Shapes, slices, padding, gathering and scattering."""

from __future__ import annotations

import numpy as np
from coreai._compiler.ir import Attribute

from tests.formats.coreai.build import I32, U32, F, case, d, ints, sides

X = np.arange(24, dtype=F).reshape(2, 3, 4)
L = np.arange(8, dtype=F)

case("transpose", {"x": X}, lambda v: d.transpose(v, sides(2, 0, 1)), X.transpose(2, 0, 1))
case("reshape", {"x": X}, lambda v: d.reshape(v, ints(4, -1)), X.reshape(4, 6))
case("reshape to a scalar", {"x": np.array([7], F)}, lambda v: d.reshape(v, sides()), F(7))
case("expand_dims", {"x": X}, lambda v: d.expand_dims(v, ints(3, -5)), X.reshape(1, 2, 3, 1, 4))
case(
    "shrink_dims",
    {"x": X.reshape(1, 24, 1)},
    lambda v: d.shrink_dims(v, ints(0, -1)),
    X.reshape(24),
)
case(
    "broadcast_to",
    {"x": X[:, :1]},
    lambda v: d.broadcast_to(v, sides(5, 2, 3, 4)),
    np.broadcast_to(X[:, :1], (5, 2, 3, 4)),
)
case(
    "broadcast_in_dims",
    {"x": X[:, :1]},
    lambda v: d.broadcast_in_dims(v, sides(3), ints(-2)),
    np.repeat(X[:, :1], 3, 1),
)
case(
    "get_shape and broadcast_shapes",
    {"x": X, "y": X[:1, :, :1]},
    lambda v, w: [d.get_shape(v), d.broadcast_shapes(d.get_shape(v), d.get_shape(w))],
    np.array([2, 3, 4], U32),
    np.array([2, 3, 4], U32),
)
_r = np.arange(12, dtype=F).reshape(1, 2, 2, 3)
case(
    "upsampling by repeating",
    {"x": _r},
    lambda v: d.reshape(
        d.broadcast_in_dims(d.reshape(v, ints(1, 2, 2, 1, 3, 1)), sides(3, 2), ints(3, 5)),
        ints(1, 2, 6, 6),
    ),
    _r.repeat(3, 2).repeat(2, 3),
)
case(
    "upsampling and its halves",
    {"x": _r},
    lambda v: [
        y := d.broadcast_in_dims(d.reshape(v, ints(1, 2, 2, 1, 3, 1)), sides(3, 2), ints(3, 5)),
        d.reshape(y, ints(1, 2, 6, 6)),
        d.reshape(y, ints(1, 2, 3, 12)),
    ],
    np.broadcast_to(_r.reshape(1, 2, 2, 1, 3, 1), (1, 2, 2, 3, 3, 2)),
    _r.repeat(3, 2).repeat(2, 3),
    _r.repeat(3, 2).repeat(2, 3).reshape(1, 2, 3, 12),
)
case(
    "concat",
    {"x": X, "y": X[:, :1]},
    lambda v, w: d.concat(I32(-2), [v, w]),
    np.concatenate([X, X[:, :1]], 1),
)
case(
    "split by sizes", {"x": X}, lambda v: list(d.split(v, sides(1, 2), I32(1))), X[:, :1], X[:, 1:]
)
case("split by size", {"x": L}, lambda v: list(d.split(v, U32(3), I32(-1))), L[:3], L[3:6], L[6:])
case("tile", {"x": X}, lambda v: d.tile(v, sides(2, 3)), np.tile(X, (1, 2, 3)))
case("reverse", {"x": X}, lambda v: d.reverse(v, ints(0, -1)), X[::-1, :, ::-1])


def sliced(start, end, step, expected):
    case(
        f"slice {start}:{end}:{step}",
        {"x": L},
        lambda v: d.slice_(v, ints(start), ints(end), ints(step)),
        L[expected],
    )


sliced(2, 6, 1, [2, 3, 4, 5])
sliced(-3, 100, 1, [5, 6, 7])
sliced(2, -1, 2, [2, 4, 6])
sliced(-100, 3, 1, [0, 1, 2])
sliced(5, 3, 1, [])
sliced(7, 0, -1, [7, 6, 5, 4, 3, 2, 1])
sliced(7, -9, -1, [7, 6, 5, 4, 3, 2, 1])
sliced(6, 1, -2, [6, 4, 2])
case(
    "slice of three sides",
    {"x": X},
    lambda v: d.slice_(v, ints(1, 0, -3), ints(2, 3, 4), ints(1, 2, 1)),
    X[1:2, ::2, -3:],
)
_u = X.copy()
_u[:, 1:3, ::2] = -1
case(
    "slice_update",
    {"x": X, "u": np.full((2, 2, 2), -1, F)},
    lambda v, u: d.slice_update(v, ints(0, 1, 0), ints(2, 3, 4), ints(1, 1, 2), u),
    _u,
)
case(
    "pad",
    {"x": X},
    lambda v: d.pad(v, sides(0, 0, 1, 2, 3, 0), F(-7)),
    np.pad(X, ((0, 0), (1, 2), (3, 0)), constant_values=-7),
)
case(
    "pad of integers", {"x": ints(1, 2)}, lambda v: d.pad(v, sides(1, 1), I32(9)), ints(9, 1, 2, 9)
)
for _mode, _numpy in (
    ("reflect", "reflect"),
    ("replicate", "edge"),
    ("symmetric", "symmetric"),
    ("circular", "wrap"),
):
    case(
        f"pad by {_mode}",
        {"x": X},
        lambda v, m=_mode: d.pad(v, sides(0, 1, 1, 2, 2, 1), F(0), m),
        np.pad(X, ((0, 1), (1, 2), (2, 1)), _numpy),
    )
case(
    "range",
    {"x": L},
    lambda v: [d.range_(I32(10), I32(0), I32(-3)), d.range_(F(0), F(1), F(0.25)), v],
    ints(10, 7, 4, 1),
    np.array([0, 0.25, 0.5, 0.75], F),
    L,
)
case(
    "range of what is computed",
    {"x": np.array(5, I32)},
    lambda v: d.range_(I32(0), v, I32(1)),
    ints(0, 1, 2, 3, 4),
)
case(
    "non_zero",
    {"x": np.array([[0, np.nan, -0.0], [2, 0, np.inf]], F)},
    lambda v: d.non_zero(v),
    np.array([[0, 1], [1, 0], [1, 2]], I32),
)
case("non_zero of integers", {"x": ints(0, 3, 0, -1)}, lambda v: d.non_zero(v), ints(1, 3)[:, None])

# gathering and scattering
_n = np.array([[0, 2], [-1, 0], [1, -3]], I32)
case("gather_nd", {"x": X, "i": _n}, lambda v, i: d.gather_nd(v, i), X[_n[:, 0], _n[:, 1]])
case(
    "gather_nd of elements",
    {"x": X, "i": np.array([[1, 2, 3], [-1, -1, -1]], I32)},
    lambda v, i: d.gather_nd(v, i),
    np.array([23, 23], F),
)
_a = np.array([[[0, -1, 2, 1]], [[2, 2, 0, -3]]], I32)
case(
    "gather_along_axis",
    {"x": X, "i": _a},
    lambda v, i: d.gather_along_axis(v, i, I32(-2)),
    np.take_along_axis(X, _a, 1),
)
case(
    "gather_along_axis of int8",
    {"x": np.arange(5, dtype=np.int8), "i": np.array([4, 0], np.int16)},
    lambda v, i: d.gather_along_axis(v, i, I32(0)),
    np.array([4, 0], np.int8),
)
_s = X.copy()
_s[0, 2], _s[1, 0] = -1, -2
case(
    "scatter_nd",
    {"x": X, "u": np.stack([np.full(4, -1, F), np.full(4, -2, F)])},
    lambda v, u: d.scatter_nd(v, np.array([[0, 2], [-1, 0]], I32), u),
    _s,
)
SI = np.array([2, 0, 2, -1], I32)
SU = np.array([10, 20, 30, 40], F)
for _mode, _expected in (
    ("add", [20, 1, 42, 43, 4]),
    ("sub", [-20, 1, -38, -37, 4]),
    ("mul", [0, 1, 600, 120, 4]),
    ("max", [20, 1, 30, 40, 4]),
    ("min", [0, 1, 2, 3, 4]),
):
    _at = np.array([2, 0, 2, 3], I32)
    case(
        f"scatter_along_axis by {_mode}",
        {"x": L[:5], "u": SU},
        lambda v, u, m=_mode, i=_at: d.scatter_along_axis(
            v.type, v, i, u, I32(0), scatter_mode=Attribute.parse(f"#coreai.scatter_mode<{m}>")
        ),
        np.array(_expected, F),
    )
case(
    "scatter_along_axis",
    {"x": X, "u": np.full((2, 1, 4), -9, F)},
    lambda v, u: d.scatter_along_axis(v.type, v, np.full((2, 1, 4), -1, I32), u, I32(1)),
    np.concatenate([X[:, :2], np.full((2, 1, 4), -9, F)], 1),
)

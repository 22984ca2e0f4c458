"""Axes renamed, cut, joined, picked."""

from __future__ import annotations

import numpy as np

from tests.formats.tflite.lower.cases.base import OpCase, drawn_f, ints, mixed

SHAPES = [
    mixed("reshape after conv", "y = Reshape(c, s)", "float[4,35]", s=ints(4, 35)),
    mixed("flatten after conv", "y = Flatten(c)", "float[1,140]"),
    mixed(
        "NHWC rows",
        "t = Transpose<perm=[0,2,3,1]>(c)  y = Reshape(t, s)",
        "float[1,35,4]",
        s=ints(1, 35, 4),
    ),
    mixed(
        "split channels",
        "r = Reshape(c, s)  t = Transpose<perm=[0,1,3,4,2]>(r)  y = Reshape(t, u)",
        "float[1,70,2]",
        s=ints(1, 2, 2, 5, 7),
        u=ints(1, 70, 2),
    ),
    mixed("squeeze", "y = Squeeze(c, a)", "float[4,5,7]", a=ints(0)),
    mixed("unsqueeze", "y = Unsqueeze(c, a)", "float[1,4,1,5,7,1]", a=ints(2, -1)),
    mixed("concat on channels", "y = Concat<axis=1>(c, x)", "float[1,7,5,7]"),
    mixed(
        "concat on rows",
        "d = Transpose<perm=[0,1,3,2]>(c)  e = Slice(d, s, t, a)  y = Concat<axis=2>(d, e)",
        "float[1,4,9,5]",
        s=ints(1),
        t=ints(3),
        a=ints(2),
    ),
    mixed(
        "concat with a constant",
        "y = Concat<axis=-1>(c, k)",
        "float[1,4,5,9]",
        k=drawn_f("k", 1, 4, 5, 2),
    ),
    mixed(
        "slice backwards",
        "y = Slice(c, s, e, a, p)",
        "float[1,2,5,4]",
        s=ints(3, -1),
        e=ints(-100, -9),
        a=ints(1, 3),
        p=ints(-2, -2),
    ),
    mixed(
        "slice every axis",
        "y = Slice(c, s, e)",
        "float[1,2,3,5]",
        s=ints(0, 1, 2, 0),
        e=ints(1, 3, 100, -2),
    ),
    mixed(
        "split evenly", "p, q = Split<axis=1, num_outputs=2>(c)  y = Sub(q, p)", "float[1,2,5,7]"
    ),
    mixed(
        "split unevenly",
        "p, q, r = Split<axis=3>(c, s)  y = Concat<axis=3>(r, p, q)",
        "float[1,4,5,7]",
        s=ints(1, 4, 2),
    ),
    mixed(
        "expand",
        "r = ReduceMean<keepdims=1>(c, a)  y = Expand(r, s)",
        "float[2,4,5,7]",
        a=ints(2, 3),
        s=ints(2, 1, 5, 7),
    ),
    mixed("expand to more axes", "y = Expand(z, s)", "float[2,3,5,7]", s=ints(2, 3, 1, 1)),
    mixed("tile", "y = Tile(c, r)", "float[1,8,5,21]", r=ints(1, 2, 1, 3)),
    mixed(
        "pad",
        "y = Pad(c, p, v)",
        "float[1,5,8,8]",
        p=ints(0, 1, 2, 0, 0, 0, 1, 1),
        v=np.float32(-3.5),
    ),
    mixed("pad and crop", "y = Pad(c, p)", "float[1,4,5,6]", p=ints(0, 0, -1, 1, 0, 0, 1, -2)),
    mixed("pad axes", "y = Pad(c, p, , a)", "float[1,4,5,10]", p=ints(1, 2), a=ints(-1)),
    mixed(
        "pad reflect",
        'y = Pad<mode="reflect">(c, p)',
        "float[1,4,9,10]",
        p=ints(0, 0, 2, 0, 0, 0, 2, 3),
    ),
    mixed(
        "pad edge", 'y = Pad<mode="edge">(c, p)', "float[1,4,9,10]", p=ints(0, 0, 3, 0, 0, 0, 1, 3)
    ),
    mixed(
        "pad wrap",
        'y = Pad<mode="wrap">(c, p)',
        "float[1,4,9,10]",
        19,
        p=ints(0, 0, 3, 0, 0, 0, 1, 3),
    ),
    mixed("depth to space", "y = DepthToSpace<blocksize=2>(c)", "float[1,1,10,14]"),
    mixed("depth to space CRD", 'y = DepthToSpace<blocksize=2, mode="CRD">(c)', "float[1,1,10,14]"),
    OpCase(
        "depth to space of 12",
        """(float[1,12,3,5] x) => (float[1,3,6,10] y, float[1,3,6,10] z)
        { y = DepthToSpace<blocksize=2>(x)  z = DepthToSpace<blocksize=2, mode="CRD">(x) }""",
    ),
    OpCase(
        "space to depth",
        """(float[2,3,4,6] x) => (float[2,12,2,3] y)
        { y = SpaceToDepth<blocksize=2>(x) }""",
    ),
    mixed("trilu", "y = Trilu<upper=0>(c, k)", "float[1,4,5,7]", k=np.array(1, np.int64)),
    mixed("shape of", "s = Shape(c)  y = Size(c)", "int64"),
    mixed("gather a channel", "y = Gather<axis=1>(c, i)", "float[1,5,7]", i=np.array(-1, np.int64)),
    mixed(
        "gather a table",
        "y = Gather<axis=2>(c, i)",
        "float[1,4,3,2,7]",
        i=np.array([[0, -1], [2, 2], [4, 1]], np.int64),
    ),
    mixed("gather a run", "y = Gather<axis=3>(c, i)", "float[1,4,5,3]", i=ints(2, 3, 4)),
    OpCase(
        "gather by a computed index",
        """(float[3,5,4] x, int64[2,3] i) => (float[3,2,3,4] y)
        { j = Clip(i, lo, hi)  y = Gather<axis=1>(x, j) }""",
        {"lo": np.array(-5, np.int64), "hi": np.array(4, np.int64)},
    ),
    OpCase(
        "gather elements",
        "(float[3,5] x) => (float[2,5] y) { y = GatherElements<axis=0>(x, i) }",
        {"i": np.array([[0, 2, -1, 1, 0], [2, 2, 0, -3, 1]], np.int64)},
    ),
    OpCase(
        "gather nd",
        "(float[2,3,4,5] x) => (float[2,2,5] y) { y = GatherND<batch_dims=1>(x, i) }",
        {"i": np.array([[[0, -1], [2, 1]], [[1, 1], [0, 0]]], np.int64)},
    ),
    OpCase(
        "scatter nd",
        "(float[4,5] x, float[2,5] u) => (float[4,5] y) { y = ScatterND(x, i, u) }",
        {"i": np.array([[-1], [1]], np.int64)},
    ),
    OpCase(
        "scatter elements",
        """(float[4,5] x, float[4,2] u) => (float[4,5] y)
        { y = ScatterElements<axis=1>(x, i, u) }""",
        {"i": np.array([[0, -1], [1, 2], [4, 3], [0, 1]], np.int64)},
    ),
    OpCase(
        "scatter add",
        """(int32[4,5] x, int32[4,2] u) => (int32[4,5] y)
        { y = ScatterElements<axis=1, reduction="add">(x, i, u) }""",
        {"i": np.array([[0, 0], [1, 2], [4, 4], [0, 1]], np.int64)},
    ),
    OpCase(
        "one hot",
        "(int64[2,3] i) => (float[2,4,3] y) { y = OneHot<axis=1>(i, d, v) }",
        {"d": np.array(4, np.int64), "v": np.float32([-1, 5])},
    ),
    OpCase(
        "reverse sequence",
        """(float[4,3,2] x) => (float[4,3,2] y)
        { y = ReverseSequence<time_axis=0, batch_axis=1>(x, n) }""",
        {"n": ints(4, 1, 2)},
    ),
    OpCase("cast like", "(int32[3,5] x, float[2] k) => (float[3,5] y) { y = CastLike(x, k) }"),
]

"""Layout tags by hand arithmetic, and what they save."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx_ir as ir
import pytest

from mobilecat.formats.tflite.lower.layout import (
    channels_last,
    logical_shape,
    physical_shape,
    reshaped,
    same_bytes,
    through_transpose,
    transposition,
    without_axes,
)
from mobilecat.formats.tflite.write import program_from_graph
from tests.formats.tflite.lower.engines import graph


def counts(model: ir.Model) -> Counter[str]:
    return Counter(op.code for op in program_from_graph(model).ops)


def test_physical_and_logical_shapes() -> None:
    assert channels_last(4) == (0, 2, 3, 1)
    assert channels_last(3) == (0, 2, 1)
    assert physical_shape((2, 3, 5, 7), (0, 2, 3, 1)) == (2, 5, 7, 3)
    assert logical_shape((2, 5, 7, 3), (0, 2, 3, 1)) == (2, 3, 5, 7)


@pytest.mark.parametrize(
    ("have", "want", "axes"),
    [
        ((0, 1, 2, 3), (0, 2, 3, 1), (0, 2, 3, 1)),
        ((0, 2, 3, 1), (0, 1, 2, 3), (0, 3, 1, 2)),
        ((2, 0, 1), (1, 2, 0), (2, 0, 1)),
    ],
)
def test_transposition_moves_the_bytes(
    have: tuple[int, ...], want: tuple[int, ...], axes: tuple[int, ...]
) -> None:
    assert transposition(have, want) == axes
    x = np.arange(30).reshape((2, 3, 5) if len(have) == 3 else (1, 2, 3, 5))
    np.testing.assert_array_equal(x.transpose(have).transpose(axes), x.transpose(want))


def test_a_transpose_only_renames_axes() -> None:
    # y[h,w,c] = x[c,h,w]: bytes that lie h,w,c as x are in logical order as y.
    assert through_transpose((1, 2, 0), (1, 2, 0)) == (0, 1, 2)
    # An NHWC input, transposed to NCHW, is NHWC.
    assert through_transpose((0, 1, 2, 3), (0, 3, 1, 2)) == (0, 2, 3, 1)


def test_axes_of_one_do_not_count() -> None:
    assert same_bytes((1, 3, 1, 1), (0, 2, 3, 1), (0, 1, 2, 3))
    assert not same_bytes((1, 3, 2, 1), (0, 2, 3, 1), (0, 1, 2, 3))


def test_without_axes() -> None:
    assert without_axes((0, 2, 3, 1), [1]) == (0, 1, 2)
    assert without_axes((0, 2, 3, 1), [0, 2]) == (1, 0)


@pytest.mark.parametrize(
    ("shape", "perm", "new", "expected"),
    [
        ((1, 6, 5, 7), (0, 2, 3, 1), (1, 2, 3, 5, 7), (0, 3, 4, 1, 2)),  # a split is free
        ((1, 6, 5, 7), (0, 2, 3, 1), (1, 6, 35), (0, 2, 1)),  # rows and columns lie together
        ((1, 6, 5, 7), (0, 2, 3, 1), (1, 30, 7), None),  # channels and rows do not
        ((1, 5, 7, 6), (0, 1, 2, 3), (1, 35, 6), (0, 1, 2)),
        ((1, 6, 1, 1), (0, 2, 3, 1), (1, 6), (0, 1)),
        ((4, 6), (1, 0), (2, 2, 6), (2, 0, 1)),
        ((2, 3), (1, 0), (6,), None),
        ((1, 1), (1, 0), (), ()),
    ],
)
def test_reshaped(
    shape: tuple[int, ...],
    perm: tuple[int, ...],
    new: tuple[int, ...],
    expected: tuple[int, ...] | None,
) -> None:
    assert reshaped(shape, perm, new) == expected
    if expected is not None:
        x = np.arange(int(np.prod(shape))).reshape(shape)
        bytes_now = x.transpose(perm).reshape(-1)
        np.testing.assert_array_equal(x.reshape(new).transpose(expected).reshape(-1), bytes_now)


_W = {"w": np.ones((4, 3, 3, 3), np.float32)}
_CONV = "c = Conv<pads=[1,1,1,1]>(x, w)"


@pytest.mark.parametrize(
    ("text", "constants", "expected"),
    [
        # NHWC in, NCHW inside, NHWC rows out: nothing moves.
        (
            "(float[1,5,7,3] i) => (float[1,35,4] y) { x = Transpose<perm=[0,3,1,2]>(i) "
            + _CONV
            + " t = Transpose<perm=[0,2,3,1]>(c)  y = Reshape(t, s) }",
            {**_W, "s": np.array([1, 35, 4], np.int64)},
            {"CONV_2D": 1, "RESHAPE": 1},
        ),
        # uint8 pixels: the cast is the only other operator.
        (
            "(uint8[1,5,7,3] i) => (float[1,5,7,4] y) { p = Cast<to=1>(i) "
            "x = Transpose<perm=[0,3,1,2]>(p) " + _CONV + " y = Transpose<perm=[0,2,3,1]>(c) }",
            _W,
            {"CAST": 1, "CONV_2D": 1},
        ),
        # NCHW at both ends costs one transposition each, however many consumers there are.
        (
            "(float[1,3,5,7] x) => (float[1,4,5,7] y, float[1,4,5,7] z) { "
            + _CONV
            + " y = Relu(c)  d = Conv<pads=[1,1,1,1]>(x, w)  z = Add(d, y) }",
            _W,
            {"CONV_2D": 2, "ADD": 1, "TRANSPOSE": 3},
        ),
        # Concat on channels, pooling, resizing, padding, slicing stay where the bytes lie.
        (
            "(float[1,5,7,3] i) => (float[1,6,7,8] y) { x = Transpose<perm=[0,3,1,2]>(i) "
            + _CONV
            + " p = MaxPool<kernel_shape=[3,3], pads=[1,1,1,1]>(c)  d = Concat<axis=1>(c, p)"
            " q = Pad(d, a)  t = Slice(q, b, e, f)  y = Transpose<perm=[0,2,3,1]>(t) }",
            {
                **_W,
                "a": np.array([0, 0, 1, 1, 0, 0, 1, 0], np.int64),
                "b": np.array([1], np.int64),
                "e": np.array([9], np.int64),
                "f": np.array([3], np.int64),
            }
            | {"b": np.array([0, 1], np.int64), "e": np.array([6, 9], np.int64)}
            | {"f": np.array([2, 3], np.int64)},
            {"CONV_2D": 1, "MAX_POOL_2D": 1, "CONCATENATION": 1, "PAD": 1, "SLICE": 1},
        ),
        # Two transposes that undo each other.
        (
            "(float[2,3,5] x) => (float[2,3,5] y) { a = Transpose<perm=[2,0,1]>(x)  b = Relu(a)"
            " y = Transpose<perm=[1,2,0]>(b) }",
            {},
            {"RELU": 1},
        ),
    ],
    ids=["yunet head", "uint8 picture", "NCHW ends", "channels last all the way", "undone"],
)
def test_nothing_moves_that_need_not(
    text: str, constants: dict[str, np.ndarray], expected: dict[str, int]
) -> None:
    assert counts(graph(text, **constants)) == expected

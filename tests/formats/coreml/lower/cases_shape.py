"""Ops that move values: reshape, slice, join, pad, gather, scatter, grid sampling."""

from __future__ import annotations

import numpy as np

from tests.formats.coreml.lower.harness import OpCase, case, tensor

X = tensor(1, 4, 3, 5)
FLAT = tensor(3, 5)
INTS = np.arange(15, dtype=np.int32).reshape(3, 5)
BOOLS = INTS % 3 == 0


def i64(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def _reshapes() -> list[OpCase]:
    return [
        case("Reshape", X, i64(0, -1, 2), const=[1], note="zero and minus one"),
        case("Reshape", X, i64(60), const=[1]),
        case("Flatten", X, axis=2),
        case("Squeeze", X, i64(0), const=[1]),
        case("Squeeze", X, note="all"),
        case("Unsqueeze", FLAT, i64(0, -1), const=[1]),
        case("Transpose", X, perm=[0, 2, 3, 1]),
        case("Transpose", X),
        case("Transpose", BOOLS),
        case("Concat", X, tensor(1, 2, 3, 5, seed=1), axis=1),
        case("Concat", X, tensor(1, 4, 3, 2, seed=1), axis=-1),
        case("Concat", INTS, INTS, axis=0),
        case("Split", X, i64(1, 3), const=[1], axis=1, outputs=2),
        case("Split", X, axis=1, num_outputs=2, outputs=2),
        case("Expand", tensor(3, 1), i64(2, 3, 5), const=[1]),
        case("Expand", FLAT, i64(3, 5), const=[1], note="to its own shape"),
        case("Tile", FLAT, i64(2, 3), const=[1]),
        case("Tile", BOOLS, i64(1, 2), const=[1]),
        case("Shape", X),
        case("Shape", X, start=1, end=-1),
        case("Size", X),
        case("DepthToSpace", X, blocksize=2),
        case("DepthToSpace", X, blocksize=2, mode="CRD"),
        case("SpaceToDepth", tensor(1, 3, 4, 6), blocksize=2),
        case("Trilu", FLAT, upper=1),
        case("Trilu", FLAT, np.int64(-1), const=[1], upper=0),
        case("Trilu", tensor(2, 3, 5), np.int64(2), const=[1]),
        case("Trilu", INTS),
        case("ReverseSequence", tensor(4, 3), i64(2, 4, 1), const=[1], time_axis=0, batch_axis=1),
    ]


def _slices() -> list[OpCase]:
    def cut(*bounds: tuple[int, ...], note: str = "", x: np.ndarray = X) -> OpCase:
        inputs = [i64(*b) for b in bounds]
        return case("Slice", x, *inputs, const=range(1, len(inputs) + 1), note=note)

    most = np.iinfo(np.int64).max
    return [
        cut((0, 1), (1, 3), (0, 1)),
        cut((1,), (-1,), (3,), note="negative end"),
        cut((0,), (most,), (3,), (2,), note="stride"),
        cut((-1,), (-most,), (3,), (-1,), note="backwards"),
        cut((3, 2), (0, 0), (3, 2), (-2, -1), note="backwards by two"),
        cut((0,), (99,), (1,), note="end past the edge"),
        cut((1, 1), (3, 4), note="without axes", x=INTS),
        cut((0, 0), (2, 3), note="bools", x=BOOLS),
    ]


def _pads() -> list[OpCase]:
    asymmetric = i64(0, 0, 1, 2, 0, 0, 2, 1)
    return [
        case("Pad", X, asymmetric, np.float32(0.5), const=[1, 2]),
        case("Pad", X, i64(0, 1, 0, 0, 1, 2, 0, 0), const=[1], note="batch and channels"),
        *(case("Pad", X, asymmetric, const=[1], mode=m) for m in ("reflect", "edge")),
        case("Pad", X, asymmetric, const=[1], mode="wrap", opset=19),
        case("Pad", X, i64(0, 2, 0, 0, 0, 1, 0, 0), const=[1], mode="reflect", note="channels"),
        case("Pad", X, i64(0, 0, -1, 1, 0, 0, 0, -2), const=[1], note="negative"),
        case("Pad", INTS, i64(1, 0, 0, 2), np.int32(7), const=[1, 2]),
        case("Pad", BOOLS, i64(0, 1, 1, 0), np.True_, const=[1, 2]),
        case("Pad", X, i64(1, 2), None, i64(2), const=[1, 3], note="by axes"),
    ]


def _gathers() -> list[OpCase]:
    table = tensor(6, 4)
    along = np.array([[0, -1, 2], [1, 1, -3]], np.int64)
    points = np.array([[0, 1], [-1, -2], [2, 4]], np.int64)
    updates = tensor(2, 3, seed=1)
    distinct = np.array([[0, 2, -1], [1, 2, 3]], np.int64)
    reductions = ("add", "mul", "max", "min")
    return [
        case("Gather", X, i64(2, 0, 3), const=[1], axis=1),
        case("Gather", X, np.int64(-1), const=[1], axis=3, note="one from the back"),
        case("Gather", X, i64(4, 2, 0), const=[1], axis=3, note="a backward run"),
        case("Gather", table, np.array([[1, -1], [0, 5]], np.int64), note="dynamic"),
        case("Gather", table, np.int64(-2), note="one, dynamic"),
        case("Gather", BOOLS, i64(2, 0), const=[1], axis=1, note="bools"),
        case("GatherElements", FLAT, along, axis=1),
        case("GatherElements", FLAT, along, const=[1], axis=1),
        case("GatherND", FLAT, points, const=[1]),
        case("GatherND", FLAT, points, note="dynamic"),
        case("GatherND", tensor(2, 3, 5), np.array([[2], [-3]], np.int64), batch_dims=1),
        case("ScatterElements", FLAT, distinct, updates, axis=1, const=[1]),
        case("ScatterElements", FLAT, distinct, updates, axis=1, note="dynamic"),
        *(
            case("ScatterElements", FLAT, distinct, updates, axis=1, const=[1], reduction=r)
            for r in reductions
        ),
        case("ScatterND", FLAT, points, tensor(3, seed=1), const=[1]),
        *(
            case("ScatterND", FLAT, points, tensor(3, seed=1), const=[1], reduction=r)
            for r in reductions
        ),
        case("OneHot", i64(0, 2, -1, 5), np.int64(3), np.float32([2, 7]), const=[1, 2]),
        case(
            "OneHot",
            np.array([[0, 1], [2, 0]], np.int64),
            np.int64(3),
            np.float32([0, 1]),
            const=[1, 2],
            axis=1,
        ),
    ]


def _grids() -> list[OpCase]:
    grid = tensor(1, 4, 6, 2, seed=1, low=-1.2, high=1.2)
    return [
        case("GridSample", X, grid, align_corners=a, padding_mode=p, mode=m, opset=20)
        for a in (0, 1)
        for p in ("zeros", "border", "reflection")
        for m in ("linear", "nearest")
    ]


CASES = (*_reshapes(), *_slices(), *_pads(), *_gathers(), *_grids())

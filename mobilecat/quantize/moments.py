"""What weights are multiplied with on the calibration pictures: second moments of their inputs.

Pure of formats: ONNX nodes. A weight is seen as a matrix [G,O,D], G groups of O outputs that add up
D products each; the inputs of those as rows [G,P,D], one a place in the picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from mobilecat.graph import Array, attr, const_of, op_of, shape_of
from mobilecat.quantize.calibrate import Calibration, in_runs, session_of
from mobilecat.quantize.pruned import pruned

PLACES = 512
"""Of a value that are looked at, in a picture, evenly spread."""
LARGEST = 4608
"""Products that an output adds up, 512 channels of a 3 × 3 window. The moments of more take
gigabytes."""
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Moments:
    """Of the inputs x of a weight: second, the mean of x·xᵀ, [G,D,D]; mean, that of x, [G,D]."""

    second: Floats
    mean: Floats


@dataclass(frozen=True)
class Weight:
    """A constant by its name, with the nodes that multiply with it; all of one kind."""

    name: str
    nodes: tuple[ir.Node, ...]

    @property
    def values(self) -> Array:
        found = const_of(self.nodes[0].inputs[1])
        assert found is not None
        return found

    @property
    def groups(self) -> int:
        return int(attr(self.nodes[0], "group", 1))

    @property
    def matrix(self) -> Array:
        """The weights as [G,O,D]."""
        w = self.values
        if self._turned:
            w = w.T
        return w.reshape(self.groups, w.shape[0] // self.groups, -1)

    def like(self, matrix: Array) -> Array:
        """Return what lies as `matrix` does as the constant lies."""
        shape = self.values.shape
        if self._turned:
            return np.ascontiguousarray(matrix.reshape(shape[::-1]).T)
        return matrix.reshape(shape)

    @property
    def _turned(self) -> bool:
        node = self.nodes[0]
        return node.op_type == "MatMul" or (node.op_type == "Gemm" and not attr(node, "transB", 0))


def weights_of(model: ir.Model) -> list[Weight]:
    """Return the constants of convolutions and matrix products that can be fitted to their inputs.

    Of what only such nodes read, in the same way, and of no more than `LARGEST` products.
    """
    found: dict[ir.Value, list[ir.Node]] = {}
    for node in model.graph:
        if _is_product(node) and (w := node.inputs[1]) is not None and w.const_value is not None:
            found.setdefault(w, []).append(node)
    made = []
    for value, nodes in found.items():
        alone = all(user in nodes and i == 1 for user, i in value.uses())
        kinds = {(n.op_type, attr(n, "group", 1), attr(n, "transB", 0)) for n in nodes}
        weight = Weight(value.name or "", tuple(nodes))
        own = weight.values
        if not alone or len(kinds) > 1 or value.is_graph_output() or own.dtype != np.float32:
            continue
        if own.size and np.isfinite(own).all() and weight.matrix.shape[2] <= LARGEST:
            made.append(weight)
    return made


def outputs_axis(node: ir.Node) -> int | None:
    """Return the axis of input 1 along which the outputs lie; None where it is no weight."""
    if len(node.inputs) < 2 or node.inputs[0] is None or node.inputs[1] is None:
        return None
    rank = len(shape_of(node.inputs[1]))
    if op_of(node) == "Conv":
        return 0 if rank in (3, 4) else None
    if op_of(node) == "ConvTranspose":
        return 1 if rank in (3, 4) and attr(node, "group", 1) == 1 else None
    if op_of(node) == "Gemm":
        return 0 if attr(node, "transB", 0) else 1
    return 1 if op_of(node) == "MatMul" and rank == 2 else None


def _is_product(node: ir.Node) -> bool:
    known = outputs_axis(node) is not None and op_of(node) != "ConvTranspose"
    return known and not attr(node, "transA", 0)


def moments_of(
    calibration: Calibration, model: ir.Model, weights: Sequence[Weight]
) -> Iterator[tuple[Weight, Moments]]:
    """Yield each weight with the moments of its inputs.

    A weight whose inputs are not finite on some picture is left out.
    """
    proto = ir.to_proto(model)
    for part in in_runs((w, _bytes_of(w)) for w in weights):
        names = list(dict.fromkeys(n.inputs[0].name or "" for w in part for n in w.nodes))  # type: ignore[union-attr]
        session = session_of(pruned(proto, names), names)
        sums = {w.name: np.zeros((w.groups, *2 * w.matrix.shape[2:])) for w in part}
        means = {w.name: np.zeros((w.groups, w.matrix.shape[2])) for w in part}
        counts = dict.fromkeys(sums, 0)
        picture = model.graph.inputs[0]
        for fed in calibration.feeds(picture):
            found = dict(zip(names, session.run(names, {picture.name: fed}), strict=True))
            for weight in part:
                for rows in _inputs(weight, found):
                    sums[weight.name] += rows.transpose(0, 2, 1) @ rows
                    means[weight.name] += rows.sum(axis=1, dtype=np.float64)
                    counts[weight.name] += rows.shape[1]
        for weight in part:
            count = max(counts[weight.name], 1)
            second = sums.pop(weight.name) / count
            if np.isfinite(second).all():
                yield weight, Moments(second, means[weight.name] / count)


def _bytes_of(weight: Weight) -> int:
    groups, _, depth = weight.matrix.shape
    return 8 * int(groups) * int(depth) ** 2


def _inputs(weight: Weight, values: Mapping[str, Array]) -> Iterator[Array]:
    for node in weight.nodes:
        assert node.inputs[0] is not None
        x = values[node.inputs[0].name or ""]
        if op_of(node) == "Conv":
            yield from (windows(node, one, weight.groups) for one in x)
        else:
            yield _spread(x.reshape(1, -1, x.shape[-1]), 1)


def windows(node: ir.Node, x: Array, groups: int) -> Array:
    """Return what the windows of a convolution hold of `x` [C,*spatial], as [G,P,D]."""
    w = node.inputs[1]
    assert w is not None
    sides = shape_of(w)[2:]
    count = len(sides)
    strides, dilations = attr(node, "strides", (1,) * count), attr(node, "dilations", (1,) * count)
    reach = [(k - 1) * d + 1 for k, d in zip(sides, dilations, strict=True)]
    x = np.pad(x, [(0, 0), *_pads(node, x.shape[1:], reach, strides)])
    axes = tuple(range(1, count + 1))
    seen = np.lib.stride_tricks.sliding_window_view(x, reach, axes)  # type: ignore[call-overload]
    seen = seen[(slice(None), *(slice(None, None, s) for s in strides))]
    seen = seen[(..., *(slice(None, None, d) for d in dilations))]
    places = int(np.prod(seen.shape[1 : count + 1]))
    kept = np.unravel_index(_evenly(places), seen.shape[1 : count + 1])
    picked = np.asarray(seen[(slice(None), *kept)])  # [C,P,*sides]
    split = picked.reshape(groups, -1, *picked.shape[1:])
    return np.moveaxis(split, 2, 1).reshape(groups, picked.shape[1], -1)


def _pads(
    node: ir.Node, shape: Sequence[int], reach: Sequence[int], strides: Sequence[int]
) -> list[tuple[int, int]]:
    """Return the zeros before and after each axis: https://onnx.ai/onnx/operators/onnx__Conv.html"""
    count, auto = len(shape), attr(node, "auto_pad", "NOTSET")
    if not auto.startswith("SAME"):
        pads = attr(node, "pads", (0,) * 2 * count) if auto != "VALID" else (0,) * 2 * count
        return [(pads[i], pads[i + count]) for i in range(count)]
    found = []
    for size, span, stride in zip(shape, reach, strides, strict=True):
        total = max((-(-size // stride) - 1) * stride + span - size, 0)
        before = total // 2 if auto == "SAME_UPPER" else total - total // 2
        found.append((before, total - before))
    return found


def _spread(rows: Array, axis: int) -> Array:
    return np.take(rows, _evenly(rows.shape[axis]), axis)


def _evenly(count: int) -> npt.NDArray[np.int64]:
    """Return `PLACES` of `count` places, or all of them."""
    if count <= PLACES:
        return np.arange(count)
    return np.asarray(np.arange(PLACES) * count // PLACES)

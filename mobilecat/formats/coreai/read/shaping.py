"""Where numbers lie: reshaping, slicing, joining, repeating, padding. Nothing is computed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mobilecat.formats.coreai.read.ir import Tensor
from mobilecat.formats.coreai.read.op import Call, int64_of, reads
from mobilecat.formats.coreai.read.writer import Refused, carried

if TYPE_CHECKING:
    from mobilecat.graph import Array


@reads("coreai.transpose", moves=True)
def transpose(c: Call) -> str:
    return c.g("Transpose", c[0], perm=c.ints(1, "permutation"))


_RESHAPES = ("coreai.reshape", "coreai.expand_dims", "coreai.shrink_dims")
_MAX_TRIED = 1 << 24
_BROADCASTS = ("coreai.broadcast_to", "coreai.broadcast_in_dims")


@reads(*_RESHAPES, moves=True)
def reshape(c: Call) -> str:
    if None not in c.result.dims:
        if (upsampled := _upsampled(c)) is not None:
            return upsampled
        return c.g("Reshape", c[0], c.g.ints(c.shape), allowzero=1)
    if c.op.name == "coreai.reshape":
        return c.g("Reshape", c[0], int64_of(c.g, c.inputs[1]))
    grows = c.op.name == "coreai.expand_dims"
    axes = c.axes(1, rank=len(c.result.dims) if grows else None)
    return c.g("Unsqueeze" if grows else "Squeeze", c[0], c.g.ints(axes))


def _upsampled(c: Call) -> str | None:
    """Return reshapes and broadcasts that repeat rows and columns as the one op that they are.

    Core AI has no repeating, so converters write 3 or 6 ops, on which onnxruntime spends half as
    long as on a whole network. What they do is found by doing it, with each element's number.
    """
    chain = [c]
    while (before := chain[-1].maker(0)) is not None and before.op.name in _RESHAPES + _BROADCASTS:
        chain.append(before)
    start = chain[-1].inputs[0]
    spread = any(step.op.name in _BROADCASTS for step in chain)
    if not spread or start.rank != 4 or len(c.shape) != 4 or start.element != "f32":
        return None
    if 0 in start.shape or math.prod(c.shape) > _MAX_TRIED:
        return None
    h, w = start.shape[2:]
    down, across = c.shape[2] // h, c.shape[3] // w
    made = numbers = np.arange(math.prod(start.shape), dtype=np.int32).reshape(start.shape)
    for step in reversed(chain):
        if step.op.name in _BROADCASTS:
            made = np.broadcast_to(made, step.shape)
        else:
            made = made.reshape(step.shape)
    if not np.array_equal(made, numbers.repeat(down, 2).repeat(across, 3)):
        return None
    return c.g(
        "Resize",
        start.name,
        "",
        c.g.const(np.array([1, 1, down, across], np.float32)),
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


@reads(*_BROADCASTS, moves=True)
def broadcast(c: Call) -> str:
    if None not in c.result.dims:
        return c.g("Expand", c[0], c.g.ints(c.shape))
    if c.op.name == "coreai.broadcast_to":
        return c.g("Expand", c[0], int64_of(c.g, c.inputs[1]))
    raise Refused("to sides that are only known when it runs")


@reads("coreai.broadcast_shapes", moves=True)
def broadcast_shapes(c: Call) -> str:
    """A side of 1 takes the other's; missing sides in front are 1."""
    rank = max(v.shape[0] for v in c.inputs)
    sides = []
    for value in c.inputs:
        ones = c.g.ints([1] * (rank - value.shape[0]))
        sides.append(c.g("Concat", ones, int64_of(c.g, value), axis=0))
    one = c.g("Equal", sides[0], c.g.const(1, np.int64))
    return c.g.cast(c.g("Where", one, sides[1], sides[0]), carried(c.result.element))


@reads("coreai.get_shape", moves=True)
def get_shape(c: Call) -> str | Array:
    if None not in c.inputs[0].tensor.dims:
        return np.array(c.inputs[0].shape, np.uint32)
    return c.g.cast(c.g("Shape", c[0]), carried(c.result.element))


@reads("coreai.concat", moves=True)
def concat(c: Call) -> str:
    rank = c.inputs[1].rank
    names = [c[i] for i in range(1, len(c.inputs))]
    return c.g("Concat", *names, axis=c.axis(0, "dimension", rank))


@reads("coreai.split", moves=True)
def split(c: Call) -> Sequence[str]:
    axis = c.axis(2, "dim")
    sizes = []
    for t in c.op.types:
        side = t.dims[axis] if isinstance(t, Tensor) else None
        if side is None:
            raise Refused("into parts whose size is only known when it runs")
        sizes.append(side)
    return c.g.several(len(sizes), "Split", c[0], c.g.ints(sizes), axis=axis)


@reads("coreai.tile", moves=True)
def tile(c: Call) -> str:
    times = c.ints(1, "counts")
    return c.g("Tile", c[0], c.g.ints([1] * (c.inputs[0].rank - len(times)) + times))


@reads("coreai.reverse", moves=True)
def reverse(c: Call) -> str:
    axes = c.axes(1, "dims")
    back = c.g.ints([-1] * len(axes))
    stop = c.g.ints([np.iinfo(np.int64).min + 1] * len(axes))
    return c.g("Slice", c[0], back, stop, c.g.ints(axes), back) if axes else c[0]


@reads("coreai.slice", moves=True)
def slice_(c: Call) -> str:
    given = [c.const(i) for i in (1, 2)]
    steps = c.ints(3, "strides")
    axes = c.g.ints(range(c.inputs[0].rank))
    fixed = None not in c.result.dims and None not in c.inputs[0].tensor.dims
    if given[0] is None or given[1] is None or not fixed:
        if min(steps, default=1) < 1:
            raise Refused("backwards, with bounds that are only known when it runs")
        bounds = [int64_of(c.g, c.inputs[i]) for i in (1, 2)]
        return c.g("Slice", c[0], *bounds, axes, c.g.ints(steps))
    starts, ends = _bounds(c, steps, c.shape)
    return c.g("Slice", c[0], c.g.ints(starts), c.g.ints(ends), axes, c.g.ints(steps))


def _bounds(c: Call, steps: Sequence[int], counts: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return starts and ends as ONNX takes them, of `counts` elements an axis.

    How many elements a bound behind the first one gives going backwards is not what the dialect's
    docstring says (coreai-core 1.0.0b3: one fewer), so the declared shape says it.
    """
    starts, ends = [], []
    for start, step, side, count in zip(
        c.ints(1, "start"), steps, c.inputs[0].shape, counts, strict=True
    ):
        first = start + side if start < 0 else start
        first = min(max(first, 0), side)
        last = first + step * (count - 1)
        if count and not (0 <= first < side and 0 <= last < side):
            raise Refused(f"it reads outside of a side of {side}")
        end = last + (1 if step > 0 else -1)
        starts.append(first)
        ends.append((end if end >= 0 else np.iinfo(np.int64).min + 1) if count else first)
    return starts, ends


@reads("coreai.slice_update", moves=True)
def slice_update(c: Call) -> str:
    side, steps = c.inputs[0].shape, c.ints(3, "strides")
    counts = c.inputs[4].shape
    starts, _ = _bounds(c, steps, counts)
    ways = zip(starts, steps, counts, strict=True)
    places = [start + step * np.arange(count) for start, step, count in ways]
    flat = np.ravel_multi_index(np.meshgrid(*places, indexing="ij"), side).reshape(-1)
    line = c.g.ints([-1])
    changed = c.g(
        "ScatterElements",
        c.g("Reshape", c[0], line),
        c.g.const(flat.astype(np.int64)),
        c.g("Reshape", c[4], line),
        axis=0,
    )
    return c.g("Reshape", changed, c.g.ints(side))


_PADS = {"reflect": "reflect", "replicate": "edge", "symmetric": "symmetric", "circular": "wrap"}


@reads("coreai.pad", moves=True)
def pad(c: Call) -> str:
    widths = np.array(c.ints(1, "widths")).reshape(-1, 2)
    mode = c.attribute("padding_mode", "constant")
    if not widths.any():
        return c[0]
    if mode == "constant":
        return c.g("Pad", c[0], c.g.ints([*widths[:, 0], *widths[:, 1]]), c[2])
    if mode not in _PADS:
        raise Refused(f"with mode {mode}")
    made = c[0]
    for axis, (before, after) in enumerate(widths.tolist()):
        if before or after:
            side = c.inputs[0].shape[axis]
            if max(before, after) > side - (mode == "reflect") and mode != "replicate":
                raise Refused(f"{mode} by more than a side of {side} has")
            order = np.pad(np.arange(side), (before, after), _PADS[mode])  # type: ignore[call-overload]
            made = c.g("Gather", made, c.g.const(order.astype(np.int64)), axis=axis)
    return made


@reads("coreai.range", moves=True)
def range_(c: Call) -> str | Array:
    given = [c.const(i) for i in range(3)]
    element = c.result.element
    if all(a is not None for a in given):
        start, stop, step = (a.reshape(-1)[0] for a in given if a is not None)
        if not step:
            raise Refused("with step 0")
        count = max(0, math.ceil((float(stop) - float(start)) / float(step)))
        if count > 1 << 24:
            raise Refused(f"of {count} numbers")
        made: Array = start + np.arange(count).astype(start.dtype) * step
        return made.astype(start.dtype)
    if element in ("f32", "si32", "si64"):
        return c.g("Range", c[0], c[1], c[2])
    raise Refused(f"of {element}, with bounds that are computed")


@reads("coreai.image_to_tensor", moves=True)
def image_to_tensor(c: Call) -> str:
    """The picture's bytes, height × width × channels, in the order of its pixel format."""
    return c[0]


@reads(
    "coreaix.cast",
    "coreaix.copy_with_constraints",
    "coreaix.copy_discarding_constraints",
    moves=True,
)
def same(c: Call) -> str:
    """How a tensor is to lie in a device's memory; its numbers stay."""
    return c[0]

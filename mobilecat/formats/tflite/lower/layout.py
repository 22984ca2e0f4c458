"""Layout tags: in which physical order a value's logical axes lie.

A tag is a permutation `perm`: physical axis i holds logical axis perm[i]. ONNX speaks of NCHW,
TFLite convolutions want NHWC = (0, 2, 3, 1); a `Transpose` node only changes the tag.
"""

from __future__ import annotations

from collections.abc import Sequence

Perm = tuple[int, ...]
Shape = tuple[int, ...]


def identity(rank: int) -> Perm:
    return tuple(range(rank))


def channels_last(rank: int) -> Perm:
    """Return batch, spatial axes, channels: (0, 2, 3, 1) for rank 4."""
    return (0, *range(2, rank), 1) if rank > 1 else identity(rank)


def physical_shape(shape: Sequence[int], perm: Perm) -> Shape:
    return tuple(shape[axis] for axis in perm)


def logical_shape(physical: Sequence[int], perm: Perm) -> Shape:
    return tuple(physical[perm.index(axis)] for axis in range(len(perm)))


def transposition(have: Perm, want: Perm) -> Perm:
    """Return the axes argument that turns bytes laid out as `have` into `want`."""
    return tuple(have.index(axis) for axis in want)


def same_bytes(shape: Sequence[int], one: Perm, other: Perm) -> bool:
    """Say whether both orders are the same run of bytes: axes of size 1 do not count.

    `shape` is the logical one.
    """
    return [a for a in one if shape[a] != 1] == [a for a in other if shape[a] != 1]


def through_transpose(perm: Perm, axes: Perm) -> Perm:
    """Return the tag of Transpose(axes)'s output, whose bytes are those of its input."""
    return tuple(axes.index(axis) for axis in perm)


def without_axes(perm: Perm, axes: Sequence[int]) -> Perm:
    """Return the tag after the logical `axes` are squeezed away."""
    kept = [a for a in range(len(perm)) if a not in axes]
    return tuple(kept.index(a) for a in perm if a in kept)


def reshaped(shape: Sequence[int], perm: Perm, new_shape: Sequence[int]) -> Perm | None:
    """Return the tag of the reshaped value where its bytes need not move; None where they must.

    Axes fall into the smallest groups of equal product, e.g. [1,255,6,7] → [1,3,85,42] into
    255 = 3·85 and 6·7 = 42. Splitting an axis is always free; merging is where the merged axes lie
    side by side, in order.
    """
    groups = _groups(shape, new_shape)
    order = [a for a in perm if shape[a] != 1]
    placed: list[tuple[int, list[int]]] = []
    for old, new in groups:
        if not old:
            continue
        start = order.index(old[0])
        if order[start : start + len(old)] != old:
            return None
        placed.append((start, new))
    result = [axis for _, new in sorted(placed) for axis in new]
    return _with_ones(result, new_shape)


def _groups(shape: Sequence[int], new_shape: Sequence[int]) -> list[tuple[list[int], list[int]]]:
    old = [a for a, d in enumerate(shape) if d != 1]
    new = [a for a, d in enumerate(new_shape) if d != 1]
    groups: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(old) and j < len(new):
        mine, theirs = [old[i]], [new[j]]
        have, want = shape[old[i]], new_shape[new[j]]
        i, j = i + 1, j + 1
        while have != want:
            if have < want:
                mine.append(old[i])
                have *= shape[old[i]]
                i += 1
            else:
                theirs.append(new[j])
                want *= new_shape[new[j]]
                j += 1
        groups.append((mine, theirs))
    return groups


def _with_ones(order: list[int], shape: Sequence[int]) -> Perm:
    """Place the axes of size 1: in logical order if the rest is, else after their predecessor."""
    if order == sorted(order):
        return identity(len(shape))
    result = list(order)
    for axis, size in enumerate(shape):
        if size == 1:
            result.insert(result.index(axis - 1) + 1 if axis else 0, axis)
    return tuple(result)

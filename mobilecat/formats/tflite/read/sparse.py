"""Sparse weights as dense ones.

A sparse tensor lists its values in the order of its dimensions' metadata: of each dimension, dense
ones whole, sparse ones the rows that `segments` and `indices` name. Blocks are dimensions besides.
Source: SparsityParameters in
https://github.com/google-ai-edge/LiteRT/blob/main/tflite/schema/schema.fbs
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mobilecat.formats.tflite.read.file import Tensor
from mobilecat.formats.tflite.read.op import Refused
from mobilecat.graph import Array

_MOST_DENSE = 1 << 26
"""Values of a sparse tensor made whole, and of each step on the way there."""


def dense(tensor: Tensor) -> Array:
    """Return the values of a sparse constant, [its shape]. Refused where they contradict it."""
    values = tensor.data
    if values is None:
        raise Refused("sparse weights without values")
    try:
        return _dense(tensor, values)
    except (AssertionError, AttributeError, IndexError, TypeError, ValueError):
        raise Refused("sparse weights whose parts contradict each other") from None


def _dense(tensor: Tensor, values: Array) -> Array:
    said, shape = tensor.sparse, tensor.shape
    order = [int(d) for d in said.traversalOrder]
    blocks = [] if said.blockMap is None else [int(d) for d in said.blockMap]
    rank = len(shape)
    assert math.prod(shape) <= _MOST_DENSE
    assert sorted(order) == list(range(rank + len(blocks))) and len(said.dimMetadata) == len(order)
    assert all(0 <= d < rank for d in blocks)
    places = np.zeros(1, np.int64)
    coordinates: dict[int, Array] = {}
    sides: dict[int, int] = {}
    for d, level in zip(order, said.dimMetadata, strict=True):
        if level.format == 0:
            side = int(level.denseSize)
            assert side > 0 and side * places.size <= _MOST_DENSE
            sides[d] = side
            origin = np.repeat(np.arange(places.size), side)
            index = np.tile(np.arange(side), places.size)
            places = places[origin] * side + index
        else:
            segments, rows = _listed(level.arraySegments), _listed(level.arrayIndices)
            starts, ends = segments[places], segments[places + 1]
            assert (starts <= ends).all() and (starts >= 0).all()
            counts = ends - starts
            assert counts.sum() <= rows.size <= _MOST_DENSE
            origin = np.repeat(np.arange(places.size), counts)
            places = np.repeat(starts - np.cumsum(counts) + counts, counts) + np.arange(len(origin))
            index = rows[places]
        coordinates = {k: v[origin] for k, v in coordinates.items()}
        coordinates[d] = index
    at = []
    for d in range(rank):
        whole = coordinates[d]
        for k, mapped in enumerate(blocks):
            if mapped == d:
                whole = whole * sides[rank + k] + coordinates[rank + k]
        assert ((whole >= 0) & (whole < shape[d])).all()
        at.append(whole)
    assert places.size == 0 or places.max() < values.size
    found = np.zeros(math.prod(shape), values.dtype).reshape(shape)
    found[tuple(at)] = values[places]
    return found


def _listed(vector: Any) -> Array:
    return np.asarray(vector.values, np.int64).reshape(-1)

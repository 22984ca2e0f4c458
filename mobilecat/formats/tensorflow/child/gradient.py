"""The gradient of outputs at an inner value, of any network that can be frozen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mobilecat.formats.base.gradients import channels_first, fits, is_same, not_found
from mobilecat.formats.base.source import Gradient
from mobilecat.formats.tensorflow.child.network import Network
from mobilecat.graph import Array


def gradient(
    network: Network,
    feeds: Mapping[str, Array],
    maps: Sequence[Array],
    factors: Mapping[str, Array],
) -> Gradient:
    """Return the gradient of Σ factor · output at the first of `maps` that the network computes.

    Where several values of the graph are the same, at the last that an output depends on.
    Errors: ModelError where there is none.
    """
    import tensorflow as tf

    frozen = network.freeze({k: tuple(v.shape) for k, v in feeds.items()})
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(frozen.graph_def, name="")
    feed = {graph.get_tensor_by_name(frozen.inputs[k]): v for k, v in feeds.items()}
    ends = [graph.get_tensor_by_name(frozen.outputs[k]) for k in factors]
    inner = list(_feature_maps(graph, maps))
    with graph.as_default(), tf.compat.v1.Session(graph=graph) as session:
        values = session.run(inner, feed)
        for place, wanted in enumerate(maps):
            same = [i for i, v in enumerate(values) if is_same(v, wanted)]
            for i in reversed(same):
                made = tf.compat.v1.gradients(ends, inner[i], _factors(tf, ends, factors))[0]
                if made is None:
                    continue
                slopes = np.asarray(session.run(made, feed), np.float64)
                value, slope = (channels_first(x, wanted.shape) for x in (values[i], slopes))
                if value is not None and slope is not None:
                    return Gradient(place, inner[i].op.name, value, slope)
    raise not_found("TensorFlow")


def _feature_maps(graph: Any, maps: Sequence[Array]) -> Any:
    """Yield the graph's values that could be one of the maps, by their shape."""
    for op in graph.get_operations():
        for value in op.outputs if op.type != "Const" else ():
            if value.dtype.is_floating and value.shape.rank == 4:
                shape = value.shape.as_list()
                if any(fits(shape, wanted) for wanted in maps):
                    yield value


def _factors(tf: Any, ends: Sequence[Any], factors: Mapping[str, Array]) -> list[Any]:
    return [tf.constant(f, e.dtype) for f, e in zip(factors.values(), ends, strict=True)]

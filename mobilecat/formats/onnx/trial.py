"""One model in memory against another, both in onnxruntime, on random inputs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Timer
from typing import Any

import numpy as np
import onnx
from onnx import helper

from mobilecat.foreign import problem_from_onnxruntime, quiet_onnxruntime, session_options
from mobilecat.formats.onnx.checked import all_nodes
from mobilecat.graph import IR_VERSIONS, RANDOM_OPS, Array
from mobilecat.graph.light import bytes_of, session_of
from mobilecat.graph.passes.fold import in_limited_memory, shrinking

_BYTES = 1 << 29
"""Larger models are not tried: an engine may need a copy of their weights."""

_VALUES = _BYTES // 8
"""Of one input: its size is the file's word, and random numbers take 8 bytes each."""

_SECONDS = 30.0
"""For one run: how much is computed is the file's choice."""

_LOOPS = frozenset({"Loop", "Scan"})
_SHOWN = 10
_RTOL = 1e-4


@dataclass(frozen=True)
class Trial:
    """What came out: nodes that compute something else, or why nothing was tried; both empty where
    the two agree."""

    differing: tuple[str, ...] = ()
    untried: str = ""


def try_against(
    original: onnx.ModelProto, made: onnx.ModelProto, arrays: Mapping[str, Array] | None = None
) -> Trial:
    """Return whether `made` computes what `original` does: same inputs, same names of outputs.

    arrays: initializers of both that lie beside them, by name.
    Without onnxruntime's optimisations, so that what is the same node in both runs the same way.
    """
    arrays = arrays or {}
    if bytes_of(original, arrays) > _BYTES:
        return Trial(untried=f"larger than {_BYTES >> 20} MB")
    ops = {n.op_type for n in all_nodes(original.graph)}
    if random := sorted(ops & RANDOM_OPS):
        return Trial(untried=f"{', '.join(random)} gives other numbers each time")
    if loops := sorted(ops & _LOOPS):
        return Trial(untried=f"{', '.join(loops)} may run for as long as the file says")
    outputs = [o.name for o in original.graph.output]
    try:
        feeds = _random_feeds(original)
        want = _run(original, feeds, outputs, arrays)
    except _NotTried as e:
        return Trial(untried=str(e))
    try:
        got = _run(made, feeds, outputs, arrays)
    except _NotTried as e:
        return Trial(differing=(f"the whole graph ({e})",))
    if all(_same(got[n], want[n]) for n in outputs):
        return Trial()
    return Trial(
        differing=_first_to_differ(original, made, feeds, arrays) or tuple(map(repr, outputs))
    )


class _NotTried(Exception):
    """onnxruntime does not run a model; the message says why."""


def _run(
    proto: onnx.ModelProto,
    feeds: Mapping[str, Array],
    outputs: Sequence[str],
    arrays: Mapping[str, Array],
) -> dict[str, Array]:
    ort = quiet_onnxruntime()
    options = session_options()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    in_limited_memory(options)
    known = min(proto.ir_version, IR_VERSIONS[1])
    proto.ir_version, kept = known, proto.ir_version
    try:
        session = session_of(proto, arrays, options)
        with _limited_time() as run:
            found = session.run(list(outputs), dict(feeds), run)
        return dict(zip(outputs, found, strict=True))
    except Exception as e:  # onnxruntime's exceptions share no public base class
        raise _NotTried(str(problem_from_onnxruntime(str(e)))) from e
    finally:
        proto.ir_version = kept


@contextmanager
def _limited_time() -> Iterator[Any]:
    """Give options for one run, which are told to end it when the time is up."""
    run = shrinking()
    timer = Timer(_SECONDS, setattr, (run, "terminate", True))
    timer.daemon = True
    timer.start()
    try:
        yield run
    finally:
        timer.cancel()


def _random_feeds(proto: onnx.ModelProto) -> dict[str, Array]:
    rng = np.random.default_rng(7)
    weights = {t.name for t in proto.graph.initializer}
    feeds = {}
    for value in proto.graph.input:
        if value.name in weights:
            continue
        tensor = value.type.tensor_type
        shape = [d.dim_value for d in tensor.shape.dim]
        if min(shape, default=1) < 0 or math.prod(shape) > _VALUES:
            raise _NotTried(f"input {value.name!r} is {'×'.join(map(str, shape))}")
        dtype = np.dtype(helper.tensor_dtype_to_np_dtype(tensor.elem_type))
        if dtype.kind in "fb" and dtype.kind != "b":
            feeds[value.name] = rng.normal(0, 1, shape).astype(dtype)
        elif dtype.kind in "iub":
            feeds[value.name] = rng.integers(0, 2, shape).astype(dtype)
        else:
            raise _NotTried(f"input {value.name!r} holds {dtype}")
    return feeds


def _same(got: object, want: object) -> bool:
    a, b = np.asarray(got), np.asarray(want)
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.dtype.kind != "f":
        return bool(np.array_equal(a, b))
    finite = np.abs(b[np.isfinite(b)])
    atol = _RTOL * max(1.0, float(finite.max())) if finite.size else _RTOL
    return bool(np.allclose(a, b, rtol=0, atol=atol, equal_nan=True))


def _first_to_differ(
    original: onnx.ModelProto,
    made: onnx.ModelProto,
    feeds: Mapping[str, Array],
    arrays: Mapping[str, Array],
) -> tuple[str, ...]:
    """Return the nodes of `original` whose outputs differ though their inputs agree."""
    there = {name for n in made.graph.node for name in n.output}
    names = [o for n in original.graph.node for o in n.output if o and o in there]
    try:
        want, got = (_run(_giving(p, names), feeds, names, arrays) for p in (original, made))
    except _NotTried:
        return ()
    wrong = {n for n in names if not _same(got[n], want[n])}
    makers = {name: node for node in original.graph.node for name in node.output}
    found: dict[str, None] = {}
    for node in original.graph.node:
        if wrong & set(node.output) and not wrong & set(node.input):
            # What the upgrade renamed cannot be compared: it is the likelier cause.
            hidden = [makers[n] for n in node.input if n in makers and n not in there]
            found.update((_words(n), None) for n in hidden or [node])
    return tuple(found)[:_SHOWN]


def _words(node: onnx.NodeProto) -> str:
    return f"{node.op_type} {node.name or node.output[0]!r}"


def _giving(proto: onnx.ModelProto, names: Sequence[str]) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    del copy.graph.output[:]
    copy.graph.output.extend(onnx.ValueInfoProto(name=n) for n in names)
    return copy

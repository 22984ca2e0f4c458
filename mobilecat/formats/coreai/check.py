"""What follows every export: the written bytes must compute what was compiled.

Apple's compiler rewrites a program when it is built, and some rewrites change values: (x·2)/2
becomes x. The lowering keeps apart what it knows would be merged; this is for the rest. The bytes
are read back, rebuilt as ONNX by the reader, which knows no lowering, and run once on random inputs
beside the graph that was compiled.

A value behind one that chooses (a maximum's place, a sort) is not compared: rounding decides it.
What goes into the choice is, and the suppression is held to the reference's, on the file's own
candidates. Beyond that 1 element in 100 may be off: rounding to a step can go the other way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from mobilecat.errors import ArtifactError, Problem
from mobilecat.formats.coreai.read.translate import Translation
from mobilecat.formats.coreai.write import SETTLED
from mobilecat.formats.onnx.ort import OrtModel
from mobilecat.graph import Array, attr, dtype_of, op_of, shape_of, where
from mobilecat.graph.light import proto_of
from mobilecat.heads.reference.nms import suppress

RELATIVE = 1e-4
"""Of the largest expected value, at least of 1."""
_LARGE = 64 << 20
"""Bytes of weights from which on engines take them as they lie: more copies of them count."""
_NMS = "mobilecat::NMS"
_CHOOSES = {"ArgMax", "ArgMin", "Hardmax", "TopK", _NMS}


@dataclass(frozen=True)
class _Pair:
    """The file and the graph, ready to run. places: value of the graph → value of the file."""

    file: OrtModel
    graph: OrtModel
    places: Mapping[str, str]
    feeds: Mapping[str, Array]
    file_feeds: Mapping[str, Array]

    def inner(self, names: list[str]) -> list[str]:
        """Return the file's values of `names`."""
        return list(dict.fromkeys(self.places[n] for n in names if n in self.places))

    def given(self, names: list[str]) -> dict[str, Array]:
        """Return what the file computes: its outputs, and `names`, all by the graph's names."""
        there = [n for n in names if n in self.places]
        found = self.file.run(self.file_feeds, self.inner(names))
        return {**self.feeds, **found, **{n: found[self.places[n]] for n in there}}


def require_same(
    model: ir.Model,
    file: Translation,
    image: str | None,
    forget: Callable[[], None] = lambda: None,
) -> None:
    """Raise ArtifactError, naming the first value that differs, where what was read back of a file
    does not compute what `model` does. forget: lets go of the file's bytes, which an engine has."""
    pair = _pair(model, file, image)
    chosen = _chosen_from(model)
    steady = [n for n in _steady(model) if n in pair.places]
    outputs = {v.name for v in model.graph.outputs}
    ends = [n for n in steady if n in outputs or n in chosen]
    pair.file.load(pair.inner([*ends, *chosen]))
    forget()
    found = pair.given([*ends, *chosen])
    pair.file.rest()  # each session holds the weights once more
    wanted = pair.graph.run(pair.feeds, ends)
    pair.graph.rest()
    if not all(_same(found[n], wanted[n]) for n in ends):
        found, wanted = pair.given(steady), pair.graph.run(pair.feeds, steady)
        first = next(n for n in steady if not _same(found[n], wanted[n]))
        raise ArtifactError(
            "Apple's compiler changes what this model computes",
            [
                Problem(
                    f"value {first!r} differs from the graph's by more than {RELATIVE:g} of its "
                    "largest, on random inputs",
                    _maker(model, first),
                    "write that step in another way, or leave [targets.coreai] out",
                )
            ],
        )
    for node in model.graph:
        if op_of(node) == _NMS:
            _require_suppression(found, node)


def _pair(model: ir.Model, file: Translation, image: str | None) -> _Pair:
    feeds = {v.name or "": _random(v) for v in model.graph.inputs}
    file_feeds = {k: _bgra(x) if k == image else x for k, x in feeds.items()}
    places = {**file.taps, **{v.name: v.name for v in file.model.graph.output}}
    graph, arrays = proto_of(model)
    large = sum(a.nbytes for a in arrays.values()) > _LARGE
    engines = (
        OrtModel(file.model, arrays=file.arrays, as_written=large),
        OrtModel(graph, arrays=arrays, as_written=large),
    )
    return _Pair(*engines, places, feeds, file_feeds)


def _random(value: ir.Value) -> Array:
    rng = np.random.default_rng(7)
    shape, dtype = shape_of(value), dtype_of(value)
    if dtype.kind == "f":
        return rng.random(shape, np.float32).astype(dtype, copy=False)
    return rng.integers(0, 256 if dtype == np.uint8 else 2, shape).astype(dtype)


def _bgra(picture: Array) -> Array:
    """Return [1,H,W,C] as the bytes of a pixel buffer."""
    bgr = picture[0, :, :, ::-1] if picture.shape[3] == 3 else np.repeat(picture[0], 3, axis=2)
    return np.dstack([bgr, np.full(bgr.shape[:2], 255, np.uint8)])


def _steady(model: ir.Model) -> list[str]:
    """Return the values, in the graph's order, that no choice stands before."""
    loose: set[ir.Value] = set()
    names = []
    for node in model.graph:
        if op_of(node) in _CHOOSES or any(v in loose for v in node.inputs if v is not None):
            loose.update(node.outputs)
            continue
        names += [v.name for v in node.outputs if v.name]
    return names


def _chosen_from(model: ir.Model) -> list[str]:
    choices = [node for node in model.graph if op_of(node) in _CHOOSES]
    return [v.name or "" for node in choices for v in node.inputs if v is not None]


def _same(found: Array, wanted: Array) -> bool:
    if found.size != wanted.size or found.dtype != wanted.dtype:
        return False
    found = found.reshape(wanted.shape)  # Apple's rewrite moves and merges reshapes
    if wanted.dtype.kind != "f":
        return bool((found != wanted).mean() <= 0.01) if wanted.size else True
    finite = np.abs(wanted[np.isfinite(wanted)])
    limit = RELATIVE * max(1.0, float(finite.max()) if finite.size else 0.0)
    near = np.isclose(found, wanted, rtol=0, atol=limit, equal_nan=True)
    return bool((~near).mean() <= 0.01) if wanted.size else True


def _maker(model: ir.Model, name: str) -> str:
    return next(where(n) for n in model.graph if any(v.name == name for v in n.outputs))


def _require_suppression(found: Mapping[str, Array], node: ir.Node) -> None:
    """Hold what the file keeps to what the reference keeps of the file's own candidates."""
    names = [*(v.name or "" for v in node.inputs if v), *(v.name or "" for v in node.outputs)]
    if not {SETTLED, *(names[i] for i in (0, 1, 2, 3, 4, 6))} <= set(found):
        raise ArtifactError(
            "A suppression that came with the network cannot be held to the graph in a .aimodel",
            [Problem("its parts have no names there", where(node), "cut the network before it, "
                     "[import] outputs, and say [head] and [nms]; or leave [targets.coreai] out")],
        )  # fmt: skip
    if not found[SETTLED].all():
        return  # noise can have more boxes than fit; the file says so itself
    boxes, scores = (
        found[v.name or ""].reshape(shape_of(v))[0] for v in node.inputs if v is not None
    )
    kept = suppress(
        boxes,
        scores,
        float(attr(node, "score_threshold", 0.0)),
        float(attr(node, "iou_threshold", 0.5)),
        attr(node, "max_detections", 1),
        bool(attr(node, "per_class", 0)),
    )
    rows = {0: boxes[kept], 1: scores[kept].max(axis=1), 2: scores[kept].argmax(axis=1)}
    held = [_begins(found[node.outputs[i].name or ""][0], wanted) for i, wanted in rows.items()]
    if not all(held) or found[node.outputs[4].name or ""].tolist() != [len(kept)]:
        raise ArtifactError(
            "The suppression in the Core AI file is not the one that was compiled",
            [Problem(f"it does not keep the {len(kept)} boxes that it should", where(node))],
        )


def _begins(found: Array, wanted: Array) -> bool:
    """Whether these rows come first, and zeros after them."""
    return bool(np.array_equal(found[: len(wanted)], wanted) and not found[len(wanted) :].any())

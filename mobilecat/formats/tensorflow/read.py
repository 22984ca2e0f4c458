"""TensorFlow or Keras file → frozen graph: to ONNX in a child process, then on as any ONNX file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
import onnx_ir as ir

from mobilecat.disk import cache, sha256_of
from mobilecat.errors import ModelError, Problem
from mobilecat.formats.base.child import Progress, absolute, versions
from mobilecat.formats.base.source import Source
from mobilecat.formats.onnx.checked import all_nodes
from mobilecat.formats.onnx.input_shapes import Dims, Shapes, settle
from mobilecat.formats.onnx.read import import_proto, read_onnx
from mobilecat.formats.tensorflow.worker import Worker, require_extra
from mobilecat.graph.passes.affine import fold_affine

FREEZER = 4
"""Counted up whenever the frozen graph of a file changes: older cache entries are then left."""

_VERSIONED = ("tensorflow", "keras", "tf-keras", "tf2onnx", "onnx")
_SHOWN = 20
_LOOPS = ("Loop", "Scan")
_GRAPH, _DIMS = ".onnx", ".json"


def import_tensorflow(
    source: Source, shapes: Shapes, progress: Progress = lambda _: None
) -> ir.Model:
    """Return the frozen graph of a TensorFlow or Keras file; see `import_onnx` for `shapes`."""
    model = import_proto(frozen_onnx(source, shapes, progress), shapes, source.path)
    fold_affine(model)
    return model


def tensorflow_dims(
    source: Source, progress: Progress = lambda _: None
) -> dict[str, tuple[int | None, ...]]:
    """Return the inputs of a TensorFlow or Keras file by name, None for a dynamic dimension."""
    return {name: dims or () for name, dims in _dims(source, progress).items()}


def frozen_onnx(
    source: Source, shapes: Shapes, progress: Progress = lambda _: None
) -> onnx.ModelProto:
    """Return the file as ONNX, from the cache where it was frozen before. Errors: ModelError.

    Only inputs of dynamic size are frozen to `shapes`: some Keras layers cannot be traced without.
    """
    dims = _dims(source, progress)
    settled = settle(dims, shapes, source.path)
    needed = {name: settled[name] for name, d in dims.items() if _is_dynamic(d)}
    key = _key(source, needed)
    kept = cache.cached(key, _GRAPH)
    if kept is not None:
        return read_onnx(kept)
    with _opened(source, progress) as (worker, _):
        return _freeze(source, worker, needed, key)


def _dims(source: Source, progress: Progress) -> dict[str, Dims]:
    """Return the inputs as the file has them; a file without dynamic sides is frozen on the way."""
    require_extra(source.path)
    key = _key(source, {})
    kept = cache.cached(key, _DIMS)
    if kept is not None:
        text = kept.read_text("utf-8")
    else:
        with _opened(source, progress) as (worker, answer), cache.scratch_file(_DIMS) as made:
            if not any(map(_is_dynamic, answer["inputs"].values())):
                _freeze(source, worker, {}, key)
            text = json.dumps(answer["inputs"])
            made.write_text(text, encoding="utf-8")
            cache.keep(key, made, _DIMS)
    return {k: None if v is None else tuple(v) for k, v in json.loads(text).items()}


def _is_dynamic(dims: Dims) -> bool:
    """Whether more is open than the leading dimension, which becomes 1 after freezing."""
    return dims is None or None in dims[1:]


def _freeze(source: Source, worker: Worker, shapes: Shapes, key: str) -> onnx.ModelProto:
    made = worker.folder / f"frozen{_GRAPH}"
    given = {k: list(v) for k, v in shapes.items()}
    answer = worker.ask("freeze", out=str(made), shapes=given)
    proto = read_onnx(made)
    require_onnx_forms(proto, source.path, answer["loops"])
    cache.keep(key, made, _GRAPH)
    return proto


@contextmanager
def _opened(source: Source, progress: Progress) -> Iterator[tuple[Worker, dict[str, Any]]]:
    progress("starting TensorFlow")
    options = source.options.given()
    with Worker(source.path, progress) as worker:
        yield (
            worker,
            worker.ask("open", path=absolute(source.path), format=source.format, options=options),
        )


def require_onnx_forms(proto: onnx.ModelProto, path: Path, loops: Sequence[str] = ()) -> None:
    """Raise ModelError listing every loop, and every TensorFlow op that ONNX has no form of.

    `loops`: what the source calls its loops, those that tf2onnx could unroll among them.
    """
    nodes = all_nodes(proto.graph)
    looping = [f"{n.op_type} {n.name!r}" for n in nodes if n.op_type in _LOOPS]
    found = [_loop(name) for name in (loops or looping)] if looping else []
    found += [_no_form(n) for n in nodes if n.op_type not in _LOOPS and not _is_onnx(n)]
    if found:
        more = len(found) - _SHOWN
        shown = found[:_SHOWN] + ([Problem(f"and {more} more")] if more > 0 else [])
        count = f"{len(found)} node{'s' if len(found) > 1 else ''}"
        raise ModelError(f"{path.name}: {count} cannot be compiled", shown)


def _is_onnx(node: onnx.NodeProto) -> bool:
    return node.domain in ("", "ai.onnx") and onnx.defs.has(node.op_type)


def _loop(name: str) -> Problem:
    fix = "name outputs before it: import.outputs, as in docs/importing.md"
    if name.startswith("Postprocessor/"):
        fix = "leave [import] out: an SSD of the TF object detection API is cut before it"
    return Problem("a loop: control flow that depends on data", name, fix)


def _no_form(node: onnx.NodeProto) -> Problem:
    return Problem(
        "ONNX has no form of this TensorFlow op",
        f"{node.op_type} {node.name!r}",
        "name outputs before it: import.outputs, or build the model without it",
    )


def _key(source: Source, shapes: Shapes) -> str:
    """Return the hash of all that the source's frozen graph is made from."""
    made_from: Mapping[str, object] = {
        "source": sha256_of(source.path),
        "format": source.format,
        "options": source.options.given(),
        "shapes": {k: list(v) for k, v in shapes.items()},
        "versions": versions(_VERSIONED),
        "freezer": FREEZER,
    }
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()

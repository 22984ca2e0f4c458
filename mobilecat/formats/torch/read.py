"""PyTorch file → frozen graph: to ONNX by torch's own exporter in a child process, then on as any
ONNX file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import onnx
import onnx_ir as ir

from mobilecat.disk import cache, sha256_of
from mobilecat.errors import ModelError, Problem
from mobilecat.formats.base.child import Progress, absolute, versions
from mobilecat.formats.base.source import Source
from mobilecat.formats.onnx.between import between
from mobilecat.formats.onnx.input_shapes import Dims, Shapes, settle
from mobilecat.formats.onnx.read import import_proto, read_onnx
from mobilecat.formats.torch.worker import Worker, require_extra

EXPORTER = 1
"""Counted up whenever the graph of a file changes: older cache entries are then left."""

_VERSIONED = ("torch", "onnxscript", "onnx")
_GRAPH, _DIMS = ".onnx", ".json"


def import_torch(source: Source, shapes: Shapes, progress: Progress = lambda _: None) -> ir.Model:
    """Return the frozen graph of a PyTorch file; see `import_onnx` for `shapes`."""
    return import_proto(cut_onnx(source, shapes, progress), shapes, source.path)


def torch_dims(
    source: Source, progress: Progress = lambda _: None
) -> dict[str, tuple[int | None, ...]]:
    """Return the inputs of a PyTorch file by name, None for a dynamic dimension.

    TorchScript has no shapes: an input of such a file is taken for a picture, [1,?,?,?].
    """
    dims = _dims(source, progress)
    return {name: (None,) * 4 if d is None else d for name, d in dims.items()}


def cut_onnx(
    source: Source, shapes: Shapes, progress: Progress = lambda _: None
) -> onnx.ModelProto:
    """Return the file as ONNX, cut as the source's options say."""
    return between(whole_onnx(source, shapes, progress), source.options, source.path)


def whole_onnx(
    source: Source, shapes: Shapes, progress: Progress = lambda _: None
) -> onnx.ModelProto:
    """Return the file as ONNX, from the cache where it was translated before. Errors: ModelError.

    Only inputs of open size are given their shapes: TorchScript is traced with them.
    """
    if problems := source.options.unusable(("signature",), "only a SavedModel has signatures"):
        raise ModelError(f"{source.path.name}: a PyTorch file has one network", problems)
    dims = _dims(source, progress)
    needed: dict[str, tuple[int, ...]] = {}
    if source.format == "torchscript":
        _require_shapes(dims, shapes, source)
        needed = dict(settle(dims, shapes, source.path))
    key = _key(source, needed)
    kept = cache.cached(key, _GRAPH)
    if kept is not None:
        return read_onnx(kept)
    with _opened(source, needed, progress) as (worker, _):
        made = worker.folder / f"translated{_GRAPH}"
        worker.ask("translate", out=str(made), shapes={k: list(v) for k, v in needed.items()})
        proto = read_onnx(made)
        cache.keep(key, made, _GRAPH)
        return proto


def _require_shapes(dims: Mapping[str, Dims], shapes: Shapes, source: Source) -> None:
    open_ones = [n for n, d in dims.items() if d is None and n not in shapes]
    if open_ones:
        fix = f"--shape {open_ones[0]}=1,3,224,224, or input.size and [shapes] in a spec"
        raise ModelError(
            f"{source.path.name}: TorchScript does not say the shapes of its inputs",
            [Problem("its shape is needed", f"input {n!r}", fix) for n in open_ones],
        )


def _dims(source: Source, progress: Progress) -> dict[str, Dims]:
    require_extra(source.path)
    key = _key(source, {})
    kept = cache.cached(key, _DIMS)
    if kept is not None:
        text = kept.read_text("utf-8")
    else:
        with _opened(source, {}, progress) as (worker, answer), cache.scratch_file(_DIMS) as made:
            if source.format == "torch-export":  # translated on the way: the child is open
                graph = worker.folder / f"translated{_GRAPH}"
                worker.ask("translate", out=str(graph), shapes={})
                cache.keep(key, graph, _GRAPH)
            text = json.dumps(answer["inputs"])
            made.write_text(text, encoding="utf-8")
            cache.keep(key, made, _DIMS)
    return {k: None if v is None else tuple(v) for k, v in json.loads(text).items()}


@contextmanager
def _opened(
    source: Source, shapes: Shapes, progress: Progress
) -> Iterator[tuple[Worker, dict[str, Any]]]:
    progress("starting PyTorch")
    with Worker(source.path, progress) as worker:
        given = {k: list(v) for k, v in shapes.items()}
        path = absolute(source.path)
        yield worker, worker.ask("open", path=path, format=source.format, shapes=given)


def _key(source: Source, shapes: Shapes) -> str:
    """Return the hash of all that the file's ONNX is made from."""
    made_from: Mapping[str, object] = {
        "source": sha256_of(source.path),
        "format": source.format,
        "shapes": {k: list(v) for k, v in shapes.items()},
        "versions": versions(_VERSIONED),
        "exporter": EXPORTER,
    }
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()

"""TensorFlow or Keras file → frozen graph: to ONNX in a child process, then on as any ONNX file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import onnx
import onnx_ir as ir

from mobilecat.disk import sha256_of
from mobilecat.errors import ModelError, Problem
from mobilecat.importers import cache
from mobilecat.importers.onnx_file import (
    Shapes,
    all_nodes,
    dims_of_proto,
    import_proto,
    read_onnx,
)
from mobilecat.importers.options import ImportOptions
from mobilecat.importers.worker import Progress, opened_in_worker, require_extra

FREEZER = 1
"""Counted up whenever the frozen graph of a file changes: older cache entries are then left."""

_VERSIONED = ("tensorflow", "keras", "tf-keras", "tf2onnx", "onnx")
_SHOWN = 20


def import_tensorflow(
    path: Path,
    format: str,
    shapes: Shapes,
    options: ImportOptions,
    progress: Progress = lambda _: None,
) -> ir.Model:
    """Return the frozen graph of a TensorFlow or Keras file; see `import_onnx` for `shapes`."""
    return import_proto(frozen_onnx(path, format, options, progress), shapes, path)


def tensorflow_dims(
    path: Path, format: str, options: ImportOptions, progress: Progress = lambda _: None
) -> dict[str, tuple[int | None, ...]]:
    """Return the inputs of a TensorFlow or Keras file by name, None for a dynamic dimension."""
    return dims_of_proto(frozen_onnx(path, format, options, progress))


def frozen_onnx(
    path: Path, format: str, options: ImportOptions, progress: Progress = lambda _: None
) -> onnx.ModelProto:
    """Return the file as ONNX, from the cache where it was frozen before. Errors: ModelError."""
    require_extra(path)
    key = _key(path, format, options)
    kept = cache.cached(key, ".onnx")
    if kept is not None:
        return read_onnx(kept)
    given = options.given()
    with (
        cache.scratch_file(".onnx") as made,
        opened_in_worker(path, format, given, progress) as (worker, _),
    ):
        worker.ask("freeze", out=str(made))
        proto = read_onnx(made)
        require_onnx_forms(proto, path)
        cache.keep(key, made, ".onnx")
    return proto


def require_onnx_forms(proto: onnx.ModelProto, path: Path) -> None:
    """Raise ModelError listing every loop, and every TensorFlow op that ONNX has no form of."""
    found = [p for node in all_nodes(proto.graph) if (p := _problem_of(node)) is not None]
    if found:
        more = len(found) - _SHOWN
        shown = found[:_SHOWN] + ([Problem(f"and {more} more")] if more > 0 else [])
        raise ModelError(f"{path.name}: {len(found)} nodes cannot be compiled", shown)


def _problem_of(node: onnx.NodeProto) -> Problem | None:
    named = f"{node.op_type} {node.name!r}"
    if node.op_type in ("Loop", "Scan"):
        return Problem(
            "a loop: control flow that depends on data",
            named,
            "name outputs before it: import.outputs, as in docs/importing.md",
        )
    if node.domain not in ("", "ai.onnx") or not onnx.defs.has(node.op_type):
        return Problem(
            "ONNX has no form of this TensorFlow op",
            named,
            "name outputs before it: import.outputs, or build the model without it",
        )
    return None


def _key(path: Path, format: str, options: ImportOptions) -> str:
    made_from: Mapping[str, object] = {
        "source": sha256_of(path),
        "format": format,
        "options": options.given(),
        "versions": {name: _version(name) for name in _VERSIONED},
        "freezer": FREEZER,
    }
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"

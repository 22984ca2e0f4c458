"""What a model file says of its own meaning, in metadata that exporters leave in it.

Ultralytics' exports have the keys `task`, `names`, `kpt_shape` and `imgsz` in an ONNX file's
`metadata_props`, each the text of a Python literal
(https://docs.ultralytics.com/reference/engine/exporter/). A file is a stranger's: text is read as a
literal and never run, and what is no such value says nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_LONGEST = 1 << 18
_MOST = 1 << 16


@dataclass(frozen=True)
class Declared:
    """task: `detect`, `pose`, … or ''. names: of the classes. points: landmarks a detection; 0
    where nothing is said. size_wh: of the model input, in pixels."""

    task: str = ""
    names: tuple[str, ...] = ()
    points: int = 0
    size_wh: tuple[int, int] | None = None


def declared(metadata: Mapping[str, str]) -> Declared:
    """Return what the metadata says; nothing where it says nothing that can be read."""
    task = literal(metadata, "task")
    shape, size = literal(metadata, "kpt_shape"), literal(metadata, "imgsz")
    return Declared(
        task if isinstance(task, str) and task.isidentifier() and len(task) < 32 else "",
        names_in(metadata),
        shape[0] if _whole(shape) and len(shape) == 2 else 0,
        (size[1], size[0]) if _whole(size) and len(size) == 2 else None,
    )


def names_in(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """Return the classes' names: a list, or a dict of 0, 1, …; none where it is neither."""
    found = literal(metadata, "names")
    if isinstance(found, dict) and all(type(k) is int for k in found):
        found = [found.get(k) for k in range(len(found))]
    if isinstance(found, (list, tuple)) and all(isinstance(v, str) and v for v in found):
        return tuple(found) if len(found) <= _MOST else ()
    return ()


def literal(metadata: Mapping[str, str], key: str) -> Any:
    """Return the value as Python's literal, or as text; None where there is none."""
    text = metadata.get(key)
    if text is None or len(text) > _LONGEST:
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text


def _whole(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(type(v) is int and v > 0 for v in value)

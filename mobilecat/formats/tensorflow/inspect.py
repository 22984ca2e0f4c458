"""Keras files, SavedModels and frozen TensorFlow graphs: what the importer would compile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mobilecat.disk import size_of
from mobilecat.formats.base.child import absolute
from mobilecat.formats.base.inspection import Inspection, Port
from mobilecat.formats.tensorflow.worker import Worker


def inspect_model(path: Path, format: str) -> Inspection:
    """Return inputs and outputs by the names that a spec calls them. Errors: ModelError.

    format: which of TensorFlow's files it is, as `importing.format_of` says.
    """
    with Worker(path) as worker:
        found = worker.ask("open", path=absolute(path), format=format, options={})
    return Inspection(
        file=str(path),
        format=format,
        bytes=size_of(path),
        inputs=_ports(found["inputs"]),
        outputs=_ports(found["outputs"]),
        ops={},
        parameters=0,
        lints=tuple(found["notes"]),
    )


def _ports(dims: dict[str, Any]) -> tuple[Port, ...]:
    """TensorFlow's shape is None where it is not known, and so is a side."""
    return tuple(
        Port(name, "", None if d is None else tuple("?" if s is None else s for s in d))
        for name, d in dims.items()
    )

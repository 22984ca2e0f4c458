"""torch.export's programs and TorchScript: what the importer would compile."""

from __future__ import annotations

from pathlib import Path

from mobilecat.disk import size_of
from mobilecat.formats.base.child import absolute
from mobilecat.formats.base.inspection import Inspection, Port
from mobilecat.formats.torch.worker import Worker


def inspect_model(path: Path, format: str) -> Inspection:
    """Return inputs and outputs by the names that a spec calls them. Errors: ModelError.

    format: which of PyTorch's files it is, as `importing.format_of` says.
    """
    with Worker(path) as worker:
        found = worker.ask("open", path=absolute(path), format=format, shapes={})
    return Inspection(
        file=str(path),
        format=format,
        bytes=size_of(path),
        inputs=tuple(
            Port(name, "", None if d is None else tuple("?" if s is None else s for s in d))
            for name, d in found["inputs"].items()
        ),
        outputs=tuple(Port(name, "", None) for name in found["outputs"]),
        ops={},
        parameters=found["parameters"],
        lints=tuple(found["notes"]),
    )

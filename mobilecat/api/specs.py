"""`mc.load_spec`."""

from __future__ import annotations

from pathlib import Path

from mobilecat.api.given import PathLike
from mobilecat.spec import Spec
from mobilecat.spec import load_spec as load


def load_spec(path: PathLike) -> Spec:
    """Read a model's `mobilecat.toml`. It remembers its folder, which its paths are relative to.

    Errors: SpecError lists every problem with its line and the nearest valid name.

    >>> spec = mc.load_spec(DETECTOR)
    >>> spec.nms.score_threshold, spec.folder == DETECTOR.parent
    (0.4, True)
    >>> changed = spec.model_copy(update={"name": "mine"})
    >>> mc.export(changed, "mine").bundle.name
    'mine'
    """
    return load(Path(path))

"""`mc.place`: where the ops of a file will run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mobilecat.api.given import PathLike, path_or_none

if TYPE_CHECKING:
    from mobilecat.placement.whole import Placement


def place(path: PathLike, rules: PathLike | None = None) -> Placement:
    """Say which unit takes each op of a file, by public rules; nothing runs.

    path: a `.tflite`, `.mlpackage` or `.mlmodel`, or a bundle. rules: another table than
    `mobilecat/placement/rules.toml`. Errors: ArtifactError for a file that there are no rules for.

    >>> placed = mc.place("cat_faces/cat_faces.tflite").files[0]
    >>> placed.macs, [u.unit.name for u in placed.units]
    (303815424, ['tflite-gpu', 'tflite-nnapi'])
    """
    from mobilecat.placement.whole import placement as placed

    return placed(Path(path), path_or_none(rules))

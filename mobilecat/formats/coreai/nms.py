"""What a .aimodel says of its NMS; read from the file alone."""

from __future__ import annotations

from pathlib import Path

from mobilecat.formats.base.nms import Found, nothing
from mobilecat.formats.coreai.read import facts_of
from mobilecat.formats.coreai.read.package import read_package


def written(path: Path) -> Found:
    """Return the settings of the suppression in the graph; none where the app suppresses."""
    found = nothing()
    for name, values in facts_of(read_package(path)).suppression.items():
        found[name].update(values)
    return found

"""One line where a bundle is older than its spec."""

from __future__ import annotations

from pathlib import Path

import mobilecat as mc


def older(bundle: Path) -> tuple[str, ...]:
    """Return the line, or none, of a bundle that was opened before and is whole."""
    said = mc.open(bundle, verify=False).older
    return (said,) if said else ()

"""Apple's `coreai-core`: whether it is here, its version, and its modules, imported on first use.

The compiler's dialect lies under a private path, so the package is pinned exactly: what is read and
written here was measured with that version.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import Any

from mobilecat.errors import MobileCatError, Problem
from mobilecat.formats.coreai.read.package import PACKAGE, PINNED, missing
from mobilecat.late import import_coreai

__all__ = ["dialect", "ir_module", "missing", "require_package", "versions"]


def require_package() -> None:
    """Raise MobileCatError where `coreai-core` is not here, or of another version."""
    if (reason := missing()) is not None:
        fix = f"pip install {PACKAGE}=={PINNED}, or leave [targets.coreai] out"
        raise MobileCatError("Core AI is not available here", [Problem(reason, fix=fix)])


@cache
def dialect() -> Any:
    """Return the module of Core AI's own ops; `authoring` first, or its import goes in a circle."""
    import_coreai()
    import coreai._compiler.dialects.coreai

    return coreai._compiler.dialects.coreai


@cache
def ir_module() -> Any:
    """Return the module of MLIR's own classes: Location, Attribute, types."""
    dialect()
    from coreai._compiler import ir

    return ir


def versions() -> dict[str, str]:
    """Return the package's version, and the dialect's in which files for iOS 27 are written."""
    dialect()
    from coreai.authoring.asset import OSVersion
    from coreai.runtime import _AIModelAsset

    written = int(_AIModelAsset._dialect_version_for_os(OSVersion.v27.value))
    return {PACKAGE: version(PACKAGE), "coreai-dialect": str(written)}

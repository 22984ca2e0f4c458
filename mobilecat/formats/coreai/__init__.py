"""Core AI (`.aimodel`), iOS 27's successor of Core ML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mobilecat.formats.coreai.lower import LOWERINGS
    from mobilecat.formats.coreai.write import write_coreai

__all__ = ["LOWERINGS", "write_coreai"]


def __getattr__(name: str) -> Any:
    # A table of a hundred ops: only who compiles pays for it.
    if name == "LOWERINGS":
        from mobilecat.formats.coreai.lower import LOWERINGS

        return LOWERINGS
    if name == "write_coreai":
        from mobilecat.formats.coreai.write import write_coreai

        return write_coreai
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

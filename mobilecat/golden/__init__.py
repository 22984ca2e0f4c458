"""Goldens, the public front door: `record`, `review`, `approve`, `reject`, `cases`, `index`.

They are in `mobilecat.api.goldens`; `store` is what lies on disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mobilecat.api.goldens import (
        Review,
        accept_or_reject,
        approve,
        cases,
        clean,
        index,
        missing,
        record,
        reject,
        review,
    )

__all__ = [
    "Review",
    "accept_or_reject",
    "approve",
    "cases",
    "clean",
    "index",
    "missing",
    "record",
    "reject",
    "review",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mobilecat.api import goldens

    return getattr(goldens, name)


def __dir__() -> list[str]:
    return __all__

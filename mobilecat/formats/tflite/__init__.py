"""The TFLite target: frozen graph → .tflite, written straight into the official schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mobilecat.formats.tflite.write import LOWERINGS, tflite_from_graph

__all__ = ["LOWERINGS", "tflite_from_graph"]


def __getattr__(name: str) -> Any:
    # The schema takes 0.1 s to import: only who compiles pays for it.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mobilecat.formats.tflite import write as emit

    return getattr(emit, name)

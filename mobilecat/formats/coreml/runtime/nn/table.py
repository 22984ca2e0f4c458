"""The table of NeuralNetwork layers: one layer type, one function that emits its ONNX form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mobilecat.formats.coreml.runtime.nn.layer import Layer

Translate = Callable[["Layer"], Any]

_rows: dict[str, Translate] = {}


def nn_layer(*names: str) -> Callable[[Translate], Translate]:
    """Register the decorated function for `names`; ValueError where one is taken already."""

    def register(translate: Translate) -> Translate:
        for name in names:
            if name in _rows:
                raise ValueError(f"layer {name} has a translation already")
            _rows[name] = translate
        return translate

    return register


def row(name: str) -> Translate | None:
    """Return the translation of layer `name`, or None."""
    return _rows.get(name)


def layer_names() -> Iterator[str]:
    """Yield the names of all layers that can be executed, sorted."""
    return iter(sorted(_rows))

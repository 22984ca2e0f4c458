"""A PyTorch network opened by one of the loaders, ready to be run or translated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mobilecat.formats.base.source import Gradients
from mobilecat.formats.onnx.input_shapes import Dims
from mobilecat.graph import Array

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Network:
    """inputs: dims by name, None where unknown; outputs: names, none where they are not known yet.

    run:       the original: outputs by name, from feeds by name.
    translate: its ONNX, with the shapes given for some inputs, and what was settled on the way.
    gradient:  at an inner value (`base.source.Gradients`); None where it cannot be looked into.
    notes:     what was settled when it was opened. parameters: how many.
    """

    inputs: Mapping[str, Dims]
    outputs: tuple[str, ...]
    run: Callable[[Mapping[str, Array]], dict[str, Array]]
    translate: Callable[[Shapes], tuple[Any, list[str]]]
    notes: tuple[str, ...] = ()
    parameters: int = 0
    gradient: Gradients | None = None


def named_tensors(outputs: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each tensor that a network gives, by its place: `output`, `output_1`, a key, `a.b`.

    None and numbers are left out: they are no outputs of a graph.
    """
    import torch

    if isinstance(outputs, torch.Tensor):
        yield path or "output", outputs
    elif isinstance(outputs, Mapping):
        for key, value in outputs.items():
            yield from named_tensors(value, f"{path}.{key}" if path else str(key))
    elif isinstance(outputs, Sequence) and not isinstance(outputs, str):
        for i, value in enumerate(outputs):
            only = len(outputs) == 1 and not path
            yield from named_tensors(value, path if only else f"{path or 'output'}_{i}")


def as_arrays(outputs: Any) -> dict[str, Array]:
    """Return what a network gave, by name; half precisions of bfloat16 as float32."""
    import torch

    found = {}
    for name, tensor in named_tensors(outputs):
        if tensor.dtype == torch.bfloat16:
            tensor = tensor.float()
        found[name] = tensor.detach().cpu().numpy()
    return found

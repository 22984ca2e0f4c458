"""The gradient of outputs at an inner value, of a program of torch.export.

The program runs node by node: once to find the value by its numbers, and once more with a leaf in
its place. https://docs.pytorch.org/docs/stable/fx.html#torch.fx.Interpreter
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mobilecat.formats.base.gradients import channels_first, fits, is_same, not_found
from mobilecat.formats.base.source import Gradient
from mobilecat.formats.torch.child.network import named_tensors
from mobilecat.graph import Array


def gradient(
    module: Any,
    flat: Sequence[Any],
    structure: Any,
    maps: Sequence[Array],
    factors: Mapping[str, Array],
) -> Gradient:
    """Return the gradient of Σ factor · output at the first of `maps` that the program computes.

    module: its graph. flat: what it takes, one a placeholder. structure: of what it gives.
    Errors: ModelError where it computes none of them.
    """
    import torch

    with torch.no_grad():
        for parameter in module.parameters():
            parameter.requires_grad_(False)
        found = _same(module, flat, maps)
    for place, node in found:
        leaf, outputs = _cut(module, flat, node)
        named = dict(named_tensors(torch.utils._pytree.tree_unflatten(list(outputs), structure)))
        ends = [(named[k], torch.from_numpy(f)) for k, f in factors.items()]
        total = sum((e * f.to(e.dtype).reshape(e.shape)).sum() for e, f in ends if e.requires_grad)
        if leaf is None or not isinstance(total, torch.Tensor):
            continue
        (slopes,) = torch.autograd.grad(total, leaf)
        shape = maps[place].shape
        values, made = (channels_first(_array(x), shape) for x in (leaf, slopes))
        if values is not None and made is not None:
            return Gradient(place, node, values, made)
    raise not_found("PyTorch")


def _same(module: Any, flat: Sequence[Any], maps: Sequence[Array]) -> list[tuple[int, str]]:
    """Return place and node of each value that is one of the maps: of each map the last first."""
    import torch

    found: list[tuple[int, str]] = []

    class Looks(torch.fx.Interpreter):  # type: ignore[misc]
        def run_node(self, n: Any) -> Any:
            got = super().run_node(n)
            if isinstance(got, torch.Tensor) and got.is_floating_point() and n.op != "get_attr":
                near = [k for k, m in enumerate(maps) if fits(tuple(got.shape), m)]
                found.extend((k, n.name) for k in near if is_same(_array(got), maps[k]))
            return got

    Looks(module).run(*flat, enable_io_processing=False)
    order = {name: i for i, (_, name) in enumerate(found)}
    return sorted(found, key=lambda f: (f[0], -order[f[1]]))


def _cut(module: Any, flat: Sequence[Any], node: str) -> tuple[Any, Any]:
    """Return a leaf in the place of a node's value, and the outputs that follow from it."""
    import torch

    leaves: list[Any] = []

    class Cuts(torch.fx.Interpreter):  # type: ignore[misc]
        def run_node(self, n: Any) -> Any:
            got = super().run_node(n)
            if n.name != node:
                return got
            leaves.append(got.detach().clone().requires_grad_())
            return leaves[0].clone()  # what writes in place must not write into a leaf

    with torch.enable_grad():
        outputs = Cuts(module).run(*flat, enable_io_processing=False)
    return (leaves or [None])[0], outputs


def _array(tensor: Any) -> Array:
    made: Array = tensor.detach().cpu().double().numpy()
    return np.asarray(made)

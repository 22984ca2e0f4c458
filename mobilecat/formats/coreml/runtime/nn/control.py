"""Branches and loops: they run their inner networks on the outer network's blobs."""

from __future__ import annotations

from itertools import count

from mobilecat.formats.coreml.runtime.nn.layer import Layer
from mobilecat.formats.coreml.runtime.nn.table import nn_layer


def _true(layer: Layer, blob: str) -> bool:
    if blob not in layer.blobs:
        raise layer.broken(f"nothing makes the condition {blob!r}")
    numbers = layer.blobs[blob].numpy().reshape(-1)
    return bool(numbers.size and numbers[0] != 0)


@nn_layer("branch")
def onnx_from_branch(layer: Layer) -> tuple[()]:
    condition = layer.x.numpy().reshape(-1)
    taken = layer.p.ifBranch if condition.size and condition[0] > 1e-6 else layer.p.elseBranch
    layer.network(taken)
    return ()


@nn_layer("loop")
def onnx_from_loop(layer: Layer) -> tuple[()]:
    p = layer.p
    limit = layer.ints(0)[0] if layer.xs else int(p.maxLoopIterations)
    has_condition = p.conditionVar != ""
    for _ in range(limit) if limit else count():
        layer.g.count_round()
        if has_condition:
            layer.network(p.conditionNetwork)
            if not _true(layer, p.conditionVar):
                break
        if layer.network(p.bodyNetwork) == "break":
            break
    return ()

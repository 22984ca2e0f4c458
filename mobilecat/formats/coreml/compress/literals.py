"""Strides, pads and other small constants of a program, written once each.

coremltools writes every parameter of every op as a constant of its own. Of a program whose weights
are a quarter of what they were, that is a tenth of the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def share_literals(spec: Any) -> None:
    """Exchange constants that are alike for the first of them, in the blocks that run."""
    for function in spec.mlProgram.functions.values():
        for block in function.block_specializations.values():
            _share(block)


def _share(block: Any) -> None:
    first: dict[bytes, str] = {}
    other: dict[str, str] = {}
    kept = []
    returned = set(block.outputs)
    returned |= {n for op in _walk(block.operations) for inner in op.blocks for n in inner.outputs}
    for op in block.operations:
        if op.type == "const" and op.outputs[0].name not in returned:
            value = op.attributes["val"]
            if value.WhichOneof("value") == "immediateValue":
                key = value.SerializeToString(deterministic=True)
                name = first.setdefault(key, op.outputs[0].name)
                if name != op.outputs[0].name:
                    other[op.outputs[0].name] = name
                    continue
        kept.append(op)
    for op in _walk(kept):
        for argument in op.inputs.values():
            for bound in argument.arguments:
                if bound.WhichOneof("binding") == "name" and bound.name in other:
                    bound.name = other[bound.name]
    copies = [type(op)() for op in kept]
    for copy, op in zip(copies, kept, strict=True):
        copy.CopyFrom(op)
    del block.operations[:]
    block.operations.extend(copies)


def _walk(operations: Any) -> Iterator[Any]:
    for op in operations:
        yield op
        for inner in op.blocks:
            yield from _walk(inner.operations)

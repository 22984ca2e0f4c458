"""Large constant weights of a MIL program, exchanged for the `constexpr_*` op of a recipe.

coremltools' own passes (`coremltools.optimize.coreml`) do the same to a program; they would name
the weight anew, pick k-means' centres by a search that takes seconds for each million, and leave
depthwise kernels at 4 bits. Here the name stays, so that a reader of the file can ask for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from mobilecat.errors import Problem, SpecError
from mobilecat.formats.coreml.compress.pack import (
    Affine,
    Blocks,
    Palette,
    Sparse,
    affine,
    blocks,
    packed_bits,
    palette,
    sparse,
)
from mobilecat.formats.coreml.lower.mil import Var, dtype_name, mb
from mobilecat.formats.coreml.recipe import Recipe
from mobilecat.graph import Array

SMALLEST = 1024
"""Elements: below, scales and the extra op take what the bytes save. As Core AI's."""
_IOS18 = 9
"""Its specification: 9 (coremltools' AvailableTarget)."""
_NUMPY = {"fp16": np.float16, "fp32": np.float32}
_KEPT = (-1, -1)
Make = Callable[..., Var]
Packed = Affine | Blocks | Palette | Sparse


def compress_weights(
    program: Any,
    recipe: Recipe,
    kept: frozenset[str],
    nodes: Mapping[str, tuple[str, ...]] | None = None,
) -> int:
    """Exchange weights in place; return how many. kept: results of ops that stay as they are.

    iOS 18 has other forms of the same ops, and its programs none of the older ones.
    nodes: variable → the graph's nodes that give it, which a recipe's layers name.

    A weight that several ops read is packed only where they agree on its channels.
    Errors: SpecError for patterns of layers that name no node.
    """
    nodes = nodes or {}
    _require_nodes(recipe, nodes)
    function = program.functions["main"]
    found: dict[str, tuple[Var, set[tuple[int, int]]]] = {}
    for op in function.operations:
        for weight, axes in _weights_of(op):
            reader = _KEPT if op.outputs[0].name in kept else axes
            found.setdefault(weight.name, (weight, set()))[1].add(reader)
    count = 0
    with function:
        for weight, readers in found.values():
            if len(readers) == 1 and _KEPT not in readers and _alone(weight, function):
                own = recipe.of([n for op in weight.child_ops for n in _made_by(op, nodes)])
                count += _exchange(function, weight, *next(iter(readers)), own)
    return count


def _made_by(op: Any, nodes: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the graph's nodes that became `op`, and perhaps others behind it that cut or move."""
    out = op.outputs[0]
    while out.name not in nodes and len(out.child_ops) == 1:
        out = out.child_ops[0].outputs[0]
    return nodes.get(out.name, ())


def _require_nodes(recipe: Recipe, nodes: Mapping[str, tuple[str, ...]]) -> None:
    names = {n for those in nodes.values() for n in those}
    patterns = [p for own in recipe.layers for p in own.nodes]
    lost = [p for p in patterns if not any(fnmatchcase(n, p) for n in names)]
    if lost:
        fix = "`mobilecat inspect` of the .onnx target lists the nodes; * stands for any characters"
        raise SpecError(
            "layers name nodes that are not there",
            [Problem(f"{p!r} fits no node of the graph", "layers", fix) for p in lost],
        )


def _weights_of(op: Any) -> Iterator[tuple[Var, tuple[int, int]]]:
    """Yield each constant weight that `op` reads, with the axes of its outputs and its inputs."""
    name = {"conv": "weight", "conv_transpose": "weight", "linear": "weight", "matmul": "y"}
    var = op.inputs.get(name.get(op.op_type, ""))
    if var is None or var.op is None or var.op.op_type != "const" or var.rank < 2:
        return
    if op.op_type == "conv_transpose":
        yield var, (1, 0) if op.groups.val == 1 else (0, 1)
    elif op.op_type == "matmul":
        flipped = op.transpose_y is not None and bool(op.transpose_y.val)
        if var.rank == 2:
            yield var, (0, 1) if flipped else (1, 0)
    else:
        yield var, (0, 1)


def _alone(weight: Var, function: Any) -> bool:
    """Return whether only such ops read the weight, and it is large, finite and no result."""
    value = weight.val
    if value is None or value.size < SMALLEST or value.dtype.kind != "f":
        return False
    readers = all(any(v is weight for v, _ in _weights_of(op)) for op in weight.child_ops)
    return readers and weight not in function.outputs and bool(np.isfinite(value).all())


def _exchange(function: Any, weight: Var, axis: int, inputs: int, recipe: Recipe) -> int:
    packed = pack(np.asarray(weight.val, np.float32), axis, inputs, recipe, dtype_name(weight))
    if packed is None:
        return 0
    name, first = weight.name, weight.op
    newer = function.opset_version.value >= _IOS18
    made = _OPS[type(packed)](packed, recipe.bits, newer)(name=f"{name}_packed", before_op=first)
    function.replace_uses_of_var_after_op(
        anchor_op=first, old_var=weight, new_var=made, force_replace=True
    )
    function.remove_ops([first])
    made.name = made.op.name = name
    return 1


def pack(w: Array, axis: int, inputs: int, recipe: Recipe, element: str) -> Packed | None:
    """Return the weight as the recipe stores it; None where that would not be smaller.

    Four bits are too few for the nine weights of a depthwise kernel: such stay at eight.
    """
    dtype = _NUMPY[element]
    if recipe.weights is None:
        return None
    if recipe.weights == "sparse":
        made = sparse(w, recipe.sparsity, dtype)
        return made if made.values.size < 0.9 * w.size else None
    if recipe.bits:
        return _remembered(w, recipe, axis, element)
    if recipe.weights == "int4" and w.shape[inputs] > 1:
        return blocks(w, axis, inputs, recipe.block or 32, dtype)
    return affine(w, axis, dtype)


_PALETTES: dict[tuple[object, ...], Palette] = {}
_REMEMBERED = 512


def _remembered(w: Array, recipe: Recipe, axis: int, element: str) -> Palette:
    """Return a palette: of what a search exports again and again, most weights are as they were."""
    digest = hashlib.sha256(w.tobytes()).digest()
    key = digest, w.shape, recipe.bits, axis, recipe.block, element
    if key not in _PALETTES:
        while len(_PALETTES) >= _REMEMBERED:
            _PALETTES.pop(next(iter(_PALETTES)))
        _PALETTES[key] = palette(w, recipe.bits, axis, recipe.block, _NUMPY[element])
    return _PALETTES[key]


def _affine(p: Affine, _: int, newer: bool) -> Make:
    if newer:
        spread = [1] * p.q.ndim
        spread[p.axis] = -1
        return _op("constexpr_blockwise_shift_scale", data=p.q, scale=p.scale.reshape(spread))
    return _op(
        "constexpr_affine_dequantize",
        quantized_data=p.q,
        zero_point=np.int8(0),
        scale=p.scale,
        axis=np.int32(p.axis),
    )


def _blocks(p: Blocks, *_: Any) -> Make:
    data = _narrow(p.q, "int4")
    return _op("constexpr_blockwise_shift_scale", data=data, scale=p.scale)


def _palette(p: Palette, bits: int, newer: bool) -> Make:
    if not newer:
        return _op(
            "constexpr_lut_to_dense",
            indices=packed_bits(p.index, bits),
            lut=p.table[0],
            shape=np.array(p.index.shape, np.uint32),
        )
    groups = [1] * p.index.ndim
    groups[p.axis] = len(p.table)
    index = p.index if bits == 8 else _narrow(p.index, f"uint{bits}")
    return _op("constexpr_lut_to_dense", indices=index, lut=p.table.reshape(*groups, -1, 1))


def _sparse(p: Sparse, _: int, newer: bool) -> Make:
    op = "constexpr_sparse_to_dense"
    if newer:
        return _op(op, nonzero_data=p.values, mask=_narrow(p.mask, "uint1"))
    mask, shape = packed_bits(p.mask, 1), np.array(p.mask.shape, np.uint32)
    return _op(op, nonzero_data=p.values, mask=mask, shape=shape)


_OPS: dict[type, Any] = {Affine: _affine, Blocks: _blocks, Palette: _palette, Sparse: _sparse}


def _op(op: str, **inputs: Any) -> Make:
    return lambda **where: getattr(mb, op)(**inputs, **where)


def _narrow(codes: Array, kind: str) -> Array:
    """Return codes in coremltools' own numpy type of fewer than eight bits."""
    from coremltools.converters.mil.mil import types

    made: Array = codes.astype(types.nptype_from_builtin(types.string_to_builtin(kind)))
    return made

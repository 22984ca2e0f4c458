"""Frozen graph → .tflite bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from mobilecat.formats.base.lowering import prepared
from mobilecat.formats.tflite import detection  # noqa: F401  (fills the table)
from mobilecat.formats.tflite.aliasing import protect_aliases
from mobilecat.formats.tflite.flatbuffer import packed
from mobilecat.formats.tflite.lower import LOWERINGS
from mobilecat.formats.tflite.lower.fuse import fuse
from mobilecat.formats.tflite.lower.layout import channels_last, identity, same_bytes
from mobilecat.formats.tflite.lower.lowering import MAX_RANK, Build, Held, Node
from mobilecat.formats.tflite.program import Program, Tensor
from mobilecat.formats.tflite.quantise.recipe import FLOAT32, Recipe, apply
from mobilecat.formats.tflite.quantise.steps import INT16, real_range
from mobilecat.graph import Array, dtype_of, op_of, shape_of

__all__ = ["LOWERINGS", "File", "file_from_graph", "program_from_graph", "tflite_from_graph"]


@dataclass(frozen=True)
class File:
    """packed: the .tflite file. lints: what a user must know of what the recipe made of it.

    ranges: of each value computed in whole numbers, by name, its least and largest real number;
        symmetric where it has no zero point.
    fitted: whether weights went to either whole number beside them, and not to the nearest.
    """

    packed: bytes | memoryview
    lints: tuple[str, ...] = ()
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    fitted: bool = False

    @property
    def data(self) -> bytes:
        """The file, in a copy of its own where it is not bytes yet."""
        return bytes(self.packed)


def tflite_from_graph(
    model: ir.Model, *, description: str = "", metadata: Mapping[str, bytes] | None = None
) -> bytes:
    """Return the .tflite file of a frozen graph: its inputs and outputs, by name, shape and type.

    Deterministic. The signature `serving_default` carries the graph's input and output names.
    Errors: UnsupportedError that lists every node with no form in TFLite.
    """
    return file_from_graph(model, FLOAT32, description, metadata).data


def file_from_graph(
    model: ir.Model,
    recipe: Recipe,
    description: str = "",
    metadata: Mapping[str, bytes] | None = None,
) -> File:
    """Return the same in as many bits as `recipe` says. Errors: see `recipe.apply`, too."""
    program, lints, fitted = _program(model, recipe)
    return File(packed(program, description, metadata), lints, _ranges(program), fitted)


def _ranges(program: Program) -> dict[str, tuple[float, float]]:
    found = {}
    for t in (t for op in program.ops for t in op.outputs if t.quant is not None):
        assert t.quant is not None
        seen = real_range(t.quant, t.dtype)
        low = -seen.high if t.dtype == INT16 else seen.low
        found[t.name] = low, seen.high
    return found


def program_from_graph(model: ir.Model, recipe: Recipe = FLOAT32) -> Program:
    """Return the program before it is packed, for those who want to look at its operators."""
    return _program(model, recipe)[0]


def _program(model: ir.Model, recipe: Recipe) -> tuple[Program, tuple[str, ...], bool]:
    model = prepared(model, LOWERINGS, MAX_RANK)
    LOWERINGS.require(model)
    scales: Mapping[str, Array] = {}
    told: tuple[str, ...] = ()
    if recipe.fits:
        from mobilecat.formats.tflite.quantise.fitting import fit

        fitted = fit(recipe, model)
        recipe, model, scales, told = fitted.recipe, fitted.model, fitted.scales, fitted.lints
    build = Build()
    for value in model.graph.inputs:
        tensor = Tensor(value.name or "", shape_of(value), dtype_of(value))
        build.program.inputs.append(tensor)
        build.held[value] = Held(tensor, identity(tensor.rank))
    for node in model.graph:
        made = len(build.program.ops)
        LOWERINGS[op_of(node)].lower(Node(node, build))
        _name_ops(build.program, made, node)
    outputs = [_output(build, value) for value in model.graph.outputs]
    _name_values(build)
    for tensor, value in zip(outputs, model.graph.outputs, strict=True):
        tensor.name = value.name or ""
    build.program.outputs = outputs
    fuse(build.program)
    values = {h.tensor: v.name or "" for v, h in build.held.items() if h.tensor.data is None}
    lints = apply(recipe, build.program, model, values, scales)
    protect_aliases(build.program)
    _make_names_unique(build.program)
    return build.program, (*told, *lints), bool(scales)


def _output(build: Build, value: ir.Value) -> Tensor:
    """Return a tensor of its own for a graph output, in logical order."""
    held = build.value(value)
    tensor = build.laid_out(held, identity(len(held.perm)))
    taken = {*build.program.inputs, *build.program.outputs}
    if tensor.data is not None or tensor in taken:
        shape = np.array(tensor.shape, np.int32)
        tensor = build.op("RESHAPE", [tensor, shape], tensor.shape, newShape=list(tensor.shape))
    build.program.outputs.append(tensor)
    return tensor


def _name_ops(program: Program, first: int, node: ir.Node) -> None:
    """Name what a lowering left unnamed after its node."""
    for op in program.ops[first:]:
        op.node = node.name or ""
        for t in op.outputs:
            t.name = f"{node.name}/{op.code.lower()}"
        for c in op.inputs:
            if c is not None and c.data is not None and c.name == "const":
                c.name = f"{node.name}/const"


def _name_values(build: Build) -> None:
    """Name tensors after the graph values that they hold; a suffix tells another layout."""
    inputs = set(build.program.inputs)
    for value, held in build.held.items():
        if held.tensor in inputs or held.tensor.data is not None:
            continue
        rank = len(held.perm)
        straight = same_bytes(held.shape, held.perm, identity(rank))
        suffix = ""
        if not straight or held.tensor.shape != held.shape:
            order = "".join(map(str, held.perm))
            suffix = ":nhwc" if rank == 4 and held.perm == channels_last(4) else f":{order}"
        held.tensor.name = f"{value.name}{suffix}"


def _make_names_unique(program: Program) -> None:
    fixed = [*program.inputs, *program.outputs]
    taken = {t.name for t in fixed}
    done = set(fixed)
    for op in program.ops:
        for t in (*op.inputs, *op.outputs):
            if t is None or t in done:
                continue
            done.add(t)
            base, count = t.name, 1
            while t.name in taken:
                t.name = f"{base}_{count}"
                count += 1
            taken.add(t.name)

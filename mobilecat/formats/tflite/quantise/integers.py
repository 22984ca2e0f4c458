"""A float program computed in whole numbers, where LiteRT has kernels for that.

Every value that such an operator takes or gives gets a twin in whole numbers; QUANTIZE and
DEQUANTIZE stand where whole numbers and floats meet. The network ends where its last weights are:
decode and suppression stay float, so that boxes in pixels never share a scale with anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx_ir as ir

from mobilecat.errors import Problem, SpecError, UnsupportedError
from mobilecat.formats.tflite.program import Op, Program, Quant, Tensor
from mobilecat.formats.tflite.quantise import picture, steps
from mobilecat.formats.tflite.quantise.gates import without_tails
from mobilecat.formats.tflite.quantise.islands import kept_float
from mobilecat.formats.tflite.quantise.kernels import KERNELS
from mobilecat.formats.tflite.quantise.lints import lost_parts, too_steep, words
from mobilecat.formats.tflite.quantise.plan import (
    Scales,
    chosen,
    data_of,
    has_kernel,
    network,
    scales_of,
)
from mobilecat.formats.tflite.quantise.recipe import Recipe
from mobilecat.formats.tflite.quantise.weights import with_stored_weights
from mobilecat.quantize.ranges import Range, Seen


def in_integers(
    recipe: Recipe, program: Program, model: ir.Model, values: dict[Tensor, str]
) -> tuple[str, ...]:
    """Rewrite `program`, in place; return what a user must know. See `recipe.apply`."""
    dtype = steps.INT16 if recipe.precision == "int16x8" else steps.INT8
    front = picture.front_of(program) if dtype == steps.INT8 else None
    if recipe.input == "int8" and front is None:
        raise _no_scale()
    given = {front.end: picture.quant_of(front)} if front is not None else {}
    end = [t for t, name in values.items() if name in recipe.outputs] if recipe.whole else []
    ops = network(program, recipe, end)
    body = [op for op in ops if front is None or op not in front.ops]
    entries = [t for t in program.inputs if recipe.whole and t.dtype == np.float32]
    starts = (*given, *entries)
    named = _named(program, values)
    seen = _seen(recipe, model, named, chosen(body, recipe, dtype, starts))
    seen = without_tails(program, seen)
    ranges = {t: s.range for t, s in seen.items()}
    lost = {op: why for op in body if (why := lost_parts(op, ranges)) is not None}
    planned = _Planned(program, body, dtype, starts, ranges, given, lost)
    done, scales = planned.by(recipe)
    recipe, kept = kept_float(recipe, model, named, done, scales)
    done, scales = planned.by(recipe)
    if recipe.whole:
        _require_whole(recipe, body, done, dtype, lost)
    said = [*words(done, program, seen, scales), *lost.values()]
    shared = {op.node for op in done if recipe.shares(op.node)}
    rewriting = _Rewriting(program, scales, dtype, set(done), shared)
    if front is not None:
        readers = program.users()[front.end]
        whole, before = picture.fold(program, front, recipe.input, any(r in done for r in readers))
        if whole is not None:
            rewriting.twins[front.end] = whole
        rewriting.ops += before
    rewriting.run()
    with_stored_weights(recipe, program)
    return (*kept, *said, *_floats(program, body, done, recipe))


@dataclass
class _Planned:
    """Which operators of `body` compute in whole numbers, and at which scales. lost: those that
    must not, with the reason; what no kernel takes is added."""

    program: Program
    body: list[Op]
    dtype: np.dtype[Any]
    starts: tuple[Tensor, ...]
    ranges: Mapping[Tensor, Range]
    given: Mapping[Tensor, Quant]
    lost: dict[Op, str]

    def by(self, recipe: Recipe) -> tuple[list[Op], Scales]:
        while True:
            bearable = [op for op in self.body if op not in self.lost]
            done = chosen(bearable, recipe, self.dtype, self.starts, self.ranges)
            scales = scales_of(done, self.program, self.dtype, self.ranges, self.given)
            steep = {op: said for op in done if (said := too_steep(op, scales)) is not None}
            if not steep or self.dtype != steps.INT8:
                return done, scales
            self.lost.update(steep)


def _no_scale() -> SpecError:
    what = 'input = "int8" needs one mean and std for all channels, and a pixel that stands for 0'
    fix = 'input = "uint8" takes any'
    said = Problem(what, "targets.tflite", fix)
    return SpecError("The picture has no scale of its own", [said])


def _named(program: Program, values: Mapping[Tensor, str]) -> dict[Tensor, str]:
    """Return the names, and for a value that only lies otherwise the name of what it is made of."""
    found = dict(values)
    for op in program.ops:
        kernel = KERNELS.get(op.code)
        lies = kernel is not None and kernel.same and len(data_of(op)) == 1
        if lies and (name := found.get(data_of(op)[0])) is not None:
            found = {**dict.fromkeys(op.outputs, name), **found}
    return found


def _seen(
    recipe: Recipe, model: ir.Model, values: dict[Tensor, str], ops: list[Op]
) -> dict[Tensor, Seen]:
    """Return what each value that `ops` take and give was seen to be, where the graph names it."""
    assert recipe.calibration is not None
    wanted = {
        t: values[t]
        for op in ops
        for t in (*data_of(op), *op.outputs)
        if t.data is None and t in values
    }
    found = recipe.calibration.ranges(model, frozenset(wanted.values()))
    return {t: found[name] for t, name in wanted.items() if name in found}


@dataclass
class _Rewriting:
    """The program, an operator at a time. twins: float value → the same in whole numbers.
    shared: nodes whose weights have one scale."""

    program: Program
    scales: Scales
    dtype: np.dtype[Any]
    whole: set[Op]
    shared: set[str]
    ops: list[Op] = field(default_factory=list)
    twins: dict[Tensor, Tensor] = field(default_factory=dict)
    floats: set[Tensor] = field(default_factory=set)
    _moved: dict[tuple[Tensor, float, int], Tensor] = field(default_factory=dict)

    def run(self) -> None:
        made = {t for op in self.whole for t in op.outputs} | set(self.twins)
        for op in self.program.ops:
            if op in self.whole:
                self._integer(op)
            else:
                for t in op.inputs:
                    if t in made and t is not None:
                        self._as_float(t, op.node)
                self.ops.append(op)
        for t in self.program.outputs:
            if t in made:
                self._as_float(t, "")
        self.program.ops = self.ops
        for t, twin in self.twins.items():
            if t in self.floats and twin.name == t.name:
                twin.name = f"{t.name}/{self.dtype.name}"

    def _as_float(self, t: Tensor, node: str) -> None:
        if t not in self.floats:
            self.floats.add(t)
            self.ops.append(Op("DEQUANTIZE", [self.twins[t]], [t], {}, node=node))

    def _twin(self, t: Tensor, node: str) -> Tensor:
        """Return `t` in whole numbers; made of the float here where nobody has made it."""
        if t not in self.twins:
            self.twins[t] = Tensor(t.name, t.shape, self.dtype, None, self.scales.of(t))
            self.floats.add(t)
            self.ops.append(Op("QUANTIZE", [t], [self.twins[t]], {}, node=node))
        return self.twins[t]

    def _brought(self, x: Tensor, like: Tensor, node: str) -> Tensor:
        """Return `x`, whole numbers, in the scale of `like`."""
        assert x.quant is not None and like.quant is not None
        scale, zero = float(like.quant.scales[0]), int(like.quant.zero_points[0])
        if (float(x.quant.scales[0]), int(x.quant.zero_points[0])) == (scale, zero):
            return x
        key = x, scale, zero
        if key not in self._moved:
            self._moved[key] = Tensor(f"{x.name}/rescaled", x.shape, self.dtype, None, like.quant)
            self.ops.append(Op("QUANTIZE", [x], [self._moved[key]], {}, node=node))
        return self._moved[key]

    def _integer(self, op: Op) -> None:
        kernel = KERNELS[op.code]
        data = data_of(op)
        inputs = {t: self._twin(t, op.node) for t in data if t.data is None}
        outputs = []
        for t in op.outputs:
            twin = Tensor(t.name, t.shape, self.dtype, None, self.scales.of(t))
            self.twins[t] = twin
            outputs.append(twin)
        if kernel.same:
            inputs = {t: self._brought(x, outputs[0], op.node) for t, x in inputs.items()}
        for t in data:
            if t.data is not None:
                inputs[t] = steps.whole_constant(t, self.dtype)
        op.inputs = [inputs.get(t, t) if t is not None else None for t in op.inputs]
        op.outputs = outputs
        if kernel.weights is not None:
            self._weigh(op, kernel.weights, inputs[data[0]], outputs[0])
        if op.code in ("ADD", "SUB"):
            op.options["potScaleInt16"] = False
        self.ops.append(op)

    def _weigh(self, op: Op, place: tuple[int, int], x: Tensor, y: Tensor) -> None:
        at, axis = place
        w, b = op.inputs[at], op.inputs[-1]
        assert w is not None and b is not None and x.quant is not None and y.quant is not None
        assert b.data is not None
        least = steps.least_scales(x.quant, y.quant, b.data)
        weights = steps.weights(w, axis, least, op.node in self.shared)
        assert weights.quant is not None
        op.inputs[at] = weights
        op.inputs[-1] = steps.bias(b, x.quant, weights.quant, self.dtype == steps.INT16)
        if self.dtype == steps.INT16 and "quantizedBiasType" in _BIASED.get(op.code, ()):
            op.options["quantizedBiasType"] = _INT64


_INT64 = 4  # TensorType.INT64
_BIASED = {"CONV_2D": ("quantizedBiasType",), "FULLY_CONNECTED": ("quantizedBiasType",)}


def _require_whole(
    recipe: Recipe,
    body: list[Op],
    done: list[Op],
    dtype: np.dtype[Any],
    lost: Mapping[Op, str],
) -> None:
    """Raise UnsupportedError for each operator of the network that stays float."""
    left = [op for op in body if op not in done]
    if not left:
        return
    problems = [
        Problem(f"{op.code} stays float: {_why(recipe, op, dtype, lost)}", f"node {op.node!r}")
        for op in left
    ]
    fix = "leave full_integer out: what has no kernel then stays float, and the rest does not"
    problems[-1] = Problem(problems[-1].what, problems[-1].where, fix)
    raise UnsupportedError("The network cannot be computed in whole numbers alone", problems)


def _why(recipe: Recipe, op: Op, dtype: np.dtype[Any], lost: Mapping[Op, str]) -> str:
    if op.node in recipe.exact:
        return "it decodes pixels"
    if recipe.keeps(op.node):
        return "keep_float names it"
    if op.code == "SOFTMAX":
        n = op.outputs[0].shape[-1]
        return (
            f"it is over {n} values, which then are about {1 / n:.2g} each, and the integer "
            f"kernel's step is {1 / 256:.2g}: end the network in front of it"
        )
    if not has_kernel(op, dtype):
        return "LiteRT has no integer kernel for it"
    return lost.get(op) or "what it takes stays float, or was never seen in calibration"


def _floats(program: Program, body: list[Op], done: list[Op], recipe: Recipe) -> tuple[str, ...]:
    """Return which operators stay float, in a line or two."""
    moved = ("RESHAPE", "TRANSPOSE")
    inside = [op for op in body if op not in done and op in program.ops and op.code not in moved]
    said = []
    if inside:
        named = ", ".join(dict.fromkeys(f"{op.code} {op.node}" for op in inside[:4]))
        more = f" and {len(inside) - 4} more" if len(inside) > 4 else ""
        said.append(f"stay float inside the network: {named}{more}")
    if recipe.whole:
        behind = [op for op in program.ops if op not in done and op not in inside]
        counts: dict[str, int] = {}
        for op in behind:
            counts[op.code] = counts.get(op.code, 0) + 1
        listed = ", ".join(f"{code} ×{n}" if n > 1 else code for code, n in sorted(counts.items()))
        said.append(
            "all of the network is in whole numbers; a delegate for those leaves the rest to the "
            f"CPU: {listed}"
        )
    return tuple(said)

"""Walk an ML Program: bind each op's inputs, emit its ONNX form, and name what comes out.

Half floats compute in float32, rounded where the program casts to float16 ("float16-fast") or
nowhere ("float32"). With "float16-exact" every op that declares a float16 result is followed by a
cast to float16 and back, which onnxruntime keeps (its own float16 kernels drop such rounding).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecat.errors import Problem
from mobilecat.formats.coreml.runtime.errors import UnsupportedOp, malformed
from mobilecat.formats.coreml.runtime.graph import FLOAT, FLOAT16, Graph, Val
from mobilecat.formats.coreml.runtime.mil import table
from mobilecat.formats.coreml.runtime.mil.bounds import bounds_of
from mobilecat.formats.coreml.runtime.mil.op import Env, ListVal, Op
from mobilecat.formats.coreml.runtime.mil.program import (
    Block,
    Function,
    Literal,
    Operation,
    end_of,
)
from mobilecat.formats.coreml.runtime.values import Restore, TensorType, literal, to_compute
from mobilecat.formats.coreml.runtime.weights import WeightFiles

Array = npt.NDArray[Any]


def walk(block: Block) -> Iterator[Operation]:
    """Yield every op of `block` and of the blocks inside it."""
    for op in block.operations:
        yield op
        for inner in op.blocks:
            yield from walk(inner)


def op_counts(function: Function) -> Counter[str]:
    """Return how often each op type occurs, constants left out."""
    return Counter(op.type for op in walk(function.body) if op.type != "const")


def require_known(function: Function) -> None:
    """Raise one UnsupportedOp that lists every op of `function` without a translation."""
    problems = [
        Problem("this MIL op is not executed", f"{op.type} {op.name!r}")
        for op in walk(function.body)
        if op.type != "const" and table.row(op.type) is None
    ]
    if problems:
        kinds = ", ".join(sorted({p.where.split()[0] for p in problems}))
        raise UnsupportedOp(f"The Core ML runtime does not execute: {kinds}", problems)


class Constants:
    """Literals of one model, read once; weights stay in their stored type until they are used.

    restore: what a constant stored as float16 stands for, by its name; itself by default.
    """

    def __init__(self, weights: WeightFiles, restore: Restore | None = None) -> None:
        self._weights = weights
        self._restore = restore
        self._read: dict[int, tuple[Literal, Any]] = {}

    def value(self, at: Literal, where: str) -> Any:
        """Return the literal's array (integers of 64 bits narrowed), or a list of arrays."""
        found = self._read.get(id(at))
        if found is None:
            value = literal(at.proto, self._weights, where)
            if (
                isinstance(value, np.ndarray)
                and value.dtype.itemsize == 8
                and value.dtype.kind in "iu"
            ):
                value = to_compute(value)
            found = self._read[id(at)] = (at, value)
        return found[1]

    def named(self, name: str, at: Literal, where: str) -> Any:
        """Return the value of the constant `name`."""
        value = self.value(at, where)
        half = isinstance(value, np.ndarray) and value.dtype == np.float16
        return self._restore(name, value) if half and self._restore else value

    @property
    def restores(self) -> bool:
        """Say whether rounding is undone, of weights and of activations."""
        return self._restore is not None

    def unpacked(self, op: Op, dense: Array) -> Array:
        """Return what compressed weights, which `op` unpacks, stand for."""
        bounds = bounds_of(op, dense) if self._restore else None
        if bounds is None or self._restore is None:
            return dense
        return self._restore.packed(op.name, dense, bounds.low, bounds.high, bounds.entry)


class Interpreter:
    """Executes one function's blocks by emitting into `graph`."""

    def __init__(
        self,
        function: Function,
        constants: Constants,
        graph: Graph,
        *,
        precision: str,
        keep: Sequence[str] = (),
        given: Mapping[str, Any] | None = None,
    ) -> None:
        self._function = function
        self._constants = constants
        self._g = graph
        self._precision = precision
        self._keep = frozenset(keep)
        self._given = given or {}
        self._taps: Env = {}
        self._state: dict[str, Any] = {}

    def run(self, inputs: Mapping[str, Val], state: dict[str, Any]) -> Env:
        """Return the function's outputs and the variables to be kept, by name."""
        self._state = state
        env: Env = dict(inputs)
        body = self._function.body
        made = {name for op in body.operations for name in op.outputs}
        if self._given and not state and self._keep <= made:
            body = end_of(body, self._given, self._keep)  # the weights of the others stay unread
            env |= self._given
        self._taps = {n: v for n, v in env.items() if n in self._keep}
        values = self.block(body, env)
        return {**self._taps, **dict(zip(body.outputs, values, strict=True))}

    def block(self, block: Block, env: Env) -> list[Any]:
        """Execute `block` in `env` (which it may change) and return its outputs."""
        for op, dying in zip(block.operations, block.dies_after, strict=True):
            self._operation(op, env)
            for name in dying:
                env.pop(name, None)
        return [env[name] for name in block.outputs]

    def _operation(self, op: Operation, env: Env) -> None:
        where = f"{op.type} {op.name!r}"
        self._g.where = where
        if op.type == "const":
            values: tuple[Any, ...] = (self._const(op, where),)
            moves = True
        else:
            row = table.row(op.type)
            if row is None:
                raise UnsupportedOp(
                    f"The Core ML runtime does not execute: {op.type}",
                    [Problem("this MIL op is not executed", where)],
                )
            bound = self._bind(op, env, where)
            result = row.translate(bound)
            if op.type.startswith("constexpr_") and isinstance(result, Val):
                result = self._held(self._constants.unpacked(bound, result.stored()))
            values = tuple(result) if isinstance(result, (tuple, list)) else (result,)
            moves = row.moves
        if len(values) < len(op.outputs):
            raise malformed(f"{len(op.outputs)} outputs are declared", where)
        for name, value, declared in zip(op.outputs, values, op.types, strict=False):
            env[name] = self._settle(value, declared, moves, where)
            if name in self._given:
                env[name] = self._given[name]
            if name in self._keep:
                self._taps[name] = env[name]

    def _settle(self, value: Any, declared: TensorType | None, moves: bool, where: str) -> Any:
        if not isinstance(value, Val) or declared is None:
            return value
        if not (value.known or declared.variadic) and value.rank != len(declared.shape):
            raise malformed(
                f"the result has rank {value.rank}, declared is {len(declared.shape)}", where
            )
        exact = self._precision == "float16-exact"
        if exact and declared.dtype == "fp16" and not moves and not value.known:
            value = self._g("Cast", self._g("Cast", value, to=FLOAT16), to=FLOAT)
        if value.mil and value.mil != declared.dtype:
            value = self._g("Identity", value)
        value.mil = declared.dtype
        return value

    def _const(self, op: Operation, where: str) -> Any:
        at = op.attributes.get("val")
        if at is None:
            raise malformed("a const has no value", where)
        return self._held(self._constants.named(op.name, at, where))

    def _literal(self, at: Literal, where: str) -> Any:
        return self._held(self._constants.value(at, where))

    def _held(self, value: Any) -> Any:
        if isinstance(value, list):
            return ListVal([self._g.const(v) for v in value])
        if value.dtype == np.int64:
            value = value.astype(np.int32)
        return Val(self._g, value, const=True)

    def _bind(self, op: Operation, env: Env, where: str) -> Op:
        def value(a: str | Literal) -> Any:
            return env[a] if isinstance(a, str) else self._literal(a, where)

        # iOS 16 keeps the parameters of constexpr ops among the attributes, iOS 18 among the inputs
        inputs = {k: [self._literal(v, where)] for k, v in op.attributes.items() if k != "name"}
        inputs.update({k: [value(a) for a in bound] for k, bound in op.inputs.items()})
        return Op(
            type=op.type,
            name=op.name,
            inputs=inputs,
            outputs=op.outputs,
            types=op.types,
            g=self._g,
            opset=self._function.opset,
            blocks=op.blocks,
            run_block=self.block,
            env=env,
            state=self._state,
            rounds=self._precision != "float32",
            restores=self._constants.restores,
        )

"""Execute one function of an ML Program."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecat.errors import ArtifactError, Problem
from mobilecat.formats.coreml.runtime import mil
from mobilecat.formats.coreml.runtime.compiled import Compiled, Written
from mobilecat.formats.coreml.runtime.errors import malformed, refused
from mobilecat.formats.coreml.runtime.graph import FLOAT, Graph, Val
from mobilecat.formats.coreml.runtime.interface import Feature
from mobilecat.formats.coreml.runtime.mil.interpret import (
    Constants,
    Interpreter,
    op_counts,
    require_known,
    walk,
)
from mobilecat.formats.coreml.runtime.mil.program import Function, parse_function
from mobilecat.formats.coreml.runtime.session import Sessions
from mobilecat.formats.coreml.runtime.values import NUMPY, Restore, compute_dtype
from mobilecat.formats.coreml.runtime.weights import WeightFiles

Array = npt.NDArray[Any]
_STATE, _GIVEN = "state:", "given:"


class ProgramEngine:
    """A function, its constants and its compiled shapes."""

    def __init__(
        self,
        proto: Any,
        function_name: str,
        inputs: Sequence[Feature],
        weights: WeightFiles,
        sessions: Sessions,
        precision: str | None,
        restore: Restore | None = None,
    ) -> None:
        if function_name not in proto.functions:
            names = ", ".join(sorted(proto.functions))[:200]
            raise malformed(f"there is no function {function_name!r}; there are: {names}")
        self._function: Function = parse_function(function_name, proto.functions[function_name])
        mil.load_translations()
        require_known(self._function)
        self._inputs = {f.name: f for f in inputs}
        self._constants = Constants(weights, restore)
        self._compiled = Compiled(sessions)
        self.precision = _precision(self._function, precision)

    @property
    def ops(self) -> Counter[str]:
        return op_counts(self._function)

    def new_state(self) -> dict[str, Array]:
        """Return a zeroed state: name → array."""
        found: dict[str, Array] = {}
        for i in self._function.inputs:
            if i.is_state:
                shape = tuple(d or 1 for d in i.type.shape)
                found[i.name] = np.zeros(shape, NUMPY[i.type.dtype])
        return found

    def run(
        self,
        values: Mapping[str, Array],
        taps: Sequence[str],
        state: dict[str, Array] | None,
        given: Mapping[str, Array],
    ) -> dict[str, Any]:
        """Return the function's outputs and `taps`; `state` is changed in place."""
        feeds = {f"{_GIVEN}{n}": np.asarray(v, np.float32) for n, v in given.items()}
        for i in self._function.inputs:
            if i.is_state:
                if state is None or i.name not in state:
                    raise malformed(f"the model keeps state {i.name!r}: predict needs one")
                feeds[_STATE + i.name] = _rounded(state[i.name], i.type.dtype)
            elif i.name in values:
                image = i.name in self._inputs and self._inputs[i.name].kind == "image"
                array = np.asarray(values[i.name])
                feeds[i.name] = array if image else _rounded(array, i.type.dtype)
            elif i.name not in self._inputs or not self._inputs[i.name].optional:
                raise malformed(f"function input {i.name!r} is not in the description")
        asked = (tuple(taps), tuple(given))
        results = self._compiled.run(asked, feeds, lambda g, v: self._trace(g, v, taps))
        for name in [n for n in results if n.startswith(_STATE)]:
            if state is not None:
                key = name.removeprefix(_STATE)
                state[key] = results.pop(name).astype(state[key].dtype)
        return results

    def written(self, values: Mapping[str, Array], taps: Sequence[str]) -> Written:
        """Return the function's graph for the shapes of `values`, not run."""
        feeds: dict[str, Array] = {}
        for i in self._function.inputs:
            if i.is_state:
                raise refused(f"it keeps state {i.name!r} from one run to the next")
            if i.name in values:
                image = i.name in self._inputs and self._inputs[i.name].kind == "image"
                array = np.asarray(values[i.name])
                feeds[i.name] = array if image else _rounded(array, i.type.dtype)
        return self._compiled.written(feeds, lambda g, v: self._trace(g, v, taps))

    def _trace(self, g: Graph, vals: dict[str, Val], taps: Sequence[str]) -> dict[str, Any]:
        inputs: dict[str, Val] = {}
        state: dict[str, Val] = {}
        for i in self._function.inputs:
            if i.is_state:
                state[i.name] = vals[_STATE + i.name]
                state[i.name].mil = i.type.dtype
                inputs[i.name] = state[i.name]
            elif i.name in vals:
                inputs[i.name] = vals[i.name]
                feature = self._inputs.get(i.name)
                if feature is not None and feature.kind == "image":
                    inputs[i.name] = planes(g, vals[i.name], feature.color)
                inputs[i.name].mil = i.type.dtype
        known = {n for op in walk(self._function.body) for n in op.outputs} | set(inputs)
        unknown = [t for t in taps if t not in known]
        if unknown:
            raise _no_taps(unknown, known)
        given = {n.removeprefix(_GIVEN): v for n, v in vals.items() if n.startswith(_GIVEN)}
        types = {
            n: t
            for op in walk(self._function.body)
            for n, t in zip(op.outputs, op.types, strict=False)
        }
        for name, value in given.items():
            declared = types.get(name)
            if declared is None or declared.shape != value.shape:
                raise malformed(f"the program has no variable {name} of {list(value.shape)}")
            value.mil = declared.dtype
        interpreter = Interpreter(
            self._function, self._constants, g, precision=self.precision, keep=taps, given=given
        )
        results: dict[str, Any] = interpreter.run(inputs, state)
        results.update({_STATE + n: v for n, v in state.items()})
        return results


def planes(g: Graph, picture: Val, color: str) -> Val:
    """Return a [1,H,W,C] picture as float32 [1,C,H,W] in the order the model declares."""
    y = g("Cast", g("Transpose", picture, perm=[0, 3, 1, 2]), to=FLOAT)
    return g("Gather", y, np.array([2, 1, 0]), axis=1) if color == "BGR" else y


def _rounded(array: Array, mil_type: str) -> Array:
    """Return an input in its compute type, rounded to the type the function declares."""
    declared: Array = np.asarray(array).astype(NUMPY[mil_type], copy=False)
    return np.ascontiguousarray(declared, dtype=compute_dtype(mil_type))


def _precision(function: Function, wanted: str | None) -> str:
    halves = any(
        t is not None and t.dtype == "fp16" for op in walk(function.body) for t in op.types
    )
    if not halves:
        return "float32"
    return wanted or "float16-fast"


def _no_taps(unknown: Sequence[str], known: Iterable[str]) -> ArtifactError:
    """Say which taps the program does not have, with the variables that are called nearly so."""
    names = sorted(known)
    problems = []
    for tap in unknown:
        near = difflib.get_close_matches(tap, names, n=3) or names[:3]
        fix = f"of {len(names)} variables, {', '.join(near)} may be meant"
        problems.append(Problem(f"the program has no variable {tap}", fix=fix))
    return ArtifactError("There is nothing to tap", problems)

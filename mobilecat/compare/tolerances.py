"""How far a result may be from what is expected: one table, with reasons; specs override values.

Measured on YuNet 2023 at 640×640, eight photos, against the source model in onnxruntime:

|                            | our .onnx | weights as float16 | all of it float16 |
|----------------------------|-----------|--------------------|-------------------|
| raw outputs, max_rel       | 1.2e-6    | 1.4e-2             | 1.4e-2            |
| candidate boxes, px        | 1.5e-4    | 1.1                | 1.2               |
| candidate landmarks, px    | 1.2e-4    | 1.6                | 1.6               |
| candidate scores, absolute | 3.3e-4    | 1.6e-3             | 1.6e-3            |
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from mobilecat.bundle import Bundle
from mobilecat.errors import Problem, SpecError
from mobilecat.formats.table import FORMATS
from mobilecat.lanes import RUNNERS, Lane

Kind = Literal["tensor", "boxes", "scores", "landmarks"]


@dataclass(frozen=True)
class Bound:
    """One limit. relative: to max(1, max |expected|) of the whole tensor; else in its own unit."""

    limit: float
    relative: bool = True


EXACT = Bound(0.0, relative=False)


@dataclass(frozen=True)
class Limits:
    """The limits of one lane.

    boxes_px, landmarks_px: pixels of the model input. scores: absolute.
    tensors: relative to max(1, max |expected|), per output. outputs: the same, by name; for a
    decoded candidate in its own unit.
    """

    boxes_px: float
    landmarks_px: float
    scores: float
    tensors: float
    reason: str = ""
    outputs: Mapping[str, float] = field(default_factory=dict)

    def bound(self, name: str, kind: Kind, dtype: np.dtype[Any]) -> Bound:
        """Return the limit of tensor `name`; whole numbers must be equal unless the spec says."""
        relative = kind == "tensor"
        if name in self.outputs:
            return Bound(self.outputs[name], relative)
        if dtype.kind in "iub":
            return EXACT
        units = {
            "tensor": self.tensors,
            "boxes": self.boxes_px,
            "scores": self.scores,
            "landmarks": self.landmarks_px,
        }
        return Bound(units[kind], relative)


_FLOAT32 = Limits(
    0.5,
    0.5,
    1e-3,
    1e-4,
    "float32 sums in another order: 1e-6 seen; a score √(cls·obj) near 0 magnifies that to 3e-4",
)
_FLOAT16 = Limits(
    2.0,
    2.0,
    1e-2,
    2e-2,
    "11 bits of mantissa, 50 layers deep: 1.4e-2 seen on raw outputs, 1.6 px on landmarks",
)
DEFAULTS: Mapping[tuple[str, str], Limits] = {
    ("source", "float32"): replace(
        _FLOAT32,
        boxes_px=0.1,
        landmarks_px=0.1,
        tensors=1e-5,
        reason="the same engine on the same file: only another processor's rounding",
    ),
    **{(e.runner, "float32"): _FLOAT32 for f in FORMATS.values() for e in f.engines},
    **{(e.runner, "float16"): _FLOAT16 for f in FORMATS.values() for e in f.engines},
}


def precision_of(lane: Lane) -> str:
    """Return the precision that the lane's numbers have; the source's is float32."""
    return lane.artifact.precision if lane.artifact else "float32"


def limits_of(lane: Lane, bundle: Bundle) -> Limits:
    """Return the lane's limits: the table's, then the spec's for its runner, then for its file."""
    limits = DEFAULTS[(lane.runner, precision_of(lane))]
    for key in (lane.runner, lane.artifact.file if lane.artifact else None):
        given = bundle.spec.tolerances.get(key) if key else None
        if given is None:
            continue
        said: dict[str, Any] = given.model_dump(exclude_none=True, exclude={"outputs"})
        if said or given.outputs:
            outputs = {**limits.outputs, **given.outputs}
            reason = f"{limits.reason}; [tolerances.{key}] of the spec"
            limits = replace(limits, **said, outputs=outputs, reason=reason)
    return limits


def require_known_tolerances(bundle: Bundle) -> None:
    """Raise one SpecError naming each tolerance that applies to nothing, as a typo would."""
    lanes = [*RUNNERS, *(a.file for a in bundle.artifacts)]
    tensors = [t.name for t in (*bundle.outputs, *bundle.raw_outputs, *bundle.candidates)]
    problems = []
    for key, given in bundle.spec.tolerances.items():
        if key not in lanes:
            problems.append(_unknown(key, "no runner or artifact", f"tolerances.{key}", lanes))
        for name in given.outputs:
            if name not in tensors:
                where = f"tolerances.{key}.outputs"
                problems.append(_unknown(name, "no output or inner tensor", where, tensors))
    if problems:
        raise SpecError("The spec has tolerances that apply to nothing", problems)


def _unknown(name: str, what: str, where: str, known: list[str]) -> Problem:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    fix = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
    return Problem(f"{what} is called {name!r}", where, fix)

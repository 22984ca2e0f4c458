"""How far a result may be from what is expected: one table, with reasons; specs override values.

The table's limits are floors. Where a check is beyond one, the source itself is run again on the
same input with its weights rounded (`rounding`), and what that moves, times `times`, is the limit
where it is larger: it is a property of the network and the input, whatever the artifact gives.

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
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from mobilecat.bundle import Bundle
from mobilecat.errors import Problem, SpecError
from mobilecat.formats.table import FORMATS
from mobilecat.lanes import RUNNERS, Lane
from mobilecat.rows import ROWS
from mobilecat.spec import Tolerance

Kind = str
"""`tensor`, `boxes`, `scores`, or the name of a row value."""
KEYS: Mapping[Kind, str] = {
    "tensor": "tensors",
    "boxes": "boxes_px",
    "scores": "scores",
    **{row.name: row.limit for row in ROWS.values()},
}
ON_PICTURES = ("map_loss", "score_loss")
"""Keys that labelled pictures are held to, and no single result."""
_FIRST = ("boxes_px", "landmarks_px", "scores", "tensors")
LIMITS = tuple(dict.fromkeys((*_FIRST, *KEYS.values(), "masks")))
"""The limits of a lane, by their keys in [tolerances], beside those of single outputs."""


@dataclass(frozen=True)
class Bound:
    """One limit. relative: to max(1, max |expected|) of the whole tensor; else in its own unit.

    times: how many times as far as rounding moves the source a value may be; 0: no matter how far.
    most: what rounding may widen the limit to at all, in its own unit.
    """

    limit: float
    relative: bool = True
    times: float = 0.0
    most: float = math.inf


EXACT = Bound(0.0, relative=False)


@dataclass(frozen=True)
class Limits:
    """The limits of one lane.

    boxes_px, landmarks_px: pixels of the model input. scores: absolute; landmark_scores: as scores
    where it is None. angles_rad: radians. masks: 1 − IoU of a mask.
    tensors: relative to max(1, max |expected|), per output. outputs: the same, by name; for a
    decoded candidate in its own unit. times: see `Bound`. said: what the spec itself gives, which
    no measurement widens.
    """

    boxes_px: float
    landmarks_px: float
    scores: float
    tensors: float
    reason: str = ""
    outputs: Mapping[str, float] = field(default_factory=dict)
    times: float = 0.0
    said: frozenset[str] = frozenset()
    landmark_scores: float | None = None
    angles_rad: float = 1e-3
    masks: float = 1e-3

    def of(self, key: str) -> float:
        """Return the limit that `key` of [tolerances] gives."""
        value: float | None = getattr(self, key)
        return self.scores if value is None else value

    def bound(self, name: str, kind: Kind, dtype: np.dtype[Any]) -> Bound:
        """Return the limit of tensor `name`; whole numbers must be equal unless the spec says."""
        key = KEYS[kind]
        relative = key == "tensors"
        if name in self.outputs:
            return Bound(self.outputs[name], relative, 0.0 if name in self.said else self.times)
        if dtype.kind in "iub":
            return EXACT
        if relative and dtype == np.float16:  # the source itself is rounded to 11 bits there
            return Bound(max(self.tensors, _OF_HALVES))
        return Bound(self.of(key), relative, 0.0 if key in self.said else self.times)


_OF_HALVES = 2e-3
"""Four steps of float16 at an output's largest value, which sums in another order move by."""

_FLOAT32 = Limits(
    0.5,
    0.5,
    1e-3,
    1e-4,
    "float32 sums in another order: 1e-6 seen; a score √(cls·obj) near 0 magnifies that to 3e-4",
    times=4.0,
)
_FLOAT16 = Limits(
    2.0,
    2.0,
    1e-2,
    2e-2,
    "11 bits of mantissa, 50 layers deep: 1.4e-2 seen on raw outputs, 1.6 px on landmarks",
    times=3.0,
    angles_rad=1e-2,
    masks=0.05,
)
_INT8 = Limits(
    5.0,
    5.0,
    3e-2,
    0.3,
    "weights in 255 steps a channel: 3.3 px, 0.011 of a score and 0.23 on raw outputs seen, over "
    "five detectors",
    angles_rad=5e-2,
    masks=0.15,
)
_FEW_BITS = replace(
    _INT8,
    boxes_px=20.0,
    landmarks_px=20.0,
    scores=0.3,
    tensors=2.0,
    reason="what few bits cost is for labelled pictures to say; the structure is held apart",
)
_COREML: Mapping[str, Limits] = {
    "palette8": _INT8,
    **dict.fromkeys(("int4", "palette4", "palette3", "palette2", "palette1"), _FEW_BITS),
    **dict.fromkeys(("sparse", "w8a8"), _FEW_BITS),
}
QUANTISED: Mapping[str, float] = {
    "int8-weights": 3.0,
    "int16x8": 3.0,
    "int8-dynamic": 6.0,
    "int8": 10.0,
    "palette6": 12.0,
}
"""Precision → how many times as far as int8 weights move the source: values inside in 8 bits add
their own; 64 values of a tensor are steps four times as coarse as 255 of a channel."""
_VALUES_TOO = replace(
    _INT8,
    scores=5e-2,
    reason="weights and values in 255 steps: 0.049 of a score is seen where a photo reaches beyond "
    "the calibration's, whose end cuts it off (14 files of cat faces, 12 and 24 photos each, and "
    "those of 3 photos or drawings are beyond it by 0.1 to 0.5)",
)
_PALETTE6 = replace(
    _INT8,
    boxes_px=4 * _INT8.boxes_px,
    landmarks_px=4 * _INT8.landmarks_px,
    scores=4 * _INT8.scores,
    tensors=4 * _INT8.tensors,
    reason="64 values are steps four times as coarse as int8's 255: five networks move two to "
    "eleven times as far (docs/quantize_coreml.md)",
)
_OWN: Mapping[str, Limits] = {"int8": _VALUES_TOO, "palette6": _PALETTE6}
FLOORS: Mapping[str, Limits] = {"float32": _FLOAT32, "float16": _FLOAT16, "int8": _INT8}
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
    **{
        (e.runner, name): limits
        for e in FORMATS["coreml"].engines
        for name, limits in _COREML.items()
    },
    **{
        (e.runner, p): replace(_OWN.get(p, _INT8), times=times)
        for f in FORMATS.values()
        for e in f.engines
        for p, times in QUANTISED.items()
    },
}


STRUCTURE = "structure"
"""The key of [tolerances] for a float16 program whose weights are what they were rounded from."""


_STRUCTURE = replace(
    _FLOAT32,
    boxes_px=0.1,
    landmarks_px=0.1,
    scores=3e-4,
    reason="the same weights in the same engine's arithmetic: 6e-5 px and 1e-6 of a score seen",
)


def structure_limits(bundle: Bundle) -> Limits:
    """Return what a program without its rounding is held to."""
    return _overridden(_STRUCTURE, bundle, (STRUCTURE,))


def precision_of(lane: Lane) -> str:
    """Return the precision that the lane's numbers have; the source's is float32."""
    return lane.artifact.precision if lane.artifact else "float32"


def limits_of(lane: Lane, bundle: Bundle) -> Limits:
    """Return the lane's limits: the table's, then the spec's for its runner, then for its file."""
    limits = DEFAULTS[(lane.runner, precision_of(lane))]
    keys = (lane.runner, *((lane.artifact.file,) if lane.artifact else ()))
    return _overridden(limits, bundle, keys)


def _overridden(limits: Limits, bundle: Bundle, keys: Sequence[str]) -> Limits:
    for key in keys:
        given = bundle.spec.tolerances.get(key)
        if given is None:
            continue
        said: dict[str, Any] = given.model_dump(
            exclude_none=True, exclude={"outputs", *ON_PICTURES}
        )
        if said or given.outputs:
            outputs = {**limits.outputs, **given.outputs}
            reason = f"{limits.reason}; [tolerances.{key}] of the spec"
            known = limits.said | set(said) | set(given.outputs)
            limits = replace(limits, **said, outputs=outputs, reason=reason, said=known)
    return limits


def require_tolerances_of_files(tolerances: Mapping[str, Tolerance], files: Sequence[str]) -> None:
    """Raise one SpecError naming each tolerance that is of no runner and of none of `files`.

    For a spec, before anything is made of it: a limit of a file that is called otherwise would hold
    nothing.
    """
    _raise([_no_lane(key, files) for key in tolerances if key not in _lanes(files)])


def _lanes(files: Sequence[str]) -> list[str]:
    return [*RUNNERS, STRUCTURE, *files]


def _no_lane(key: str, files: Sequence[str]) -> Problem:
    """Say that a key is none; the files that it may be of, before the runners."""
    names = [*files, *RUNNERS, STRUCTURE]
    close = difflib.get_close_matches(key, names, n=3, cutoff=0.5)
    said = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
    what = f"the files are {', '.join(files)}, the runners {', '.join(RUNNERS)}"
    return Problem(f"no runner or artifact is called {key!r}", f"tolerances.{key}", f"{said}{what}")


def require_known_tolerances(bundle: Bundle) -> None:
    """Raise one SpecError naming each tolerance that applies to nothing, as a typo would.

    Of a bundle with some of its spec's targets, a key that ends as the others' files do may be of
    one of those.
    """
    files = [a.file for a in bundle.artifacts]
    lanes = _lanes(files)
    tensors = [t.name for t in (*bundle.outputs, *bundle.raw_outputs, *bundle.candidates)]
    problems = []
    for key, given in bundle.spec.tolerances.items():
        if key not in lanes and not _of_another_target(key, bundle):
            problems.append(_no_lane(key, files))
        for name in given.outputs:
            if name not in tensors:
                where = f"tolerances.{key}.outputs"
                problems.append(_unknown(name, "no output or inner tensor", where, tensors))
    _raise(problems)


def _raise(problems: list[Problem]) -> None:
    if problems:
        raise SpecError("The spec has tolerances that apply to nothing", problems)


def _of_another_target(key: str, bundle: Bundle) -> bool:
    """Whether a key names a file of a kind that `--targets` left out of this bundle."""
    made = {Path(a.file).suffix for a in bundle.artifacts}
    return bool(bundle.asked) and Path(key).suffix not in {"", *made}


def _unknown(name: str, what: str, where: str, known: list[str]) -> Problem:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    fix = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
    return Problem(f"{what} is called {name!r}", where, fix)

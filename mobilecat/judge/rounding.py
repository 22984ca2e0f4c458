"""How far rounding moves a network: its source, run again with its weights rounded.

No table can say what float16 or another order of summation costs a network: YuNet's raw outputs
move by 1.4e-2 in float16, YOLOX-nano's by 0.2. So the source itself is asked, on the same input:

float16: each weight rounded to float16, as an artifact stores it (preprocessing's factors too).
float32: each weight times 1 ± 8 units in float32's last place, seeded: with that, YOLOX-nano moves
    four times as far as XNNPACK's order of summation moves it.

What the artifact gives has no part in it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mobilecat.bundle import Bundle
from mobilecat.bundle.cascade import CascadeBundle
from mobilecat.compare.compare import Check, as_floats
from mobilecat.compare.tolerances import FLOORS, KEYS, Kind, Limits, precision_of
from mobilecat.errors import MobileCatError
from mobilecat.graph import Array
from mobilecat.judge.observe import Inputs, Observed, gives_detections, observe, watched
from mobilecat.judge.ranked import Ordered, Ranks, in_order, moved_ranks, ranks_for
from mobilecat.lanes import Lane, NotRun, Runner
from mobilecat.lanes.source import SourceRunner, open_changed, open_source
from mobilecat.rows import in_pixels

if TYPE_CHECKING:
    import numpy.typing as npt

Rounding = Literal["float16", "float32"]
ROUNDINGS: tuple[Rounding, ...] = ("float16", "float32")
UNITS = 8
MARGIN = 0.1
"""A candidate whose score is this near to the threshold, or above it, can become a detection."""


def kind_of(lane: Lane) -> Rounding:
    """Return which rounding separates a lane from its source."""
    return "float16" if precision_of(lane) == "float16" else "float32"


def change_of(kind: Rounding) -> Callable[[str, Array], Array]:
    """Return (name, weights) → rounded weights."""
    if kind == "float16":

        def halved(_: str, values: Array) -> Array:
            with np.errstate(over="ignore"):
                return values.astype(np.float16).astype(np.float32)

        return halved

    def shaken(name: str, values: Array) -> Array:
        rng = np.random.default_rng([zlib.crc32(name.encode()), values.size])
        noise = rng.uniform(-UNITS, UNITS, values.shape) * 2.0**-23
        return np.asarray(values * (1 + noise), np.float32)

    return shaken


@dataclass
class Shaker:
    """The source with rounded weights, opened when it is first asked for.

    reference: the source as it is, where it is open already.
    """

    folder: Path
    bundle: Bundle
    source: Path | None = None
    reference: Runner | Check | None = None

    def __post_init__(self) -> None:
        self._engines: dict[Rounding, Runner | None] = {}
        self._last: dict[Rounding, tuple[Inputs, Observed | None]] = {}
        self._ranks: tuple[Inputs, Ranks] | None = None

    def observe(self, kind: Rounding, inputs: Inputs, reference: Observed) -> Observed | None:
        """Return what the rounded source gives; None where the source cannot run here.

        reference: what it gives as it is; where a TopK sorts rows, these come in its order.
        The last answer of each kind is remembered: every lane asks for the same input.
        """
        asked, answer = self._last.get(kind, (None, None))
        if asked is inputs:
            return answer
        answer = self._run(kind, inputs, reference)
        self._last[kind] = inputs, answer
        return answer

    def order(
        self,
        observed: Observed,
        reference: Observed,
        inputs: Inputs,
        limits: Limits,
        kind: Rounding,
    ) -> Ordered:
        """Return what was observed with rows that tie in the reference's order (`judge.ranked`)."""
        ranks = self._ranked(inputs)
        if not ranks:
            return Ordered(observed)
        engine = self._engine(kind)
        shaken = engine.ranks(inputs.tensors) if isinstance(engine, SourceRunner) else {}
        moved = moved_ranks(ranks, ranks_for(self.bundle, shaken))
        return in_order(self.bundle, observed, reference, ranks, limits, moved)

    def _ranked(self, inputs: Inputs) -> Ranks:
        if self._ranks is None or self._ranks[0] is not inputs:
            engine = self.reference
            found = engine.ranks(inputs.tensors) if isinstance(engine, SourceRunner) else {}
            self._ranks = inputs, ranks_for(self.bundle, found)
        return self._ranks[1]

    def _engine(self, kind: Rounding) -> Runner | None:
        if kind not in self._engines:
            self._engines[kind] = self._open(kind)
        return self._engines[kind]

    def _run(self, kind: Rounding, inputs: Inputs, reference: Observed) -> Observed | None:
        engine = self._engine(kind)
        if engine is None:
            return None
        if self.reference is None and isinstance(engine, SourceRunner) and engine.sorts:
            self.reference = open_source(self.folder, self.bundle, self.source)
        found = observe(engine, self.bundle, Lane("source"), inputs)
        if isinstance(found, Check):
            return None
        return self.order(found, reference, inputs, FLOORS[kind], kind).observed

    def _open(self, kind: Rounding) -> Runner | None:
        if isinstance(self.bundle, CascadeBundle):
            return None
        try:
            return open_changed(self.folder, self.bundle, change_of(kind), self.source)
        except (NotRun, MobileCatError, ImportError):
            return None


def near_rows(
    bundle: Bundle, tensors: Mapping[str, Array], margin: float = MARGIN
) -> npt.NDArray[np.bool_] | None:
    """Return which candidates can become detections, [N]; None where none is told from another."""
    nms = bundle.spec.effective_nms
    if nms is None or not gives_detections(bundle):
        return None
    name = next((n for n, w in watched(bundle).items() if w.kind == "scores"), "")
    if name not in tensors or tensors[name].ndim != 3:
        return None
    best = as_floats(tensors[name])[0].max(axis=-1, initial=0)
    near: npt.NDArray[np.bool_] = best >= nms.score_threshold - margin
    return near


DETECTIONS = "detections/"
"""In front of what detections move by, beside the tensors: boxes, scores, row values."""


def moves_of(bundle: Bundle, reference: Observed, shaken: Observed) -> dict[str, float]:
    """Return how far each watched tensor moves, and the detections that could become.

    A raw output: relative to max(1, max |value|). A candidate: in its own unit. `detections/boxes`,
    `…/scores`, `…/landmarks` and so on: of the candidates that can become detections, in pixels of
    the model input where they have such.
    """
    near = near_rows(bundle, reference.tensors)
    found: dict[str, float] = {}
    for name, w in watched(bundle).items():
        if name not in reference.tensors or name not in shaken.tensors:
            continue
        e, s = as_floats(reference.tensors[name]), as_floats(shaken.tensors[name])
        both = np.isfinite(e) & np.isfinite(s)
        if e.shape != s.shape or not both.any() or reference.tensors[name].dtype.kind != "f":
            continue
        moved = np.abs(np.subtract(s, e, out=np.zeros(e.shape), where=both))
        if w.kind == "tensor":
            found[name] = float(moved.max()) / max(1.0, float(np.abs(e[both]).max()))
            continue
        found[name] = float(moved.max())
        rows = moved[0] if near is None else moved[0][near]
        # A corner or point moves in two coordinates.
        part = float(rows.max(initial=0)) * (2**0.5 if in_pixels(w.kind) else 1)
        found[f"{DETECTIONS}{w.kind}"] = part
    return found


def widened(limits: Limits, moves: Mapping[str, float], bundle: Bundle) -> Limits:
    """Return the limits, each at least `times` what rounding moves; what a spec says stays."""
    outputs = dict(limits.outputs)
    for name, w in watched(bundle).items():
        bound = limits.bound(name, w.kind, np.dtype(w.contract.dtype))
        if (wide := bound.times * moves.get(name, 0.0)) > bound.limit > 0:
            outputs[name] = wide

    def part(key: str, kind: Kind) -> float:
        times = 0.0 if key in limits.said else limits.times
        return max(limits.of(key), times * moves.get(f"{DETECTIONS}{kind}", 0.0))

    own: dict[str, Any] = {
        key: part(key, kind) for kind, key in KEYS.items() if key != KEYS["tensor"]
    }
    return replace(limits, **own, outputs=outputs)
